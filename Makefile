PYTHON ?= python3
PORT ?= 8080
STORE ?= sqlite
VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
INSTALL := $(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r
LOCK := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header $(UPGRADE)
# Tests start many Python processes: each module is compiled once, not once in each of them.
export PYTHONDONTWRITEBYTECODE :=
# With STORES=both the tests of the functions run on both stores: see CONTRIBUTING.md.
export CASELEDGER_TEST_STORES = $(STORES)
# One more than there are cores: the tests also wait, for the emulator, servers and browsers.
TEST_WORKERS = $(shell $(PYTHON) -c 'import os; print(os.cpu_count() + 1)')
TEST_OPTIONS = -p no:schemathesis -n $(TEST_WORKERS) --dist worksteal --timeout 170
# What other tools make of the description of the API: linters and generators of clients.
CLIENTS := tests/clients
# Google's emulator of Firebase Authentication.
ACCOUNTS := tests/accounts
NODE_TOOLS := $(CLIENTS)/node_modules/.installed $(ACCOUNTS)/node_modules/.installed
NEARLY_WHOLE := 'shared/rules/*,shared/ledger/*,shared/errors.py,shared/edge/tokens.py'

.PHONY: help run demo test tested coverage browser go pictures fuzz mutants lint types bench lock clean
.DEFAULT_GOAL := help

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: $(VENV)/runtime ## serve every function on http://127.0.0.1:8080/v1; PORT=…, STORE=emulator, WORKERS=…
	@$(VENV_PYTHON) -m local run --port $(PORT) --store $(STORE) $(if $(WORKERS),--workers $(WORKERS))

demo: $(VENV)/runtime ## play the life of a case on a fresh instance
	@$(VENV_PYTHON) -m local demo

# With CI=true the tests are run under coverage, which takes half as long again, and what they do
# not reach is counted against them; a developer asks for that with `make coverage`.
test: $(if $(filter true,$(CI)),coverage,tested) ## everything, over HTTP; STORES=both: all of it on both stores

tested: $(VENV)/dev $(NODE_TOOLS) browser go
	$(VENV_PYTHON) -m pytest $(TEST_OPTIONS)

coverage: $(VENV)/dev $(NODE_TOOLS) browser go ## the same, and how much of the code is reached
	rm -f .local/coverage*
	mkdir -p .local
	$(VENV_PYTHON) -m coverage run -m pytest $(TEST_OPTIONS)
	$(VENV_PYTHON) -m coverage combine --quiet
	$(VENV_PYTHON) -m coverage report --fail-under=95
	$(VENV_PYTHON) -m coverage report --fail-under=98 --include=$(NEARLY_WHOLE)

# Debian's Chromium, in which the console is tried: the one without windows, which takes half the time, or the whole.
SHELL_BROWSER := chromium-headless-shell
browser:
	@command -v $(SHELL_BROWSER) > /dev/null || { test "$$CI" = true && apt-get update -qq && \
		apt-get install -qq -y $(SHELL_BROWSER); } || command -v chromium > /dev/null || { \
		echo "NO BROWSER: neither $(SHELL_BROWSER) nor chromium was found; the console is not tried" >&2; \
		test "$$CI" != true; }

# Go and its checker of logs, from Debian: what others wrote reads our log.
go:
	@test -d /usr/share/gocode/src/golang.org/x/mod/sumdb && command -v go > /dev/null || \
	{ test "$$CI" = true && apt-get update -qq && apt-get install -qq -y --no-install-recommends golang-go golang-golang-x-mod-dev; } || { \
		echo "NO GO: golang-go and golang-golang-x-mod-dev were not found; the log is not checked by others" >&2; test "$$CI" != true; }

pictures: $(VENV)/dev browser ## each page and state of the console, in .local/pictures
	$(VENV_PYTHON) -m tests.console.pictures

fuzz: $(VENV)/dev ## the API against its description, and rules on many examples, for ten minutes
	CASELEDGER_TEST_LOAD=50 $(VENV_PYTHON) -m pytest -p no:schemathesis -n auto --dist worksteal \
		tests/functions/test_fuzz.py tests/functions/test_openapi.py \
		tests/functions/test_security_log.py tests/functions/test_mcp_protocol.py tests/unit

mutants: $(VENV)/dev ## changes to the rules that no test notices; tests/mutants.md answers them
	$(VENV_PYTHON) -m mutmut run
	$(VENV_PYTHON) -m tests.mutants

lint: $(VENV)/dev $(CLIENTS)/node_modules/.installed ## ruff, mypy, the console's types, the API's description, known vulnerabilities of dependencies, shellcheck
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	@if test -x $(CLIENTS)/node_modules/.bin/tsc; then $(CLIENTS)/node_modules/.bin/tsc -p console; fi
	$(VENV_PYTHON) -m pytest -q -p no:schemathesis tests/clients/linted.py
	@$(VENV_PYTHON) -m local.advisories
	$(VENV)/bin/shellcheck deploy.sh

types: $(VENV)/dev $(CLIENTS)/node_modules/.installed ## what the clients have of the description of the API
	$(VENV_PYTHON) -m clients.generate
	@if test -x $(CLIENTS)/node_modules/.bin/openapi-typescript; then \
		$(VENV_PYTHON) -m clients.generate --description | \
		$(CLIENTS)/node_modules/.bin/openapi-typescript --output clients/typescript/schema.d.ts; fi

bench: $(VENV)/dev ## speed and cost, as ratios within one run, into docs/bench.md; SIZE=1000000: of a store with so many cases
	$(VENV_PYTHON) -m benchmarks $(if $(SIZE),--size $(SIZE))

lock: $(VENV)/dev ## the lock files from requirements*.txt; UPGRADE=--upgrade takes newer ones
	$(LOCK) requirements.txt -o requirements.lock
	$(LOCK) -c requirements.lock requirements-deployment.txt -o requirements-deployment.lock
	$(LOCK) -c requirements-deployment.lock requirements-dev.txt -o requirements-dev.lock
	for one in langgraph openai_agents pydantic_ai; do $(LOCK) clients/python/pyproject.toml \
		clients/recipes/$$one/requirements.txt -o clients/recipes/$$one/requirements.lock || exit 1; done

clean: ## the environment and local data, after a question; CONFIRM=yes answers it
	@if [ -e .local ] && [ '$(CONFIRM)' != yes ]; then \
		test -t 0 || { echo 'It would remove the data in .local: make clean CONFIRM=yes' >&2; exit 1; }; \
		printf 'Remove the environment, and the data in .local? Type yes: '; \
		read -r answer; test "$$answer" = yes; \
	fi
	rm -rf $(VENV) .local $(CLIENTS)/node_modules $(ACCOUNTS)/node_modules

$(VENV)/runtime: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) requirements.lock
	touch $@

$(VENV)/deployment: requirements-deployment.lock $(VENV)/runtime
	$(INSTALL) requirements-deployment.lock
	touch $@

$(VENV)/dev: requirements-dev.lock $(VENV)/runtime
	$(INSTALL) requirements-dev.lock
	touch $@

%/node_modules/.installed: %/package-lock.json
	@if command -v npm > /dev/null; then \
		npm ci --prefix $* --ignore-scripts --no-audit --no-fund && touch $@; \
	else \
		echo "NO NODE: npm was not found; the tests with the tools of $* are skipped" >&2; \
		test "$$CI" != true; \
	fi
