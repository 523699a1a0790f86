"""A chat model as R(x, y): it rates every response by itself.

Knows ratings; how a model is asked is `judgement`, what it is told `judge_prompts`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import ClassVar, TypeAlias

from langchain_core.messages import BaseMessage
from langchain_core.runnables import Runnable, RunnableLambda, RunnableSequence
from pydantic import Field

from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.interface import ExplainedScore, Score, ScoreRequest
from langchain_tpo.reward_models.judges import forms
from langchain_tpo.reward_models.judges.judge import Judge, read_with
from langchain_tpo.reward_models.judges.judge_prompts import (
    CRITERIA,
    RATING_VARIABLES,
    SCORE,
)
from langchain_tpo.reward_models.judges.judgement import count_failures
from langchain_tpo.reward_models.judges.prompt_fields import JudgePrompt
from langchain_tpo.reward_models.judges.rating_styles import RATING_STYLES
from langchain_tpo.reward_models.judges.replies import UnreadableVerdict, read_rating
from langchain_tpo.reward_models.judges.styles import OWN, style_named
from langchain_tpo.sampling.wrappers import ChatModel

AnyRating: TypeAlias = forms.RatingForm | forms.ExplainedRatingForm
"""How a model rated a response."""

RatingOrError: TypeAlias = AnyRating | Exception
"""A rating, or what came in its place."""


class ChatJudge(Judge):
    """Rates each response with a chat model; the reward is the score, from 1 to `scale`.

    One request for each different text of a round, all at once within `max_concurrency`. Scores of
    different rounds are on one scale. Ties are common, as a model rates in whole numbers; where the
    server gives log-probabilities, a reward read from them is finer and needs one token.

    A response whose request failed, or whose rating is unreadable or off the scale, is not scored,
    and a warning counts it. When all requests fail, the provider's first error is raised.

    Raises:
        ModelTypeError: When `model` is no chat model.
        PromptError: When `prompt` asks for something that is never filled.
        SettingsError: When `scale` is below 1, or is 1 and nothing says how to read yes and no.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> from langchain_core.messages import HumanMessage
        >>> model = FakeListChatModel(responses=['{"rationale": "Curt, but right.", "score": 4}'])
        >>> judge = ChatJudge(model)
        >>> judge.invoke({"messages": [HumanMessage("6 x 7?")], "responses": ["42"]})
        [{'reward': 4.0, 'rationale': 'Curt, but right.'}]
    """

    prompt_variables: ClassVar[frozenset[str]] = RATING_VARIABLES

    scale: int = Field(ge=1)
    """The best score; the worst is 1, or 0 where the best is 1."""

    def __init__(  # noqa: PLR0913 options by keyword
        self,
        model: ChatModel,
        *,
        scale: int | None = None,
        explain: bool = True,
        criteria: str = CRITERIA,
        prompt: JudgePrompt | None = None,
        fields: Mapping[str, str] = MappingProxyType({}),
        style: str = OWN,
        structured: bool = True,
        read: Callable[[str], object] | None = None,
        name: str | None = None,
    ) -> None:
        """Check the options; no model is called.

        Args:
            model: A chat model, also one with `bind`, `with_retry` or `with_fallbacks`.
            scale: The best score; that of the style where it is not said. The worst is 1. With 1 it
                is 0: for a `read` of yes and no, or of shares.
            explain: Whether to ask for reasons. Without them a rating costs a few tokens.
            criteria: What makes a good response, in your words.
            prompt: Another prompt, a published one as it is: a text for one message, texts by role,
                or a template. `RATING_VARIABLES` and `EVERYWHERE` say what it may ask for; usual
                names such as `{instruction}` and `{rubric}` are known.
            fields: What the prompt's other fields are, by their names: one of those, or a field of
                the question's context.
            style: A published judge, by its name in `RATING_STYLES`: how it is asked and read, as
                far as you do not say.
            structured: Pass False for a server that accepts no response format and no tools.
            read: For a reward model that answers in a form of its own: from the text of its reply
                to a score, alone or with the reason, or None. `reply_formats` has those of
                published ones.
            name: How traces call this judge.
        """
        known = style_named(RATING_STYLES, style, judge="ChatJudge")
        super().__init__(
            model=model,
            scale=known.scale if scale is None else scale,
            explain=explain,
            criteria=criteria,
            fields=dict(fields),
            prompt=known.prompt if prompt is None else prompt,
            structured=structured,
            read=read or known.read,
            name=name,
        )
        if self.scale == 1 and self.read is None:
            raise SettingsError(
                "`scale` of ChatJudge must be at least 2, got `1`: from 0 to 1 is the scale of a "
                "judge whose yes or no, or share, a function of yours reads, `read=`."
            )

    def most_requests(self, responses: int, *, first: bool = True) -> int:  # noqa: ARG002 all alike
        """Return how many requests a round costs at most: one for each response."""
        return responses

    def chain(self, request: ScoreRequest) -> Runnable[ScoreRequest, list[Score]]:
        """Ask for a rating of each different text, then hand it to every response that has it."""
        texts = list(dict.fromkeys(request["responses"]))
        form: type[AnyRating] = forms.ExplainedRatingForm if self.explain else forms.RatingForm
        return RunnableSequence(
            RunnableLambda(partial(self._questions, texts), name="questions"),
            self._asker(form, read=partial(self._rating, form=form)),
            RunnableLambda(partial(self._scores, request, texts), name="scores"),
            name=self.get_name(),
        )

    def _questions(self, texts: list[str], request: ScoreRequest) -> list[list[BaseMessage]]:
        ask = partial(self._question, request, {"score": SCORE}, scale=str(self.scale))
        return [ask({"response": text}) for text in texts]

    def _rating(self, text: str, *, form: type[AnyRating]) -> AnyRating:
        if self.read is None:
            return read_rating(text, form, scale=self.scale)
        score, rationale = read_with(self.read, text)
        if score is None:
            raise UnreadableVerdict("The judge's reply holds no score that `read` could find.")
        if not self.explain:
            return forms.RatingForm(score=score)
        return forms.ExplainedRatingForm(score=score, rationale=rationale)

    def _scores(
        self,
        request: ScoreRequest,
        texts: list[str],
        outcomes: Sequence[RatingOrError],
    ) -> list[Score]:
        checked = [self._on_scale(outcome) for outcome in outcomes]
        count_failures(checked, judge=self.get_name())
        ratings = dict(zip(texts, checked, strict=True))
        return [_score(ratings[response]) for response in request["responses"]]

    def _on_scale(self, outcome: RatingOrError) -> RatingOrError:
        worst = min(1, self.scale - 1)
        if isinstance(outcome, Exception) or worst <= outcome.score <= self.scale:
            return outcome
        return UnreadableVerdict(
            f"The score {outcome.score:g} is not from {worst} to {self.scale}."
        )


def _score(outcome: RatingOrError) -> Score:
    if isinstance(outcome, forms.ExplainedRatingForm):
        return ExplainedScore(reward=outcome.score, rationale=outcome.rationale)
    return None if isinstance(outcome, Exception) else outcome.score
