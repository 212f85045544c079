# Every target first installs what it needs in .venv/. Required: Python 3.11 or later with its venv
# module, and make.
PYTHON ?= python3
TEST_PROCESSES ?= 4

BIN := .venv/bin
RUN := .venv/run.stamp
DEV := .venv/dev.stamp
PYTEST := $(BIN)/python -m pytest
WITH_SERVICES := deploy/setup/with-test-services.sh
BESIDE := deploy/setup/beside.sh
WRITTEN := deploy/setup/written.sh
ALL := $(PYTEST) --continue-on-collection-errors
PATIENT := $(ALL) -n 3 tests/patience
SPREAD := -n $(TEST_PROCESSES) --dist loadscope
ALONE := tests/e2e/test_compose.py
# conveyor-sdk counts as unsafe to pin: it is always installed from this tree.
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --unsafe-package conveyor-sdk --strip-extras \
	--find-links build/sdk --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
INSTALL := $(BIN)/pip install --quiet --no-deps --no-build-isolation
SOURCES := services shared cli sdk tests bench examples deploy
# Of which the checks of the page depend.
WEB := $(shell find web -name node_modules -prune -o -type f ! -name schema.d.ts -print)
API := $(shell find services/coordinator/api -name '*.py')
PAGE := $(BIN)/python deploy/setup/page.py

# With bytecode kept, a quick run takes half the time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo run page quick check test chaos chaos-all bench test-fresh fmt docs screenshots sdk record-messages requirements clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUN) ## Run examples/hello.yaml and leave nothing behind
	@$(BIN)/conveyor demo

run: $(RUN) ## Run Conveyor at http://127.0.0.1:8000 until Ctrl-C
	@$(PAGE) try
	@$(BIN)/conveyor dev

page: $(RUN) ## Build the web page, if web/ has changed since; `make run` does so, too
	@$(PAGE) build

quick: static unit ## Format, lint, types, layers and the quick unit tests: before each commit

check: static ## The same with all unit tests and the contract tests
	$(WITH_SERVICES) $(PYTEST) $(SPREAD) tests/unit tests/contract

.PHONY: static format lint types layers web unit
static: format lint types layers web

format: $(DEV)
	$(BIN)/ruff format --check $(SOURCES)

lint: $(DEV)
	$(BIN)/ruff check $(SOURCES)

types: $(DEV)
	$(BIN)/mypy

layers: $(DEV)
	$(BIN)/lint-imports --no-logo

# The checks of the page: what its types come from is the API's own description.
web: .venv/web.stamp
.venv/web.stamp: $(DEV) $(WEB) $(API)
	$(WRITTEN) build/openapi.json $(BIN)/python -m tests.support.openapi
	$(PAGE) npm run --silent api-types
	$(PAGE) npm run --silent check
	$(PAGE) npm run --silent types
	$(PAGE) npm run --silent test
	@touch $@

unit: $(DEV)
	$(PYTEST) -q $(SPREAD) -m "not slow" tests/unit

# Suites with short leases run last and alone, because others would cost them these, and so does the
# one that fills the engine. Suites that mostly wait run beside everything else; what starts
# many processes or a browser takes the cores alone. One run reports all failures; at its end what has
# failed is run once more, alone. The status of each run adds its bits: 1 stands for tests that failed.
test: export CONVEYOR_TEST_FAILURES = $(CURDIR)/.venv/failed-tests.txt
test: static page ## Run all tests; sets up RabbitMQ, Postgres and container engines where possible
	@rm -f $(CONVEYOR_TEST_FAILURES)
	status=0; $(WITH_SERVICES) $(BESIDE) $(PATIENT) -- sh -c 'status=0; \
		$(ALL) $(SPREAD) --durations=30 tests/unit tests/contract tests/integration || status=$$((status | $$?)); \
		$(ALL) -n 2 --dist loadscope --ignore=$(ALONE) tests/e2e || status=$$((status | $$?)); \
		$(ALL) -n 2 --dist loadscope tests/browser || status=$$((status | $$?)); \
		$(ALL) $(ALONE) tests/chaos tests/soak tests/flood || status=$$((status | $$?)); \
		exit $$status' || status=$$?; \
	[ $$status = 0 ] || $(WITH_SERVICES) $(BIN)/python -m tests.support.second_run $$status

