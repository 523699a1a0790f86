"""An agent whose last answer is optimized; its tools run as they would without."""

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from stand_in_model import StandInModel, tips_in

from langchain_tpo import TPOMiddleware


def find_oil(wood: str) -> str:
    """Find the oil for a kind of wood."""
    return f"Tung oil is right for {wood}."


tpo = TPOMiddleware(reward=tips_in, width=3, depth=2)
agent = create_agent(StandInModel(), [find_oil], middleware=[tpo])
state = agent.invoke({"messages": [HumanMessage("How do I care for my oak table?")]})

for message in state["messages"]:
    print(f"{message.type:>6}: {message.text or message.tool_calls[0]['name'] + '(...)'}")
print(f"rewards: {state['tpo_rewards']}")
