"""What users write type-checks: the README under both checkers; `make lint` does tests/typing."""

import ast
import inspect
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from langchain_tpo import ChatTPO, TPORunnable, TPOSettings

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
CHECKERS = {
    "mypy": [sys.executable, "-m", "mypy", "--strict"],
    "pyright": [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable, "--project"],
}


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_the_readme_type_checks_strictly(checker: str, tmp_path: Path) -> None:
    pytest.importorskip("basedpyright" if checker == "pyright" else "mypy", reason="needs `lint`")
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    files = [tmp_path / f"readme_{number}.py" for number in range(len(blocks))]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block, encoding="utf-8")
    config = f'{{"include": ["."], "typeCheckingMode": "strict", "extraPaths": ["{ROOT}"]}}'
    (tmp_path / "pyrightconfig.json").write_text(config, encoding="utf-8")
    what = [str(tmp_path)] if checker == "pyright" else [str(file) for file in files]

    done = subprocess.run(  # noqa: S603 our own command
        [*CHECKERS[checker], *what], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert len(blocks) >= 2
    assert done.returncode == 0, done.stdout


def test_servers_are_built_as_type_checkers_are_shown() -> None:
    built = runpy.run_path(str(ROOT / "tests" / "typing" / "servers.py"))

    assert len(built["servers"]) == 10


@pytest.mark.parametrize("model", [TPORunnable, ChatTPO, TPOSettings])
def test_what_type_checkers_see_is_what_there_is(model: type[BaseModel]) -> None:
    (tree,) = ast.parse(inspect.getsource(model)).body
    assert isinstance(tree, ast.ClassDef)
    seen = [
        one
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for one in block.body
    ]

    (init,) = seen

    assert isinstance(init, ast.FunctionDef)
    shown = {argument.arg for argument in init.args.kwonlyargs}
    own = set(model.model_fields) if init.args.kwarg is None else shown & set(model.model_fields)
    assert shown == own
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        field = model.model_fields[argument.arg]
        assert (default is None) == field.is_required(), argument.arg
        said = ... if default is None else ast.literal_eval(default)
        if said not in (..., None):  # what is None is left to the class
            assert said == field.default, argument.arg
