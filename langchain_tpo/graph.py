"""The loop: Algorithm 1 of the paper as a LangGraph state machine."""

from collections.abc import Hashable, Sequence
from typing import Any

from langgraph.graph import END, START, StateGraph
from pydantic import ConfigDict

from langchain_tpo.constructors import names_checked
from langchain_tpo.loop.forecast import Forecast, prompt_count
from langchain_tpo.loop.node import STOP, Onward, StepNode, StepPlan
from langchain_tpo.loop.parts import LoopParts
from langchain_tpo.loop.scoring import RewardCaller
from langchain_tpo.loop.traces import FIGURES
from langchain_tpo.reward_models.coercion import RewardLike
from langchain_tpo.sampling.bound_arguments import for_words
from langchain_tpo.sampling.capabilities import Learned
from langchain_tpo.sampling.context_window import FittingDrawer
from langchain_tpo.sampling.draws import Drawer
from langchain_tpo.sampling.several import SeveralDrawer
from langchain_tpo.sampling.whole_replies import WholeReplies
from langchain_tpo.sampling.wrappers import ChatModel
from langchain_tpo.settings import TPOContext, TPOSettings
from langchain_tpo.state import StepName, TPOInput, TPOThread
from langchain_tpo.steps.reward import reward as reward_step
from langchain_tpo.steps.sample import sample
from langchain_tpo.steps.textual_gradient import textual_gradient
from langchain_tpo.steps.textual_loss import textual_loss
from langchain_tpo.steps.update import update


class _GraphParts(LoopParts):
    """The parts of a graph."""

    model_config = ConfigDict(title="build_tpo_graph")  # what errors call it


_PARTS: type[LoopParts] = _GraphParts  # whose types say what its validators take


@names_checked
def build_tpo_graph(
    model: ChatModel | Sequence[ChatModel],
    reward: RewardLike,
    *,
    critic: ChatModel | None = None,
    settings: TPOSettings | None = None,
    width: int | None = None,
    depth: int | None = None,
    whole_replies: bool = False,
) -> StateGraph[TPOThread, TPOSettings, TPOInput, TPOThread]:
    """Return the loop as a graph: compile it with your own checkpointer, or add it as a node.

    It reads and writes `messages`, so it fits into any graph over `MessagesState`. A run's
    context may set fields of `TPOSettings` for that run alone; a dict may not set `extra`.

    Args:
        model: The policy: draws responses and revisions. Of a list each draws in turn.
        reward: What scores them: a reward model, a Runnable, or a plain function
            `(prompt, response) -> float`.
        critic: Writes loss and gradient; the policy itself when None, as in the paper.
        settings: Everything else about the loop.
        width: N, for short: wins over `settings.width`.
        depth: D, for short: wins over `settings.depth`.
        whole_replies: Whether replies compete that call the tools bound to the policy.

    Raises:
        ConfigurationError: In one line, when something cannot work.

    Example:
        >>> from langchain_core.runnables import RunnableLambda
        >>> model = RunnableLambda(lambda messages: "An answer.")
        >>> graph = build_tpo_graph(model, lambda prompt, response: 1.0).compile()
        >>> graph.invoke({"messages": [("human", "Hello?")]})["messages"][-1].text
        'An answer.'
    """
    parts = _PARTS(
        model=model, reward=reward, critic=critic, settings=settings, width=width, depth=depth
    )
    return loop_graph(parts, Learned(), WholeReplies() if whole_replies else None)


def loop_graph(
    parts: LoopParts,
    learned: Learned,
    whole: WholeReplies | None = None,
    *,
    in_link: bool = False,
) -> StateGraph[TPOThread, TPOSettings, TPOInput, TPOThread]:
    """Return the loop as `build_tpo_graph` does, with what its models have taught before.

    What is bound to the policy for its answers (tools, a format, stop texts) binds its answers
    only: it is asked for critiques in plain words, and for revisions without tools, unless whole
    replies compete.

    Inside a link the conversation stays as it is: the link gives the answer, and streams would show
    a message in here once more.
    """
    policy, settings = parts.model, parts.settings
    critic = for_words(policy) if parts.critic is None else parts.critic
    revising = policy if whole else for_words(policy, keep_format=True)
    answers = Drawer(policy, cache=False, learned=learned, whole=whole)
    alike = revising is policy
    revisions = SeveralDrawer(
        FittingDrawer(answers if alike else Drawer(revising, cache=False, learned=learned)),
        fresh=None if alike else FittingDrawer(answers),
    )
    critiques = FittingDrawer(Drawer(critic, cache=True, learned=learned))
    scorer = RewardCaller(parts.reward)
    graph: StateGraph[TPOThread, TPOSettings, TPOInput, TPOThread] = StateGraph(
        TPOThread, context_schema=TPOContext, input_schema=TPOInput
    )

    def add(plan: StepPlan[Any, Any], *then: StepName) -> None:
        graph.add_node(
            plan.name, StepNode(plan, settings, answers=not in_link), trace_policy=FIGURES
        )
        ways: dict[Hashable, str] = {STOP: END, **{step: step for step in then}}
        graph.add_conditional_edges(plan.name, Onward(*then, settings=settings), ways)

    several = whole is not None
    loss, gradient = textual_loss(critiques), textual_gradient(critiques)
    revised = update(revisions, whole=several)
    counts = {plan.name: prompt_count(plan, critiques.prompt_tokens) for plan in (loss, gradient)}
    forecast = Forecast({**counts, "update": prompt_count(revised, revisions.prompt_tokens)})
    graph.add_edge(START, "sample")
    add(sample(answers, parts.reward), "reward")
    # A strategy may leave out a critique, or both: then what follows comes at once.
    scored = reward_step(scorer, forecast, whole=several)
    add(scored, "textual_loss", "textual_gradient", "update")
    add(loss, "textual_gradient", "update")
    add(gradient, "update")
    add(revised, "reward")
    return graph
