#!/bin/sh
# Run the tests on the lowest or the newest versions that pyproject.toml allows.
#
#   tools/test_versions.sh lowest|newest [pytest arguments]
#
# Makes a virtual environment of its own in a temporary folder; needs `uv` and an index. What the
# package does not name itself is taken at its newest that goes with the versions under test.
set -eu
which=${1:?"say lowest or newest"}
shift
case $which in
    lowest) resolution=lowest-direct ;;
    newest) resolution=highest ;;
    *) echo "say \`lowest\` or \`newest\`, got \`$which\`" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM

extras=$(sed -n 's/^EXTRAS := //p' Makefile)
declared='^(langchain|langchain-core|langgraph|pydantic|typing-extensions)=='
uv pip compile --quiet --python-version "${PYTHON:-3.11}" --resolution "$resolution" \
    --extra agents pyproject.toml | grep -E "$declared" > "$folder/under-test"
cat "$folder/under-test"

uv venv --quiet --python "${PYTHON:-3.11}" "$folder/venv"
uv pip install --quiet --python "$folder/venv/bin/python" --constraint "$folder/under-test" \
    --group test --editable ".[$extras]"
# The plugin of an older anyio warns under a new pytest; the tests do not use it.
"$folder/venv/bin/python" -m pytest -p no:anyio "${@:-tests/unit_tests}"
