"""Which form of the update can a small model follow? Prints a table.

    python benchmarks/revision_forms.py smollm2-135m --prompts 20

Every form revises the same chosen answers of real prompts (AlpacaEval 2, in `../shared/data`).
Columns: `usable` is the share of replies out of which a revision can be read; `copy` the share of
those that repeat the chosen answer; `chatter` the share that talk about the task instead of doing
it; `good` is usable and neither; `gain` the mean change of the reward over the chosen answer,
`best` that of the better of each prompt's two revisions, and `words` the mean length in words.
"""

import argparse
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from pathlib import Path
from statistics import mean
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from langchain_tpo.local import LocalChatModel, LocalServer
from langchain_tpo.loop.revisions import Unusable, revision_reader
from langchain_tpo.loop.step_prompts import shortened
from langchain_tpo.prompts import TPO_PROMPTS, TPOPrompts
from langchain_tpo.prompts.small_model import SMALL_MODEL_PROMPTS
from langchain_tpo.reward_models.preference_head import PreferenceHead

DATA = Path(__file__).parents[2] / "shared" / "data" / "alpaca_eval2_prompts.jsonl"
DRAFTS, REVISIONS = 3, 2
ANSWER_TOKENS, CRITIQUE_TOKENS = 160, 96
CHATTER = re.compile(
    r"^\W*(sure|certainly|of course|here('s| is| are)|the (improved|revised|new)|(improved|revised)"
    r"|i('ve| have| will| would)\b)|\b(improved|revised|new) (answer|version|response)\b"
    r"|\b(advice|feedback|variable)\b",
    re.IGNORECASE,
)
"""How replies begin that speak of the task."""

_SINGLE = """\
{query}

Somebody answered:

<ANSWER>
{chosen}
</ANSWER>

Advice from a reader:

<ADVICE>
{textual_gradient}
</ADVICE>

Now write the better answer, which follows the advice."""
_DIALOGUE = ChatPromptTemplate(
    [
        ("human", "{query}"),
        ("ai", "{chosen}"),
        (
            "human",
            "Your answer can be better. Advice from a reader:\n{textual_gradient}\n\n"
            "Answer the question again, from the beginning, and follow the advice where it is "
            "right. Keep to everything the question asks for, its length included. Write the new "
            "answer only, without a word about the advice.",
        ),
    ]
)
TAG = "NEW_ANSWER"
GRAMMAR = f'root ::= "<{TAG}>" [^<]+ "</{TAG}>"'


@dataclass(frozen=True, kw_only=True)
class Form:
    """A way to ask for a revision and to read it."""

    name: str
    prompts: TPOPrompts
    options: dict[str, Any] = field(default_factory=dict)


def _single(name: str, ending: str, *, tag: str | None, prefill: bool = False) -> TPOPrompts:
    turns = [("human", f"{_SINGLE} {ending}")] + ([("ai", f"<{TAG}>")] if prefill else [])
    update = ChatPromptTemplate(turns)
    return replace(SMALL_MODEL_PROMPTS, name=name, update=update, revision_tag=tag)


