"""LangChain's own chat model classes, each in front of a stand-in for the service that it talks to.

The packages are those of the dependency group `models`; a row whose package is missing says so when
it is built. Knows classes and addresses; knows nothing of TPO.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.servers.strict_services import KEY

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it asks the network first


@dataclass(frozen=True, kw_only=True)
class Row:
    """One class, one service."""

    package: str
    cls: str
    service: str
    url: str = "base_url"
    """The field that holds the address."""
    end: str = "/v1"
    """What of the address belongs to that field."""
    model: str = "m"
    key: str | None = "api_key"
    fields: Mapping[str, Any] = field(default_factory=dict)
    provider: str | None = None
    """How `init_chat_model`, and with it the command line, calls the class."""
    variable: str | None = None
    """Where the command line's user has the key."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Uses that the class itself, or its service, has no way for, and why."""
    make: Callable[["Row", str, dict[str, Any]], Any] | None = None
    """For a class that is built in a way of its own."""

    def build(self, base: str, **changes: Any) -> Any:
        """Return the model; `base` is the address of the service."""
        values = {
            "model": self.model,
            self.url: base + self.end,
            **({self.key: KEY} if self.key else {}),
            **self.fields,
            **changes,
        }
        if self.make is not None:
            return self.make(self, base, values)
        return getattr(importlib.import_module(self.package), self.cls)(**values)


def _huggingface(row: Row, base: str, values: dict[str, Any]) -> Any:
    package = importlib.import_module(row.package)
    key = values.get("api_key", KEY)
    llm = package.HuggingFaceEndpoint(
        endpoint_url=values["base_url"], huggingfacehub_api_token=key, max_new_tokens=64
    )
    own = {name: value for name, value in values.items() if name in ("streaming", "temperature")}
    return package.ChatHuggingFace(llm=llm, model_id=values["model"], **own)


def _perplexity(row: Row, base: str, values: dict[str, Any]) -> Any:
    """Point Perplexity's own client at the stand-in: the class has no field for an address."""
    sdk = importlib.import_module("perplexity")
    address, key = values.pop("base_url"), values["api_key"]
    model = importlib.import_module(row.package).ChatPerplexity(**values)
    model.client = sdk.Perplexity(api_key=key, base_url=address, max_retries=0)
    model.async_client = sdk.AsyncPerplexity(api_key=key, base_url=address, max_retries=0)
    return model


_NO_RETRIES = {"max_retries": 0}
_OPENAI = {
    "package": "langchain_openai",
    "cls": "ChatOpenAI",
    "fields": _NO_RETRIES,
    "provider": "openai",
    "variable": "OPENAI_API_KEY",
}


_NO_V1: Mapping[str, str] = {"no /v1": "the service answers without it, too"}


def _openai(service: str, **changes: Any) -> Row:
    return Row(**{**_OPENAI, "service": service, **changes})


def _bedrock(service: str, model: str, **changes: Any) -> Row:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
    return Row(
        package="langchain_aws",
        cls="ChatBedrockConverse",
        service=service,
        url="endpoint_url",
        end="",
        model=model,
        key=None,
        fields=keys,
        **changes,
    )


