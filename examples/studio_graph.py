"""Two graphs for LangGraph Studio and LangGraph Server: the loop, and the loop with a person.

`langgraph dev` serves them without any key. The options of a run (width, depth, prompts, stop
rules) are the graph's context, from which Studio draws a form. `TPO_MODEL` and `TPO_REWARD` take
the strings of `tpo optimize`: `TPO_MODEL=local` is the embedded model, with `TPO_MODEL=openai:...`
goes `TPO_REWARD=judge:openai:...`, `TPO_REWARD=tgi:http://...` or another of `tpo rewards`.
"""

import os

from stand_in_model import StandInModel, tips_in

from langchain_tpo import build_tpo_graph
from langchain_tpo.cli.model_strings import chat_model
from langchain_tpo.cli.reward_strings import reward_model
from langchain_tpo.cli.run_choices import DEFAULT_REWARD, settings_for
from langchain_tpo.reward_models import HumanReward

NAME = os.environ.get("TPO_MODEL")
"""The model, as typed; the stand-in where there is none."""
REWARD = os.environ.get("TPO_REWARD") or (DEFAULT_REWARD if NAME else None)
"""The reward model, as typed; the stand-in's own tips are counted where there is no model."""

model = chat_model(NAME) if NAME else StandInModel()
settings = settings_for(NAME or "")
tpo = build_tpo_graph(
    model, reward_model(REWARD) if REWARD else tips_in, settings=settings
).compile(name="TPO")
tpo_with_a_person = build_tpo_graph(model, HumanReward(mode="score"), settings=settings).compile(
    name="TPO with a person"
)
