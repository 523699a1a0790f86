"""Writes docs/models.md and docs/models_tried.md from what tests of LangChain's classes measured.

    python tools/models_page.py              the pages, from tests/fixtures/partner_models.json
    python tools/models_page.py --measure    the figures as well, from a run: `make models_page`

What stands behind `--measure` is for pytest, such as `-k ChatGroq`; all other figures stay.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests/integration_tests/test_partner_models.py"
RECORD = ROOT / "tests/fixtures/partner_models.json"
DOCS = ROOT / "docs"

Measured = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""What was heard and learned, by class and use."""

WITHOUT = "without "

PRESETS = ("defaults", "paper", "small_model", "seed")
USES = ("ChatTPO, plain", "batch", "agent", "ChatJudge", "tpo optimize")

CHAT_MODELS = """\
# Chat models

`model` and `critic` take any LangChain chat model, plain, bound, with retries and fallbacks, in a
sequence, or configured at run time. The critic writes loss and gradient; without one the model
does.

| where the model is | the line you write | comes with |
|---|---|---|
| in this process | `local_chat_model("qwen2.5-coder-1.5b")` from `langchain_tpo.local`; without a \
name the smallest there is | extra `local` |
| at OpenAI | `ChatOpenAI(model="gpt-4.1-mini")` | extra `openai` |
| behind vLLM, SGLang, llama.cpp, TGI, NIM or any other server that speaks as OpenAI does | \
`ChatOpenAI(model="NAME", base_url="http://127.0.0.1:8000/v1", api_key="none")` | extra `openai` |
| at Ollama | `ChatOllama(model="qwen3:4b")` | `langchain-ollama` |
| at Anthropic, Google, Groq, Mistral, ... | `init_chat_model("anthropic:claude-sonnet-4-5")` from \
`langchain.chat_models` | `langchain` and `langchain-anthropic`, ... |
| in transformers, in this process | \
`ChatHuggingFace(llm=HuggingFacePipeline.from_model_id(...))` | \
extras `huggingface`, `transformers` |
| anywhere, and fails now and then | `model.with_retry()`, `model.with_fallbacks([other])` | |

On the command line `--model` takes what `init_chat_model` takes, and `--base-url` is the server's
address.

## What a service does not take

Services differ. Nothing has to be set for that: the loop asks for what it wants, reads a refusal,
leaves out what is refused, and remembers it for as long as the runnable lives (also when it is
pickled or copied). What changes answers is told in one line of the log at WARNING, what changes
requests only at INFO.

| what a service may not take | what the loop does then |
|---|---|
| `n` above 1, or above a limit | asks N times, or for as many at once as the limit allows; the \
refused request is counted |
| `n`, without saying so | asks again for what is missing, and N times from then on |
| `temperature`, `top_p`, `seed` or another option | leaves it out; of two that exclude each other \
the first stays |
| so many tokens in a reply | asks for as many as the service allows, or as the window leaves; \
only then is a prompt shortened |
| system messages | puts what they say in front of the first user message |
| a request without a stream | asks for streams, one answer each |
| images, as a critic | gives it the words, with `[image]` in the place of each |
| to be made to fill in a form, as models that think | as a judge, it writes verdicts as text |

Options are set in the fields that LangChain's classes have for them (`num_predict`, `random_seed`,
`max_output_tokens`, ...), and as keywords where a class has none. What a model's `profile` says is
known before the first request.

Tools, a format or stop texts that are bound to the policy, the model that answers, are for its
answers. Critiques are asked for without them, revisions without tools and stop texts; with a format
a revision is the whole reply, in the same format and without tags.

## Tried

Each of these was run in all the ways that [requests of each chat model](models_tried.md) tells of;
the second column is what the loop knew after runs with each preset. "One answer in a request" means
a service without `n`.

| class | what the model does not take |
|---|---|
{rows}
"""

