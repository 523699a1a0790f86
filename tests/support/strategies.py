"""Every strategy that comes along, in every style that it is worded in."""

from langchain_tpo.strategies import STRATEGIES

WORDINGS = [(name, style) for name, strategy in STRATEGIES.items() for style in strategy.wordings]
"""Pairs of a strategy's name and a style."""
