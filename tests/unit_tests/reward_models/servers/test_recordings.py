"""The files of `tests/fixtures`: each is described, and none claims more than upstream says."""

from typing import Any

import pytest

from tests.support.servers.recorded import FIXTURES, recorded, upstream

README = (FIXTURES / "README.md").read_text(encoding="utf-8")
SCHEMAS = [
    ("tgi", "GenerateRequest"),
    ("tgi", "CompatGenerateRequest"),
    ("tgi", "ChatRequest"),
    ("tei", "PredictRequest"),
    ("infinity", "RerankInput"),
]


def test_every_folder_and_every_written_file_is_described() -> None:
    folders = {path.name for path in FIXTURES.iterdir() if path.is_dir()}
    assert folders == {name for name in folders if f"`{name}/`" in README}
    written = {path.stem for path in (FIXTURES / "written").iterdir()}
    assert written == {name for name in written if f"`{name}`" in README}


@pytest.mark.parametrize(("server", "schema"), SCHEMAS)
def test_what_is_written_here_names_nothing_that_upstream_lacks(server: str, schema: str) -> None:
    document = upstream(f"{server}/openapi.json")["components"]["schemas"]
    written = recorded(f"written/{server}_requests.json")[schema]
    assert written["required"] == document[schema]["required"]
    assert written["properties"].keys() <= document[schema]["properties"].keys()
    parameters: dict[str, Any] = written["properties"].get("parameters", {"properties": {}})
    known = document.get("GenerateParameters", {"properties": {}})["properties"]
    assert parameters["properties"].keys() <= known.keys()
