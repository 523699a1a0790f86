"""`ChatTPO`: the loop wherever LangChain expects a chat model."""
