"""The reward that preference training left in a model: beta (log pi(y|x) - log pi_ref(y|x)).

Any model trained with DPO and its reference rank responses this way (Rafailov et al., 2023). Both
are read through TGI as log-probabilities of the prompt. Experimental: two servers, two requests
per response, and sums of rounded numbers.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Literal, Self

from langchain_core.messages import BaseMessage
from pydantic import JsonValue, PrivateAttr, SecretStr, model_validator

from langchain_tpo.errors import RewardServerError
from langchain_tpo.reward_models.interface import Score, ScoreRequest
from langchain_tpo.reward_models.servers import tgi_protocol as tgi
from langchain_tpo.reward_models.servers.http_calls import Call, RewardServer, check_way
from langchain_tpo.reward_models.servers.http_reward_model import HttpRewardModel, read_scores
from langchain_tpo.reward_models.servers.http_transport import AnswerOrError, Flow
from langchain_tpo.text.control_tokens import inert


class ImplicitRewardModel(HttpRewardModel):
    """Rewards a response by how much likelier training has made it.

    Needs the extra `tgi`, two TGI servers started with `--enable-prefill-logprobs` whose models
    share one tokenizer, and a policy with a chat template. The end-of-turn token is not counted.

    Raises:
        MissingExtraError: The package `text-generation` is not installed.
        SettingsError: In one line, when an option cannot work.

    Example:
        >>> ImplicitRewardModel("http://dpo:8080", reference="http://sft:8080").beta
        0.1
    """

    reference: str
    """Where the model before preference training is served."""
    reference_api_key: SecretStr | None = None
    """The reference server's own bearer token."""
    beta: float = 0.1
    """The scale of the reward, as in DPO."""
    length: Literal["sum", "mean"] = "sum"
    """Add up over the response's tokens, as in DPO, or average, against a bias for length."""

    _known: dict[str, JsonValue] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        tgi.client_types()
        check_way(self.reference_server)
        return self

    @property
    def reference_server(self) -> RewardServer:
        """The reference server, with the limits of the policy's."""
        return self.server_at(self.reference, self.reference_api_key)

    def scoring(self, request: ScoreRequest) -> Flow[Sequence[Score]]:
        """Ask both models how likely each response is after the conversation."""
        servers = (self.server, self.reference_server)
        if "model_ids" not in self._known:
            infos = yield [server.get("/info") for server in servers]
            read = zip(infos, servers, strict=True)
            self._known["model_ids"] = [tgi.read_info(*pair).model_id for pair in read]
        opening, start = yield from self._opening(request["messages"])
        texts = [opening + inert(text) for text in request["responses"]]
        outcomes = yield [self._prefill_call(server, text) for server in servers for text in texts]
        pairs = zip(outcomes[: len(texts)], outcomes[len(texts) :], strict=True)
        rewards: list[AnswerOrError] = [self._reward(*pair, start) for pair in pairs]
        return read_scores(rewards, float)

    def _opening(self, messages: Sequence[BaseMessage]) -> Flow[tuple[str, list[int]]]:
        """Return the templated conversation, and the tokens that `/generate` makes of it."""
        (chat,) = yield [tgi.chat_tokenize_call(self.server, messages)]
        templated = tgi.read_chat_tokens(chat, self.server)
        (again,) = yield [tgi.tokenize_call(self.server, templated.templated_text)]
        tokens = tgi.read_tokens(again, self.server)
        bos = tgi.double_bos(templated, tokens)
        start = [token.id for token in tokens][1 if bos else 0 :]
        return templated.templated_text.removeprefix(bos), start

    def _reward(
        self, policy: AnswerOrError, reference: AnswerOrError, start: Sequence[int]
    ) -> AnswerOrError:
        if isinstance(policy, RewardServerError):
            return policy
        if isinstance(reference, RewardServerError):
            return reference
        try:
            return self.beta * self._difference(policy, reference, start)
        except RewardServerError as error:
            return error

    def _prefill_call(self, server: RewardServer, text: str) -> Call:
        """Ask for the tokens of a text, and read them while other answers are awaited."""
        call = tgi.generate_call(server, text, decoder_input_details=True)
        return replace(call, read=partial(tgi.read_prompt_tokens, server=server))

    def _difference(
        self,
        trained: Sequence[tgi.PromptToken],
        before: Sequence[tgi.PromptToken],
        start: Sequence[int],
    ) -> float:
        ids = [token["id"] for token in trained]
        if ids != [token["id"] for token in before]:
            raise RewardServerError(
                f"`{self.url}` and `{self.reference}` split one text into different tokens: "
                "the implicit reward needs models with one tokenizer."
            )
        shared = len(
            list(takewhile(lambda pair: pair[0] == pair[1], zip(ids, start, strict=False)))
        )
        differences = [
            _known_logprob(after, self.url) - _known_logprob(earlier, self.reference)
            for after, earlier in zip(trained[shared:], before[shared:], strict=True)
        ]
        if not differences:
            raise RewardServerError(f"`{self.url}` found no tokens in an empty response.")
        return sum(differences) / (len(differences) if self.length == "mean" else 1)


def _known_logprob(token: tgi.PromptToken, url: str) -> float:
    logprob = token.get("logprob")
    if logprob is None:
        raise RewardServerError(f"`{url}` gave no log-probability for a token of the response.")
    return logprob
