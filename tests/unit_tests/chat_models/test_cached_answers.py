"""LangChain's cache around `ChatTPO`: nobody gets the answer of another model."""

from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models import FakeListChatModel
from langchain_core.runnables import ConfigurableField
from langchain_openai import ChatOpenAI

from langchain_tpo import ChatTPO, TPOSettings
from langchain_tpo.chat_models.cached_answers import key_of
from langchain_tpo.reward_models import ChatJudge, VLLMClassifier
from tests.support.fakes import ScriptedModel


def length(response: str) -> float:
    return float(len(response))


def openai(**options: Any) -> ChatOpenAI:
    return ChatOpenAI(model="m", api_key="k", **options)


def saying(text: str) -> FakeListChatModel:
    return FakeListChatModel(responses=[text])


def test_an_answer_comes_out_of_the_cache_once_the_same_is_asked() -> None:
    model = ScriptedModel()
    chat = ChatTPO(model=model, reward=length, width=2, depth=0, cache=InMemoryCache())

    first, second = (chat.invoke("Wood?") for _ in range(2))

    assert first.text == second.text
    assert first.response_metadata["tpo"] == second.response_metadata["tpo"]


def test_models_of_one_class_do_not_share_answers() -> None:
    cache = InMemoryCache()
    chats = [
        ChatTPO(model=saying(text), reward=length, width=2, depth=0, cache=cache)
        for text in ("from A", "from B")
    ]

    assert [chat.invoke("Wood?").text for chat in chats] == ["from A", "from B"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"model": openai()}, {"model": openai(temperature=1.5)}),
        ({"model": openai()}, {"model": openai(base_url="https://other.example/v1")}),
        ({"model": [openai(), openai()]}, {"model": [openai(), openai(temperature=1.5)]}),
        ({"critic": openai()}, {"critic": openai(temperature=0)}),
        ({"reward": ChatJudge(openai())}, {"reward": ChatJudge(openai(temperature=1))}),
        (
            {"reward": VLLMClassifier("http://one.example")},
            {"reward": VLLMClassifier("http://other.example")},
        ),
        ({}, {"settings": TPOSettings.model_validate({"sample": {"extra": {"top_k": 5}}})}),
    ],
)
def test_what_differs_in_a_part_differs_in_the_key(one: Any, other: Any) -> None:
    told: dict[str, Any] = {"model": openai(), "reward": length}

    keys = {ChatTPO(**{**told, **parts}).fingerprint for parts in (one, one, other)}

    assert len(keys) == 2


def test_a_copy_has_a_key_of_its_own() -> None:
    chat = ChatTPO(model=openai(), reward=length)

    assert chat.fingerprint != chat.with_settings(depth=1).fingerprint


def test_a_function_is_known_by_its_name_in_every_process() -> None:
    def named() -> Any:
        def brevity(response: str) -> float:
            return -float(len(response))

        return brevity

    one, other = (ChatTPO(model=openai(), reward=named()) for _ in range(2))

    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize(
    "configurable", [{"tpo_settings": TPOSettings(width=3, depth=0)}, {"llm": "b"}]
)
async def test_no_cache_is_asked_where_a_call_sets_something(configurable: Any) -> None:
    model = saying("from a").configurable_alternatives(
        ConfigurableField(id="llm"), default_key="a", b=saying("from b")
    )
    chat = ChatTPO(model=model, reward=length, width=2, depth=0, cache=InMemoryCache())

    plain = [chat.invoke("Wood?", {"configurable": {"thread_id": "1"}}) for _ in range(2)]
    told = chat.invoke("Wood?", {"configurable": configurable})
    awaited = await chat.ainvoke("Wood?", {"configurable": configurable})

    assert plain[0].id == plain[1].id
    expected = ("from b", 2) if "llm" in configurable else ("from a", 3)
    for answer in (told, awaited):
        assert (answer.text, answer.response_metadata["tpo"]["candidates"]) == expected


def test_what_may_hold_a_key_is_told_to_no_trace_and_no_cache() -> None:
    hidden = TPOSettings.model_validate({"sample": {"extra": {"extra_headers": {"X": "hush"}}}})
    chat = ChatTPO(model=openai(default_headers={"X": "hush"}), reward=length, settings=hidden)

    assert "hush" not in str(chat.asdict())
    assert "hush" not in key_of([chat])


def test_tokens_are_counted_as_the_wrapped_model_counts_them() -> None:
    class Counting(FakeListChatModel):
        def get_token_ids(self, text: str) -> list[int]:
            return list(range(len(text)))

        def get_num_tokens_from_messages(self, messages: Any, tools: Any = None) -> int:
            return 777 + len(tools or ())

    chat = ChatTPO(model=Counting(responses=["x"]), reward=length)
    own = ChatTPO(
        model=Counting(responses=["x"]), reward=length, custom_get_token_ids=lambda _: [1, 2]
    )

    assert (chat.get_num_tokens("abc"), own.get_num_tokens("abc")) == (3, 2)
    assert chat.get_num_tokens_from_messages([], tools=[{}]) == 778
