"""Things that score responses: `docs/reward_models.md` has them in one table.

Each is imported when it is asked for, so that an extra is needed only by what uses it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_tpo.reward_models.coercion import as_reward_model as as_reward_model
    from langchain_tpo.reward_models.combined.ensemble import Ensemble as Ensemble
    from langchain_tpo.reward_models.combined.length_penalty import LengthPenalty as LengthPenalty
    from langchain_tpo.reward_models.human.human import HumanReward as HumanReward
    from langchain_tpo.reward_models.in_process.sequence_classifier import (
        SequenceClassifier as SequenceClassifier,
    )
    from langchain_tpo.reward_models.judges.chat_judge import ChatJudge as ChatJudge
    from langchain_tpo.reward_models.judges.pairwise_judge import PairwiseJudge as PairwiseJudge
    from langchain_tpo.reward_models.preference_head import PreferenceHead as PreferenceHead
    from langchain_tpo.reward_models.python_function import FunctionReward as FunctionReward
    from langchain_tpo.reward_models.servers.classifiers import (
        HFEndpointClassifier as HFEndpointClassifier,
    )
    from langchain_tpo.reward_models.servers.classifiers import (
        InfinityClassifier as InfinityClassifier,
    )
    from langchain_tpo.reward_models.servers.classifiers import SGLangClassifier as SGLangClassifier
    from langchain_tpo.reward_models.servers.classifiers import TEIClassifier as TEIClassifier
    from langchain_tpo.reward_models.servers.classifiers import VLLMClassifier as VLLMClassifier
    from langchain_tpo.reward_models.servers.implicit import (
        ImplicitRewardModel as ImplicitRewardModel,
    )
    from langchain_tpo.reward_models.servers.openai_compatible import (
        OpenAIVerifier as OpenAIVerifier,
    )
    from langchain_tpo.reward_models.servers.tgi import TGIRewardModel as TGIRewardModel
    from langchain_tpo.reward_models.verifiable_instructions import (
        VerifiableInstructions as VerifiableInstructions,
    )

_MODULES = {
    "ChatJudge": "judges.chat_judge",
    "Ensemble": "combined.ensemble",
    "FunctionReward": "python_function",
    "HFEndpointClassifier": "servers.classifiers",
    "HumanReward": "human.human",
    "ImplicitRewardModel": "servers.implicit",
    "InfinityClassifier": "servers.classifiers",
    "LengthPenalty": "combined.length_penalty",
    "OpenAIVerifier": "servers.openai_compatible",
    "PairwiseJudge": "judges.pairwise_judge",
    "PreferenceHead": "preference_head",
    "SGLangClassifier": "servers.classifiers",
    "SequenceClassifier": "in_process.sequence_classifier",
    "TEIClassifier": "servers.classifiers",
    "TGIRewardModel": "servers.tgi",
    "VLLMClassifier": "servers.classifiers",
    "VerifiableInstructions": "verifiable_instructions",
    "as_reward_model": "coercion",
}

__all__ = sorted(_MODULES)  # noqa: PLE0605 a list all the same


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
