"""Fields that requests of several APIs have in common, and what becomes of those that have no use.

A field reaches the policy or is refused by name: nothing that a client asks for is dropped in
silence. Null stands for a field that is left out.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from langchain_tpo.loop.run_state import MOST_NESTED
from langchain_tpo.serve.failures import bad_request
from langchain_tpo.text.shown import shown
from langchain_tpo.text.well_formed import well_formed

Json: TypeAlias = dict[str, Any]

NOTHING: Sequence[Any] = (None, False, "", [], {})
"""With these a field asks for nothing."""

DIRECT = {"type": "direct"}
"""A call of a model's own, which is what all of them are here."""

CHOICE_WORDS = ("none", "auto", "required")
"""What `tool_choice` of OpenAI may say without naming a function."""

CHOICE_FIELDS = ("type", "name", "function", "disable_parallel_tool_use")
"""What it may hold otherwise, whichever API's it is."""


class NoUse(NamedTuple):
    """A field of an API that has no use here."""

    why: str
    harmless: Sequence[Any] = ()
    """Values with which it asks for nothing."""


class ApiRequest(BaseModel):
    """A request of any API; its unknown fields are kept, to be refused by name."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _readable(cls, body: object) -> object:
        """Refuse what is nested too deeply, and mend texts that nobody could send on."""
        return _mended(body, MOST_NESTED)


def _mended(value: object, levels: int) -> object:
    """Return a value of JSON with the halves of surrogate pairs in its texts replaced."""
    if isinstance(value, str):
        return well_formed(value)
    if not isinstance(value, dict | list):
        return value
    if not levels:
        raise bad_request(f"The body is nested more than {MOST_NESTED} levels deep.")
    if isinstance(value, list):
        return [_mended(one, levels - 1) for one in value]
    return {well_formed(name): _mended(one, levels - 1) for name, one in value.items()}


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


def check_fields(body: BaseModel, refused: Mapping[str, NoUse]) -> None:
    """Refuse what has no use here.

    Args:
        body: A request; its unknown fields are extra.
        refused: Fields that are known and have no use.

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
        if value not in refused[name].harmless:
            raise without_use(name, refused[name].why)


def check_inside(
    told: Mapping[str, Any],
    known: Collection[str],
    *,
    param: str,
    harmless: Collection[Any] = NOTHING,
) -> None:
    """Refuse what has no use inside of a field.

    Args:
        told: A part of a request.
        known: What it may hold.
        param: Where it is.
        harmless: Values with which anything else asks for nothing.

    Raises:
        Exception: A refused request that names what it is.
    """
    for name, value in told.items():
        if name not in known and value not in harmless:
            raise without_use(f"{param}.{shown(name)}", "leave it out")


def without_use(param: str, why: str) -> Exception:
    """Return the error of a request for what has no use here."""
    told = f"`{param}` has no use here: {why}."
    return bad_request(told, param=param, code="unsupported_parameter")


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


def word(value: object, param: str) -> str | None:
    """Return a field that is a word, or left out.

    Args:
        value: What the request says.
        param: The field.

    Raises:
        Exception: A refused request, when it is anything else.
    """
    if not isinstance(value, str | None):
        raise bad_request(f"`{param}` must be a word, got `{shown(value)}`.", param=param)
    return value


def check_schema(told: Json, *, param: str) -> Json:
    """Return the schema that an answer has to fit, with its name and what it is about.

    Args:
        told: An API's own form of it, with a `schema` inside.
        param: The field that holds it.

    Raises:
        Exception: A refused request, when there is none.
    """
    check_inside(told, ("type", "name", "description", "schema", "strict"), param=param)
    schema = told.get("schema")
    if not isinstance(schema, dict) or not schema:
        raise bad_request(
            f"`{param}` must be `text`, `json_object`, or a `json_schema` with a `schema`, as this "
            f"API has them, got `{shown(told)}`.",
            param=param,
        )
    if not isinstance(schema.get("properties"), dict):  # providers' and LangChain's own demand
        raise bad_request(
            f"`{param}`: the schema must be of an object with `properties`, got `{shown(schema)}`.",
            param=param,
        )
    named = {"title": str(told.get("name") or "answer")}
    about = {"description": str(told["description"])} if told.get("description") else {}
    return {**named, **about, **schema}


def strictness(told: object) -> Json:
    """Return whether a schema is to be kept strictly, as `with_structured_output` takes it.

    Args:
        told: An API's own form of the schema, if there is one.
    """
    strict = told.get("strict") if isinstance(told, dict) else None
    return {"strict": strict} if isinstance(strict, bool) else {}


def function_tool(function: object) -> Json:
    """Return a tool in OpenAI's form, which `bind_tools` of any provider takes.

    Args:
        function: Its name, what it is about, and a schema of its parameters.

    Raises:
        Exception: A refused request, when it is none.

    Example:
        >>> function_tool({"name": "paint", "description": None})
        {'type': 'function', 'function': {'name': 'paint'}}
    """
    told = function if isinstance(function, dict) else {}
    said = {name: value for name, value in told.items() if value is not None}
    name, parameters = said.get("name"), said.get("parameters", {})
    check_inside(said, ("name", "description", "parameters", "strict"), param="tools")
    readable = isinstance(parameters, dict) and isinstance(said.get("description", ""), str)
    if not isinstance(name, str) or not name or not readable:
        raise bad_request(
            "`tools`: each must have a `name`, a `description` that is a text, and a schema that "
            f"is an object, got `{shown(function)}`.",
            param="tools",
        )
    return {"type": "function", "function": said}


def tool_choice(choice: str | Json | None, tools: Sequence[Json]) -> Json:
    """Return a choice of tools as `bind_tools` of any provider takes it.

    Args:
        choice: A word, or what names a function.
        tools: The tools there are, in OpenAI's form or Anthropic's.

    Raises:
        Exception: A refused request, when it is neither, or there is no such tool.

    Example:
        >>> tools = [function_tool({"name": "paint"})]
        >>> tool_choice("required", tools)
        {'tool_choice': 'any'}
        >>> tool_choice({"type": "function", "function": {"name": "paint"}}, tools)
        {'tool_choice': 'paint'}
    """
    if choice is None or choice == "auto":
        return {}
    if isinstance(choice, str) and choice in CHOICE_WORDS:
        return {"tool_choice": {"required": "any"}.get(choice, choice)}
    told = choice if isinstance(choice, dict) else {}
    function = told.get("function")
    check_inside(told, CHOICE_FIELDS, param="tool_choice")
    name = function.get("name") if isinstance(function, dict) else told.get("name")
    if name not in [tool.get("function", tool)["name"] for tool in tools]:
        raise bad_request(
            f"`tool_choice` must be `auto`, `none`, `required`, or name one of `tools`, got "
            f"`{shown(choice)}`.",
            param="tool_choice",
        )
    return {"tool_choice": name}
