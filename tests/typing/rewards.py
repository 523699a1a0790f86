"""Everything that `reward=` takes; both type checkers read it strictly."""

from collections.abc import Mapping, Sequence
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolCall
from langchain_core.runnables import RunnableLambda
from langsmith.evaluation import (
    EvaluationResult,
    run_evaluator,  # pyright: ignore[reportUnknownVariableType]  # its own
)
from langsmith.schemas import Example, Run

from langchain_tpo import ChatTPO, TPORunnable, build_tpo_graph
from langchain_tpo.middleware import TPOMiddleware
from langchain_tpo.reward_models import (
    Cascade,
    ChatJudge,
    Ensemble,
    ExactAnswer,
    ExplainedScore,
    FunctionReward,
    LengthPenalty,
    MathAnswer,
    PairwiseJudge,
    PreferenceHead,
    RewardModel,
    ScoreRequest,
    VerifiableInstructions,
    as_reward_model,
)
from langchain_tpo.reward_models.verifiable_instructions import includes, max_words

model: BaseChatModel = init_chat_model("openai:gpt-4.1-mini")


def longer(prompt: str, response: str) -> float:
    """Score a response."""
    return float(len(response))


def count(prompt: str, response: str) -> int:
    """Score in whole numbers."""
    return len(response)


async def remote(prompt: str, response: str) -> float:
    """Score elsewhere."""
    return 1.0


def matches(response: str, reference: str, keywords: Sequence[str]) -> float:
    """Score by fields of the context."""
    return float(response == reference) + len(keywords)


def unsure(response: str) -> float | None:
    """Leave some without a score."""
    return None if not response else 1.0


def explained(prompt: str, response: str) -> tuple[float, str]:
    """Say why."""
    return 0.0, "It is too short."


def told(response: str) -> ExplainedScore:
    """Say why, in full."""
    return {"reward": 0.0, "rationale": "It is too short."}


def evaluated(inputs: dict[str, Any], outputs: dict[str, Any]) -> dict[str, float | str]:
    """Score as LangSmith's functions do."""
    return {"score": 1.0, "comment": str(outputs)}


def trainers(
    prompts: list[str], completions: list[str], **columns: Mapping[str, Any]
) -> list[float]:
    """Score a round at once."""
    return [float(len(text)) for text in completions]


def whole(messages: list[BaseMessage], response: AIMessage, tool_calls: list[ToolCall]) -> float:
    """Score a whole reply."""
    return float(len(tool_calls))


def batch(request: ScoreRequest) -> list[float]:
    """Score as a reward model does."""
    return [float(len(text)) for text in request["responses"]]


async def abatch(request: ScoreRequest) -> list[float | None]:
    """Score as a reward model does, elsewhere."""
    return [float(len(text)) for text in request["responses"]]


@run_evaluator
def evaluator(run: Run, example: Example | None = None) -> EvaluationResult:
    """Score as LangSmith's evaluators do."""
    return EvaluationResult(key="length", score=1.0)


runnables: list[TPORunnable] = [
    TPORunnable(model=model, reward=longer),
    TPORunnable(model=model, reward=count),
    TPORunnable(model=model, reward=lambda prompt, response: len(prompt) - len(response)),
    TPORunnable(model=model, reward=remote),
    TPORunnable(model=model, reward=matches),
    TPORunnable(model=model, reward=unsure),
    TPORunnable(model=model, reward=explained),
    TPORunnable(model=model, reward=told),
    TPORunnable(model=model, reward=evaluated),
    TPORunnable(model=model, reward=trainers),
    TPORunnable(model=model, reward=whole),
    TPORunnable(model=model, reward=evaluator),
    TPORunnable(model=model, reward=RunnableLambda(batch)),
    TPORunnable(model=model, reward=RunnableLambda(abatch)),
    TPORunnable(model=model, reward=model),
    TPORunnable(model=model, reward=model.with_retry()),
    TPORunnable(model=model, reward=ChatJudge(model)),
    TPORunnable(model=model, reward=PairwiseJudge(model)),
    TPORunnable(model=model, reward=PreferenceHead()),
    TPORunnable(model=model, reward=VerifiableInstructions()),
    TPORunnable(model=model, reward=VerifiableInstructions(rules=[max_words(9), includes("oak")])),
    TPORunnable(model=model, reward=ExactAnswer(reference=["Paris", "Lutetia"])),
    TPORunnable(model=model, reward=MathAnswer(reference=["1/2", "0.5"])),
    TPORunnable(model=model, reward=LengthPenalty(longer, per_word=0.01)),
    TPORunnable(model=model, reward=Cascade(VerifiableInstructions(), longer, enough=80)),
    TPORunnable(model=model, reward=Ensemble({"head": PreferenceHead(), "length": longer})),
]
chat = ChatTPO(model=model, reward=lambda prompt, response: len(response))
middleware = TPOMiddleware(reward=remote)
graph = build_tpo_graph(model, explained)
own: RewardModel = as_reward_model(longer)
scores = FunctionReward(longer, name="length").invoke({"messages": [], "responses": ["Oil it."]})
