"""A small preference head: its features, its weights, and the reward model made of both."""

from langchain_tpo.reward_models.preference_head.head import PreferenceHead
from langchain_tpo.reward_models.preference_head.weights import HeadWeights

__all__ = ["HeadWeights", "PreferenceHead"]