REQUESTS = """\
# Requests of each chat model

What a run takes at each class of [chat models](models.md): for whoever pays by the request, or has
a limit on them.

`make test_models` installs these classes into an environment of its own and uses each in every way:
the presets and a seed, sync, async and in batches, as `ChatTPO` plain, with retries and in a
sequence, with tools, with structured output, in an agent, as a judge, with `streaming=True`, and on
the command line. Each talks to a service of the tests' own that refuses what the real one refuses.
Both pages are generated from what was heard there (`tools/models_page.py`).

The figures are requests, sent one at a time: a run of width 3 and depth 1 has 8 completions, which
are 4 requests where `n` works and 8 where it does not (`small_model()`, which asks for no critique:
6 completions, 2 or 6 requests), and one more for each refusal; how many of them were refused stands
in brackets.

- default, seed, paper, small: the settings as they are, with a seed, `paper()`, `small_model()`.
- ChatTPO: with `paper()`. Batch: three runs with `paper()`.
- Agent: calls one tool first. Judge: `ChatJudge` rates two answers twice.
- Command line: `tpo optimize`, where OpenAI's client tries what failed with status 500 twice more.

| class | default | paper | small | seed | ChatTPO | batch | agent | judge | command line |
|---|---|---|---|---|---|---|---|---|---|
{rows}

`ChatHuggingFace` over a `HuggingFacePipeline`, a model of transformers in this process, sends no
requests. It runs presets and `ChatTPO`: options reach the pipeline (`max_new_tokens`, `do_sample`),
replies do not repeat the prompt, async runs call it in threads, and there is no seed but the one
that `transformers.set_seed` sets.
"""


def pages(measured: Measured) -> dict[str, str]:
    """Return both pages by their files' names."""
    known = [(label(name), lacks(uses)) for name, uses in measured.items()]
    counted = [
        (label(name), *(requests(uses, use) for use in (*PRESETS, *USES)))
        for name, uses in measured.items()
    ]
    return {
        "models.md": CHAT_MODELS.replace("{rows}", rows(known)),
        "models_tried.md": REQUESTS.replace("{rows}", rows(counted)),
    }


def rows(cells: Sequence[tuple[str, ...]]) -> str:
    """Return a table's rows."""
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def label(name: str) -> str:
    """Return how a table calls a class, and where it is tried."""
    kind, comma, rest = name.partition(",")
    kind, at, place = kind.partition(" at ")
    return f"`{kind}`{at}{place}{comma}{rest}"


def lacks(uses: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what the runs with each preset have taught, options together."""
    words = [line for use in PRESETS for line in uses[use]["learned"]]
    options = [one for line in words if line.startswith(WITHOUT) for one in line[8:].split(", ")]
    others = [line for line in dict.fromkeys(words) if not line.startswith(WITHOUT)]
    together = [WITHOUT + ", ".join(sorted(set(options)))] if options else []
    return "; ".join([*others, *together]) or "-"


def requests(uses: Mapping[str, Mapping[str, Any]], use: str) -> str:
    """Return how many requests a use took, and how many of them were refused."""
    if use not in uses:
        return "-"
    refused = uses[use]["refused"]
    return f"{uses[use]['requests']}" + (f" ({refused})" if refused else "")


class Listener:
    """Keeps what the tests measure; a plugin of pytest's."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.found: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:  # noqa: ANN401 pytest's own
        """Take what a finished test recorded."""
        for name, value in report.user_properties if report.when == "call" else ():
            if name == "measured":
                row, use, heard = value
                self.found.setdefault(row, {})[use] = heard


def measure(known: Measured, arguments: list[str]) -> Measured:
    """Run the tests and return what they measured, in their order, beside what was known."""
    import pytest  # noqa: PLC0415 the page alone needs none

    listener = Listener()
    quiet = ["-q", "--tb=no", "--no-summary"]
    plain = ["-p", "no:cacheprovider", "-p", "no:unraisableexception"]  # clients that close nothing
    pytest.main([str(TESTS), *quiet, *plain, *arguments], plugins=[listener])
    from tests.support.partner_models import ROWS  # noqa: PLC0415 pytest wants to be the first

    return {name: {**known.get(name, {}), **listener.found.get(name, {})} for name in ROWS}


def main(arguments: list[str]) -> None:
    """Write what is asked for."""
    record: Measured = json.loads(RECORD.read_text(encoding="utf-8"))
    if arguments:
        sys.path.insert(0, str(ROOT))
        record = measure(record, arguments[1:])
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for name, page in pages(record).items():
        (DOCS / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