chaos: $(DEV) ## Inject faults while jobs run, and verify the results: SEED=n ROUNDS=n KINDS="…", RABBITMQ=4, QUEUES=quorum
	$(WITH_SERVICES) $(BIN)/python -m tests.chaos \
		$(if $(RABBITMQ),--rabbitmq $(RABBITMQ)) $(if $(QUEUES),--queues $(QUEUES)) \
		$(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(KINDS)

chaos-all: $(DEV) ## The same on the installed RabbitMQ and on 4, with classic and quorum queues
	@failed=0; for server in installed 4; do for queues in classic quorum; do \
		$(MAKE) chaos RABBITMQ=$$server QUEUES=$$queues || failed=1; \
	done; done; exit $$failed

.PHONY: soak flood
soak: $(DEV) ## Run at a steady rate, and report what grows: MINUTES=n (60) RATE=n
	$(WITH_SERVICES) $(BIN)/python -m tests.soak \
		$(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE))

flood: $(DEV) ## Submit jobs as fast as possible, and verify the results: JOBS=n (100000)
	$(WITH_SERVICES) $(BIN)/python -m tests.flood $(if $(JOBS),--jobs $(JOBS))

bench: $(DEV) ## Run the benchmarks, and print a table for each
	$(WITH_SERVICES) $(BIN)/python -m bench

test-fresh: ## Test the set-up: make demo in a bare Debian 12, as root and as a user
	deploy/setup/test-fresh.sh

fmt: $(DEV) ## Format the code and apply automatic fixes
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)
	$(PAGE) npm run --silent fmt

docs: $(DEV) ## Generate docs/{settings,metrics,states,layers}.md from the code
	$(WRITTEN) docs/settings.md $(BIN)/conveyor settings
	$(WRITTEN) docs/metrics.md $(BIN)/conveyor metrics
	$(WRITTEN) docs/states.md $(BIN)/python -m tests.support.state_diagrams
	$(WRITTEN) docs/layers.md $(BIN)/python -m tests.support.layer_diagrams

screenshots: $(DEV) page ## Take the pictures of the page in docs/images/, with sample data
	$(WITH_SERVICES) $(BIN)/python -m tests.support.browser.screenshots

sdk: $(DEV) ## Generate the models and the blocking client of sdk/ from the API and the asyncio client
	$(BIN)/python -m tests.support.drawn_client

record-messages: $(DEV) ## Record the messages of this version for the tests of later ones
	@$(BIN)/python -m tests.support.recorded_messages

# Packages that are found in a directory of this machine have hashes of their own: not here.
requirements: export PIP_FIND_LINKS =
requirements: export CUSTOM_COMPILE_COMMAND = make requirements
requirements: $(DEV) ## Pin the dependencies of pyproject.toml, with hashes, in requirements/
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/sdk ./sdk
	$(COMPILE) -o requirements/build.txt requirements/build.in
	$(COMPILE) -o requirements/node.txt requirements/node.in
	$(COMPILE) -c requirements/build.txt -c requirements/limits.txt -o requirements/run.txt \
		--extra otel pyproject.toml
	$(COMPILE) --extra dev --extra otel -c requirements/build.txt -c requirements/run.txt \
		-o requirements/dev.txt pyproject.toml

clean: ## Remove the environment and all caches; the data in .conveyor/ stays
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache web/node_modules services/coordinator/page
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): requirements/build.txt requirements/run.txt pyproject.toml sdk/pyproject.toml \
		deploy/setup/environment.sh
	@PYTHON="$(PYTHON)" deploy/setup/environment.sh build run
	@PYTHONWARNINGS=ignore $(INSTALL) --editable ./sdk --editable .
	@touch $@

$(DEV): $(RUN) requirements/dev.txt requirements/clients.txt
	@PYTHON="$(PYTHON)" deploy/setup/environment.sh build dev
	@$(INSTALL) --ignore-requires-python --require-hashes --only-binary=:all: \
		-r requirements/clients.txt
	@touch $@
