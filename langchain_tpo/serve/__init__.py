"""An OpenAI- and Anthropic-compatible server whose answers are optimized (extra `serve`).

`create_app` makes an ASGI application of a `TPORunnable`; `tpo serve` runs it.
"""

from typing import TYPE_CHECKING, Any

from langchain_tpo.errors import MissingExtraError
from langchain_tpo.serve.keys import Keys
from langchain_tpo.serve.limits import ServeLimits

if TYPE_CHECKING:
    from langchain_tpo.serve.app import create_app

__all__ = ["Keys", "ServeLimits", "create_app"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 what the module holds
    """Import the application when it is used: it needs the extra `serve`."""
    if name != "create_app":
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    try:
        from langchain_tpo.serve.app import create_app  # noqa: PLC0415 FastAPI is an extra
    except ModuleNotFoundError as error:
        if error.name not in {"fastapi", "starlette", "prometheus_client"}:
            raise
        raise MissingExtraError(str(error.name).replace("_", "-"), "serve") from None
    return create_app


def __dir__() -> list[str]:
    """Return what there is, before its packages are imported."""
    return sorted({*globals(), *__all__})
