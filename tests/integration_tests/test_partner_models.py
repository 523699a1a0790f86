"""LangChain's own chat model classes, in front of services that refuse what the real ones refuse.

The classes come with the dependency group `models`; where one is not installed its tests skip.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings
from tests.support.fakes import last_number
from tests.support.servers.strict_services import StrictServices

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # clients that close no connection
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Build = Callable[[str], Any]


def _class(package: str, name: str) -> Any:
    return getattr(pytest.importorskip(package), name)


def chat_openai(url: str) -> Any:
    kind = _class("langchain_openai", "ChatOpenAI")
    return kind(model="m", base_url=f"{url}/v1", api_key="k", max_retries=0)


def chat_huggingface(url: str) -> Any:
    endpoint = _class("langchain_huggingface", "HuggingFaceEndpoint")
    kind = _class("langchain_huggingface", "ChatHuggingFace")
    llm = endpoint(endpoint_url=url, huggingfacehub_api_token="k", max_new_tokens=64)
    return kind(llm=llm, model_id="m")


def chat_groq(url: str) -> Any:
    return _class("langchain_groq", "ChatGroq")(model="m", base_url=url, api_key="k", max_retries=0)


def chat_deepseek(url: str) -> Any:
    kind = _class("langchain_deepseek", "ChatDeepSeek")
    return kind(model="m", api_base=f"{url}/v1", api_key="k", max_retries=0)


def chat_xai(url: str) -> Any:
    kind = _class("langchain_xai", "ChatXAI")
    return kind(model="m", xai_api_base=f"{url}/v1", api_key="k", max_retries=0)


def chat_fireworks(url: str) -> Any:
    kind = _class("langchain_fireworks", "ChatFireworks")
    return kind(model="m", base_url=f"{url}/v1", api_key="k", max_retries=1)


def chat_together(url: str) -> Any:
    kind = _class("langchain_together", "ChatTogether")
    return kind(model="m", base_url=f"{url}/v1", api_key="k", max_retries=0)


def chat_openrouter(url: str) -> Any:
    kind = _class("langchain_openrouter", "ChatOpenRouter")
    return kind(model="m", base_url=f"{url}/v1", api_key="k", max_retries=0)


def chat_mistral(url: str) -> Any:
    kind = _class("langchain_mistralai", "ChatMistralAI")
    return kind(model="m", endpoint=f"{url}/v1", api_key="k", max_retries=1)


def chat_nvidia(url: str) -> Any:
    kind = _class("langchain_nvidia_ai_endpoints", "ChatNVIDIA")
    return kind(model="m", base_url=f"{url}/v1", api_key="nvapi-k")


def chat_ollama(url: str) -> Any:
    return _class("langchain_ollama", "ChatOllama")(model="m", base_url=url)


def chat_anthropic(url: str) -> Any:
    kind = _class("langchain_anthropic", "ChatAnthropic")
    return kind(model="claude", base_url=url, api_key="k", max_retries=0)


MODELS: dict[str, tuple[Build, str]] = {
    "ChatHuggingFace at TGI": (chat_huggingface, "tgi"),
    "ChatOpenAI": (chat_openai, "openai"),
    "ChatOpenAI at TGI": (chat_openai, "tgi"),
    "ChatOpenAI at llama.cpp": (chat_openai, "llamacpp"),
    "ChatOpenAI at NIM": (chat_openai, "nim"),
    "ChatOllama": (chat_ollama, "ollama"),
    "ChatAnthropic": (chat_anthropic, "anthropic"),
    "ChatGroq": (chat_groq, "groq"),
    "ChatDeepSeek": (chat_deepseek, "deepseek"),
    "ChatMistralAI": (chat_mistral, "mistral"),
    "ChatXAI": (chat_xai, "openai"),
    "ChatFireworks": (chat_fireworks, "fireworks"),
    "ChatTogether": (chat_together, "openai"),
    "ChatOpenRouter": (chat_openrouter, "tgi"),
    "ChatNVIDIA": (chat_nvidia, "nim"),
}

SETTINGS: dict[str, TPOSettings] = {
    "defaults": TPOSettings(width=3, depth=1),
    "paper": TPOSettings.paper(width=3, depth=1),
    "small": TPOSettings.small_model(width=3, depth=1),
    "seed": TPOSettings(width=3, depth=1, seed=7),
}


@pytest.fixture
def services() -> Iterator[StrictServices]:
    with StrictServices() as running:
        yield running


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request: pytest.FixtureRequest, services: StrictServices) -> Any:
    build, service = request.param
    return build(services.url(service))


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_every_preset_runs_to_its_end(
    model: Any, settings: TPOSettings, services: StrictServices
) -> None:
    result = TPORunnable(model=model, reward=last_number, settings=settings).optimize("Wood?")

    assert result.stop_reason == "depth"
    assert len(result.pool) == 6
    assert result.usage["completions"] == 8
    assert result.usage["requests"] == len(services.bodies)
    assert len(services.bodies) <= 8 + 3  # a refusal costs as many requests as were on their way


@pytest.mark.parametrize("wrapped", ["plain", "retry", "sequence"])
async def test_a_chat_tpo_and_its_batches(
    model: Any, wrapped: str, services: StrictServices
) -> None:
    around = {
        "plain": model,
        "retry": model.with_retry(stop_after_attempt=2),
        "sequence": model | (lambda message: message),
    }[wrapped]
    chat = ChatTPO(model=around, reward=last_number, settings=SETTINGS["paper"], temperature=0.3)

    answers = [*chat.batch(["Wood?", "Oil?"]), await chat.ainvoke("Wax?")]

    assert [answer.response_metadata["tpo"]["stop_reason"] for answer in answers] == ["depth"] * 3
    asked = sum(answer.response_metadata["tpo"]["usage"]["requests"] for answer in answers)
    assert asked == len(services.bodies)


def test_the_page_names_every_class_that_is_tried() -> None:
    page = (Path(__file__).parents[2] / "docs/models.md").read_text(encoding="utf-8")

    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `Chat")]
    assert [row.replace("`", "") for row in rows] == list(MODELS)
