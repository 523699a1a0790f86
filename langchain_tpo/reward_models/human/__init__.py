"""A person as the reward model."""
