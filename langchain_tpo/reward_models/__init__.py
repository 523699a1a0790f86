"""Things that score responses: `docs/reward_models.md` has them in one table.

What their arguments need is here too: questions of verifiers, chat templates, rules. Each is
imported when it is asked for, so that an extra is needed only by what uses it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_tpo.reward_models.adapters import decides as decides
    from langchain_tpo.reward_models.base import ComposedReward as ComposedReward
    from langchain_tpo.reward_models.chat_templates import chatml as chatml
    from langchain_tpo.reward_models.chat_templates import llama3 as llama3
    from langchain_tpo.reward_models.chat_templates import transcript as transcript
    from langchain_tpo.reward_models.coercion import RewardLike as RewardLike
    from langchain_tpo.reward_models.coercion import as_reward_model as as_reward_model
    from langchain_tpo.reward_models.combined.cascade import Cascade as Cascade
    from langchain_tpo.reward_models.combined.ensemble import Ensemble as Ensemble
    from langchain_tpo.reward_models.combined.length_penalty import LengthPenalty as LengthPenalty
    from langchain_tpo.reward_models.combined.scaling import Scaling as Scaling
    from langchain_tpo.reward_models.human.human import HumanQuestion as HumanQuestion
    from langchain_tpo.reward_models.human.human import HumanReward as HumanReward
    from langchain_tpo.reward_models.in_process.sequence_classifier import (
        SequenceClassifier as SequenceClassifier,
    )
    from langchain_tpo.reward_models.interface import ExplainedScore as ExplainedScore
    from langchain_tpo.reward_models.interface import RewardModel as RewardModel
    from langchain_tpo.reward_models.interface import Score as Score
    from langchain_tpo.reward_models.interface import ScoreRequest as ScoreRequest
    from langchain_tpo.reward_models.judges.chat_judge import ChatJudge as ChatJudge
    from langchain_tpo.reward_models.judges.listwise_judge import ListwiseJudge as ListwiseJudge
    from langchain_tpo.reward_models.judges.pairwise_judge import PairwiseJudge as PairwiseJudge
    from langchain_tpo.reward_models.preference_head import HeadWeights as HeadWeights
    from langchain_tpo.reward_models.preference_head import PreferenceHead as PreferenceHead
    from langchain_tpo.reward_models.python_function import FunctionReward as FunctionReward
    from langchain_tpo.reward_models.servers.classifiers import (
        HFEndpointClassifier as HFEndpointClassifier,
    )
    from langchain_tpo.reward_models.servers.classifiers import (
        InfinityClassifier as InfinityClassifier,
    )
    from langchain_tpo.reward_models.servers.classifiers import NIMClassifier as NIMClassifier
    from langchain_tpo.reward_models.servers.classifiers import (
        OpenRLHFClassifier as OpenRLHFClassifier,
    )
    from langchain_tpo.reward_models.servers.classifiers import SGLangClassifier as SGLangClassifier
    from langchain_tpo.reward_models.servers.classifiers import TEIClassifier as TEIClassifier
    from langchain_tpo.reward_models.servers.classifiers import VLLMClassifier as VLLMClassifier
    from langchain_tpo.reward_models.servers.classifiers import (
        VLLMProcessReward as VLLMProcessReward,
    )
    from langchain_tpo.reward_models.servers.implicit import (
        ImplicitRewardModel as ImplicitRewardModel,
    )
    from langchain_tpo.reward_models.servers.openai_compatible import (
        OpenAIVerifier as OpenAIVerifier,
    )
    from langchain_tpo.reward_models.servers.tgi import TGIRewardModel as TGIRewardModel
    from langchain_tpo.reward_models.servers.verifier_questions import JsonScore as JsonScore
    from langchain_tpo.reward_models.servers.verifier_questions import Rating as Rating
    from langchain_tpo.reward_models.servers.verifier_questions import YesNo as YesNo
    from langchain_tpo.reward_models.verifiable_instructions import Rule as Rule
    from langchain_tpo.reward_models.verifiable_instructions import (
        VerifiableInstructions as VerifiableInstructions,
    )
    from langchain_tpo.reward_models.verifiable_instructions import bullets as bullets
    from langchain_tpo.reward_models.verifiable_instructions import ends_with as ends_with
    from langchain_tpo.reward_models.verifiable_instructions import excludes as excludes
    from langchain_tpo.reward_models.verifiable_instructions import highlights as highlights
    from langchain_tpo.reward_models.verifiable_instructions import includes as includes
    from langchain_tpo.reward_models.verifiable_instructions import is_json as is_json
    from langchain_tpo.reward_models.verifiable_instructions import lowercase as lowercase
    from langchain_tpo.reward_models.verifiable_instructions import max_words as max_words
    from langchain_tpo.reward_models.verifiable_instructions import min_words as min_words
    from langchain_tpo.reward_models.verifiable_instructions import no_commas as no_commas
    from langchain_tpo.reward_models.verifiable_instructions import paragraphs as paragraphs
    from langchain_tpo.reward_models.verifiable_instructions import placeholders as placeholders
    from langchain_tpo.reward_models.verifiable_instructions import quoted as quoted
    from langchain_tpo.reward_models.verifiable_instructions import rules_in as rules_in
    from langchain_tpo.reward_models.verifiable_instructions import sections as sections
    from langchain_tpo.reward_models.verifiable_instructions import sentences as sentences
    from langchain_tpo.reward_models.verifiable_instructions import starts_with as starts_with
    from langchain_tpo.reward_models.verifiable_instructions import uppercase as uppercase
    from langchain_tpo.reward_models.verifiable_instructions import words as words
    from langchain_tpo.reward_models.verifiers.answers import ExactAnswer as ExactAnswer
    from langchain_tpo.reward_models.verifiers.citations import Citations as Citations
    from langchain_tpo.reward_models.verifiers.json_schema import JsonSchema as JsonSchema
    from langchain_tpo.reward_models.verifiers.math_answer import MathAnswer as MathAnswer
    from langchain_tpo.reward_models.verifiers.unit_tests import UnitTests as UnitTests
    from langchain_tpo.reward_models.verifiers.verifier import Verifier as Verifier

_NAMES: dict[str, tuple[str, ...]] = {
    "adapters": ("decides",),
    "base": ("ComposedReward",),
    "chat_templates": ("chatml", "llama3", "transcript"),
    "coercion": ("RewardLike", "as_reward_model"),
    "combined.cascade": ("Cascade",),
    "combined.ensemble": ("Ensemble",),
    "combined.length_penalty": ("LengthPenalty",),
    "combined.scaling": ("Scaling",),
    "human.human": ("HumanQuestion", "HumanReward"),
    "in_process.sequence_classifier": ("SequenceClassifier",),
    "interface": ("ExplainedScore", "RewardModel", "Score", "ScoreRequest"),
    "judges.chat_judge": ("ChatJudge",),
    "judges.listwise_judge": ("ListwiseJudge",),
    "judges.pairwise_judge": ("PairwiseJudge",),
    "preference_head": ("HeadWeights", "PreferenceHead"),
    "python_function": ("FunctionReward",),
    "servers.classifiers": (
        "HFEndpointClassifier",
        "InfinityClassifier",
        "NIMClassifier",
        "OpenRLHFClassifier",
        "SGLangClassifier",
        "TEIClassifier",
        "VLLMClassifier",
        "VLLMProcessReward",
    ),
    "servers.implicit": ("ImplicitRewardModel",),
    "servers.openai_compatible": ("OpenAIVerifier",),
    "servers.tgi": ("TGIRewardModel",),
    "servers.verifier_questions": ("JsonScore", "Rating", "YesNo"),
    "verifiable_instructions": (
        "Rule",
        "VerifiableInstructions",
        "bullets",
        "ends_with",
        "excludes",
        "highlights",
        "includes",
        "is_json",
        "lowercase",
        "max_words",
        "min_words",
        "no_commas",
        "paragraphs",
        "placeholders",
        "quoted",
        "rules_in",
        "sections",
        "sentences",
        "starts_with",
        "uppercase",
        "words",
    ),
    "verifiers.answers": ("ExactAnswer",),
    "verifiers.citations": ("Citations",),
    "verifiers.json_schema": ("JsonSchema",),
    "verifiers.math_answer": ("MathAnswer",),
    "verifiers.unit_tests": ("UnitTests",),
    "verifiers.verifier": ("Verifier",),
}
"""The modules, and what each has for users."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_MODULES)  # noqa: PLE0605 a list all the same


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
