"""The address that the verifiers' questions had in 0.1; it will go with 0.3."""

import warnings

from langchain_tpo.reward_models.servers.verifier_questions import JsonScore, Rating, YesNo

__all__ = ["JsonScore", "Rating", "YesNo"]

warnings.warn(
    "`langchain_tpo.reward_models.verifier_questions` will go with 0.3: import the questions from "
    "`langchain_tpo.reward_models`.",
    DeprecationWarning,
    stacklevel=2,
)
