"""Whatever the server's own schema allows, or forbids, is answered as the schema says.

In an environment of its own (`make test_schema`): schemathesis and LangGraph Server want different
versions of one package.
"""

from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra `serve`")
schemathesis = pytest.importorskip("schemathesis", reason="run by `make test_schema`")

from hypothesis import HealthCheck, settings  # noqa: E402 comes with schemathesis

from langchain_tpo.serve import Keys  # noqa: E402 behind the extras
from tests.support.serving import loop, served  # noqa: E402 as above

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HEAD = {"authorization": "Bearer tpo-a"}
APP = served(loop(width=2, depth=1), keys=Keys({"alice": Keys.digest("tpo-a")}))
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APP, headers=HEAD)

NOT_SAID = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
"""No schema says which models there are, or what a conversation has to hold: such a request is
refused with status 400, which this check takes for a fault."""


@SCHEMA.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_its_schema_says(case: Any) -> None:
    case.call_and_validate(headers=HEAD, excluded_checks=NOT_SAID)
