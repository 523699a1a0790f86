"""`python:module:attribute`: what users wrote themselves, by its name on the command line."""

import sys
from importlib import import_module
from pathlib import Path

from langchain_tpo.errors import ConfigurationError


def python_object(reference: str) -> object:
    """Import what `module:attribute` names; modules beside the user count, as for `python -m`.

    Args:
        reference: Module and attribute, such as `my_rewards:brevity`.

    Raises:
        ConfigurationError: In one line, when there is no such module or attribute.

    Example:
        >>> python_object("math:sqrt")
        <built-in function sqrt>
        >>> python_object("math:squirt")
        Traceback (most recent call last):
        langchain_tpo.errors.ConfigurationError: Module `math` has no `squirt`: check the spelling.
    """
    module_name, colon, attribute = reference.partition(":")
    if not (module_name and colon and attribute):
        raise ConfigurationError(
            f"`python:{reference}` must look like `python:module:attribute`, such as "
            "`python:my_rewards:brevity`."
        )
    _look_beside_the_user()
    try:
        found: object = import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"Module `{error.name}` was not found: start `tpo` in the folder that holds it, or "
            "install it."
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ConfigurationError(f"Module `{module_name}` has no `{part}`: check the spelling.")
        found = getattr(found, part)
    return found


def _look_beside_the_user() -> None:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
