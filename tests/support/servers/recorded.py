"""Answers recorded from real servers, and their API descriptions, where a checkout has them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures"

WHOLE = {"inputs", "messages", "top_n_tokens"}
"""Properties of what is described in full; parts of an `allOf` know each other's keys."""


def recorded(name: str) -> Any:
    """Return a recording, or skip the test."""
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"recording {name} is not beside this checkout")
    return json.loads(path.read_text())


def answer(name: str) -> Any:
    """Return the body of a recorded answer."""
    return recorded(name)["response"]["body"]


def check_against_openapi(server: str, schema: str, body: Any) -> None:
    """Check a request body against the server's own description; unknown keys are errors."""
    document = _closed(recorded(f"{server}/openapi.json"))
    root = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    jsonschema.Draft202012Validator(root).validate(body)


def _closed(node: Any) -> Any:
    """Write OpenAPI's `nullable` as JSON schema, and forbid keys that are not described."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    if WHOLE & set(closed.get("properties", {})):
        closed["additionalProperties"] = False
    return {"anyOf": [closed, {"type": "null"}]} if closed.pop("nullable", False) else closed
