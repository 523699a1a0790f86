"""How a request is answered: by the loop, with tools first, or in a format.

Knows LangChain's arguments; knows no API and no queue.
"""

from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig

from langchain_tpo.candidate_pool import ranked
from langchain_tpo.chat_models.routing import answerer
from langchain_tpo.chat_models.structured import arguments_text, structured
from langchain_tpo.loop.call_arguments import with_arguments
from langchain_tpo.loop.run_input import TPORequest
from langchain_tpo.result import TPOResult
from langchain_tpo.runnable import TPORunnable
from langchain_tpo.sampling.bound_arguments import tool_arguments
from langchain_tpo.sampling.inner_calls import PER_CALL
from langchain_tpo.sampling.wrappers import mapped
from langchain_tpo.serve.asked import Asked
from langchain_tpo.serve.failures import bad_request


class Ways:
    """Answers what is asked with one policy and one reward; immutable."""

    def __init__(self, tpo: TPORunnable, requests: int | None) -> None:
        """Take what answers.

        Args:
            tpo: The loop; each request brings settings of its own.
            requests: How many of a run may be on their way at once.
        """
        self._tpo = tpo
        self._requests = requests

    async def answers(
        self, asked: Asked, callbacks: Sequence[BaseCallbackHandler]
    ) -> list[AIMessage]:
        """Return the answers, best first.

        Args:
            asked: What is asked.
            callbacks: Hear of the run's events and count its tokens.
        """
        config = RunnableConfig(callbacks=list(callbacks), max_concurrency=self._requests)
        if asked.metadata:
            config["metadata"] = {"client_metadata": dict(asked.metadata)}
        if asked.tools:
            return [await self._with_tools(asked, config)]
        if asked.schema is not None:
            return [await self._structured(asked, asked.schema, config)]
        return await self._in_words(asked, config)

    async def _in_words(self, asked: Asked, config: RunnableConfig) -> list[AIMessage]:
        tpo, arguments = self._tpo, dict(asked.arguments)
        if form := arguments.pop("response_format", None):  # JSON of any shape: the policy's own
            model = mapped(tpo.model, lambda inside: inside.bind(response_format=form))
            tpo = tpo.model_copy(update={"model": model})
        settings = with_arguments(asked.settings, arguments)
        config["configurable"] = {PER_CALL: settings}
        return best_of(await tpo.aoptimize(_input(asked), config), asked.answers)

    async def _with_tools(self, asked: Asked, config: RunnableConfig) -> AIMessage:
        loop = self._tpo.model_copy(update={"settings": asked.settings})
        try:
            tools = tool_arguments(loop.model, asked.tools, asked.tool_options)
        except NotImplementedError:
            raise bad_request(
                "The model behind this server takes no tools.", param="tools"
            ) from None
        whole = asked.tpo.optimize == "tool_calls"
        way = answerer(loop, {**tools, **asked.arguments}, tool_calls=whole)
        return await way.ainvoke(_input(asked), config)

    async def _structured(
        self, asked: Asked, schema: dict[str, Any], config: RunnableConfig
    ) -> AIMessage:
        settings = with_arguments(asked.settings, asked.arguments)
        loop = self._tpo.model_copy(update={"settings": settings})
        try:
            way = structured(loop, schema, {**asked.schema_options, "include_raw": True})
        except NotImplementedError:
            told = "The model behind this server takes no schema: ask for `json_object`."
            raise bad_request(told, param="response_format") from None
        found = await way.ainvoke(_input(asked), config)
        raw: AIMessage = found["raw"]
        return raw.model_copy(update={"content": arguments_text(raw), "tool_calls": []})


def _input(asked: Asked) -> list[BaseMessage] | TPORequest:
    if not asked.tpo.context:
        return list(asked.messages)
    return {"messages": list(asked.messages), "context": dict(asked.tpo.context)}


def best_of(result: TPOResult, number: int) -> list[AIMessage]:
    """Return so many answers of a run, the chosen one first, then by reward, each text once.

    Args:
        result: A run.
        number: How many at most.
    """
    others = [index for index in ranked(result.pool) if index != result.chosen]
    others = [index for index in others if result.pool[index]["text"] != result.answer]
    return [result.message(), *map(result.message_of, others[: number - 1])]


def check_several(answers: int, width: int, *, alone: bool) -> None:
    """Refuse more answers than a run has candidates to choose from.

    Args:
        answers: How many are wanted.
        width: How many are drawn in a round.
        alone: Whether tools or a format allow only one.

    Raises:
        Exception: A refused request.
    """
    if alone and answers > 1:
        raise bad_request("`n` must be 1 where tools or a format are asked for.", param="n")
    if answers > width:
        raise bad_request(
            f"`n` answers are the n best of a run, which draws {width}: got {answers}; lower `n` "
            "or raise `tpo.width`.",
            param="n",
        )
