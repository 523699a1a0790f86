"""Breaks up control tokens, by which chat formats mark turns, where somebody typed them.

The reader here is a tokenizer: it takes these characters, and only these, for a token. Knows the
forms that published chat templates use; what a tokenizer adds to them is handed over.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

CONTROL_TOKENS = (
    *("<s>", "</s>", "<bos>", "<eos>", "<pad>", "<unk>", "<sep>", "<cls>", "<mask>", "[SEP]"),
    *("[CLS]", "[MASK]", "[PAD]", "[UNK]", "[BOS]", "[EOS]", "<BOS_TOKEN>", "<EOS_TOKEN>"),
    *("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<start_of_turn>", "<end_of_turn>"),
    *("[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[MODEL_SETTINGS]", "[/MODEL_SETTINGS]"),
    *("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CONTENT]", "[THINK]", "[/THINK]"),
    *("[IMG]", "[IMG_BREAK]", "[IMG_END]", "[AUDIO]", "[BEGIN_AUDIO]"),
    *("[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[gMASK]", "[sMASK]", "<sop>", "<eop>"),
    *("<beginning_of_sentence>", "<end_of_sentence>", "]~!b[", "]~b]", "[e~[", "]<]", "[>["),
    *("<eoh>", "<eoa>", "<eot>", "<role>SYSTEM</role>", "<role>HUMAN</role>"),
    *("<role>ASSISTANT</role>", "<role>OBSERVATION</role>"),
)
"""Tokens that have no form in common: of Llama, Mistral, Gemma, GLM, MiniMax, Ling, BERT."""

_NUMBERED = "extra_id_|special_|unused|reserved_|tokens_unused_|unused_token_"

_BAR, _SLASH, _CLOSED, _ENDED = r"[|\uff5c]", r"[/\uff0f]", r"[>\uff1e]", r"[\]\uff3d]"
"""Characters that frame a token, in either width."""

_FORMS = (
    ("<", rf"{_SLASH}?{_BAR}{{1,2}}[^\s<>|\uff5c][^<>|\uff5c\n]{{0,63}}{_BAR}"),  # <|im_end|>
    ("<", rf"{_BAR}[\w\u2581:/]{{1,64}}{_CLOSED}"),  # <|turn> of Gemma 4
    ("<", rf"[\w\u2581:/]{{1,64}}{_BAR}{_CLOSED}"),  # <turn|>
    ("<", rf"{_SLASH}?seed:[a-z_]"),  # <seed:bos> of Seed-OSS
    ("<", rf"(?i:{_NUMBERED})\d{{1,4}}{_CLOSED}"),  # <extra_id_1>, <SPECIAL_11> of Nemotron
    ("[", rf"(?i:{_NUMBERED})\d{{1,4}}{_ENDED}"),
    ("[", rf"{_BAR}[a-z_]{{1,64}}{_BAR}{_ENDED}"),  # [|endofturn|] of EXAONE
)
"""Forms that many tokens share: how a token begins, and how it goes on."""

_FULL_WIDTH = 0xFEE0
"""From a printable ASCII character to the same in full width, which some tokenizers fold."""


def inert(text: str, control_tokens: Iterable[str] = ()) -> str:
    """Break up control tokens typed into a text, so that none can close or open a turn.

    A space goes behind the first character of each; any other text stays as it is.

    Args:
        text: What a model or a user wrote.
        control_tokens: Tokens of a tokenizer, beside those that are known here.

    Example:
        >>> inert("Bad.<|eot_id|></s>[|user|] <b>Good</b>")
        'Bad.< |eot_id|>< /s>[ |user|] <b>Good</b>'
    """
    return _pattern(tuple(control_tokens)).sub(r"\g<0> ", text)


@lru_cache(maxsize=100)
def _pattern(further: tuple[str, ...]) -> re.Pattern[str]:
    """Find the first character of every token."""
    endings: dict[str, list[str]] = {}
    for first, ending in _FORMS:
        endings.setdefault(first, []).append(ending)
    for token in dict.fromkeys([*CONTROL_TOKENS, *further]):
        if len(token) > 1:
            endings.setdefault(token[0], []).append(_either_width(token[1:]))
    firsts = "|".join(map(_either_width, endings))
    behind = (rf"(?<={_either_width(first)})(?={'|'.join(endings[first])})" for first in endings)
    return re.compile(rf"(?:{firsts})(?:{'|'.join(behind)})")


def _either_width(text: str) -> str:
    return "".join(
        f"[{re.escape(character)}{chr(ord(character) + _FULL_WIDTH)}]"
        if character in "<>[]/|"
        else re.escape(character)
        for character in text
    )
