"""Sequence classifiers behind HTTP servers, one adapter per server."""

from langchain_tpo.reward_models.servers.classifiers.hf_endpoint import HFEndpointClassifier
from langchain_tpo.reward_models.servers.classifiers.infinity import InfinityClassifier
from langchain_tpo.reward_models.servers.classifiers.nim import NIMClassifier
from langchain_tpo.reward_models.servers.classifiers.openrlhf import OpenRLHFClassifier
from langchain_tpo.reward_models.servers.classifiers.process import VLLMProcessReward
from langchain_tpo.reward_models.servers.classifiers.sglang import SGLangClassifier
from langchain_tpo.reward_models.servers.classifiers.tei import TEIClassifier
from langchain_tpo.reward_models.servers.classifiers.vllm import VLLMClassifier

__all__ = [
    "HFEndpointClassifier",
    "InfinityClassifier",
    "NIMClassifier",
    "OpenRLHFClassifier",
    "SGLangClassifier",
    "TEIClassifier",
    "VLLMClassifier",
    "VLLMProcessReward",
]
