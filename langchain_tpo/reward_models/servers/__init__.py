"""Reward models behind HTTP servers."""
