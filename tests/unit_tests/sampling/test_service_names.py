"""A model is known by class, name and address: of whatever object, and as that object is now."""

from typing import Any

import pytest
from langchain_core.runnables import ConfigurableField, RunnableLambda
from pydantic import ConfigDict

from langchain_tpo import TPORunnable
from langchain_tpo.sampling import service_names
from langchain_tpo.sampling.asked_through import AskedThrough
from langchain_tpo.sampling.capabilities import Learned
from langchain_tpo.sampling.service_names import service_name
from tests.support.fakes import ScriptedModel, last_number


class Addressed(ScriptedModel):
    model: str = "m"
    base_url: str | None = "http://here/v1"


class Loose(ScriptedModel):
    model_config = ConfigDict(extra="allow")


class ByProperty(ScriptedModel):
    @property
    def model_id(self) -> str:
        return "p"


class Endpoint(ScriptedModel):
    endpoint_url: str = "http://there"


class Around(ScriptedModel):
    llm: Any = None


HERE = Addressed()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (HERE, "Addressed m at http://here/v1"),
        (AskedThrough(HERE.with_retry(), print), "Addressed m at http://here/v1"),
        (Addressed(base_url="http://me:secret@here/v1"), "Addressed m at http://(hidden)@here/v1"),
        (Addressed(base_url=None, model=""), "Addressed"),
        (Loose(model="m"), "Loose m"),
        (ByProperty(), "ByProperty p"),
        (Around(llm=Endpoint()), "Around at http://there"),
        (RunnableLambda(str, name="shout"), "RunnableLambda shout"),
        (object(), ""),
    ],
    ids=["plain", "agent", "password", "no", "extra", "property", "inside", "function", "none"],
)
def test_a_model_is_known_by_class_name_and_address(model: object, name: str) -> None:
    assert service_name(model) == name


def test_a_copy_is_the_same_model_and_a_changed_one_another() -> None:
    learned, model = Learned(), Addressed()
    learned.of(model).answers_one()
    assert learned.of(model.model_copy()).known.answers == 1

    model.model = "other"
    assert learned.of(model).name == "Addressed other at http://here/v1"
    model.base_url = "http://there/v1"
    assert learned.of(model).name == "Addressed other at http://there/v1"
    assert len(learned.by_model) == 3


def test_what_a_call_configures_is_a_model_of_its_own() -> None:
    model: Any = Addressed().configurable_fields(model=ConfigurableField(id="name"))
    tpo = TPORunnable(model=model, reward=last_number, width=2, depth=0)

    for name in ("one", "two", "one"):
        tpo.invoke("Wood?", {"configurable": {"name": name}})

    names = {lessons.name for lessons in tpo.learned.by_model.values()}
    assert {f"Addressed {name} at http://here/v1" for name in ("one", "two")} <= names


def test_the_slow_part_is_done_once_for_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden, searched, missed = service_names.without_credentials, [], []
    monkeypatch.setattr(
        service_names,
        "without_credentials",
        lambda text: searched.append(text) or hidden(text),
    )
    missing = Addressed.__getattr__
    monkeypatch.setattr(
        Addressed,
        "__getattr__",
        lambda self, name: missed.append(name) or missing(self, name),
    )
    model = Addressed(base_url="http://once.example/v1")
    missed.clear()

    for _ in range(3):
        assert service_name(model) == "Addressed m at http://once.example/v1"

    assert searched == ["http://once.example/v1"]
    assert not missed  # pydantic takes its time to say that a field is missing
