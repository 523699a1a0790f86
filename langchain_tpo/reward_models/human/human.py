"""A person as R(x, y): the run pauses, somebody judges, the run goes on where it stopped.

How a run pauses is the business of `pause`, what answers mean that of `human_answers`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NotRequired

from langchain_core.runnables import Runnable, RunnableLambda
from langgraph.config import get_config
from langgraph.runtime import get_runtime
from pydantic import Field
from typing_extensions import TypedDict

from langchain_tpo.candidate_pool import Candidate, chosen, known_reward, rejected
from langchain_tpo.errors import RewardError
from langchain_tpo.reward_models.base import ComposedReward
from langchain_tpo.reward_models.human.human_answers import (
    INSTRUCTIONS,
    Mode,
    Standing,
    pick_rewards,
    rank_rewards,
    scores,
)
from langchain_tpo.reward_models.human.pause import aanswered, answered
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.text.conversation import conversation_text


class ShownCandidate(TypedDict):
    """A response as the person sees it."""

    text: str
    number: NotRequired[int]
    """What to call it in the answer; not there for a response that is shown for comparison, which
    is not to be scored again."""
    standing: NotRequired[str]
    """`best so far` or `worst so far`, for a response of an earlier round."""
    reward: NotRequired[float]
    """What it was given, where scores are asked for."""


class InboxAction(TypedDict):
    """What an inbox such as LangChain's Agent Inbox lists a question as."""

    action: str
    args: dict[str, str]
    """Empty: the answer is typed."""


class InboxConfig(TypedDict):
    """What can be done with it there: an answer is all that makes sense."""

    allow_respond: bool
    allow_accept: bool
    allow_edit: bool
    allow_ignore: bool


class HumanQuestion(TypedDict):
    """The value of the interrupt: plain JSON, everything that a form has to show."""

    type: str
    """Always `tpo_human_reward`."""
    mode: Mode
    conversation: str
    """What the candidates respond to."""
    candidates: list[ShownCandidate]
    instructions: str
    """How to answer."""
    problem: str | None
    """Why the answer before could not be used; None at first."""
    scale: float | None
    """The best score, where scores are asked for; the worst is 0."""
    description: str
    """All of it as Markdown, for an inbox to show; what follows is for such an inbox too."""
    action_request: InboxAction
    config: InboxConfig


class HumanReward(ComposedReward):
    """Pauses the run until a person has picked, ranked or scored the candidates of a round.

    The question is a `HumanQuestion`; the answer comes with `Command(resume=...)`: the number of
    the best one (`pick`), all numbers from best to worst (`rank`), or a score for each that has a
    number (`score`): those without one are shown for comparison, with the score they have. An
    answer that cannot be used asks again and says why; the run is kept. Responses that were judged
    before keep their reward and are not shown again.

    Rewards of later rounds are placed against the best and worst responses so far, which the
    person sees among the candidates when the request has a `pool`. Thus a pick is right about the
    chosen response, a ranking about the rejected one too, and only scores say how much better.

    A pause runs the interrupted step again from its start: nothing that costs belongs before this
    reward model in the same step. An `Ensemble` asks it first for that reason, and a `Cascade`
    keeps what was scored before it. Inside of these, or of a `LengthPenalty`, the rewards so far
    are not the person's own and are not shown: ask for scores there, they need no comparison.

    Raises:
        RewardError: When the run cannot pause, for want of a checkpointer.

    Example:
        >>> from typing import TypedDict
        >>> from langgraph.checkpoint.memory import InMemorySaver
        >>> from langgraph.graph import START, StateGraph
        >>> from langgraph.types import Command
        >>> class State(TypedDict):
        ...     rewards: list[float]
        >>> def judge(state):
        ...     request = {"messages": [], "responses": ["no", "yes, because ..."]}
        ...     return {"rewards": HumanReward(mode="pick").invoke(request)}
        >>> builder = StateGraph(State).add_node(judge).add_edge(START, "judge")
        >>> graph = builder.compile(checkpointer=InMemorySaver())
        >>> thread = {"configurable": {"thread_id": "1"}}
        >>> question = graph.invoke({"rewards": []}, thread)["__interrupt__"][0].value
        >>> question["instructions"]
        'Answer with the number of the best candidate, such as 2.'
        >>> graph.invoke(Command(resume=2), thread)
        {'rewards': [0.0, 1.0]}
    """

    mode: Mode
    """What the person is asked for."""
    scale: float = Field(gt=0, allow_inf_nan=False)
    """The best score that can be given."""

    def __init__(
        self, *, mode: Mode = "rank", scale: float = 10.0, name: str | None = None
    ) -> None:
        """Check the options.

        Args:
            mode: What the person is asked for.
            scale: The best score, where scores are asked for; the worst is 0.
            name: How traces call this reward model.
        """
        super().__init__(mode=mode, scale=scale, name=name)

    @property
    def asks_a_person(self) -> bool:
        """Always."""
        return True

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        """Ask, then read the answer."""
        del request  # the chain is given it
        return RunnableLambda(self._judged, self._ajudged, name=self.get_name())

    def _judged(self, request: ScoreRequest) -> list[Score]:
        one = _Round.of(request)
        if not one.fresh:
            return one.scores([])
        return one.scores(answered(self._question(one), partial(self._rewards, one)))

    async def _ajudged(self, request: ScoreRequest) -> list[Score]:
        one = _Round.of(request)
        if not one.fresh:
            return one.scores([])
        return one.scores(await aanswered(self._question(one), partial(self._rewards, one)))

    def _question(self, one: "_Round") -> HumanQuestion:
        _check_can_pause()
        conversation = conversation_text(one.request["messages"])
        candidates = self._candidates(one.fresh, one.extremes)
        instructions = INSTRUCTIONS[self.mode].format(scale=f"{self.scale:g}")
        return HumanQuestion(
            type="tpo_human_reward",
            mode=self.mode,
            conversation=conversation,
            candidates=candidates,
            instructions=instructions,
            problem=None,
            scale=self.scale if self.mode == "score" else None,
            description=_described(conversation, candidates, instructions),
            action_request=InboxAction(action=f"{self.mode} candidates", args={}),
            config=InboxConfig(
                allow_respond=True, allow_accept=False, allow_edit=False, allow_ignore=False
            ),
        )

    def _candidates(
        self, fresh: Sequence[str], extremes: Sequence[Candidate]
    ) -> list[ShownCandidate]:
        shown = [ShownCandidate(text=text, number=i) for i, text in enumerate(fresh, start=1)]
        labels = ("best so far", "worst so far")
        for i, (known, label) in enumerate(zip(extremes, labels, strict=False), len(fresh) + 1):
            one = ShownCandidate(text=known["text"], standing=label)
            if self.mode == "score":
                shown.append({**one, "reward": known["reward"] or 0.0})
            elif self.mode == "rank" or label == labels[0]:
                shown.append({**one, "number": i})
        return shown

    def _rewards(self, one: "_Round", answer: object) -> list[float | None]:
        fresh = len(one.fresh)
        if self.mode == "score":
            return scores(answer, fresh=fresh, scale=self.scale)
        rewards = [known["reward"] for known in one.extremes]
        standing = Standing(**dict(zip(("best", "worst"), rewards, strict=False)))
        read = pick_rewards if self.mode == "pick" else rank_rewards
        return [*read(answer, fresh=fresh, standing=standing)]


