"""Instructions that a rule can check: how long, how many, which words; no judgement needed."""

from langchain_tpo.reward_models.verifiable_instructions.content_rules import (
    ends_with,
    excludes,
    includes,
    is_json,
    lowercase,
    no_commas,
    quoted,
    starts_with,
    uppercase,
)
from langchain_tpo.reward_models.verifiable_instructions.count_rules import (
    bullets,
    highlights,
    max_words,
    min_words,
    paragraphs,
    placeholders,
    sections,
    sentences,
    words,
)
from langchain_tpo.reward_models.verifiable_instructions.named_rules import named_rule
from langchain_tpo.reward_models.verifiable_instructions.prompt_rules import rules_in
from langchain_tpo.reward_models.verifiable_instructions.reward import VerifiableInstructions
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule, Verdict

__all__ = [
    "Rule",
    "Verdict",
    "VerifiableInstructions",
    "bullets",
    "ends_with",
    "excludes",
    "highlights",
    "includes",
    "is_json",
    "lowercase",
    "max_words",
    "min_words",
    "named_rule",
    "no_commas",
    "paragraphs",
    "placeholders",
    "quoted",
    "rules_in",
    "sections",
    "sentences",
    "starts_with",
    "uppercase",
    "words",
]
