"""Makes a reward model of what users have: a function, a Runnable, a chat model."""

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import BaseOutputParser
from langchain_core.prompts import BasePromptTemplate, ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import Runnable, RunnableSequence
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.tools import BaseTool

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
        steps = _steps(reward)
        _check_first(steps[0])
        judges = is_chat_model(reward) and not _takes_requests(steps)
        return _judge(reward) if judges else cast("RewardModel", reward)
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


def _steps(reward: Runnable[Any, Any]) -> list[Runnable[Any, Any]]:
    """Return the links of a chain, whatever is wrapped around it; of no chain, itself."""
    if isinstance(reward, RunnableBindingBase):
        return _steps(reward.bound)
    return reward.steps if isinstance(reward, RunnableSequence) else [reward]


def _check_first(step: Runnable[Any, Any]) -> None:
    """Refuse a chain whose first link cannot read the request that rewards are handed."""
    name = step.get_name()
    if isinstance(step, BaseTool):
        kind = f"is, or begins with, the tool `{name}`"
    elif isinstance(step, BaseOutputParser):
        kind = f"begins with the parser `{name}`"
    elif isinstance(step, BasePromptTemplate) and not (_reads(step) or _continues(step)):
        asked = " and ".join(f"`{name}`" for name in sorted(step.input_variables))
        kind = f"begins with a prompt of {asked}"
    else:
        return
    raise RewardTypeError(
        f"`reward` {kind}, and rewards are handed `messages` and `responses` at once: hand over a "
        "function `(prompt, response) -> float` that invokes it, or `ChatJudge(model, prompt=...)`."
    )


def _reads(prompt: BasePromptTemplate[Any]) -> bool:
    """Return whether a request has all that a prompt asks for."""
    return set(prompt.input_variables) <= set(ScoreRequest.__annotations__)


def _continues(prompt: Runnable[Any, Any]) -> bool:
    """Return whether a prompt takes a conversation, and puts words of its own around it."""
    if not isinstance(prompt, ChatPromptTemplate):
        return False
    held = [one.variable_name for one in prompt.messages if isinstance(one, MessagesPlaceholder)]
    return prompt.input_variables == held


def _takes_requests(steps: Sequence[Runnable[Any, Any]]) -> bool:
    """Return whether a chain makes its model's prompt itself: it is a reward then, and no judge."""
    prompts = [place for place, step in enumerate(steps) if isinstance(step, BasePromptTemplate)]
    return any(place > 0 or not _continues(steps[place]) for place in prompts)


def _judge(model: ChatModel) -> RewardModel:
    from langchain_tpo.reward_models.judges.chat_judge import (  # noqa: PLC0415 few need it
        ChatJudge,
    )

    return ChatJudge(model)
