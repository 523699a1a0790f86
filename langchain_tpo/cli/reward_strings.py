"""Reward models by the short URLs that users type: `scheme:rest?option=value`.

The table at the end is the whole registry: one line per scheme. Knows how each is built, nothing
of how it scores.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast
from urllib.parse import parse_qsl

from pydantic import SecretStr

from langchain_tpo.cli.model_strings import chat_model
from langchain_tpo.cli.python_objects import python_object
from langchain_tpo.errors import ConfigurationError, SettingsError
from langchain_tpo.reward_models import chat_templates
from langchain_tpo.reward_models.coercion import RewardLike, as_reward_model
from langchain_tpo.reward_models.interface import RewardModel
from langchain_tpo.text.secrecy import without_credentials

Options = dict[str, Any]
"""What stands behind the `?`, by name."""

Build = Callable[[str, Options], RewardLike]
"""Makes a reward model of what stands between the scheme and the `?`."""

_PACKAGE = "langchain_tpo.reward_models"


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One way to name a reward model."""

    example: str
    """What to type."""
    about: str
    """What it is, for the help page."""
    build: Build
    """Makes it."""


UNTOLD = frozenset({"api_key", "query"})
"""Options that a manifest leaves out: they may hold a key."""


def reward_model(text: str) -> RewardModel:
    """Return the reward model that a short URL names.

    Options follow a `?` and are the fields of the reward model, such as `timeout=5`. A key is named
    by the environment variable that holds it: `api_key_env=RM_KEY`.

    Args:
        text: Such as `head`, `python:my_rewards:brevity` or `tei:http://rm:8080`.

    Raises:
        ConfigurationError: In one line, when there is no such reward model.
        MissingExtraError: When a package is missing.

    Example:
        >>> reward_model("tei:http://rm:8080?timeout=5").timeout
        5.0
        >>> reward_model("oracle:delphi")
        Traceback (most recent call last):
        langchain_tpo.errors.ConfigurationError: No reward model is called `oracle:...`: use \
head, hf-endpoint, implicit, infinity, instructions, judge, listwise, nim, openai, openrlhf, \
pairwise, python, sglang, tei, tgi, transformers, unit-tests, vllm, vllm-process.
    """
    address, _, query = text.partition("?")
    scheme, _, rest = address.partition(":")
    if scheme not in SCHEMES:
        known = ", ".join(sorted(SCHEMES))
        raise ConfigurationError(f"No reward model is called `{scheme}:...`: use {known}.")
    if not rest and SCHEMES[scheme].example != scheme:
        raise ConfigurationError(
            f"`{scheme}:` says not which one: type it like `{SCHEMES[scheme].example}`."
        )
    return as_reward_model(SCHEMES[scheme].build(rest, _options(scheme, query)))


def reward_label(text: str) -> str:
    """Name a reward model in a manifest: what was typed, without credentials and queries.

    Example:
        >>> reward_label("tei:http://me:secret@rm:8080?timeout=5&api_key=secret")
        'tei:http://rm:8080?timeout=5'
    """
    address, _, query = text.partition("?")
    before, slashes, host = address.partition("://")
    shown = f"{before}{slashes}{host.rpartition('@')[2]}" if slashes else address
    kept = [f"{name}={value}" for name, value in parse_qsl(query) if name not in UNTOLD]
    return without_credentials(shown + (f"?{'&'.join(kept)}" if kept else ""))


def _options(scheme: str, query: str) -> Options:
    options: Options = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name in options:
            raise SettingsError(f"The options of `{scheme}:` say `{name}` twice.")
        options[name] = value
    if "api_key" in options:
        raise SettingsError(
            "A key on the command line is seen by everyone on the machine: put it into an "
            "environment variable and give `api_key_env=NAME`."
        )
    if "api_key_env" in options:
        options["api_key"] = _from_environment(options.pop("api_key_env"), scheme)
    if "header_env" in options:
        name, variable = _pair("header_env", options.pop("header_env"))
        options["headers"] = {name: _from_environment(variable, scheme)}
    return options


def _from_environment(variable: str, scheme: str) -> SecretStr:
    if not os.environ.get(variable):
        raise SettingsError(f"The environment variable `{variable}` is not set (`{scheme}:`).")
    return SecretStr(os.environ[variable])


def _pair(option: str, text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name and colon):
        raise SettingsError(f"`{option}` must be written `name:value`, got `{text}`.")
    return name, value


def _python(rest: str, options: Options) -> RewardLike:
    _refuse(options, "python")
    return cast("RewardLike", python_object(rest))


