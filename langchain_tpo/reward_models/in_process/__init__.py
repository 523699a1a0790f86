"""Sequence classifiers in this process."""
