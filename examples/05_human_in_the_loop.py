"""A person scores the candidates: the run waits for as long as it takes.

Type the scores, such as `7, 4`; an empty line scores by the number of tips, as does a run without
a terminal. What cannot be used is asked again.
"""

import sys

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from stand_in_model import StandInModel, tips_in

from langchain_tpo import TPOSettings, build_tpo_graph
from langchain_tpo.reward_models.human import HumanQuestion, HumanReward


def ask(question: HumanQuestion) -> object:
    """Show what is asked; give what is answered."""
    fresh = [one for one in question["candidates"] if "standing" not in one]
    print(question["problem"] or question["instructions"])
    for number, candidate in enumerate(fresh, start=1):
        print(f"  {number}. {candidate['text']}")
    typed = input("> ") if sys.stdin.isatty() else ""
    return typed or [tips_in("", candidate["text"]) for candidate in fresh]


settings = TPOSettings(width=2, depth=1)
loop = build_tpo_graph(StandInModel(), HumanReward(mode="score"), settings=settings)
graph = loop.compile(checkpointer=InMemorySaver())
thread = {"configurable": {"thread_id": "table"}}

state = graph.invoke({"messages": [HumanMessage("How do I care for a wooden table?")]}, thread)
while "__interrupt__" in state:
    state = graph.invoke(Command(resume=ask(state["__interrupt__"][0].value)), thread)
print(f"chosen: {state['messages'][-1].text}")
