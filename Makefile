# Development tasks. `make` lists them. Everything is installed into .venv, from requirements/*.lock.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# Processes that run tests: of `make test`, and of `make test-rig` (0: none beside pytest itself).
WORKERS ?= 2
RIG_WORKERS ?= 0
# Further words for pytest, such as PYTEST_ARGS='-k pipeline -x'.
PYTEST_ARGS ?=
BENCH_ARGS ?=
export PYTHON
# Images of containers set this; without the compiled files each process of the tests compiles anew.
unexport PYTHONDONTWRITEBYTECODE

python := .venv/bin/python
pip_install := $(python) -m pip install --quiet --disable-pip-version-check

# An environment notes where it was made. One that was moved or copied, or whose interpreter is gone,
# would run another checkout or nothing: it is made anew.
usable := $(shell test "$$(cat .venv/made 2>/dev/null)" = "$$(pwd)" && $(python) -c "" 2>/dev/null && echo yes)
ifneq ($(usable),yes)
.PHONY: .venv/made
endif

.PHONY: help
help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*  ## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; \
	do printf '  make %-10s %s\n' "$$name" "$$text"; done

.PHONY: demo
demo: .venv/runtime  ## Compile blueprints/ into generated/
	.venv/bin/landform compile

.PHONY: test
test: .venv/test  ## Run the tests that need neither Terraform nor a cloud
	$(python) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder \
		--max-worker-restart 0 $(PYTEST_ARGS)

.PHONY: test-rig
test-rig: .venv/test .venv-scan/made  ## Run the tests against real Terraform and the simulated AWS
	$(python) -m pytest -m rig -n $(RIG_WORKERS) $(PYTEST_ARGS)

.PHONY: check
check: .venv/test  ## Lint, formatting, types
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy

.PHONY: golden
golden: .venv/test  ## Rewrite the expected output of the golden tests; review the diff
	$(python) -m pytest --update -n $(WORKERS) $(PYTEST_ARGS)
	$(python) -m pytest --update -m rig tests/test_tutorial.py

.PHONY: docs
docs: .venv/test  ## Rewrite the pages of docs/ that are made from the code, and the JSON Schema
	$(python) tools/reference.py

.PHONY: bench
bench: .venv/test  ## Measure speed and memory; write docs/performance.md (BENCH_ARGS='--sizes 30 300')
	$(python) -m benchmarks --write $(BENCH_ARGS)

.PHONY: lock
lock:  ## Write requirements/*.lock anew from pyproject.toml
	sh tools/lock

.PHONY: clean
clean:  ## Remove the environment, caches and build output (not generated/)
	rm -rf .venv .venv-scan .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist landform.egg-info
	find compiler tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment in two sizes; each step adds the packages of its lock and leaves a stamp.
.venv/made:
	@python=$$(sh tools/find-python) && echo "Making .venv with $$python" && \
	"$$python" -m venv --clear .venv && pwd >.venv/made

.venv/runtime: .venv/made requirements/runtime.lock pyproject.toml
	@echo "Installing requirements/runtime.lock"
	@$(pip_install) --no-compile --require-hashes -r requirements/runtime.lock
	@$(pip_install) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test: .venv/runtime requirements/test.lock
	@echo "Installing requirements/test.lock"
	@$(pip_install) --no-compile --require-hashes -r requirements/test.lock
	@touch $@

# The scanner of the rig's tests pins its packages exactly, so it cannot live in the same environment.
.venv-scan/made: requirements/scan.lock .venv/made
	@echo "Installing requirements/scan.lock"
	@$(python) -m venv --clear .venv-scan
	@.venv-scan/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
		--require-hashes -r requirements/scan.lock
	@touch $@
