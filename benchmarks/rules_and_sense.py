"""Rules, and behind them a small model as the judge of whether an answer says anything.

    tpo evaluate data/a.jsonl -m local:qwen2.5-coder-1.5b \\
        -r python:benchmarks.rules_and_sense:both --metric ifeval

What keeps all rules has to be an answer as well: with log P(yes) - log P(no) of 1 or more, in nats.
"""

from langchain_tpo.local import LocalServer
from langchain_tpo.reward_models import Cascade, OpenAIVerifier, VerifiableInstructions

SERVER = LocalServer("qwen2.5-coder-1.5b").start()
"""The judge's weights; another copy than that of the model that answers."""

CRITERIA = (
    "The response has content of its own: it does what was asked, and is more than a bare form, "
    "a title or a copy of the request."
)
"""What is asked about an answer."""

ENOUGH = 1.0
"""Of 46 answers of other prompts 13 of the 15 that say nothing are below, 23 of the others not."""

sense = OpenAIVerifier(url=SERVER.base_url, api_key=SERVER.api_key, criteria=CRITERIA, timeout=600)
both = Cascade(VerifiableInstructions(), sense, enough=ENOUGH)
