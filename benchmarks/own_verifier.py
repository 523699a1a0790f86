"""A small model as its own verifier: whether it says yes when it is asked if a result is right.

    tpo evaluate data/gsm8k.jsonl -m local:qwen2.5-coder-1.5b \\
        -r python:benchmarks.own_verifier:says_right --metric exact-match

The reward is log P(yes) - log P(no), in nats, as `openai:URL` has it of any server; the server is
one of this process, which ends with it.
"""

from langchain_tpo.local import LocalServer
from langchain_tpo.reward_models import OpenAIVerifier

SERVER = LocalServer("qwen2.5-coder-1.5b").start()
"""The verifier's weights; another copy than that of the model that answers."""

CRITERIA = "Each step of the response is right, and so is its final result."
"""Of mathematics; nothing that knows the result."""

says_right = OpenAIVerifier(
    url=SERVER.base_url, api_key=SERVER.api_key, criteria=CRITERIA, timeout=600
)
