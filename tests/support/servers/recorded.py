"""Answers of real servers, and what their requests must look like; `tests/fixtures/README.md`."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
"""What comes with the repository."""

UPSTREAM = Path(__file__).parents[4] / "shared" / "fixtures"
"""Files of the servers' own projects, which are not ours to copy; few checkouts have them."""

WHOLE = {"inputs", "messages", "top_n_tokens"}
"""Properties of what is described in full; parts of an `allOf` know each other's keys."""


def recorded(name: str) -> Any:
    """Return an exchange with a server: `request`, if it matters, and `response`."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def answer(name: str) -> Any:
    """Return the body of a recorded answer."""
    return recorded(name)["response"]["body"]


def upstream(name: str) -> Any:
    """Return a file of a server's own project, or skip the test."""
    path = UPSTREAM / name
    if not path.exists():
        pytest.skip(f"upstream's own `{name}` is not beside this checkout")
    return json.loads(path.read_text(encoding="utf-8"))


def check_request(server: str, schema: str, body: Any) -> None:
    """Check the body of a request: unknown keys are errors.

    Against the description written here, and against upstream's own where a checkout has it.
    """
    written = recorded(f"written/{server}_requests.json")
    jsonschema.Draft202012Validator(written[schema]).validate(body)
    if (UPSTREAM / server / "openapi.json").exists():
        check_against_openapi(server, schema, body)


def check_against_openapi(server: str, schema: str, body: Any) -> None:
    """Check the body of a request against the server's own description, or skip the test."""
    document = _closed(upstream(f"{server}/openapi.json"))
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
