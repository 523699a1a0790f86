"""`ChatTPO`: the loop wherever LangChain expects a chat model."""

from langchain_tpo.chat_models.chat_tpo import ChatTPO

__all__ = ["ChatTPO"]
