"""IFEval's 25 instructions by the benchmark's own names, checked as it checks them.

Its published checks are the specification; the code and the partial credit are ours. Only who has
to repeat the request must also answer it, which is asked for and not checked there. Sentences are
counted by `sentence_counts`, without NLTK's data; languages are told apart by `langdetect` (extra
`evaluation`).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, TypeAlias

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.reward_models.verifiable_instructions.content_rules import (
    JSON_ALONE,
    NoCommas,
    case_advice,
    listed,
)
from langchain_tpo.reward_models.verifiable_instructions.count_rules import number_of
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict, verdict
from langchain_tpo.reward_models.verifiable_instructions.sentence_counts import count_sentences

Fields: TypeAlias = Mapping[str, Any]
"""The `kwargs` of one instruction."""

Check: TypeAlias = Callable[[str, Fields, str], Verdict]
"""From a text, the fields of the instruction and the prompt to a verdict."""

ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
"""What a constrained response may say."""

_PARAGRAPH = re.compile(r"\s?\*\*\*\s?")
_BULLET = re.compile(r"^\s*(?:\*[^*].*|-.*)$", re.MULTILINE)
_FENCE = re.compile(r"\A```(?:json|Json|JSON)?|```\Z")


@dataclass(frozen=True, kw_only=True)
class NamedRule(Rule):
    """One instruction of a benchmark, by its name."""

    name: str
    """Such as `length_constraints:number_words`."""
    fields: Fields
    """What the instruction is about."""
    prompt: str
    """The prompt that holds the instruction."""
    by: Check
    """What checks a text."""

    @property
    def topic(self) -> str:
        """The name and what it is about: a prompt may set one kind of limit twice."""
        return f"{self.name} {sorted((key, str(value)) for key, value in self.fields.items())}"

    def check(self, text: str) -> Verdict:
        """Check the text."""
        return self.by(text, self.fields, self.prompt)


def ifeval_rule(name: str, fields: Fields, prompt: str) -> NamedRule | None:
    """Return the rule for one of IFEval's names; None for any other name.

    Args:
        name: The instruction.
        fields: What it is about.
        prompt: The whole prompt.

    Example:
        >>> rule = ifeval_rule("keywords:existence", {"keywords": ["oil"]}, "Mention oil.")
        >>> rule.check("Wax it.").words
        '`oil` missing'
    """
    by = IFEVAL.get(name)
    return None if by is None else NamedRule(name=name, fields=fields, prompt=prompt, by=by)


def _counted(
    count: int, thing: str, fields: Fields, *, limit: str, do: str, relation: str = ""
) -> Verdict:
    """Hold a count against a limit of the fields: below it, at least it, or exactly it.

    `thing` is a noun and what follows it in brackets; `do` says in `{}` how many are wanted.
    """
    wanted = int(fields[limit])
    asked = {"less than": "fewer than", "at least": "at least"}.get(
        relation and str(fields.get(relation)), relation or "exactly"
    )
    kept = {"fewer than": count < wanted, "at least": count >= wanted}.get(asked, count == wanted)
    noun, bracket, more = thing.partition(" (")
    found = f"{number_of(count, noun)}{bracket}{more}"
    closeness = 1 - abs(count - wanted) / max(1, wanted)
    wish = f"{asked} {wanted}"
    return verdict(
        kept, f"{found}, asked for {wish}", closeness=closeness, advice=do.replace("{}", wish)
    )


def _existence(text: str, fields: Fields, _: str) -> Verdict:
    keywords = [str(word) for word in fields["keywords"]]
    missing = [word for word in keywords if word.lower() not in text.lower()]
    words = f"{listed(missing or keywords)} {'missing' if missing else 'there'}"
    closeness = 1 - len(missing) / max(1, len(keywords))
    advice = f"use {listed(missing)}, written like this"
    return verdict(not missing, words, closeness=closeness, advice=advice)


def _forbidden(text: str, fields: Fields, _: str) -> Verdict:
    words = [str(word) for word in fields["forbidden_words"]]
    there = [w for w in words if re.search(rf"\b{re.escape(w)}\b", text, re.IGNORECASE)]
    said = f"{listed(there)} there though forbidden" if there else f"no {listed(words)}, as asked"
    advice = f"leave {listed(there)} out"
    return verdict(not there, said, closeness=1 / (1 + len(there)), advice=advice)


def _frequency(text: str, fields: Fields, _: str) -> Verdict:
    keyword = str(fields["keyword"])
    count = len(re.findall(re.escape(keyword), text, re.IGNORECASE))
    do = f"use `{keyword}` {{}} times"
    return _counted(count, f"`{keyword}`", fields, limit="frequency", relation="relation", do=do)


def _letters(text: str, fields: Fields, _: str) -> Verdict:
    letter = str(fields["letter"]).lower()
    count = text.lower().count(letter)
    do = f"use the letter `{letter}` {{}} times"
    return _counted(
        count, f"`{letter}`", fields, limit="let_frequency", relation="let_relation", do=do
    )


def _language(text: str, fields: Fields, _: str) -> Verdict:
    detected, wanted = _detected(text), str(fields["language"])
    return verdict(
        detected in (wanted, None),
        f"language `{detected or '?'}`, asked for `{wanted}`",
        advice=f"write all of it in the language `{wanted}`",
    )


def _sentences(text: str, fields: Fields, _: str) -> Verdict:
    count, do = count_sentences(text), "write {} sentences"
    return _counted(count, "sentence", fields, limit="num_sentences", relation="relation", do=do)


def _paragraphs(text: str, fields: Fields, _: str) -> Verdict:
    do = "write {} paragraphs, and between two of them a line with `***` and nothing else"
    parts = _PARAGRAPH.split(text)
    if any(not part.strip() for part in parts[1:-1]):
        advice = do.replace("{}", f"exactly {fields['num_paragraphs']}")
        return verdict(False, "an empty paragraph between two `***`", advice=advice)
    count = sum(1 for part in parts if part.strip())
    return _counted(count, "paragraph (`***` between them)", fields, limit="num_paragraphs", do=do)


def _words(text: str, fields: Fields, _: str) -> Verdict:
    count, do = len(re.findall(r"\w+", text)), "write {} words"
    return _counted(count, "word", fields, limit="num_words", relation="relation", do=do)


def _first_word(text: str, fields: Fields, _: str) -> Verdict:
    paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
    number, wanted = int(fields["nth_paragraph"]), str(fields["first_word"]).lower()
    opening = paragraphs[number - 1].split()[0] if 0 < number <= len(paragraphs) else ""
    first_word = re.split(r"[.,?!'\"]", opening.lstrip("'\""))[0].lower()
    do = "write {} paragraphs with an empty line between them"
    count = _counted(len(paragraphs), "paragraph", fields, limit="num_paragraphs", do=do)
    starts = first_word == wanted
    said = f"paragraph {number} begins with `{first_word}`{'' if starts else f', not `{wanted}`'}"
    return verdict(
        count.kept and starts,
        f"{count.words}; {said}",
        closeness=(starts + count.kept) / 2,
        advice=f"{count.advice}, and begin paragraph {number} with the word `{wanted}`",
    )


def _placeholders(text: str, fields: Fields, _: str) -> Verdict:
    count = len(re.findall(r"\[.*?\]", text))
    do = "write {} placeholders in square brackets, such as [name]"
    return _counted(
        count,
        "placeholder (in brackets)",
        fields,
        limit="num_placeholders",
        relation="at least",
        do=do,
    )


def _postscript(text: str, fields: Fields, _: str) -> Verdict:
    marker = str(fields["postscript_marker"])
    forms = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    found = re.search(forms.get(marker, re.escape(marker.lower())), text.lower())
    return verdict(
        bool(found),
        f"a postscript that begins with `{marker}`{_there(found)}",
        advice=f"add a postscript at the end that begins with `{marker}`",
    )


def _bullets(text: str, fields: Fields, _: str) -> Verdict:
    count = len(_BULLET.findall(text))
    do = "write {} bullet points, each on a line that begins with `* `, and no other list"
    return _counted(count, "bullet point (`*` or `-`)", fields, limit="num_bullets", do=do)


def _constrained(text: str, _: Fields, __: str) -> Verdict:
    found = any(answer in text for answer in ANSWERS)
    words = f"one of {listed(ANSWERS)}"
    return verdict(found, f"{words}{_there(found)}", advice=f"write {words}, word for word")


def _highlights(text: str, fields: Fields, _: str) -> Verdict:
    single = re.findall(r"\*[^\n*]*\*", text)
    double = re.findall(r"\*\*[^\n*]*\*\*", text)
    count = sum(1 for part in (*single, *double) if part.strip("*").strip())
    do = "put {} parts between asterisks, like *this part*"
    return _counted(
        count, "highlighted part", fields, limit="num_highlights", relation="at least", do=do
    )


def _sections(text: str, fields: Fields, _: str) -> Verdict:
    mark = str(fields["section_spliter"])
    count = len(re.findall(rf"{re.escape(mark)}\s?\d+", text))
    do = f"write {{}} sections, the first under `{mark} 1`, the next under `{mark} 2`, and so on"
    return _counted(
        count,
        f"section (`{mark} 1`)",
        fields,
        limit="num_sections",
        relation="at least",
        do=do,
    )


def _json(text: str, _: Fields, __: str) -> Verdict:
    try:
        json.loads(_FENCE.sub("", text.strip()).strip())
    except (ValueError, RecursionError) as error:
        return verdict(False, f"not valid JSON ({str(error)[:60]})", advice=JSON_ALONE)
    return verdict(True, "valid JSON, as asked for")


def _title(text: str, _: Fields, __: str) -> Verdict:
    titles = [one for one in re.findall(r"<<([^\n]+)>>", text) if one.strip("<> ")]
    return verdict(
        bool(titles),
        f"a title in `<<` and `>>`{_there(titles)}",
        advice="write a title inside of `<<` and `>>`",
    )


def _two_responses(text: str, _: Fields, __: str) -> Verdict:
    parts = text.split("******")
    filled = [part.strip() for part in parts if part.strip()]
    hollow = any(not part.strip() for part in parts[1:-1])
    kept = len(filled) == 2 and len(set(filled)) == 2 and not hollow  # noqa: PLR2004 two responses
    return verdict(
        kept,
        f"{len(filled)} responses with `******` between them, asked for 2 that differ",
        advice="write one response, then a line with `******`, then another one that differs",
    )


def _repeats_prompt(text: str, fields: Fields, prompt: str) -> Verdict:
    wanted = str(fields.get("prompt_to_repeat") or prompt).strip()
    starts = text.strip().lower().startswith(wanted.lower())
    if starts and not text.strip()[len(wanted) :].strip():
        said = f"nothing behind `{_short(wanted)}`"
        return verdict(False, said, closeness=0.9, advice="repeat the request, and then answer it")
    return verdict(
        starts,
        f"asked to begin with `{_short(wanted)}`",
        advice=f"first copy this, word for word, and then answer: `{wanted}`",
    )


def _ends(text: str, fields: Fields, _: str) -> Verdict:
    wanted = str(fields["end_phrase"]).strip()
    plain = text.strip().strip('"').lower()
    kept = plain.endswith(wanted.lower())
    if kept and not plain.removesuffix(wanted.lower()).strip():
        said = f"nothing before `{_short(wanted)}`"
        return verdict(False, said, closeness=0.9, advice="write the whole answer before it")
    return verdict(
        kept,
        f"asked to end with `{_short(wanted)}`",
        advice="end with these words exactly, and write nothing after them",
    )


def _in_quotes(text: str, _: Fields, __: str) -> Verdict:
    plain = text.strip()
    kept = len(plain) > 1 and plain[0] == plain[-1] == '"'
    return verdict(
        kept,
        "asked for double quotation marks around the whole response",
        advice='begin with `"` and end with `"`',
    )


def _capital_words(text: str, fields: Fields, _: str) -> Verdict:
    tokens = re.findall(r"[\w'-]+", text)
    count = sum(1 for token in tokens if token.isupper())
    return _counted(
        count,
        "word (in capitals)",
        fields,
        limit="capital_frequency",
        relation="capital_relation",
        do="write {} words in CAPITAL LETTERS",
    )


def _case(text: str, _: Fields, __: str, *, upper: bool) -> Verdict:
    cased = [char for char in text if char.isupper() or char.islower()]
    wrong = sum(1 for char in cased if char.isupper() is not upper)
    english = _detected(text) in ("en", None)
    wish = f"English in {'capital' if upper else 'small'} letters only"
    said = f"asked for {wish}, {wrong} of {len(cased)} letters differ"
    return verdict(
        bool(cased) and not wrong and english,
        said if english else f"{said}, language `{_detected(text)}`",
        closeness=1 - wrong / max(1, len(cased)),
        advice=case_advice(upper=upper) if wrong else "write in English",
    )


def _no_commas(text: str, _: Fields, __: str) -> Verdict:
    return NoCommas(",").check(text)


IFEVAL: Mapping[str, Check] = {
    "keywords:existence": _existence,
    "keywords:frequency": _frequency,
    "keywords:forbidden_words": _forbidden,
    "keywords:letter_frequency": _letters,
    "language:response_language": _language,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:number_words": _words,
    "length_constraints:nth_paragraph_first_word": _first_word,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_content:postscript": _postscript,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:constrained_response": _constrained,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:json_format": _json,
    "detectable_format:title": _title,
    "combination:two_responses": _two_responses,
    "combination:repeat_prompt": _repeats_prompt,
    "startend:end_checker": _ends,
    "startend:quotation": _in_quotes,
    "change_case:capital_word_frequency": _capital_words,
    "change_case:english_capital": partial(_case, upper=True),
    "change_case:english_lowercase": partial(_case, upper=False),
    "punctuation:no_comma": _no_commas,
}
"""What checks each of IFEval's instructions."""


def _detected(text: str) -> str | None:
    """Return the language of a text; None where no word tells it."""
    try:
        langdetect = import_module("langdetect")
    except ImportError:
        raise MissingExtraError("langdetect", "evaluation") from None
    langdetect.DetectorFactory.seed = 0  # it guesses, differently every time
    try:
        return str(langdetect.detect(text))
    except langdetect.LangDetectException:
        return None


def _there(found: object) -> str:
    return ", as asked for" if found else " is missing"


def _short(text: str) -> str:
    return f"{text[:60]}..." if len(text) > 60 else text  # noqa: PLR2004 one line
