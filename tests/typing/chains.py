"""What an application engineer writes around `TPORunnable`; both type checkers read it strictly."""

from collections.abc import AsyncIterator
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableConfig, RunnablePassthrough
from pydantic import BaseModel

from langchain_tpo import ChatTPO, Price, TPOPrompts, TPOResult, TPORunnable, TPOSettings
from langchain_tpo.prompts import SMALL_MODEL_PROMPTS
from langchain_tpo.state import Usage
from langchain_tpo.strategies import Directions, Explain


class Plan(BaseModel):
    """A structured answer."""

    title: str


def longer(prompt: str, response: str) -> float:
    """Score by length."""
    return float(len(response))


def context(question: dict[str, str]) -> str:
    """Look something up."""
    return question["q"]


model: BaseChatModel = init_chat_model("openai:gpt-4.1-mini")
tpo = TPORunnable(model=model, reward=longer, width=3, depth=1)
retried = TPORunnable(model=model.with_retry(), critic=model, reward=longer)
spare = TPORunnable(model=model.with_fallbacks([model]), reward=longer, name="spare")
tools = TPORunnable(model=model.bind_tools([longer]), reward=longer, whole_replies=True)
fused = TPORunnable(model=model, reward=longer, settings=TPOSettings(strategy="fused"))
directed = TPOSettings(strategy=Directions(directions=["Shorter!", "Longer!"]))
explained = TPOSettings(strategy=Explain(forms=["remind", "repair"], fresh=1))
words: TPOPrompts = SMALL_MODEL_PROMPTS
worded = TPOSettings(prompts=words, min_contrast="unexplained", on_refusal="end")

prompt = ChatPromptTemplate([("human", "{q}")])
chain = prompt | tpo | StrOutputParser()
answer: str = chain.invoke({"q": "Oak?"})
message: AIMessage = tpo.invoke("Oak?")
figures: dict[str, Any] = message.response_metadata["tpo"]
result: TPOResult = tpo.optimize([HumanMessage("Oak?")])
usage: Usage = result.usage
cost: float | None = result.price(Price(input=0.4, output=1.6))
drafts: AIMessage = tpo.invoke({"messages": "Oak?", "drafts": ["Oil it."]})
known: AIMessage = tpo.invoke({"messages": "Oak?", "context": {"reference": "Oil it."}})
tuples: AIMessage = tpo.invoke([("human", "Oak?")])
dicts: AIMessage = tpo.invoke([{"role": "user", "content": "Oak?"}])
rag = RunnablePassthrough[dict[str, str]].assign(context=context) | prompt | tpo
configurable = tpo.configurable_fields(width=ConfigurableField(id="width"))

chat = ChatTPO(model=model, reward=longer, width=2, temperature=0.7, optimize="tool_calls")
plan = chat.with_structured_output(Plan).invoke("Oak?")
called: AIMessage = chat.bind_tools([longer]).invoke("Oak?")


async def rounds(question: str, config: RunnableConfig) -> AsyncIterator[float]:
    """Tell the best reward of each round."""
    async for event in tpo.astream_events(question, config, version="v2"):
        if event["event"] == "on_custom_event" and event["name"] == "tpo_round":
            data: dict[str, Any] = dict(event["data"])
            yield data["best_reward"]


async def forgiving(questions: list[str]) -> list[str]:
    """Answer many, failures among them."""
    texts: list[str] = []
    async for _, output in tpo.abatch_as_completed(questions, return_exceptions=True):
        texts.append(str(output) if isinstance(output, Exception) else output.text)
    return texts


async def strict(questions: list[str]) -> list[str]:
    """Answer many."""
    texts: list[str] = [output.text async for _, output in tpo.abatch_as_completed(questions)]
    texts += [output.text for _, output in tpo.batch_as_completed(questions)]
    return texts + [output.text for output in tpo.batch([*questions], {"max_concurrency": 8})]