ROWS: Mapping[str, Row] = {
    "ChatHuggingFace at TGI": Row(
        package="langchain_huggingface",
        cls="ChatHuggingFace",
        service="tgi",
        end="",
        lacks={
            "with_structured_output": "the class takes no pydantic classes",
            "/v1 twice": "the class adds none where there is one",
            **dict.fromkeys(["wrong key", "wrong model"], "an endpoint of TGI looks at neither"),
        },
        make=_huggingface,
    ),
    "ChatOpenAI": _openai("openai"),
    "ChatOpenAI, Responses API": _openai(
        "responses", fields={**_NO_RETRIES, "use_responses_api": True}, provider=None
    ),
    "ChatOpenAI, reasoning": _openai("gpt-5", model="gpt-5-mini"),
    "ChatOpenAI at TGI": _openai("tgi"),
    "ChatOpenAI at vLLM": _openai("vllm"),
    "ChatOpenAI at vLLM, Gemma": _openai("gemma"),
    "ChatOpenAI at SGLang": _openai("sglang"),
    "ChatOpenAI at llama.cpp": _openai("llamacpp", lacks=_NO_V1),
    "ChatOpenAI at Ollama": _openai("ollama_v1"),
    "ChatOpenAI at NIM": _openai("nim"),
    "ChatOpenAI at DashScope": _openai(
        "dashscope",
        end="/compatible-mode/v1",
        fields={**_NO_RETRIES, "streaming": True},
    ),
    "AzureChatOpenAI": Row(
        package="langchain_openai",
        cls="AzureChatOpenAI",
        service="azure",
        url="azure_endpoint",
        end="",
        fields={**_NO_RETRIES, "azure_deployment": "m", "api_version": "2025-01-01"},
    ),
    "ChatOllama": Row(
        package="langchain_ollama",
        cls="ChatOllama",
        service="ollama",
        end="",
        key=None,
        provider="ollama",
    ),
    "ChatAnthropic": Row(
        package="langchain_anthropic",
        cls="ChatAnthropic",
        service="anthropic",
        end="",
        model="claude-sonnet-4-5-20250929",
        fields=_NO_RETRIES,
        provider="anthropic",
        variable="ANTHROPIC_API_KEY",
    ),
    "ChatAnthropic, newest": Row(
        package="langchain_anthropic",
        cls="ChatAnthropic",
        service="opus",
        end="",
        model="claude-opus-4-7",
        fields=_NO_RETRIES,
        provider="anthropic",
        variable="ANTHROPIC_API_KEY",
    ),
    "ChatAnthropic, thinking": Row(
        package="langchain_anthropic",
        cls="ChatAnthropic",
        service="thinking",
        end="",
        model="claude-sonnet-4-5-20250929",
        fields={
            **_NO_RETRIES,
            "thinking": {"type": "enabled", "budget_tokens": 2000},
            "max_tokens": 4000,
        },
        lacks={"with_structured_output": "a model that thinks cannot be made to call a tool"},
    ),
    "ChatGoogleGenerativeAI": Row(
        package="langchain_google_genai",
        cls="ChatGoogleGenerativeAI",
        service="google",
        end="",
        model="gemini-3-flash-preview",
        fields={"max_retries": 1},
        provider="google_genai",
        variable="GOOGLE_API_KEY",
    ),
    "ChatBedrockConverse": _bedrock("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "ChatBedrockConverse, Titan": _bedrock(
        "titan",
        "amazon.titan-text-express-v1",
        lacks={"with_structured_output": "the class cannot make this model call a tool"},
    ),
    "ChatGroq": Row(
        package="langchain_groq",
        cls="ChatGroq",
        service="groq",
        end="",
        fields=_NO_RETRIES,
        provider="groq",
        variable="GROQ_API_KEY",
    ),
    "ChatDeepSeek": Row(
        package="langchain_deepseek",
        cls="ChatDeepSeek",
        service="deepseek",
        url="api_base",
        lacks=_NO_V1,
        fields=_NO_RETRIES,
        provider="deepseek",
        variable="DEEPSEEK_API_KEY",
    ),
    "ChatDeepSeek, reasoner": Row(
        package="langchain_deepseek",
        cls="ChatDeepSeek",
        service="reasoner",
        url="api_base",
        model="deepseek-reasoner",
        fields=_NO_RETRIES,
        provider="deepseek",
        variable="DEEPSEEK_API_KEY",
        lacks={
            **_NO_V1,
            "with_structured_output": "a model that thinks cannot be made to call a tool",
        },
    ),
    "ChatMistralAI": Row(
        package="langchain_mistralai",
        cls="ChatMistralAI",
        service="mistral",
        url="endpoint",
        fields={"max_retries": 1},
        provider="mistralai",
        variable="MISTRAL_API_KEY",
    ),
    "ChatXAI": Row(
        package="langchain_xai",
        cls="ChatXAI",
        service="openai",
        url="xai_api_base",
        fields=_NO_RETRIES,
        provider="xai",
        variable="XAI_API_KEY",
    ),
    "ChatFireworks": Row(
        package="langchain_fireworks",
        cls="ChatFireworks",
        service="fireworks",
        end="/inference",
        fields={"max_retries": 1},
        provider="fireworks",
        variable="FIREWORKS_API_KEY",
    ),
    "ChatTogether": Row(
        package="langchain_together",
        cls="ChatTogether",
        service="openai",
        fields=_NO_RETRIES,
        provider="together",
        variable="TOGETHER_API_KEY",
    ),
    "ChatOpenRouter": Row(
        package="langchain_openrouter",
        cls="ChatOpenRouter",
        service="openrouter",
        end="/api/v1",
        fields=_NO_RETRIES,
        provider="openrouter",
        variable="OPENROUTER_API_KEY",
    ),
    "ChatNVIDIA": Row(
        package="langchain_nvidia_ai_endpoints",
        cls="ChatNVIDIA",
        service="nim",
        lacks={"no /v1": "the class adds it where there is none"},
        provider="nvidia",
        variable="NVIDIA_API_KEY",
    ),
    "ChatLiteLLM": Row(
        package="langchain_litellm",
        cls="ChatLiteLLM",
        service="anthropic",
        url="api_base",
        end="",
        model="anthropic/claude-sonnet-4-5-20250929",
        fields=_NO_RETRIES,
        provider="litellm",
        variable="ANTHROPIC_API_KEY",
    ),
    "ChatPerplexity": Row(
        package="langchain_perplexity",
        cls="ChatPerplexity",
        service="perplexity",
        end="",
        model="sonar",
        fields={"max_retries": 1},
        lacks=dict.fromkeys(["bind_tools", "agent"], "the class reads no calls of tools"),
        make=_perplexity,
    ),
    "ChatCohere": Row(
        package="langchain_cohere",
        cls="ChatCohere",
        service="cohere",
        end="",
        key="cohere_api_key",
    ),
}
"""What is tried, the self-hosted first."""
