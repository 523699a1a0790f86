"""Sequence classifiers behind HTTP servers, one adapter per server."""

from langchain_tpo.reward_models.classifier_servers.hf_endpoint import HFEndpointClassifier
from langchain_tpo.reward_models.classifier_servers.infinity import InfinityClassifier
from langchain_tpo.reward_models.classifier_servers.sglang import SGLangClassifier
from langchain_tpo.reward_models.classifier_servers.tei import TEIClassifier
from langchain_tpo.reward_models.classifier_servers.vllm import VLLMClassifier

__all__ = [
    "HFEndpointClassifier",
    "InfinityClassifier",
    "SGLangClassifier",
    "TEIClassifier",
    "VLLMClassifier",
]
