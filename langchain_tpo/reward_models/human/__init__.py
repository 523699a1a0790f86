"""A person as the reward model."""

from langchain_tpo.reward_models.human.human import HumanQuestion, HumanReward

__all__ = ["HumanQuestion", "HumanReward"]
