"""`ChatOpenAI` for llama.cpp: `n` responses in one request, and the truth about their tokens.

llama.cpp reads the prompt once for all `n` responses, which makes one such request about twice as
fast as `n` requests on a CPU; but its `usage` counts the tokens of one response only. Each response
therefore comes with the log-probabilities of its tokens, and those are counted.
"""

from collections.abc import Mapping
from functools import reduce
from itertools import pairwise
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import AIMessage, BaseMessage, UsageMetadata
from langchain_core.messages.ai import add_usage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_openai import ChatOpenAI
from pydantic import Field

from langchain_tpo.constructors import OneTypedLine


class LocalChatModel(OneTypedLine, ChatOpenAI):
    """A chat model behind llama.cpp's server, with a true `usage_metadata` for any `n`.

    Output tokens are the tokens that the model made, each response's end-of-turn token included,
    just as the server counts them when it is asked for a single response.
    `LocalServer.chat_model()` and `local_chat_model()` build it; it serves any other llama.cpp
    server as well.

    Example:
        >>> LocalChatModel(base_url="http://127.0.0.1:8080/v1", api_key="-", slots=4).slots
        4
    """

    slots: int = Field(1, ge=1)
    """How many responses the server makes at once; it refuses a larger `n` in one request, so a
    larger one is split."""

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Say that LangChain cannot store this model: its server ends with the process."""
        return False

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        send = super()._generate
        parts = self._parts(kwargs)
        if not parts:
            return send(messages, stop, run_manager, **kwargs)
        results = [send(messages, stop, run_manager, **part) for part in parts]
        return joined(results, keep_logprobs=self._wants_logprobs(kwargs))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        send = super()._agenerate
        parts = self._parts(kwargs)
        if not parts:
            return await send(messages, stop, run_manager, **kwargs)
        results = [await send(messages, stop, run_manager, **part) for part in parts]
        return joined(results, keep_logprobs=self._wants_logprobs(kwargs))

    def _parts(self, kwargs: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the arguments of every request that `n` responses take; none for a plain call."""
        n = kwargs.get("n") or self.n or 1
        if n == 1:
            return []
        seed = kwargs.get("seed", self.seed)
        counted = {"logprobs": True, "top_logprobs": kwargs.get("top_logprobs") or 1}
        return [
            {
                **kwargs,
                **counted,
                "n": end - begin,
                **({} if seed is None else {"seed": seed + begin}),
            }
            for begin, end in pairwise(_even_steps(n, self.slots))
        ]

    def _wants_logprobs(self, kwargs: Mapping[str, Any]) -> bool:
        return bool(kwargs.get("logprobs", self.logprobs))


def joined(results: list[ChatResult], *, keep_logprobs: bool) -> ChatResult:
    """Join the results of one or more requests for the same prompt, with the tokens they cost.

    As everywhere in LangChain, every message carries the usage of the whole call. It is None when
    a server does not say.

    Args:
        results: What each request brought, with log-probabilities.
        keep_logprobs: Whether the caller asked for them.
    """
    parts = [_usage(result) for result in results]
    known = [part for part in parts if part is not None]
    usage = reduce(add_usage, known) if len(known) == len(parts) else None
    generations = [
        _with_usage(generation, usage, keep_logprobs=keep_logprobs)
        for result in results
        for generation in result.generations
    ]
    llm_output = {**(results[0].llm_output or {}), "token_usage": _as_openai(usage)}
    return ChatResult(generations=generations, llm_output=llm_output)


def _even_steps(n: int, slots: int) -> list[int]:
    """Cut `n` into as few near-equal pieces of at most `slots` as there can be: 0, ..., n."""
    pieces = -(-n // slots)
    return [n * piece // pieces for piece in range(pieces + 1)]


def _usage(result: ChatResult) -> UsageMetadata | None:
    """Return what one request cost: its prompt once, and the tokens of each of its responses."""
    message = result.generations[0].message
    counts = [_token_count(generation) for generation in result.generations]
    known = [count for count in counts if count is not None]
    reported = message.usage_metadata if isinstance(message, AIMessage) else None
    if reported is None or len(known) < len(counts):
        return None
    output_tokens = sum(known)
    return {
        **reported,
        "output_tokens": output_tokens,
        "total_tokens": reported["input_tokens"] + output_tokens,
    }


def _token_count(generation: ChatGeneration) -> int | None:
    logprobs = (generation.generation_info or {}).get("logprobs") or {}
    tokens = logprobs.get("content")
    return None if tokens is None else len(tokens)


def _with_usage(
    generation: ChatGeneration, usage: UsageMetadata | None, *, keep_logprobs: bool
) -> ChatGeneration:
    info = generation.generation_info or {}
    return ChatGeneration(
        message=generation.message.model_copy(update={"usage_metadata": usage}),
        generation_info={
            key: value for key, value in info.items() if keep_logprobs or key != "logprobs"
        },
    )


def _as_openai(usage: UsageMetadata | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
        "prompt_tokens_details": {
            "cached_tokens": usage.get("input_token_details", {}).get("cache_read", 0)
        },
    }
