"""Fields that requests of several APIs have in common, and what becomes of those that have no use.

A field reaches the policy or is refused by name: nothing that a client asks for is dropped in
silence. Null stands for a field that is left out.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from langchain_tpo.serve.failures import bad_request
from langchain_tpo.text.shown import shown

Json: TypeAlias = dict[str, Any]


class TpoFields(BaseModel):
    """What `tpo` of a request says of the server's answer, beside settings of the run."""

    model_config = ConfigDict(extra="allow")

    optimize: Literal["answers", "tool_calls"] = Field(
        default="answers", description="Whether calls of tools are optimized as well as answers."
    )
    progress: Literal["comments", "reasoning", "none"] = Field(
        default="comments", description="How a stream tells of rounds."
    )
    best_so_far: bool = Field(
        default=False, description="Whether a stream shows the best answer after each round."
    )
    context: dict[str, Any] | None = Field(
        default=None, description="What else the reward model is told, such as a reference."
    )

    def settings(self) -> Json:
        """Return the settings of the run among them."""
        return dict(self.model_extra or {})


def check_fields(body: BaseModel, refused: Mapping[str, str], harmless: Sequence[Any]) -> None:
    """Refuse what has no use here.

    Args:
        body: A request; its unknown fields are extra.
        refused: Why, by the names of fields that are known and have no use.
        harmless: Values with which such a field asks for nothing.

    Raises:
        Exception: A refused request that names the field.
    """
    for name, value in (body.model_extra or {}).items():
        if value is None:
            continue
        if name not in refused:
            raise bad_request(
                f"`{shown(name)}` is no field that this server knows: leave it out.",
                param=shown(name),
                code="unknown_parameter",
            )
        if value not in harmless:
            raise bad_request(
                f"`{name}` has no use here: {refused[name]}.",
                param=name,
                code="unsupported_parameter",
            )


def check_tool_fields(body: BaseModel) -> None:
    """Refuse what belongs to tools where none are offered.

    Raises:
        Exception: A refused request that names the field.
    """
    for name in ("tool_choice", "parallel_tool_calls"):
        value = getattr(body, name, None)
        if value not in (None, False, "auto", "none") and not getattr(body, "tools", None):
            raise bad_request(f"`{name}` goes with `tools`, and there are none.", param=name)


def given(body: BaseModel, names: Sequence[str]) -> Json:
    """Return the fields of a request that are set.

    Args:
        body: A request.
        names: Which of them.
    """
    found = {name: getattr(body, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def check_schema(told: Json, *, param: str) -> Json:
    """Return the schema that an answer has to fit, with its name and what it is about.

    Args:
        told: An API's own form of it, with a `schema` inside.
        param: The field that holds it.

    Raises:
        Exception: A refused request, when there is none.
    """
    schema = told.get("schema")
    if not isinstance(schema, dict) or not schema:
        raise bad_request(
            f"`{param}` must be `text`, `json_object`, or a `json_schema` with a `schema`, as this "
            f"API has them, got `{shown(told)}`.",
            param=param,
        )
    named = {"title": str(told.get("name") or "answer")}
    about = {"description": str(told["description"])} if told.get("description") else {}
    return {**named, **about, **schema}


def tool_choice(choice: str | Json | None) -> Json:
    """Return a choice of tools as `bind_tools` of any provider takes it.

    Example:
        >>> tool_choice("required"), tool_choice({"type": "function", "function": {"name": "f"}})
        ({'tool_choice': 'any'}, {'tool_choice': 'f'})
    """
    if choice is None or choice == "auto":
        return {}
    if isinstance(choice, str):
        return {"tool_choice": {"required": "any"}.get(choice, choice)}
    name = choice.get("name") or (choice.get("function") or {}).get("name")
    if not isinstance(name, str) or not name:
        raise bad_request(
            f"`tool_choice` must be a word or name a function, got `{shown(choice)}`.",
            param="tool_choice",
        )
    return {"tool_choice": name}
