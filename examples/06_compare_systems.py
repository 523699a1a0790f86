"""Compare TPO with its baselines on your own model and reward, without the command line."""

import asyncio
import tempfile
from pathlib import Path

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda

from langchain_tpo import TPOSettings
from langchain_tpo.evaluation.attempts import InProcess
from langchain_tpo.evaluation.examples import Example
from langchain_tpo.evaluation.record_writer import RecordWriter
from langchain_tpo.evaluation.records import RecordFile, read_records
from langchain_tpo.evaluation.run_evaluation import run_evaluation
from langchain_tpo.evaluation.system_runner import Parts
from langchain_tpo.evaluation.systems import parse_systems
from langchain_tpo.reward_models.coercion import as_reward_model


def reply(messages: list) -> AIMessage:
    """Stand in for your chat model."""
    return AIMessage(f"<IMPROVED_VARIABLE>{len(messages)} thoughts</IMPROVED_VARIABLE>")


def reward(prompt: str, response: str) -> float:
    """Stand in for your reward model."""
    return float(len(set(response.split()) - set(prompt.split())))


questions = ["How do I care for a wooden table?", "Why is the sky blue?"]
examples = [Example(id=text, messages=(HumanMessage(text),)) for text in questions]
systems = parse_systems(["best-of-n", "tpo:depth=1"], TPOSettings(width=3))
parts = Parts(model=RunnableLambda(reply), reward=as_reward_model(reward))

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "records.jsonl"
    with RecordWriter(RecordFile(path)) as writer:
        asyncio.run(run_evaluation(examples, systems, InProcess(systems, parts), writer))
    for record in read_records(path):
        (run,) = record["runs"]
        print(f"{record['system']:<10} {run['reward']:5.1f}  {record['example']}")
