"""Reward models behind servers: the address may go by place."""

from langchain_tpo.reward_models import (
    HFEndpointClassifier,
    ImplicitRewardModel,
    InfinityClassifier,
    NIMClassifier,
    OpenAIVerifier,
    OpenRLHFClassifier,
    RewardModel,
    SGLangClassifier,
    TEIClassifier,
    TGIRewardModel,
    VLLMClassifier,
    YesNo,
    chatml,
    llama3,
    transcript,
)

URL = "http://localhost:8000"

servers: list[RewardModel] = [
    HFEndpointClassifier(URL, template=transcript),
    InfinityClassifier(URL, model="rm"),
    NIMClassifier(URL, model="rm"),
    OpenAIVerifier(URL, model="judge", question=YesNo()),
    OpenRLHFClassifier(URL, template=chatml),
    SGLangClassifier(URL, template=llama3),
    TEIClassifier(URL),
    TGIRewardModel(URL),
    VLLMClassifier(URL, model="rm", timeout=60),
    ImplicitRewardModel(URL, reference=URL),
]
