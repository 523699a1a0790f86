"""Takes a reply apart into what the model thought and what it answered.

For models whose server has no parser for reasoning and leaves it in the text. Knows how models
mark their thinking; knows nothing of messages, and never calls a model.
"""

import re

_NAME = r"(?:[a-z]+[:_])?(?:think(?:ing)?|thoughts?|reasoning)"
"""How the tags are called: `think` by most, `thought` by EXAONE, `seed:think` by Seed-OSS."""

_FORMS = (
    (rf"<({_NAME})\s*>", r"</{name}\s*>"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"◁think▷", r"◁/think▷"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    (r"<\|channel>thought\n", r"<channel\|>"),
    (r"<unused94>thought\n", r"<unused95>"),
    (
        r"(?:<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)<\|message\|>",
        r"<\|end\|>",
    ),
)
"""How a block opens and closes: the tags, then Mistral, Kimi, Cohere, OpenThinker, Apertus, Gemma,
MedGemma and gpt-oss, whose commentary is told before its answer."""

_OPENINGS = [
    (re.compile(rf"[\s\u200b\ufeff]*+{start}", re.IGNORECASE), end) for start, end in _FORMS
]

_HEADLESS = re.compile(
    r"^[^\S\n]*+(?:</(?:[a-z]+[:_])?think>|\[/THINK\]|◁/think▷)[^\S\n]*+$",
    re.MULTILINE | re.IGNORECASE,
)
"""The closing tag, alone in a line, of a block that the prompt opened as R1's template does."""

_FINAL = ("<|channel|>final<|message|>", "<|start|>assistant<|channel|>final<|message|>")
"""How gpt-oss opens an answer, also one that it has not thought about."""

_ANSWER_FRAMES = (
    ("<|START_RESPONSE|>", ("<|END_RESPONSE|>",)),
    ("<|begin_of_solution|>", ("<|end_of_solution|>",)),
    *((opening, ("<|return|>", "<|end|>")) for opening in _FINAL),
)
"""What some of these models put around the answer that follows."""


def split_thinking(text: str) -> tuple[str, str]:
    r"""Return the reasoning that a reply opens with, and the answer behind it.

    Only leading blocks count, so that a text about such tags stays whole. A reply that ends
    inside its thinking holds no answer: that part is empty. Without a block there is no
    reasoning, and the answer is the text as it is.

    Args:
        text: A model's reply.

    Example:
        >>> split_thinking("<think>\nOil or wax?\n</think>\n\nOil it.")
        ('Oil or wax?', 'Oil it.')
        >>> split_thinking("Qwen thinks between <think> and </think>.")
        ('', 'Qwen thinks between <think> and </think>.')
        >>> split_thinking("<think>Oil or")
        ('Oil or', '')
    """
    thoughts, end = [], 0
    while block := _block_at(end, text):
        thought, end = block
        thoughts.append(thought)
    if not end and (closing := _headless_end(text)):
        thoughts, end = [text[: closing.start()].strip()], closing.end()
    if not end and not text.lstrip().startswith(_FINAL):
        return "", text
    return "\n\n".join(filter(None, thoughts)), _unframed(text[end:].strip())


def _block_at(start: int, text: str) -> tuple[str, int] | None:
    """Return what the block that begins there holds, and where it ends."""
    for opening, end in _OPENINGS:
        if opened := opening.match(text, start):
            names = [re.escape(name) for name in opened.groups()]
            closing = re.compile(end.format(name="".join(names)), re.IGNORECASE)
            closed = closing.search(text, opened.end())
            inside, behind = closed.span() if closed else (len(text), len(text))
            return text[opened.end() : inside].strip(), behind
    return None


def _headless_end(text: str) -> re.Match[str] | None:
    """Find the end of a block whose beginning stands in the prompt; not within a code block."""
    closing = _HEADLESS.search(text)
    if closing is None:
        return None
    before = text[: closing.start()]
    opened = closing.group().strip().replace("/", "", 1).lower() in before.lower()
    return None if opened or before.count("```") % 2 else closing


def _unframed(answer: str) -> str:
    for opening, closings in _ANSWER_FRAMES:
        if answer.startswith(opening):
            answer = answer.removeprefix(opening)
            for closing in closings:
                answer = answer.removesuffix(closing)
            return answer.strip()
    return answer
