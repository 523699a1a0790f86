"""All instructions of a prompt that a rule can check."""

from langchain_tpo.reward_models.verifiable_instructions.prompt_counts import count_rules_in
from langchain_tpo.reward_models.verifiable_instructions.prompt_formats import format_rules_in
from langchain_tpo.reward_models.verifiable_instructions.prompt_material import without_material
from langchain_tpo.reward_models.verifiable_instructions.prompt_phrases import phrase_rules_in
from langchain_tpo.reward_models.verifiable_instructions.prompt_wishes import plainly
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule


def rules_in(prompt: str) -> tuple[Rule, ...]:
    """Return the rules that a prompt sets, one per topic; of two on one topic the later holds.

    Example:
        >>> rules = rules_in("How do I oil a table? At most 70 words, exactly 3 bullet points.")
        >>> [rule.topic for rule in rules]
        ['word', 'bullet point']
    """
    text = plainly(without_material(prompt))
    found = (*count_rules_in(text), *phrase_rules_in(text), *format_rules_in(text))
    return tuple({rule.topic: rule for rule in found}.values())
