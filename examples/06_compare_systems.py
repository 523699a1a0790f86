"""Compare TPO with its baselines on your own model and reward, without the command line."""

from stand_in_model import StandInModel, tips_in

from langchain_tpo import TPOSettings
from langchain_tpo.evaluation import evaluate

report = evaluate(
    ["How do I care for a wooden table?", "And for a wooden chair?"],
    systems=["best-of-n", "best-of-n-matched", "tpo:depth=1"],
    model=StandInModel(),
    reward=tips_in,
    settings=TPOSettings(width=3),
)
print(report.as_dict()["verdict"])
print(report.frame().groupby("system")["reward"].mean().to_string())
