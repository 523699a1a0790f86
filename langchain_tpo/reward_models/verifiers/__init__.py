"""Rewards that check instead of judging, and say what failed."""