def _head(rest: str, options: Options) -> RewardLike:
    _refuse(options, "head")
    heads = import_module(f"{_PACKAGE}.preference_head")
    if not rest:
        return cast("RewardLike", heads.PreferenceHead())
    try:
        weights = heads.HeadWeights.read(rest)
    except OSError as error:
        raise SettingsError(f"`{rest}` could not be read: {error.strerror}.") from error
    return cast("RewardLike", heads.PreferenceHead(weights=weights))


def _instructions(_rest: str, options: Options) -> RewardLike:
    _check_known(options, {"own_words"}, "instructions")
    typed = _with_numbers(options, {"own_words": int})
    module = import_module(f"{_PACKAGE}.verifiable_instructions")
    return cast("RewardLike", module.VerifiableInstructions(**typed))


def _unit_tests(_rest: str, options: Options) -> RewardLike:
    numbers = {"seconds": float, "memory_mb": int}
    _check_known(options, {"where", *numbers}, "unit-tests")
    typed = _with_numbers(options, numbers)
    return cast("RewardLike", import_module(_PACKAGE).UnitTests(run_code=True, **typed))


def _transformers(rest: str, options: Options) -> RewardLike:
    classifiers = import_module(f"{_PACKAGE}.in_process.sequence_classifier")
    numbers = {"batch_size": int, "max_length": int}
    _check_known(options, {"dtype", "device", "revision", "template", *numbers}, "transformers")
    typed = _with_numbers(_templated(options), numbers)
    return cast("RewardLike", classifiers.SequenceClassifier(rest, **typed))


def _judge(scheme: str, module: str, name: str, *own: str) -> Build:
    def build(rest: str, options: Options) -> RewardLike:
        _check_known(options, {"explain", "structured", "base_url", "criteria", *own}, scheme)
        model = chat_model(rest, base_url=options.pop("base_url", None))
        for option in options.keys() & {"explain", "structured"}:
            options[option] = _yes_or_no(option, options[option])
        judge = getattr(import_module(f"{_PACKAGE}.{module}"), name)
        return cast("RewardLike", judge(model, **options))

    return build


def _server(module: str, name: str) -> Build:
    def build(rest: str, options: Options) -> RewardLike:
        server = getattr(import_module(f"{_PACKAGE}.{module}"), name)
        typed = _weighted(_queried(_questioned(_templated(options))))
        return cast("RewardLike", server(rest, **typed))

    return build


def _queried(options: Options) -> Options:
    if "query" not in options:
        return options
    return {**options, "query": dict([_pair("query", options["query"])])}


def _weighted(options: Options) -> Options:
    """Read `1,0,-0.5` as weights by place, and `helpful:1,verbose:-0.5` as weights by name."""
    if "weights" not in options:
        return options
    parts = options["weights"].split(",")
    if ":" in options["weights"]:
        pairs = [_pair("weights", part) for part in parts]
        return {**options, "weights": {name: _weight(value) for name, value in pairs}}
    return {**options, "weights": [_weight(part) for part in parts]}


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"`weights` must be numbers, got `{text}`.") from None


def _templated(options: Options) -> Options:
    if "template" not in options:
        return options
    templates = {
        "llama3": chat_templates.llama3,
        "chatml": chat_templates.chatml,
        "transcript": chat_templates.transcript,
    }
    return {**options, "template": _one_of("template", options["template"], templates)}


def _questioned(options: Options) -> Options:
    if "question" not in options:
        return options
    questions = import_module(f"{_PACKAGE}.servers.verifier_questions")
    kinds = {"yes-no": questions.YesNo, "rating": questions.Rating, "json": questions.JsonScore}
    return {**options, "question": _one_of("question", options["question"], kinds)()}


def _one_of(option: str, value: str, known: Mapping[str, Any]) -> Any:  # noqa: ANN401 as the table
    if value not in known:
        raise SettingsError(f"`{option}` must be {_listed(known)}, got `{value}`.")
    return known[value]


def _with_numbers(options: Options, kinds: Mapping[str, Callable[[str], float]]) -> Options:
    """Read those of the options that are numbers."""
    return {
        name: _number(name, value, kinds[name]) if name in kinds else value
        for name, value in options.items()
    }


def _number(name: str, value: str, kind: Callable[[str], float]) -> float:
    try:
        return kind(value)
    except ValueError:
        called = "a whole number" if kind is int else "a number"
        raise SettingsError(f"`{name}` must be {called}, got `{value}`.") from None


def _yes_or_no(option: str, value: str) -> bool:
    answers = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return bool(_one_of(option, value.lower(), answers))


def _check_known(options: Options, known: set[str], scheme: str) -> None:
    for name in options.keys() - known:
        raise SettingsError(f"`{scheme}:` has no option `{name}`: use {_listed(known)}.")