_IN_TAGS = f"Put it between <{TAG}> and </{TAG}>."
FORMS = (
    Form(name="paper tags", prompts=TPO_PROMPTS),
    Form(name="short, prefilled", prompts=_single("prefill", _IN_TAGS, tag=TAG, prefill=True)),
    Form(
        name="short, grammar",
        prompts=_single("grammar", _IN_TAGS, tag=TAG),
        options={"extra_body": {"grammar": GRAMMAR}},
    ),
    Form(name="short, no tags", prompts=_single("whole", "Write nothing else.", tag=None)),
    Form(name="question last", prompts=SMALL_MODEL_PROMPTS),
    Form(name="dialogue", prompts=replace(SMALL_MODEL_PROMPTS, update=_DIALOGUE)),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one form made of one prompt."""

    form: str
    critique_tokens: int
    replies: int
    revisions: list[str]
    copies: int
    chatter: int
    gains: list[float]
    example: str


class Bench:
    """Runs all forms on a prompt with one model and one reward."""

    def __init__(self, model: LocalChatModel, forms: Sequence[Form]) -> None:
        self._model = model
        self._forms = forms
        self._head = PreferenceHead()

    def run(self, query: str) -> list[Outcome]:
        """Draw answers, criticize the best once per set of critique prompts, revise it."""
        asked = [HumanMessage(query)]
        drafts = self._draw(asked, DRAFTS, ANSWER_TOKENS)
        rewards = self._rewards(query, drafts)
        chosen = drafts[rewards.index(max(rewards))]
        rejected = drafts[rewards.index(min(rewards))]
        critiques: dict[str, tuple[dict[str, str], int]] = {}
        outcomes = []
        for form in self._forms:
            asks = form.prompts.textual_loss.pretty_repr()
            if asks not in critiques:
                critiques[asks] = self._criticize(form.prompts, query, chosen, rejected)
            values, tokens = critiques[asks]
            messages = form.prompts.render("update", **values)
            replies = self._draw(messages, REVISIONS, ANSWER_TOKENS, **form.options)
            outcomes.append(self._outcome(form, query, chosen, replies, tokens))
        return outcomes

    def _criticize(
        self, prompts: TPOPrompts, query: str, chosen: str, rejected: str
    ) -> tuple[dict[str, str], int]:
        asked = prompts.render(
            "textual_loss", query=query, chosen=chosen, rejected=rejected, remarks=""
        )
        loss = self._critique(asked)
        values = {"query": query, "chosen": chosen, "chosen_span": shortened(chosen)}
        values |= {"loss_instruction": asked[0].text, "textual_loss": loss.text}
        gradient = self._critique(prompts.render("textual_gradient", **values))
        tokens = [reply.usage_metadata for reply in (loss, gradient)]
        spent = sum(usage["output_tokens"] for usage in tokens if usage)
        return {**values, "textual_gradient": gradient.text}, spent

    def _critique(self, messages: list[BaseMessage]) -> AIMessage:
        return self._model.invoke(messages, max_tokens=CRITIQUE_TOKENS)

    def _draw(
        self, messages: list[BaseMessage], n: int, max_tokens: int, **options: Any
    ) -> list[str]:
        result = self._model.generate([messages], n=n, max_tokens=max_tokens, **options)
        return [generation.text for generation in result.generations[0]]

    def _rewards(self, query: str, responses: list[str]) -> list[float]:
        scores = self._head.invoke({"messages": [HumanMessage(query)], "responses": responses})
        return [score if isinstance(score, float) else -10.0 for score in scores]

    def _outcome(
        self, form: Form, query: str, chosen: str, replies: list[str], tokens: int
    ) -> Outcome:
        read = revision_reader(form.prompts.revision_tag)
        found = [read(reply) for reply in replies]
        revisions = [text for text in found if not isinstance(text, Unusable)]
        before, *after = self._rewards(query, [chosen, *revisions])
        copies = [is_copy(text, chosen) for text in revisions]
        chatter = [bool(CHATTER.search(text[:120])) for text in revisions]
        return Outcome(
            form=form.name,
            critique_tokens=tokens,
            replies=len(replies),
            revisions=revisions,
            copies=sum(copies),
            chatter=sum(talk and not copy for talk, copy in zip(chatter, copies, strict=True)),
            gains=[reward - before for reward in after],
            example=(revisions or replies)[0],
        )


def is_copy(text: str, chosen: str) -> bool:
    """Whether a revision says what was there before, but for a word in twenty."""
    return SequenceMatcher(None, text.split(), chosen.split(), autojunk=False).ratio() > 0.95


def row(name: str, outcomes: Sequence[Outcome]) -> str:
    """Sum one form up in a line of the table."""
    replies = sum(outcome.replies for outcome in outcomes)
    revisions = [text for outcome in outcomes for text in outcome.revisions]
    copies = sum(outcome.copies for outcome in outcomes)
    chatter = sum(outcome.chatter for outcome in outcomes)
    gains = [gain for outcome in outcomes for gain in outcome.gains]
    best = [max(outcome.gains) for outcome in outcomes if outcome.gains]
    figures = [
        f"{len(revisions) / replies:6.0%}",
        f"{copies / max(1, len(revisions)):6.0%}",
        f"{chatter / max(1, len(revisions)):8.0%}",
        f"{(len(revisions) - copies - chatter) / replies:6.0%}",
        f"{mean(gains or [0]):+6.2f}",
        f"{mean(best or [0]):+6.2f}",
        f"{mean(len(text.split()) for text in revisions or ['']):6.0f}",
        f"{mean(outcome.critique_tokens for outcome in outcomes):9.0f}",
    ]
    return f"{name:18s} {' '.join(figures)}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Which form of the update can a model follow?")
    parser.add_argument("model", nargs="?", help="as `weights_file` understands it")
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--forms", nargs="*", default=[form.name for form in FORMS])
    parser.add_argument("--suffix", default="", help="added to every prompt")
    parser.add_argument("--examples", action="store_true", help="print one revision per form")
    arguments = parser.parse_args()
    lines = DATA.read_text(encoding="utf-8").splitlines()
    step = len(lines) // arguments.prompts
    every = [json.loads(line)["instruction"] for line in lines[::step]][: arguments.prompts]
    queries = [query[:1000] + arguments.suffix for query in every]
    forms = [form for form in FORMS if form.name in arguments.forms]
    began = time.perf_counter()
    with LocalServer(arguments.model, threads=arguments.threads) as server:
        bench = Bench(server.chat_model(temperature=0.7, top_p=0.95, seed=1), forms)
        per_query = RunnableLambda(bench.run).batch(queries, {"max_concurrency": 2})
    print(f"{server!r}, {len(queries)} prompts, {time.perf_counter() - began:.0f} s")
    print(f"{'form':18s} usable   copy  chatter   good   gain   best  words  critique")
    for index, form in enumerate(forms):
        print(row(form.name, [outcomes[index] for outcomes in per_query]))
        if arguments.examples:
            for outcomes in per_query[:6]:
                print("    |", outcomes[index].example[:300].replace("\n", " / "))


if __name__ == "__main__":
    main()
