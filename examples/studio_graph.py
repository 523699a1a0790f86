"""Two graphs for LangGraph Studio and LangGraph Server: the loop, and the loop with a person.

`langgraph dev` serves them without any key. The options of a run (width, depth, prompts, stop
rules) are the graph's context, from which Studio draws a form. `TPO_MODEL=openai:gpt-5-mini`
puts a real model in the stand-in's place.
"""

import os

from stand_in_model import StandInModel, tips_in

from langchain_tpo import build_tpo_graph
from langchain_tpo.reward_models.human import HumanReward
from langchain_tpo.sampling.wrappers import ChatModel


def chat_model() -> ChatModel:
    """Return the model that `TPO_MODEL` names, or the stand-in."""
    name = os.environ.get("TPO_MODEL")
    if not name:
        return StandInModel()
    from langchain.chat_models import init_chat_model  # noqa: PLC0415 the extra `agents`

    return init_chat_model(name)


tpo = build_tpo_graph(chat_model(), tips_in).compile(name="TPO")
tpo_with_a_person = build_tpo_graph(chat_model(), HumanReward(mode="score")).compile(
    name="TPO with a person"
)
