"""Several policies that draw in turn, and a pool that says who wrote what."""

import pickle
from typing import Any

import pytest
from langchain_core.callbacks import UsageMetadataCallbackHandler

from langchain_tpo import ChatTPO, TPORunnable, build_tpo_graph
from langchain_tpo.errors import ModelTypeError
from tests.support.fakes import ScriptedModel, ScriptedModelWithN, last_number


class Named(ScriptedModel):
    """A model with a name of its own."""

    model_name: str


class Telling(Named):
    """A model that says its name, as those of providers do."""

    def _result(self, call: Any) -> Any:
        result = super()._result(call)
        for one in result.generations:
            one.message.response_metadata["model_name"] = self.model_name
        return result


class Failing(ScriptedModel):
    """A model whose provider is down."""

    model_name: str = "down"

    def _generate(self, *_: Any, **__: Any) -> Any:
        raise ConnectionError("down")


def two() -> list[Any]:
    return [Named(model_name="one"), Named(model_name="other")]


def writers(pool: list[Any]) -> list[str]:
    return [one["message"]["response_metadata"]["model_name"] for one in pool]


@pytest.mark.parametrize("run", ["optimize", "aoptimize"])
async def test_models_take_turns_and_the_first_criticizes(run: str) -> None:
    one, other = two()
    tpo = TPORunnable(model=[one, other], reward=last_number, width=3, depth=1)

    result = tpo.optimize("Wood?") if run == "optimize" else await tpo.aoptimize("Wood?")

    assert writers(result.pool) == ["one", "other", "one"] * 2
    assert sorted(one.notebook.steps()) == sorted(
        ["sample", "sample", "textual_loss", "textual_gradient", "update", "update"]
    )
    assert other.notebook.steps() == ["sample", "update"]
    assert result.usage["requests"] == 8
    assert result.message().response_metadata["model_name"] in {"one", "other"}


def test_wrappers_and_other_doors_take_several_too() -> None:
    one, other = two()
    wrapped = [
        one.bind(stop=["END"]).with_retry(),
        other.with_fallbacks([Named(model_name="spare")]),
    ]

    chat = ChatTPO(model=wrapped, reward=last_number, width=2, depth=0)
    assert chat.invoke("Wood?").response_metadata["tpo"]["candidates"] == 2
    loop = build_tpo_graph(wrapped, last_number, width=2, depth=0).compile()
    pool = loop.invoke({"messages": [("user", "Wood?")]})["tpo"]["pool"]
    assert writers(pool) == ["one", "other"]
    assert one.notebook.steps() == other.notebook.steps() == ["sample"] * 2


def test_a_provider_that_is_down_costs_its_draws_alone() -> None:
    models = [Named(model_name="up"), Failing()]
    result = TPORunnable(model=models, reward=last_number, width=4, depth=0).optimize("Wood?")
    assert writers(result.pool) == ["up", "up"]
    assert [drop["reason"] for drop in result.drops] == ["failed", "failed"]


def test_a_list_of_one_is_that_model() -> None:
    model = ScriptedModelWithN()
    TPORunnable(model=[model], reward=last_number, width=4, depth=0).invoke("Wood?")
    assert model.notebook.steps() == ["sample"], "one request for all four"


def test_it_pickles() -> None:
    tpo = TPORunnable(model=two(), reward=last_number, width=2, depth=0)
    again = pickle.loads(pickle.dumps(tpo))  # noqa: S301 our own
    assert writers(again.optimize("Wood?").pool) == ["one", "other"]


@pytest.mark.parametrize(
    ("models", "line"),
    [([], "must be a chat model or several, got none"), ([ScriptedModel(), 3], r"`model\[1\]`")],
)
def test_what_is_no_list_of_models(models: Any, line: str) -> None:
    with pytest.raises(ModelTypeError, match=line):
        TPORunnable(model=models, reward=last_number)


def test_tokens_are_filed_as_the_page_on_langgraph_says() -> None:
    models = [Telling(model_name="one"), Telling(model_name="other")]
    settings: Any = {"reward": last_number, "width": 3, "depth": 1}
    link, chat = UsageMetadataCallbackHandler(), UsageMetadataCallbackHandler()

    TPORunnable(model=models, **settings).invoke("Wood?", {"callbacks": [link]})
    answer = ChatTPO(model=models, **settings).invoke("Wood?", {"callbacks": [chat]})

    assert set(link.usage_metadata) == {"one", "other"}, "each under its own name"
    assert chat.usage_metadata == {
        answer.response_metadata["model_name"]: answer.usage_metadata,
    }, "the total under the name of the one that wrote the answer"
