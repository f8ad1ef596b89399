# The two commands are `make run` and `make test`; both set up everything that they need.
# The rest is for developers: lint types format contract console bench sim audit docs. A part of the tests: make test TESTS=tests/sync

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
ONSITE := $(VENV)/bin/onsite
STAMP := $(VENV)/.installed
NPM := $(PY) web/npm.py
MODULES := web/node_modules/.installed
CONSOLE := web/console/dist/index.html
CONSOLE_SOURCES := $(shell find web/console/src web/console/public -type f) web/console/index.html web/console/vite.config.js
TESTS ?= tests
PROCESSES ?= 2
SEEDS ?= 1000
FIRST ?= 0
LEVEL ?= model

.DEFAULT_GOAL := run
.PHONY: run test lint types format contract console bench sim audit docs browser clean

run: $(STAMP) $(CONSOLE)
	@$(ONSITE) run

# Pages are looked at alone: a browser without a graphics card needs the machine. 5: none of the tests was asked for.
test: $(STAMP) $(CONSOLE) lint types browser
	@CHROMIUM_PATH="$$($(PY) -m tests.chromium)"; export CHROMIUM_PATH; failed=0; \
	$(PY) -m pytest -m "not browser" --numprocesses $(PROCESSES) --dist worksteal $(TESTS) || test $$? -eq 5 || failed=1; \
	$(PY) -m pytest -m browser $(TESTS) || test $$? -eq 5 || failed=1; \
	exit $$failed

lint: $(STAMP)
	@$(PY) -m ruff check .

types: $(STAMP) $(MODULES)
	@$(PY) -m mypy
	@$(NPM) run --silent types

console: $(CONSOLE)

format: $(STAMP)
	@$(PY) -m ruff check --fix --quiet . || true
	@$(PY) -m ruff format .

contract: $(STAMP)
	@$(ONSITE) contract emit

bench: $(STAMP)
	@$(PY) -m benchmarks

# Thousands of seeds: make sim SEEDS=5000 FIRST=20000 LEVEL=stack
sim: $(STAMP)
	@$(PY) -m tests.simulation --seeds $(SEEDS) --first $(FIRST) --level $(LEVEL)

# Asks the advisory service about every package of the lock; says so loudly where it cannot be reached.
audit: $(STAMP)
	@test -x .onsite/audit/bin/pip-audit || { $(PYTHON) -m venv .onsite/audit && .onsite/audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1; }
	@$(PY) -m tests.security.audit .onsite/audit/bin/pip-audit

docs: $(STAMP)
	@$(ONSITE) settings --markdown > docs/settings.md
	@$(PY) -m jobs.state_page > docs/states.md
	@$(PY) -m mobile_contract.emit.protocol_tables docs/reference/protocol.md

browser: $(STAMP)
	@$(PY) -m tests.chromium > /dev/null

# The packages of requirements.lock and nothing else; again only when the lock or the project changes.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Onsite needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		test "$$(id -u)" = 0 && command -v apt-get > /dev/null \
		&& apt-get -qq update && apt-get -qq install --yes --no-install-recommends python3-venv > /dev/null \
		&& $(PYTHON) -m venv $(VENV); } \
		|| { rm -rf $(VENV); echo "Python cannot make environments: install the package python3-venv."; exit 1; }
	@echo "Installing Python packages"
	@$(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-deps --requirement requirements.lock
	@$(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# The packages of the console, as the lock has them.
$(MODULES): web/package.json web/package-lock.json web/.npmrc | $(STAMP)
	@echo "Installing the console's packages"
	@$(NPM) ci --silent
	@touch $@

# The console as the server sends it; again only when its sources or its packages change.
$(CONSOLE): $(MODULES) $(CONSOLE_SOURCES)
	@echo "Building the console"
	@$(NPM) run --silent build
	@touch $@

clean:
	@test ! -x $(ONSITE) || $(ONSITE) db down
	@rm -rf web/node_modules web/console/dist $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
