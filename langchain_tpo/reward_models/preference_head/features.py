"""What the head sees of a prompt and a response: named, bounded numbers.

Two sources, `form` (the response alone) and `topic` (with its prompt); no weights.
"""

from langchain_tpo.reward_models.preference_head.form import form_features
from langchain_tpo.reward_models.preference_head.reading import Reading
from langchain_tpo.reward_models.preference_head.topic import topic_features


def features(prompt: Reading, response: Reading) -> dict[str, float]:
    """Return every feature of one response by name, always the same names in the same order.

    Example:
        >>> seen = features(Reading(text="Name a colour."), Reading(text="Blue is a colour."))
        >>> round(seen["coverage"], 2), seen["ends_closed"]
        (0.5, 1.0)
    """
    return {**form_features(response), **topic_features(prompt, response)}


FEATURE_NAMES = tuple(features(Reading(text=""), Reading(text="")))
"""The names of all features, in their order."""
