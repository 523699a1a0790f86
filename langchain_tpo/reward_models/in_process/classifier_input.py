"""From a conversation and its answer to the tokens that a sequence classifier reads.

Knows a tokenizer: its template, its BOS and how to make a text fit. Knows no weights. What is too
long loses the start of its prompt, never a word of the answer.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Literal, Protocol

from langchain_core.messages import BaseMessage

from langchain_tpo.errors import RewardError, RewardTypeError
from langchain_tpo.reward_models.chat_templates import Template, Turn, turns


class Tokenizer(Protocol):
    """What is used of a tokenizer of `transformers`."""

    name_or_path: str
    """Where it came from."""
    chat_template: str | dict[str, str] | None
    """Its template, if it has one."""
    bos_token: str | None
    """How it writes BOS."""
    bos_token_id: int | None
    """The number of its BOS."""
    pad_token_id: int | None
    """The number of its padding."""
    all_special_tokens: list[str]
    """Its own control tokens."""

    @property
    def added_tokens_decoder(self) -> dict[int, Any]:
        """Return all tokens beside the vocabulary, with a flag `special` each."""

    def apply_chat_template(
        self, conversation: list[Turn], *, tokenize: Literal[False], add_generation_prompt: bool
    ) -> str:
        """Write the conversation as one text."""

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Return the tokens of a text."""


@dataclass(frozen=True, kw_only=True)
class CandidateTokens:
    """The tokens of one candidate."""

    tokens: list[int]
    """What the classifier reads."""
    dropped: int = 0
    """Characters of the prompt that had to go."""


@dataclass(frozen=True)
class ConversationEncoder:
    """Writes candidates as rows of tokens."""

    tokenizer: Tokenizer
    """The checkpoint's own."""
    max_length: int | None
    """Most tokens of a row; None sets no limit."""
    template: Template | None = None
    """Instead of the tokenizer's chat template."""

    def row(self, messages: Sequence[BaseMessage], response: str) -> CandidateTokens | None:
        """Return the row of one candidate, or None where the answer alone is too long.

        Args:
            messages: The conversation that is answered.
            response: The answer to score.
        """
        chat = turns(messages, response, self.control_tokens)
        tokens = self.tokens(chat)
        if self._fits(tokens):
            return CandidateTokens(tokens=tokens)
        length = sum(len(turn["content"]) for turn in chat[:-1])
        if not self._fits(self.tokens(_without_start(chat, length))):
            return None
        dropped = bisect_left(
            range(length),
            True,
            key=lambda count: self._fits(self.tokens(_without_start(chat, count))),
        )
        return CandidateTokens(tokens=self.tokens(_without_start(chat, dropped)), dropped=dropped)

    def tokens(self, chat: list[Turn]) -> list[int]:
        """Return the tokens of a conversation, with one BOS where template or tokenizer has one."""
        text, bos = self._text(chat), self.tokenizer.bos_token
        if not bos or not text.startswith(bos):
            return self.tokenizer.encode(text, add_special_tokens=True)
        tokens = self.tokenizer.encode(text.removeprefix(bos), add_special_tokens=True)
        if tokens[:1] == [self.tokenizer.bos_token_id]:
            return tokens
        return self.tokenizer.encode(text, add_special_tokens=False)

    @cached_property
    def control_tokens(self) -> tuple[str, ...]:
        """Return the texts that the tokenizer reads as control tokens."""
        added = self.tokenizer.added_tokens_decoder.values()
        flagged = [str(token) for token in added if token.special]
        return tuple(dict.fromkeys([*self.tokenizer.all_special_tokens, *flagged]))

    def _text(self, chat: list[Turn]) -> str:
        if self.template is not None:
            return self.template(chat)
        if not self.tokenizer.chat_template:
            raise RewardTypeError(
                f"The tokenizer of `{self.tokenizer.name_or_path}` has no chat template: give "
                "`template`, a function from turns to the text that the model was trained on."
            )
        try:
            return self.tokenizer.apply_chat_template(
                chat, tokenize=False, add_generation_prompt=False
            )
        except import_module("jinja2").TemplateError as error:
            raise RewardError(
                f"The chat template of `{self.tokenizer.name_or_path}` refused the conversation "
                f"({error}): bring its roles in the order that the model was trained on."
            ) from error

    def _fits(self, tokens: list[int]) -> bool:
        return self.max_length is None or len(tokens) <= self.max_length


def _without_start(chat: list[Turn], count: int) -> list[Turn]:
    """Drop the first `count` characters of the prompt; every turn stays, if need be empty."""
    shortened = []
    for turn in chat[:-1]:
        content = turn["content"]
        shortened.append(Turn(role=turn["role"], content=content[count:]))
        count = max(0, count - len(content))
    return [*shortened, chat[-1]]