def _described(conversation: str, candidates: Sequence[ShownCandidate], instructions: str) -> str:
    parts = [instructions, f"## Conversation\n\n{conversation}"]
    for shown in candidates:
        title = f"Candidate {shown['number']}" if "number" in shown else "Candidate"
        standing = f", {shown['standing']}" if "standing" in shown else ""
        scored = f": {shown['reward']:g}" if "reward" in shown else ""
        parts.append(f"## {title}{standing}{scored}\n\n{shown['text']}")
    return "\n\n".join(parts)


@dataclass(frozen=True, kw_only=True)
class _Round:
    """What a person is asked about, and what is known already."""

    request: ScoreRequest
    known: Mapping[str, Score]
    """The rewards of texts that have been judged before."""
    extremes: Sequence[Candidate]

    @classmethod
    def of(cls, request: ScoreRequest) -> "_Round":
        """Look up what has been judged before."""
        pool = request.get("pool") or []
        found = ((text, known_reward(pool, text)) for text in request["responses"])
        known = {text: one["reward"] for text, one in found if one is not None}
        return cls(request=request, known=known, extremes=_extremes(pool))

    @property
    def fresh(self) -> list[str]:
        """The texts that are new, each once."""
        return [
            *dict.fromkeys(text for text in self.request["responses"] if text not in self.known)
        ]

    def scores(self, given: Sequence[Score]) -> list[Score]:
        """Return the score of each response, with those just given to the new ones."""
        rewards = {**self.known, **dict(zip(self.fresh, given, strict=True))}
        return [rewards[text] for text in self.request["responses"]]


def _extremes(pool: Sequence[Candidate]) -> list[Candidate]:
    """Return the best and, where one has a lower reward, the worst response so far."""
    best, worst = chosen(pool), rejected(pool)
    if best is None or worst is None:
        return []
    if pool[best]["reward"] == pool[worst]["reward"]:
        return [pool[best]]
    return [pool[best], pool[worst]]


def _check_can_pause() -> None:
    in_graph = get_runtime() is not None
    if not in_graph or get_config().get("configurable", {}).get("thread_id") is None:
        raise RewardError(
            "`HumanReward` can pause only a LangGraph run that is kept: compile the graph around "
            'it with a checkpointer and pass `config={"configurable": {"thread_id": "..."}}`.'
        )
