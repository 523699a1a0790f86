"""All instructions of a prompt that a rule can check."""

from langchain_tpo.reward_models.verifiable_instructions.prompt_contents import content_rules_in
from langchain_tpo.reward_models.verifiable_instructions.prompt_counts import count_rules_in
from langchain_tpo.reward_models.verifiable_instructions.rule import Rule


def rules_in(prompt: str) -> tuple[Rule, ...]:
    """Return the rules that a prompt sets, one per topic; of two on one topic the later holds.

    Example:
        >>> rules = rules_in("How do I oil a table? At most 70 words, exactly 3 bullet points.")
        >>> [rule.topic for rule in rules]
        ['word', 'bullet point']
    """
    found = (*count_rules_in(prompt), *content_rules_in(prompt))
    return tuple({rule.topic: rule for rule in found}.values())
