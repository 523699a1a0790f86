"""Chat models as reward models."""
