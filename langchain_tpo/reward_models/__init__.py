"""Things that score responses: `docs/reward_models.md` has them in one table.

Each is imported when it is asked for, so that an extra is needed only by what uses it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_tpo.reward_models.chat_judge import ChatJudge as ChatJudge
    from langchain_tpo.reward_models.classifier_servers import (
        HFEndpointClassifier as HFEndpointClassifier,
    )
    from langchain_tpo.reward_models.classifier_servers import (
        InfinityClassifier as InfinityClassifier,
    )
    from langchain_tpo.reward_models.classifier_servers import SGLangClassifier as SGLangClassifier
    from langchain_tpo.reward_models.classifier_servers import TEIClassifier as TEIClassifier
    from langchain_tpo.reward_models.classifier_servers import VLLMClassifier as VLLMClassifier
    from langchain_tpo.reward_models.coercion import as_reward_model as as_reward_model
    from langchain_tpo.reward_models.ensemble import Ensemble as Ensemble
    from langchain_tpo.reward_models.generative_scoring import (
        GenerativeScoringRewardModel as GenerativeScoringRewardModel,
    )
    from langchain_tpo.reward_models.human import HumanReward as HumanReward
    from langchain_tpo.reward_models.implicit import ImplicitRewardModel as ImplicitRewardModel
    from langchain_tpo.reward_models.length_penalty import LengthPenalty as LengthPenalty
    from langchain_tpo.reward_models.openai_compatible import OpenAIVerifier as OpenAIVerifier
    from langchain_tpo.reward_models.pairwise_judge import PairwiseJudge as PairwiseJudge
    from langchain_tpo.reward_models.preference_head import PreferenceHead as PreferenceHead
    from langchain_tpo.reward_models.python_function import FunctionReward as FunctionReward
    from langchain_tpo.reward_models.sequence_classifier import (
        SequenceClassifier as SequenceClassifier,
    )
    from langchain_tpo.reward_models.tgi import TGIRewardModel as TGIRewardModel
    from langchain_tpo.reward_models.verifiable_instructions import (
        VerifiableInstructions as VerifiableInstructions,
    )

_MODULES = {
    "ChatJudge": "chat_judge",
    "Ensemble": "ensemble",
    "FunctionReward": "python_function",
    "GenerativeScoringRewardModel": "generative_scoring",
    "HFEndpointClassifier": "classifier_servers",
    "HumanReward": "human",
    "ImplicitRewardModel": "implicit",
    "InfinityClassifier": "classifier_servers",
    "LengthPenalty": "length_penalty",
    "OpenAIVerifier": "openai_compatible",
    "PairwiseJudge": "pairwise_judge",
    "PreferenceHead": "preference_head",
    "SGLangClassifier": "classifier_servers",
    "SequenceClassifier": "sequence_classifier",
    "TEIClassifier": "classifier_servers",
    "TGIRewardModel": "tgi",
    "VLLMClassifier": "classifier_servers",
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
