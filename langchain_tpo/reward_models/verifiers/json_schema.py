"""Whether a response is JSON of a given form, and where it is not."""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ValidationError, field_validator

from langchain_tpo.errors import SettingsError
from langchain_tpo.reward_models.interface import ExplainedScore, ScoreRequest
from langchain_tpo.reward_models.verifiers.verifier import Verifier
from langchain_tpo.text.json_limits import told, validator
from langchain_tpo.text.thinking import split_thinking

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
    pydantic_class: type[BaseModel] | None = None
    """The class of which it is: its own validators have the last word."""

    def __init__(
        self, schema: Mapping[str, Any] | type[BaseModel], *, name: str | None = "json_schema"
    ) -> None:
        """Check the schema.

        Args:
            schema: A JSON schema, or a pydantic class.
            name: How traces call this verifier.
        """
        options: dict[str, Any] = {"form": schema}
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            options = {"form": schema.model_json_schema(), "pydantic_class": schema}
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
        answer = split_thinking(response)[1]
        fenced = _FENCED.match(answer)
        try:
            value = json.loads(fenced[1] if fenced else answer, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else _other(error)
            return {"reward": 0.0, "rationale": f"The response is no JSON ({reason})."}
        errors = list(self._validator.iter_errors(value))
        if not errors and self.pydantic_class is not None:
            return _validated(self.pydantic_class, value)
        if not errors:
            return {"reward": 1.0, "rationale": "The response fits the schema."}
        return {"reward": 0.5 / len(errors), "rationale": told(errors)}


def _validated(pydantic_class: type[BaseModel], value: object) -> ExplainedScore:
    """Ask the class's own validators, which no schema holds."""
    try:
        pydantic_class.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        words = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:3])
        return {"reward": 0.5 / len(found), "rationale": f"The JSON breaks a rule: {words}."}
    return {"reward": 1.0, "rationale": "The response fits the schema."}


def _no_constant(name: str) -> None:
    raise ValueError(f"`{name}` is no number of JSON")


def _other(error: ValueError | RecursionError) -> str:
    return "too deep" if isinstance(error, RecursionError) else str(error)[:80]
