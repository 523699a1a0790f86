"""A generative reward model behind Text Generation Inference (TGI).

Knows what to ask a TGI server before and during scoring. TGI serves no sequence classifiers: a
reward is read from the log-probabilities of the first token of a verifier's reply.
"""

from dataclasses import replace
from typing import Any, Self

from langchain_core.messages import HumanMessage
from pydantic import JsonValue, model_validator

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.interface import ScoreRequest
from langchain_tpo.reward_models.servers import tgi_protocol as tgi
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_transport import AnswerOrError, Flow
from langchain_tpo.reward_models.servers.verifier import (
    LABEL_TOKENS,
    GenerativeVerifier,
    VerifierReply,
)
from langchain_tpo.reward_models.servers.verifier_questions import (
    JsonScore,
    LabelQuestion,
    Question,
)

OBJECT_TOKENS = 64
"""Room for a score in JSON, which the grammar lets nothing else precede."""

PLACEHOLDER = "the-prompt-goes-here"
"""Stands for the prompt while the server is asked what its chat template puts around it."""


class TGIRewardModel(GenerativeVerifier):
    """Rewards a response by log P(yes) - log P(no) of a model behind TGI.

    Needs the extra `tgi`. The server is asked once for `/info`, its chat template, the tokens of
    the labels, and how the model would begin if it were free; then for one token per response. A
    plain chat model is a weak judge; one that was trained to verify is a good one.

    Raises:
        MissingExtraError: The package `text-generation` is not installed.
        SettingsError: In one line, when an option cannot work.

    Example:
        >>> from langchain_tpo.reward_models.servers.verifier_questions import Rating
        >>> TGIRewardModel("http://rm:8080").question.labels
        ('Yes', 'No')
        >>> TGIRewardModel("http://rm:8080", question=Rating(), api_key="hush").api_key
        SecretStr('**********')
    """

    @model_validator(mode="after")
    def _client_is_installed(self) -> Self:
        tgi.client_types()
        return self

    def preparing(self) -> Flow[None]:
        """Ask what the server is, what its chat template adds, and whether labels are tokens."""
        if "prefix" in self._known:
            return
        labels = () if isinstance(self.question, JsonScore) else self.question.labels
        info, chat, *tokens = yield [
            self.server.get("/info"),
            tgi.chat_tokenize_call(self.server, [HumanMessage(PLACEHOLDER)]),
            *(tgi.tokenize_call(self.server, label) for label in labels),
        ]
        tgi.read_info(info, self.server)
        for label, outcome in zip(labels, tokens, strict=True):
            self._check_label(label, outcome)
        templated = tgi.read_chat_tokens(chat, self.server)
        (again,) = yield [tgi.tokenize_call(self.server, templated.templated_text)]
        bos = tgi.double_bos(templated, tgi.read_tokens(again, self.server))
        self._remember_template(templated.templated_text.removeprefix(bos))

    def call(self, prompt: str, question: Question) -> Call:
        """Ask for the first token, or for a written score."""
        if isinstance(question, JsonScore):
            form, inputs = tgi.grammar("json", question.reply_schema), self._inputs(prompt)
            return tgi.generate_call(
                self.server, inputs, max_new_tokens=OBJECT_TOKENS, grammar=form
            )
        if self.thinking_tokens:
            return self._free_call(prompt, max_new_tokens=self.thinking_tokens + LABEL_TOKENS)
        form = tgi.grammar("regex", question.regex)
        return self._free_call(prompt, grammar=form)

    def reply(self, answer: JsonValue) -> VerifierReply:
        """Return text and tokens; without likeliest ones on the llamacpp and trtllm backends."""
        generation = tgi.read_generation(answer, self.server)
        return VerifierReply(
            text=str(generation.generated_text), tokens=tgi.read_reply_tokens(generation)
        )

    def probing(self, request: ScoreRequest, question: LabelQuestion) -> Flow[None]:
        """Let the model begin as it likes, once: a grammar hides that it would not use a label."""
        if self.thinking_tokens or not self.least_label_mass or "probed" in self._known:
            return
        prompt = self.prompt(request["messages"], request["responses"][0], question)
        (outcome,) = yield [replace(self._free_call(prompt), read=self.reply)]
        if isinstance(outcome, VerifierReply):
            if any(token.top for token in outcome.tokens):
                self.reading(outcome, question)
            self._known["probed"] = True

    def _inputs(self, prompt: str) -> str:
        return f"{self._known['prefix']}{prompt}{self._known['suffix']}"

    def _free_call(self, prompt: str, **options: Any) -> Call:
        inputs = self._inputs(prompt)
        return tgi.generate_call(self.server, inputs, top_n_tokens=tgi.MOST_TOP_TOKENS, **options)

    def _check_label(self, label: str, outcome: AnswerOrError) -> None:
        tokens = tgi.read_tokens(outcome, self.server)
        if not tokens or tokens[-1].text.strip() != label.strip():
            pieces = ", ".join(f"`{token.text}`" for token in tokens if token.text)
            raise RewardServerError(
                f"The label `{label}` is no single token of the model behind `{self.url}` "
                f"({pieces}): choose another one in `question`."
            )

    def _remember_template(self, templated: str) -> None:
        prefix, found, suffix = templated.partition(PLACEHOLDER)
        if not found:
            raise RewardServerError(
                f"The chat template behind `{self.url}` does not repeat what users write: "
                "a verifier needs one that does."
            )
        self._known.update({"prefix": prefix, "suffix": suffix})
