"""A link of a chain: prompt, TPO, parser; and the whole run where you want to see it."""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from stand_in_model import StandInModel, tips_in

from langchain_tpo import TPORunnable

prompt = ChatPromptTemplate([("human", "How do I care for a wooden {thing}?")])
tpo = TPORunnable(model=StandInModel(), reward=tips_in, width=3, depth=2)

chain = prompt | tpo | StrOutputParser()
print(chain.invoke({"thing": "table"}))

result = tpo.optimize(prompt.invoke({"thing": "table"}))
print(f"best of the first {tpo.width}: {result.best_rewards[0]}, in the end: {result.reward}")
