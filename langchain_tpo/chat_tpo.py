"""The address that `ChatTPO` had in 0.1; it will go with 0.3."""

import warnings

from langchain_tpo.chat_models import ChatTPO

__all__ = ["ChatTPO"]

warnings.warn(
    "`langchain_tpo.chat_tpo` will go with 0.3: use `from langchain_tpo import ChatTPO`.",
    DeprecationWarning,
    stacklevel=2,
)
