"""A reward without judgement: the share of checkable instructions that a response keeps.

Says in words which were broken, so that the textual loss can quote it. Knows rules; knows nothing
of how good an answer is otherwise.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, Field

from langchain_tpo.constructors import OneTypedLine, TupleField
from langchain_tpo.reward_models.interface import ExplainedScore, Score, ScoreRequest
from langchain_tpo.reward_models.verifiable_instructions.named_rules import named_rules
from langchain_tpo.reward_models.verifiable_instructions.own_words import OwnWords
from langchain_tpo.reward_models.verifiable_instructions.prompt_rules import rules_in
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict
from langchain_tpo.text.conversation import message_text

NO_RULE = "The prompt sets no limit that can be checked by rule."
"""What is said when there is nothing to check."""


class VerifiableInstructions(OneTypedLine, RunnableSerializable[ScoreRequest, list[Score]]):
    """Scores from 0 to 1 how well each response keeps the instructions that a rule can check.

    The score is the mean over all rules: 1 for a kept one, at most a half for a broken one,
    by how far off it is. A response without a word keeps nothing and gets 0. Without a rule every
    response gets 1 and the rationale says so: a constant changes no order, so the sum with another
    reward stays that reward. By itself it cannot tell such responses apart.

    The rationale says what was found and asked for, and of what is broken what to do: a small model
    follows an order where it cannot conclude one.

    Rules come from `rules`; or, by IFEval's and IFBench's own names, from the fields
    `instruction_id_list` and `kwargs` of the request's `context`; or from the prompt: its system
    messages and its last user turn, where a later limit on the same thing replaces an earlier one.
    What nothing here can check counts neither way, and is said; a response of which nothing can
    be checked is not scored.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> reward = VerifiableInstructions()
        >>> asked = [HumanMessage("Why oil a table? In at most 5 words.")]
        >>> for score in reward.invoke(
        ...     {
        ...         "messages": asked,
        ...         "responses": ["It keeps water out.", "Oil keeps all water out."],
        ...     }
        ... ):
        ...     print(score)
        {'reward': 1.0, 'rationale': 'Kept: 4 words, asked for at most 5.'}
        {'reward': 1.0, 'rationale': 'Kept: 5 words, asked for at most 5.'}

        >>> from langchain_tpo.reward_models.verifiable_instructions import includes, max_words
        >>> reward = VerifiableInstructions(rules=[max_words(4), includes("oil")])
        >>> score = reward.invoke({"messages": asked, "responses": ["It keeps all the water out."]})
        >>> score[0]["reward"], score[0]["rationale"].partition(" To do")[0]
        (0.125, 'Broken: 6 words, asked for at most 4; `oil` missing.')
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str | None = "verifiable_instructions"
    """What traces call it."""
    rules: TupleField[Rule] | None = None
    """What to check for every prompt; None: what the row names, or the prompt itself sets."""
    own_words: int = Field(default=0, ge=0)
    """How many different words an answer must have that the request does not have: one rule more,
    against a title, a bare form or a copy of the request. 0: none, as where the task is to copy."""

    @property
    def maximum(self) -> float:
        """The reward of a response that keeps all."""
        return 1.0

    @property
    def explains(self) -> bool:
        """Whether scores come with words: which rules are kept and which broken."""
        return True

    def invoke(
        self, input: ScoreRequest, config: RunnableConfig | None = None, **kwargs: Any
    ) -> list[Score]:
        """Return one score from 0 to 1 per response, with what was kept and what was broken."""
        return self._call_with_config(self._score, input, config, **kwargs)

    def _score(self, request: ScoreRequest) -> list[Score]:
        asked = _instructions(request["messages"])
        rules = self.rules
        if rules is None:
            rules = named_rules(request.get("context", {}), asked)
        if rules is None:
            rules = rules_in(asked)
        if self.own_words:
            rules = (*rules, OwnWords(self.own_words, asked))
        return [_judged(rules, text) for text in request["responses"]]


def _judged(rules: Sequence[Rule], text: str) -> ExplainedScore:
    if not any(map(str.isalnum, text)):
        return {"reward": 0.0, "rationale": "Broken: the response is empty."}
    if not rules:
        return {"reward": 1.0, "rationale": NO_RULE}
    verdicts = [rule.check(text) for rule in rules]
    checked = [verdict.satisfaction for verdict in verdicts if verdict.satisfaction is not None]
    return {
        "reward": sum(checked) / len(checked) if checked else None,
        "rationale": " ".join(_said(verdicts)),
    }


def _said(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Yield what was broken and what to do about it, what was kept, and what nothing checked."""
    broken = [one for one in verdicts if one.satisfaction is not None and not one.kept]
    sides = {
        "Broken": [verdict.words for verdict in broken],
        "To do": [verdict.advice for verdict in broken if verdict.advice],
        "Kept": [verdict.words for verdict in verdicts if verdict.kept],
        "Not checked": [verdict.words for verdict in verdicts if verdict.satisfaction is None],
    }
    for side, words in sides.items():
        if words:
            yield f"{side}: {'; '.join(words)}."


def _instructions(messages: Sequence[BaseMessage]) -> str:
    system = [message_text(message) for message in messages if isinstance(message, SystemMessage)]
    asked = [message_text(message) for message in messages if isinstance(message, HumanMessage)]
    return "\n\n".join((*system, *asked[-1:]))
