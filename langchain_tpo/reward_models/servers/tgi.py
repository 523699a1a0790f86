"""A generative reward model behind Text Generation Inference (TGI).

Knows what to ask a TGI server before and during scoring. TGI serves no sequence classifiers: a
reward is read from the log-probabilities of the first token of a verifier's reply.
"""

from typing import Self

from langchain_core.messages import HumanMessage
from pydantic import JsonValue, model_validator

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.servers import tgi_protocol as tgi
from langchain_tpo.reward_models.servers.http_calls import Call
from langchain_tpo.reward_models.servers.http_transport import Flow, Outcome
from langchain_tpo.reward_models.servers.verifier import GenerativeVerifier
from langchain_tpo.reward_models.servers.verifier_questions import JsonScore, Question
from langchain_tpo.reward_models.servers.verifier_readout import TopToken

PLACEHOLDER = "the-prompt-goes-here"
"""Stands for the prompt while the server is asked what its chat template puts around it."""


class TGIRewardModel(GenerativeVerifier):
    """Rewards a response by log P(yes) - log P(no) of a model behind TGI.

    Needs the extra `tgi`. The server is asked once for `/info`, its chat template and the tokens
    of the labels; then for one token per response. A plain chat model is a weak judge; one that
    was trained to verify is a good one.

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
        inputs = f"{self._known['prefix']}{prompt}{self._known['suffix']}"
        if isinstance(question, JsonScore):
            form, length = tgi.grammar("json", question.schema), question.max_tokens
            return tgi.generate_call(self.server, inputs, max_new_tokens=length, grammar=form)
        form = tgi.grammar("regex", question.regex)
        return tgi.generate_call(
            self.server, inputs, top_n_tokens=tgi.MOST_TOP_TOKENS, grammar=form
        )

    def top_tokens(self, answer: JsonValue) -> list[TopToken]:
        """Return the likeliest first tokens; none on the llamacpp and trtllm backends."""
        return tgi.read_top_tokens(answer, self.server)

    def reply(self, answer: JsonValue) -> str:
        """Return the generated text."""
        return str(tgi.read_generation(answer, self.server).generated_text)

    def _check_label(self, label: str, outcome: Outcome) -> None:
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