def _refuse(options: Options, scheme: str) -> None:
    for name in options:
        raise SettingsError(f"`{scheme}:` takes no options, got `{name}`.")


def _listed(names: Mapping[str, Any] | set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


SCHEMES: Mapping[str, Scheme] = {
    "head": Scheme(
        example="head",
        about="the small preference head that comes along; a demonstration, not a judge",
        build=_head,
    ),
    "instructions": Scheme(
        example="instructions",
        about="the share of a prompt's own checkable instructions that a response keeps; "
        "`?own_words=3` asks for words that the prompt does not have",
        build=_instructions,
    ),
    "unit-tests": Scheme(
        example="unit-tests",
        about="the share of a row's or prompt's tests that pass; runs code that the model wrote; "
        "`?where=prompt` keeps a row's tests hidden",
        build=_unit_tests,
    ),
    "python": Scheme(
        example="python:my_rewards:brevity",
        about="your own function `(prompt, response) -> float`, or reward model",
        build=_python,
    ),
    "judge": Scheme(
        example="judge:openai:gpt-4o-mini",
        about="a chat model that rates (extra of its provider); `?style=auto-j` for published ones",
        build=_judge("judge", "judges.chat_judge", "ChatJudge", "scale", "style"),
    ),
    "listwise": Scheme(
        example="listwise:openai:gpt-4o-mini",
        about="a chat model that sees all responses of a round at once",
        build=_judge(
            *("listwise", "judges.listwise_judge", "ListwiseJudge"),
            *("scale", "ask", "at_once", "orders"),
        ),
    ),
    "pairwise": Scheme(
        example="pairwise:openai:gpt-4o-mini",
        about="a chat model that compares, in both orders; `?style=arena-hard` for published ones",
        build=_judge("pairwise", "judges.pairwise_judge", "PairwiseJudge", "effort", "style"),
    ),
    "tgi": Scheme(
        example="tgi:http://host:8080",
        about="a generative verifier behind Text Generation Inference (extra `tgi`)",
        build=_server("servers.tgi", "TGIRewardModel"),
    ),
    "openai": Scheme(
        example="openai:http://host:8000/v1",
        about="a generative verifier behind any server with log-probabilities (extra `http`)",
        build=_server("servers.openai_compatible", "OpenAIVerifier"),
    ),
    "implicit": Scheme(
        example="implicit:http://dpo:8080?reference=http://sft:8080",
        about="what preference training left in a model (extra `tgi`)",
        build=_server("servers.implicit", "ImplicitRewardModel"),
    ),
    "vllm": Scheme(
        example="vllm:http://host:8000",
        about="a sequence classifier behind vLLM (extra `http`)",
        build=_server("servers.classifiers", "VLLMClassifier"),
    ),
    "vllm-process": Scheme(
        example="vllm-process:http://host:8000?reduce=product",
        about="a process reward model behind vLLM, step by step (extra `http`)",
        build=_server("servers.classifiers", "VLLMProcessReward"),
    ),
    "openrlhf": Scheme(
        example="openrlhf:http://host:5000?template=llama3",
        about="a reward model behind OpenRLHF's `serve_rm` (extra `http`)",
        build=_server("servers.classifiers", "OpenRLHFClassifier"),
    ),
    "nim": Scheme(
        example="nim:http://host:8000?model=nvidia/llama-3.1-nemotron-70b-reward",
        about="a reward model behind NVIDIA NIM (extra `http`)",
        build=_server("servers.classifiers", "NIMClassifier"),
    ),
    "tei": Scheme(
        example="tei:http://host:8080",
        about="a sequence classifier behind Text Embeddings Inference (extra `http`)",
        build=_server("servers.classifiers", "TEIClassifier"),
    ),
    "sglang": Scheme(
        example="sglang:http://host:30000?template=llama3",
        about="a sequence classifier behind SGLang (extra `http`)",
        build=_server("servers.classifiers", "SGLangClassifier"),
    ),
    "infinity": Scheme(
        example="infinity:http://host:7997",
        about="a sequence classifier behind Infinity (extra `http`)",
        build=_server("servers.classifiers", "InfinityClassifier"),
    ),
    "hf-endpoint": Scheme(
        example="hf-endpoint:https://x.endpoints.huggingface.cloud?template=llama3",
        about="a Hugging Face Inference Endpoint (extra `http`)",
        build=_server("servers.classifiers", "HFEndpointClassifier"),
    ),
    "transformers": Scheme(
        example="transformers:Skywork/Skywork-Reward-V2-Qwen3-0.6B",
        about="a sequence classifier in this process (extra `transformers`)",
        build=_transformers,
    ),
}
"""Every scheme, by name."""
