"""Text Generation Inference on the wire, in the terms of its own client.

Requests and answers are those of the `text-generation` package: its `Parameters` and `Request`
check what is sent, its `Response` reads what comes back. Its `Client.generate` is not called: it
reads JSON before the status, follows redirects, reads answers of any length, opens a connection
per request and warns of deprecations on each. `http_transport` carries the bytes instead.
"""

from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NotRequired, cast

from langchain_core.messages import BaseMessage, convert_to_openai_messages
from pydantic import BaseModel, JsonValue
from typing_extensions import TypedDict

from langchain_tpo.errors import MissingExtraError, RewardServerError
from langchain_tpo.reward_models.servers.http_answers import checked_answer
from langchain_tpo.reward_models.servers.http_calls import Call, RewardServer
from langchain_tpo.reward_models.servers.http_transport import AnswerOrError
from langchain_tpo.reward_models.servers.verifier_readout import Token, top_token

MOST_TOP_TOKENS = 5
"""The launcher's default of `--max-top-n-tokens`; `/info` does not publish it."""


class ServerInfo(BaseModel):
    """What `/info` must hold for a server to be TGI (TEI's has no `max_total_tokens`)."""

    model_id: str
    version: str
    max_total_tokens: int


class SimpleToken(BaseModel):
    """One token of `/tokenize`, with the piece of the input that it stands for."""

    id: int
    text: str


class ChatTokens(BaseModel):
    """A conversation as the server's chat template writes it."""

    templated_text: str
    tokenize_response: list[SimpleToken]


class PromptToken(TypedDict):
    """One token of the prompt; the first has no log-probability."""

    id: int
    logprob: NotRequired[float | None]


class _Prefill(TypedDict):
    prefill: list[PromptToken]


class _Prefilled(TypedDict):
    """The part of the client's `Response` that holds the prompt, of which there may be much.

    Its models are four times as long in the making, for every token.
    """

    details: _Prefill


def client_types() -> ModuleType:
    """Return the request and answer types of the `text-generation` package.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module("text_generation.types")
    except ImportError:
        raise MissingExtraError("text-generation", "tgi") from None


def generate_call(
    server: RewardServer, prompt: str, *, max_new_tokens: int = 1, **parameters: Any
) -> Call:
    """Return the request that lets TGI continue a prompt, greedily and without any penalty.

    A temperature, `top_p`, `typical_p` or a penalty would change the log-probabilities of TGI's
    flash models; greedy decoding leaves them as the model has them.

    Args:
        server: Where to.
        prompt: The whole text, templates applied.
        max_new_tokens: How far to go on.
        parameters: More of the client's `Parameters`, such as `top_n_tokens`.
    """
    types = client_types()
    settings = types.Parameters(
        do_sample=False, details=True, max_new_tokens=max_new_tokens, **parameters
    )
    request = types.Request(inputs=prompt, parameters=settings)
    body: JsonValue = request.model_dump(mode="json")
    return server.post("/", body)


def grammar(kind: str, value: str | dict[str, JsonValue]) -> object:
    """Return a `regex` or `json` grammar in the client's terms."""
    types = client_types()
    return types.Grammar(type=types.GrammarType(kind), value=value)


def tokenize_call(server: RewardServer, text: str) -> Call:
    """Return the request for the tokens of a text, special tokens added."""
    return server.post("/tokenize", {"inputs": text})


def chat_tokenize_call(server: RewardServer, messages: Sequence[BaseMessage]) -> Call:
    """Return the request for a conversation as the chat template writes it, up to the answer."""
    turns = cast("JsonValue", convert_to_openai_messages(list(messages), text_format="string"))
    return server.post("/chat_tokenize", {"model": "tgi", "messages": turns})


def read_info(outcome: AnswerOrError, server: RewardServer) -> ServerInfo:
    """Return what `/info` says, or raise that this is no TGI server."""
    try:
        return checked_answer(_answer(outcome), ServerInfo, f"{server.url}/info")
    except RewardServerError as error:
        raise RewardServerError(
            f"`{server.url}` does not look like a TGI server: {error}", status=error.status
        ) from error


def read_chat_tokens(outcome: AnswerOrError, server: RewardServer) -> ChatTokens:
    """Return the templated conversation, or raise that the model has no chat template."""
    try:
        return checked_answer(_answer(outcome), ChatTokens, f"{server.url}/chat_tokenize")
    except RewardServerError as error:
        raise RewardServerError(
            f"{error} A verifier needs a model with a chat template: start TGI with "
            "`--tokenizer-config-path` if it has none.",
            status=error.status,
        ) from error


def read_tokens(outcome: AnswerOrError, server: RewardServer) -> list[SimpleToken]:
    """Return the tokens that `/tokenize` answered with."""
    return checked_answer(_answer(outcome), list[SimpleToken], f"{server.url}/tokenize")


def read_generation(outcome: AnswerOrError, server: RewardServer) -> Any:  # noqa: ANN401 untyped package
    """Return the client's `Response`: TGI answers `/` with a list of one."""
    return checked_answer(_only(outcome, server), client_types().Response, server.url)


def read_reply_tokens(generation: Any) -> list[Token]:  # noqa: ANN401 untyped package
    """Return the tokens of a reply; without likeliest ones where the backend lists none."""
    details = generation.details
    listed = details.top_tokens or [[] for _ in details.tokens]
    tops = [[top_token(token.text, token.logprob) for token in top] for top in listed]
    return [Token(text=t.text, top=top) for t, top in zip(details.tokens, tops, strict=False)]


def read_prompt_tokens(outcome: AnswerOrError, server: RewardServer) -> list[PromptToken]:
    """Return the tokens of the prompt with their log-probabilities, or raise what is missing."""
    prefill = checked_answer(_only(outcome, server), _Prefilled, server.url)["details"]["prefill"]
    if not prefill:
        raise RewardServerError(
            f"`{server.url}` gave no log-probabilities of the prompt: start TGI with "
            "`--enable-prefill-logprobs` (its llamacpp and trtllm backends have none)."
        )
    return prefill


def double_bos(templated: ChatTokens, retokenized: Sequence[SimpleToken]) -> str:
    """Return the BOS that stands in a templated text and that `/generate` would add once more.

    Args:
        templated: The conversation as the chat template writes it.
        retokenized: The tokens that `/tokenize` makes of that text.

    Example:
        >>> bos, word = SimpleToken(id=1, text="<s>"), SimpleToken(id=7, text="Hi")
        >>> double_bos(
        ...     ChatTokens(templated_text="<s>Hi", tokenize_response=[bos, word]),
        ...     [SimpleToken(id=1, text=""), bos, word],
        ... )
        '<s>'
    """
    once, twice = templated.tokenize_response, retokenized
    if len(twice) > 1 and once and twice[0].id == twice[1].id == once[0].id:
        return once[0].text
    return ""


def _only(outcome: AnswerOrError, server: RewardServer) -> JsonValue:
    """Return what TGI answers one request with: a list of one."""
    answers = checked_answer(_answer(outcome), list[object], server.url)
    if len(answers) != 1:
        raise RewardServerError(f"`{server.url}` answered one request with {len(answers)} texts.")
    return cast("JsonValue", answers[0])


def _answer(outcome: AnswerOrError) -> JsonValue:
    if isinstance(outcome, RewardServerError):
        raise outcome
    answer: JsonValue = outcome
    return answer
