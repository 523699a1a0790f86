.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := agents,evaluation,http,local,openai,serve,tgi
# Half as many again as there are processors: a third of the time tests wait for servers and clocks.
WORKERS := $(shell $(PYTHON) -c "import os; print(min(6, 3 * os.cpu_count() // 2))")
SIDE_BY_SIDE := --numprocesses $(WORKERS) --dist worksteal
DEMO := $(VENV)/.demo
STAMP := $(VENV)/.installed
MODELS := .venv-models
MODELS_STAMP := $(MODELS)/.installed
STACKS := .venv-stacks
STACKS_STAMP := $(STACKS)/.installed
SPREAD := .venv-ray
SPREAD_STAMP := $(SPREAD)/.installed
SCHEMA := .venv-schema
SCHEMA_STAMP := $(SCHEMA)/.installed
SCORERS := .venv-scorers
SCORERS_STAMP := $(SCORERS)/.installed

.PHONY: help demo test test_quick test_properties test_extras test_models models_page test_stacks test_schema test_scorers \
	test_ray test_lowest test_newest mutants lint format docs clean

help:  ## Show what can be made.
	@grep -E '^[a-z_ ]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(DEMO): pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable '.[cli,local]'
	touch $(DEMO)

$(STAMP): $(DEMO)
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]' --group lint --group test
	touch $(STAMP)

demo: $(DEMO)  ## Watch a real small model's answer improve, round by round. MODEL=... for another.
	$(BIN)/python examples/demo.py $(if $(MODEL),--model $(MODEL))

# What one process has compiled the next need not: also where the environment says otherwise.
test test_quick: export PYTHONDONTWRITEBYTECODE :=

test: $(STAMP)  ## Run all tests; say at the end why some were skipped.
	$(BIN)/python -m pytest -rs $(SIDE_BY_SIDE)

test_quick: $(STAMP)  ## Run the tests that take no longer than a moment, for work in progress.
	$(BIN)/python -m pytest -m "not slow and not integration" $(SIDE_BY_SIDE) tests/unit_tests

test_properties: $(STAMP)  ## Try properties with twenty times as many examples, new ones in each run.
	TPO_TEST_PROPERTIES=20 $(BIN)/python -m pytest -m hypothesis $(SIDE_BY_SIDE) tests/unit_tests

test_extras: $(STAMP)  ## Install the wheel with each extra into an empty environment, and import.
	TPO_TEST_EXTRAS=1 $(BIN)/python -m pytest -rs tests/integration_tests/test_packaging.py

$(MODELS_STAMP): pyproject.toml Makefile
	$(PYTHON) -m venv $(MODELS)
	$(MODELS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(MODELS)/bin/python -m pip install --quiet --editable '.[agents,cli,openai,transformers]' \
		--group models
	touch $(MODELS_STAMP)

test_models: $(MODELS_STAMP)  ## Use LangChain's own chat model classes and small reward models, in an environment of their own.
	$(MODELS)/bin/python -m pytest -rs -p no:unraisableexception \
		tests/integration_tests/test_partner_models.py \
		tests/integration_tests/test_huggingface_pipeline.py \
		tests/integration_tests/test_sequence_classifier.py \
		tests/integration_tests/test_classifier_heads.py

models_page: $(MODELS_STAMP)  ## Measure what these classes take, and write docs/models.md and docs/models_tried.md anew.
	$(MODELS)/bin/python tools/models_page.py --measure

$(STACKS_STAMP): pyproject.toml Makefile
	$(PYTHON) -m venv $(STACKS)
	$(STACKS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(STACKS)/bin/python -m pip install --quiet --editable '.[agents]' --group stacks
	touch $(STACKS_STAMP)

test_stacks: $(STACKS_STAMP)  ## Use deep agents, a supervisor, a swarm and LangServe, in an environment of their own.
	$(STACKS)/bin/python -m pytest -rs tests/integration_tests/test_stacks.py

$(SCORERS_STAMP): pyproject.toml Makefile
	$(PYTHON) -m venv $(SCORERS)
	$(SCORERS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(SCORERS)/bin/python -m pip install --quiet --editable '.[transformers]' --group scorers
	touch $(SCORERS_STAMP)

test_scorers: $(SCORERS_STAMP)  ## Take evaluators and metrics of other libraries as rewards, in an environment of their own.
	$(SCORERS)/bin/python -m pytest -rs -p no:unraisableexception tests/integration_tests/test_scorers.py

$(SPREAD_STAMP): pyproject.toml Makefile
	$(PYTHON) -m venv $(SPREAD)
	$(SPREAD)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(SPREAD)/bin/python -m pip install --quiet --editable '.[ray]' --group spread
	touch $(SPREAD_STAMP)

test_ray: $(SPREAD_STAMP)  ## Spread evaluations over a Ray cluster and kill its parts, in an environment of its own.
	$(SPREAD)/bin/python -m pytest -rs -p no:unraisableexception tests/integration_tests/test_ray.py

$(SCHEMA_STAMP): pyproject.toml Makefile
	$(PYTHON) -m venv $(SCHEMA)
	$(SCHEMA)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(SCHEMA)/bin/python -m pip install --quiet --editable '.[serve]' --group schema
	touch $(SCHEMA_STAMP)

test_schema: $(SCHEMA_STAMP)  ## Send `tpo serve` whatever its schema allows and forbids, in an environment of its own.
	$(SCHEMA)/bin/python -m pytest -rs tests/integration_tests/test_serve_schema.py

test_lowest test_newest: test_%:  ## Run the unit tests on the lowest or newest versions allowed (needs uv).
	tools/test_versions.sh $*

mutants: $(STAMP)  ## Change the pure modules line by line and list what no test notices. Takes hours.
	$(BIN)/python -m pip install --quiet --group mutants
	$(BIN)/mutmut run
	$(BIN)/mutmut results

lint: $(STAMP)  ## Check style, types and the layers of the package.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

format: $(STAMP)  ## Rewrite the code in the project's style.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)  ## Build the documentation site into .site; a warning is an error.
	$(BIN)/python -m pip install --quiet --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

clean:  ## Remove what the other targets made.
	rm -rf $(VENV) $(MODELS) $(STACKS) $(SCHEMA) $(SCORERS) $(SPREAD) .site demo.html mutants \
		.mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .langgraph_api
