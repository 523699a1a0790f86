"""A release, rehearsed: everything that publishing needs, but for publishing it.

    python tools/release.py 0.2.0

Holds the version against the changelog, the page on upgrading and the tags, builds the source
distribution and from it the wheel, has `twine` check both, installs the wheel into an empty
environment, imports it there, and prints sizes and times. It changes nothing outside of `dist/`;
the last lines are the commands that publish, unless something is in the way. Needs git and a
package index.
"""

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.alternating import in_turn, ratio

ROOT = Path(__file__).parents[1]
TOOLS = ("build>=1.2", "twine>=6.1")
IMPORTS = ("langgraph.graph", "langchain_tpo")
ROUNDS = 9
IMPORT = (  # processor time: what else the machine does is none of it
    "import sys, time; began = time.process_time(); __import__(sys.argv[1]); "
    "print(time.process_time() - began)"
)
MIB = 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse the release; return 1 if something stands in its way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version", help="such as 0.2.0")
    version = parser.parse_args(arguments).version
    faults = list(faults_of(version))
    for fault in faults:
        print(f"in the way: {fault}")
    with tempfile.TemporaryDirectory() as folder:
        rehearse(Path(folder))
    if faults:
        return 1
    print("\n".join(["", "To publish:", *commands(version)]))
    return 0


def faults_of(version: str, root: Path = ROOT) -> Iterator[str]:
    """Yield what the repository lacks for this version, a line each."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if project["version"] != version:
        yield f"pyproject.toml says {project['version']}, not {version}"
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changes, re.MULTILINE):
        yield f"CHANGELOG.md has no dated heading `## [{version}] - YYYY-MM-DD`"
    if changes.partition("## [Unreleased]")[2].partition("\n## ")[0].strip():
        yield "CHANGELOG.md has changes under [Unreleased]"
    series = ".".join(version.split(".")[:2])
    if f"to {series}" not in (root / "docs" / "upgrading.md").read_text(encoding="utf-8"):
        yield f"docs/upgrading.md says nothing of {series}"
    if output("git", "status", "--porcelain", at=root):
        yield "the working tree has changes that are not committed"
    if output("git", "tag", "--list", f"v{version}", at=root):
        yield f"the tag v{version} exists"


def rehearse(folder: Path) -> None:
    """Build, check, install and import what would be published."""
    builder, user = folder / "builder", folder / "user"
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    install(builder, *TOOLS)
    output(python(builder), "-m", "build", "--outdir", str(dist), str(ROOT))
    built = sorted(dist.iterdir())
    print(output(python(builder), "-m", "twine", "check", "--strict", *map(str, built)))
    for file in built:
        print(f"{file.name}: {file.stat().st_size / 1000:,.0f} kB")
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    print(f"unpacked: {unpacked / 1000:,.0f} kB")
    install(user, "langgraph")
    before = size(user)
    install(user, str(wheel))
    print(output(python(user), "-m", "pip", "check"))
    print(f"core install: {size(user) / MIB:.1f} MiB, langgraph alone {before / MIB:.1f} MiB")
    print(import_times(user))


def commands(version: str) -> list[str]:
    """Return what publishes this version."""
    return [
        f"git tag --annotate v{version} --message 'langchain-tpo {version}'",
        f"git push origin v{version}",
        "python -m twine upload dist/*",
    ]


def install(environment: Path, *requirements: str) -> None:
    """Install requirements into an environment, which is made where there is none."""
    if not environment.exists():
        venv.create(environment, with_pip=True)
    output(python(environment), "-m", "pip", "install", "--quiet", *requirements)


def import_times(environment: Path) -> str:
    """Return what the imports take in new processes, in turn; the first round fills caches."""
    sides = {name: partial(import_time, environment, name) for name in IMPORTS}
    took = {name: seconds[1:] for name, seconds in in_turn(sides, 1 + ROUNDS).items()}
    times = ", ".join(
        f"import {name}: {statistics.median(seconds):.2f} s" for name, seconds in took.items()
    )
    base, ours = took.values()
    return f"{times} of processor time, {ratio(ours, base):.2f} times as much"


def import_time(environment: Path, module: str) -> float:
    """Return the seconds of a processor that an import takes in a new process."""
    return float(output(python(environment), "-c", IMPORT, module))


def size(environment: Path) -> int:
    """Return the bytes of an environment's packages, without pip and compiled files."""
    (packages,) = environment.glob("lib/python*/site-packages")
    files = (file for file in packages.rglob("*") if file.is_file())
    own = (file for file in files if not file.relative_to(packages).parts[0].startswith("pip"))
    return sum(file.stat().st_size for file in own if file.suffix != ".pyc")


def python(environment: Path) -> str:
    """Return an environment's interpreter."""
    return str(environment / "bin" / "python")


def output(*command: str, at: Path | None = None) -> str:
    """Run a command and return what it prints; end with what it complains of if it fails."""
    done = subprocess.run(  # noqa: S603 our own commands
        command, cwd=at or ROOT.parent, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
