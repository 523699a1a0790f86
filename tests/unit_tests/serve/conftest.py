"""These tests need the extra `serve`; without it they are left out."""

from importlib.util import find_spec

NEEDED = ("fastapi", "prometheus_client", "uvicorn", "openai", "httpx")

collect_ignore_glob = [] if all(map(find_spec, NEEDED)) else ["test_*.py"]
