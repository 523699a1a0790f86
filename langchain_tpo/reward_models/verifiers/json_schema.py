"""Whether a response is JSON of a given form, and where it is not."""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, field_validator

from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.interface import ExplainedScore, ScoreRequest
from langchain_tpo.reward_models.verifiers.verifier import Verifier
from langchain_tpo.text.json_limits import told, validator

_FENCED = re.compile(r"\A\s*```\w*\n(.*)\n\s*```\s*\Z", re.DOTALL)


class JsonSchema(Verifier):
    """1 for JSON that fits the schema, at most a half for other JSON, 0 for what is no JSON.

    A code fence around the whole response is allowed. Needs the extra `json`.

    Raises:
        SettingsError: When the schema is none.

    Example:
        >>> reward = JsonSchema(schema={"type": "object", "required": ["name"]})
        >>> reward.invoke({"messages": [], "responses": ['{"name": "Oil"}', '{"nam": "Oil"}']})
        ... # doctest: +ELLIPSIS
        [{'reward': 1.0, ...}, {'reward': 0.5, 'rationale': "... 'name' is a required property."}]
    """

    name: str | None = "json_schema"
    """What traces call it."""
    form: Mapping[str, Any]
    """The JSON schema."""

    def __init__(
        self, schema: Mapping[str, Any] | type[BaseModel], *, name: str | None = "json_schema"
    ) -> None:
        """Check the schema.

        Args:
            schema: A JSON schema, or a pydantic class.
            name: How traces call this verifier.
        """
        form: object = schema
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            form = schema.model_json_schema()
        options: dict[str, Any] = {"form": form}
        super().__init__(**options, name=name)

    @field_validator("form")
    @classmethod
    def _is_schema(cls, form: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            validator(form)
        except ValueError as error:
            raise SettingsError(f"`schema` of JsonSchema is none: {error}.") from None
        return form

    @cached_property
    def _validator(self) -> Any:  # noqa: ANN401 of an untyped package
        return validator(self.form)

    def check(self, request: ScoreRequest, response: str) -> ExplainedScore:
        """Validate one response."""
        del request  # the schema is the same for every question
        fenced = _FENCED.match(response)
        try:
            value = json.loads(fenced[1] if fenced else response)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "too deep"
            return {"reward": 0.0, "rationale": f"The response is no JSON ({reason})."}
        errors = list(self._validator.iter_errors(value))
        if not errors:
            return {"reward": 1.0, "rationale": "The response fits the schema."}
        return {"reward": 0.5 / len(errors), "rationale": told(errors)}
