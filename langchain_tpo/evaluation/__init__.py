"""The paper's experiments on anyone's models: systems over examples, and a report on them.

Running needs nothing but the package; statistics, plots, reports and metrics need the extra
`evaluation`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_tpo.evaluation.in_python import evaluate, target_of

__all__ = ["evaluate", "target_of"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 what the module holds
    """Import the doors when they are used: they need the extra `evaluation`."""
    if name not in __all__:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    from langchain_tpo.errors import MissingExtraError  # noqa: PLC0415 as the doors

    try:
        from langchain_tpo.evaluation import in_python  # noqa: PLC0415 numpy and more
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "evaluation") from None
    return getattr(in_python, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
