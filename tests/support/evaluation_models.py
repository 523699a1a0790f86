"""Models and rewards that `tpo` finds by name, and a child process to kill."""

import asyncio
import hashlib
import os
import re
import time
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda

from langchain_tpo.cli.main import run_app
from langchain_tpo.prompts import TPO_PROMPTS
from tests.support.fakes import ScriptedModelWithN, last_number, obedient
from tests.support.hostile import ORDERS, megabyte

VERY_LONG = megabyte(TPO_PROMPTS.frame_tags)[:250_000]
"""More than a pipe, a field of a CSV file or a line of a terminal holds at once."""

CALL_LOG = "TPO_TEST_CALL_LOG"
"""Environment variable: the file that every model call is written to."""


class LoggedModel(ScriptedModelWithN):
    """Writes down which question every call was for, and how many completions it asked."""

    latency: float = 0.015

    def _result(self, call: Any) -> Any:
        asked = re.findall(r"question (\d+)", " ".join(m.text for m in call.messages))
        line = f"{os.getpid()} {asked[0]} {call.step} {call.n}\n"
        log = os.open(os.environ[CALL_LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(log, line.encode())
        os.close(log)
        return super()._result(call)


def run_logged(arguments: list[str], log: str) -> None:
    """Run `tpo` in this process; meant for one that will be killed."""
    os.environ[CALL_LOG] = log
    os._exit(run_app(arguments))


def long_answers() -> ScriptedModelWithN:
    return ScriptedModelWithN(
        reply=lambda step, messages, number: (
            "x" * 200_000 + f" {number}"
            if "long" in messages[-1].text
            else obedient(step, messages, number)
        )
    )


def slow() -> ScriptedModelWithN:
    """Answer at once, then take its time over the first critique, but of question 0."""
    return SlowCritic()


class SlowCritic(ScriptedModelWithN):
    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        if messages[0].type == "system" and "question 0" not in str(messages):
            object.__setattr__(self, "latency", 60.0)
        return await super()._agenerate(messages, *args, **kwargs)


def failing_on_seven() -> ScriptedModelWithN:
    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        if "question 7" in messages[-1].text:
            raise RuntimeError("the provider is out of sevens")
        return obedient(step, messages, number)

    return ScriptedModelWithN(reply=reply)


def not_a_number(prompt: str, response: str) -> float:
    """Score nothing of question 3."""
    return float("nan") if prompt.strip().endswith("question 3") else float(len(response))


def always_b(messages: list[BaseMessage]) -> AIMessage:
    """Judge: sure that whatever stands second is better."""
    return AIMessage('{"a_is_better": 0}')


def teachable_where_even() -> ScriptedModelWithN:
    """Revise once for the better where the question's number is even, and else for the worse."""

    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        if step == "update":
            asked = re.findall(r"question (\d+)", " ".join(one.text for one in messages))
            revision = 0 if int(asked[0]) % 2 else 9
            return f"<IMPROVED_VARIABLE>revision {revision}</IMPROVED_VARIABLE>"
        return f"{step} {1 + number % 2}"

    return ScriptedModelWithN(reply=reply)


def hostile() -> ScriptedModelWithN:
    """Say what terminals, pages and prompts may stumble over, then a number."""
    said = " ".join(ORDERS)
    return ScriptedModelWithN(
        reply=lambda step, messages, number: (
            f"<IMPROVED_VARIABLE>{said} {number}" if step == "update" else f"{said} {number}"
        )
    )


def huge() -> ScriptedModelWithN:
    """Say a quarter of a megabyte of that, critiques included."""
    return ScriptedModelWithN(
        reply=lambda step, messages, number: f"<IMPROVED_VARIABLE>{number} {VERY_LONG} {number}"
    )


def huge_rationale(prompt: str, response: str) -> dict[str, Any]:
    return {"reward": last_number(prompt, response), "rationale": VERY_LONG}


def hostile_error() -> ScriptedModelWithN:
    def reply(step: str, messages: list[BaseMessage], number: int) -> str:
        raise RuntimeError(" ".join(ORDERS))

    return ScriptedModelWithN(reply=reply)


biased_judge = RunnableLambda(always_b)


def length(prompt: str, response: str) -> float:
    return float(len(response))


class SeededModel(ScriptedModelWithN):
    """Answers by question and seed alone: the same in every process and in any order."""

    def _result(self, call: Any) -> Any:
        asked = " ".join(message.text for message in call.messages)
        drawn = f"{asked} {call.kwargs.get('seed')} {call.step}"
        base = int(hashlib.sha256(drawn.encode()).hexdigest()[:6], 16)
        texts = [obedient(call.step, call.messages, base + index) for index in range(call.n)]
        usage = self._usage(call.messages, texts)
        return ChatResult(
            generations=[
                ChatGeneration(message=AIMessage(text, usage_metadata=usage)) for text in texts
            ]
        )


def seeded_model() -> SeededModel:
    return SeededModel()


class DeadlySeven(ScriptedModelWithN):
    """Takes the whole process along at question 7."""

    def _result(self, call: Any) -> Any:
        if call.messages[-1].text.endswith("question 7"):
            os._exit(1)
        return super()._result(call)


class SpanModel(ScriptedModelWithN):
    """Writes down from when to when every call was on its way."""

    async def _agenerate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        since = time.time()
        await asyncio.sleep(0.02)
        line = f"{os.getpid()} span {since} {time.time()}\n"
        with open(os.environ[CALL_LOG], "ab", buffering=0) as log:  # noqa: PTH123, ASYNC230 one write
            log.write(line.encode())
        return await super()._agenerate(messages, *args, **kwargs)


def only_in_the_driver() -> ScriptedModelWithN:
    """Stand in for a model whose key is set where the command is typed, and nowhere else."""
    if "TPO_TEST_DRIVER" not in os.environ:
        raise OSError("no key here")
    return ScriptedModelWithN()
