"""Reward models made of others."""
