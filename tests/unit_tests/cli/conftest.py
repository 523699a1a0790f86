"""These tests need the extras `cli` and `evaluation`; without them they are left out."""

from importlib.util import find_spec

NEEDED = ("typer", "rich", "numpy", "matplotlib", "jinja2", "math_verify", "if_verifiable")

collect_ignore_glob = [] if all(map(find_spec, NEEDED)) else ["test_*.py"]
