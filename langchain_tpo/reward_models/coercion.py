"""Makes a reward model of what users have: a function, a Runnable, a chat model."""

from collections.abc import Sequence
from typing import TypeAlias, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from langchain_tpo.constructors import names_checked
from langchain_tpo.errors import RewardTypeError
from langchain_tpo.reward_models.adapters import Evaluator, adapted, tells
from langchain_tpo.reward_models.interface import RewardModel, Score, ScoreRequest
from langchain_tpo.reward_models.python_function import FunctionReward, RewardFunction
from langchain_tpo.sampling.wrappers import ChatModel, is_chat_model
from langchain_tpo.text.shown import shown

RewardLike: TypeAlias = (
    Runnable[ScoreRequest, Sequence[Score]]
    | Runnable[LanguageModelInput, AIMessage]
    | RewardFunction
    | Evaluator
)
"""Whatever `as_reward_model` takes: a reward model or another Runnable of scores, a chat model, a
function, an evaluator of another library."""


@names_checked
def as_reward_model(reward: RewardLike) -> RewardModel:
    """Return a reward model for anything that can score.

    Args:
        reward: A Runnable that keeps the contract of `RewardModel`; a function such as
            `(prompt, response) -> float`, sync or async, whose arguments `FunctionReward` tells
            apart by name; a chat model, which becomes a `ChatJudge`; a decision model; or an
            evaluator, metric, cross-encoder or pipeline that `adapters` knows.

    Raises:
        RewardTypeError: In one line, when it is none of these.

    Example:
        >>> brevity = as_reward_model(lambda prompt, response: -len(response))
        >>> brevity.invoke({"messages": [], "responses": ["short", "much longer"]})
        [-5, -11]
    """
    if function := adapted(reward):
        return FunctionReward(function)
    if isinstance(reward, Runnable):
        return _judge(reward) if is_chat_model(reward) else cast("RewardModel", reward)
    if isinstance(reward, type):
        raise RewardTypeError(
            f"`reward` is a class: hand an instance of it over, `{reward.__name__}(...)`."
        )
    if callable(reward):
        return FunctionReward(reward)
    if tells(lambda one: hasattr(one, "score_rollout") and hasattr(one, "funcs"), reward):
        raise RewardTypeError(
            "`reward` is a rubric of `verifiers`, in which a function that fails scores 0: hand "
            "its functions over, `Ensemble({f.__name__: f for f in rubric.funcs}, "
            "weights={f.__name__: w for f, w in zip(rubric.funcs, rubric.weights)})`."
        )
    raise RewardTypeError(
        f"`reward` must be a function `(prompt, response) -> float` or a Runnable, got "
        f"{type(reward).__name__} `{shown(reward)}`."
    )


def _judge(model: ChatModel) -> RewardModel:
    from langchain_tpo.reward_models.judges.chat_judge import (  # noqa: PLC0415 few need it
        ChatJudge,
    )

    return ChatJudge(model)
