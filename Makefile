# The tasks of the project. `make` or `make help` lists them.
#
# Requires Rust and a C compiler. test, soak, lint, format, bench, build, deploy, destroy and new-function also require
# Python 3.11 or later, all but new-function with its venv module; test, soak and lint also Node.js 20.19 or later with
# npm; test also curl.
# Tools are installed only into the folder sextant below XDG_CACHE_HOME (default: ~/.cache). Cargo builds into
# CARGO_TARGET_DIR (default: target).

SHELL := bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
STAGE ?= dev
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# In CI an outdated Cargo.lock is an error; elsewhere cargo may update it.
LOCKED := $(if $(CI),--locked)

# Build, test and lint with the same packages and features, so that cargo compiles each dependency once. A different
# selection unifies features differently.
SELECTION := --workspace --all-features $(LOCKED)

# Each folder in functions/ holds a program of that name. Its package has the same name with underscores.
FUNCTIONS := $(notdir $(patsubst %/,%,$(dir $(wildcard functions/*/Cargo.toml))))

# OTEL=on builds OpenTelemetry into the functions, which the template's parameter OtlpEndpoint needs.
OTEL ?= off
ifeq ($(filter on off,$(OTEL)),)
$(error OTEL is on or off, not $(OTEL))
endif

# Flags that build the functions as they are deployed. Cargo.toml explains the profile; the feature lambda builds each
# function's main.rs.
DEPLOYED := --profile deployed --features lambda $(if $(filter on,$(OTEL)),--features lambda/otel) $(LOCKED) \
	$(foreach name,$(FUNCTIONS),--package $(subst -,_,$(name)) --bin $(name))

# Tools from PyPI, in a virtual environment that is recreated when their versions change.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sextant
VENV := $(CACHE)/venv-$(shell cat tests/aws/requirements*.txt | cksum | cut -d ' ' -f 1)
TOOLS := $(VENV)/.tools
CROSS_TOOLS := $(VENV)/.cross-tools
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# Tools that read openapi.json, from PyPI and npm: tests/contract.
CONTRACT := $(CACHE)/contract-$(shell cat tests/contract/requirements.txt tests/contract/package-lock.json | cksum | \
	cut -d ' ' -f 1)
CONTRACT_TOOLS := $(CONTRACT)/.tools

# Tools that check workflows, the Dockerfile and scripts, from PyPI and npm: tests/pipelines.
PIPELINES := $(CACHE)/pipelines-$(shell cat tests/pipelines/requirements.txt tests/pipelines/package-lock.json | \
	cksum | cut -d ' ' -f 1)
PIPELINES_TOOLS := $(PIPELINES)/.tools
SHELL_SCRIPTS := .ci/run $(wildcard deploy/*.sh)

.PHONY: help run test soak lint lint-pipelines format bench build deploy destroy openapi policies new-function clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## Start the platform on this machine, on http://127.0.0.1:8080
	@cargo run $(LOCKED)

test: $(TOOLS) $(CONTRACT_TOOLS) ## Run all tests; the whole-system tests run locally and on an emulated AWS
	@echo 'Building programs and tests'
	@cargo build $(SELECTION) --lib --bins --tests
	@echo 'Running the tests, locally and on the emulated AWS'
	@set -o pipefail; export PYTHONDONTWRITEBYTECODE=1 SEXTANT_TEST_CONTRACT='$(CONTRACT)' \
		SEXTANT_TEST_TOOLS='$(VENV)'; \
		$(VENV)/bin/python tests/aws/deploy.py --programs '$(TARGET_DIR)/debug' --work '$(TARGET_DIR)/emulated-aws' \
		-- cargo test $(SELECTION) --no-fail-fast -- --show-output 2>&1 | tee '$(TARGET_DIR)/test.log'
	@if grep SKIPPED '$(TARGET_DIR)/test.log'; then echo 'make test: the tests above were SKIPPED' >&2; exit 1; fi

# How often the running server is killed, and how many times as many random cases the property tests run.
SOAK_ROUNDS ?= 200
SOAK_TIMES ?= 20
# The number of live connections, the number of symbols that each subscribes to, and the number of symbols that one
# refresh updates.
SOAK_CLIENTS ?= 1000
SOAK_SYMBOLS_A_CLIENT ?= 100
SOAK_SYMBOLS ?= 5000
# The number of random requests for each operation of the API document.
SOAK_EXAMPLES ?= 200
# The test modules and test programs that these numbers apply to.
SOAKED := ledger:: killed:: live_load:: refresh:: contract::

soak: $(CONTRACT_TOOLS) ## Run the long tests: kills under load, random cases and requests, many connections and symbols
	@SEXTANT_SOAK_ROUNDS='$(SOAK_ROUNDS)' SEXTANT_SOAK_TIMES='$(SOAK_TIMES)' \
		SEXTANT_SOAK_CLIENTS='$(SOAK_CLIENTS)' SEXTANT_SOAK_SYMBOLS='$(SOAK_SYMBOLS)' \
		SEXTANT_SOAK_SYMBOLS_A_CLIENT='$(SOAK_SYMBOLS_A_CLIENT)' \
		SEXTANT_SOAK_EXAMPLES='$(SOAK_EXAMPLES)' SEXTANT_TEST_CONTRACT='$(CONTRACT)' \
		cargo test $(SELECTION) --test it --test killed --test live_load -- --show-output $(SOAKED)

lint: $(TOOLS) $(CONTRACT_TOOLS) lint-pipelines ## Check formatting, lints, templates, API document, pipelines, secrets, dependencies
	@cargo fmt --all --check
	@cargo clippy $(SELECTION) --all-targets -- --deny warnings
	@$(VENV)/bin/ruff check --quiet --no-cache tests/aws
	@$(VENV)/bin/ruff check --quiet --no-cache --config tests/aws/ruff.toml benches tests/contract tools
	@$(VENV)/bin/ruff format --quiet --no-cache --check --diff tests/aws
	@$(VENV)/bin/ruff format --quiet --no-cache --config tests/aws/ruff.toml --check --diff benches tests/contract tools
	@$(VENV)/bin/cfn-lint template.yaml $(wildcard deploy/*.yaml)
	@AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(VENV)/bin/sam validate --lint --template-file template.yaml
	@REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
		'$(CONTRACT)/node_modules/.bin/redocly' lint openapi.json --config tests/contract/redocly.yaml
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check bans licenses sources; \
		else echo 'cargo-deny is not installed, so dependencies were not checked'; fi

# The workflows call shellcheck through actionlint. zizmor is kept offline, so that its result depends on the files only.
lint-pipelines: $(PIPELINES_TOOLS) ## Check workflows, Dockerfile and scripts, and search for secrets
	@'$(PIPELINES)/venv/bin/actionlint' -shellcheck '$(PIPELINES)/venv/bin/shellcheck' -pyflakes=
	@'$(PIPELINES)/venv/bin/zizmor' --offline --quiet --no-progress --persona pedantic .github
	@'$(PIPELINES)/venv/bin/hadolint' --failure-threshold info Dockerfile
	@'$(PIPELINES)/venv/bin/shellcheck' $(SHELL_SCRIPTS)
	@git grep --untracked --name-only -I -z -e '' -- ':!*.csv' | \
		xargs -0 '$(PIPELINES)/node_modules/.bin/secretlint' --secretlintrc tests/pipelines/secretlint.json --maskSecrets

format: $(TOOLS) ## Format Rust and Python
	@cargo fmt --all
	@$(VENV)/bin/ruff format --quiet --no-cache tests/aws
	@$(VENV)/bin/ruff format --quiet --no-cache --config tests/aws/ruff.toml benches tests/contract tools

# A virtual environment for the peers: the Python programs that Sextant is compared with.
PEERS := $(CACHE)/venv-peers-$(shell cksum < benches/peers/requirements.txt | cut -d ' ' -f 1)

bench: $(PEERS)/.tools ## Measure speed in release mode, compared with Python (PARTS selects parts)
	@cargo build --release $(LOCKED) --package gateway --package benches
	@$(if $(filter functions,$(or $(PARTS),functions)),cargo build $(DEPLOYED))
	@PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tools $(PYTHON) benches/run.py --programs '$(TARGET_DIR)/release' \
		--functions '$(TARGET_DIR)/deployed' --python '$(PEERS)/bin/python' $(PARTS)

$(PEERS)/.tools:
	@echo 'Installing the packages of the Python peers into $(PEERS)'
	@$(PYTHON) -m venv --clear '$(PEERS)'
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement benches/peers/requirements.txt
	@touch $@

build: $(CROSS_TOOLS) ## Build every function for AWS (arm64) into target/lambda (OTEL=on with OpenTelemetry)
	@PATH="$(VENV)/bin:$$PATH" \
		cargo lambda build --arm64 --disable-optimizations --lambda-dir target/lambda $(DEPLOYED)
	@$(VENV)/bin/python tools/zip_sizes.py target/lambda

# Says which account and region it is about to change before it builds. BUILD=no deploys what is in target/lambda.
deploy: $(TOOLS) ## Build, then deploy to your AWS account as stage dev (STAGE=prod for prod)
	@$(VENV)/bin/python tools/stack.py check '$(STAGE)'
	@$(if $(filter no,$(BUILD)),,$(MAKE) build)
	@$(VENV)/bin/python tools/stack.py deploy '$(STAGE)'

destroy: $(TOOLS) ## Delete the stack of a stage; tables and buckets stay. Asks, unless CONFIRM names the stage
	@CONFIRM='$(CONFIRM)' $(VENV)/bin/python tools/stack.py destroy '$(STAGE)'

openapi: ## Generate openapi.json and docs/errors.md from the code
	@cargo build --quiet $(SELECTION) --lib --bins --tests
	@'$(TARGET_DIR)/debug/sextant' openapi > openapi.json.unfinished
	@mv openapi.json.unfinished openapi.json
	@'$(TARGET_DIR)/debug/sextant' errors > docs/errors.md.unfinished
	@mv docs/errors.md.unfinished docs/errors.md

policies: ## Write the roles' access to the table into template.yaml, from shared/store/src/access.rs
	@SEXTANT_WRITE_POLICIES=1 cargo test --quiet $(SELECTION) --test it -- access::a_role_may >/dev/null

new-function: ## Create the skeleton of a function: NAME=dividends answers GET /dividends
	@$(PYTHON) tools/new_function.py '$(NAME)'

clean: ## Remove build output and the installed tools
	@cargo clean
	@rm -rf target/lambda "$(CACHE)"/venv-* "$(CACHE)"/contract-* "$(CACHE)"/pipelines-*

define CHECK_PYTHON
@$(PYTHON) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' || { \
	echo 'Python 3.11 or later with its venv module is required. Set PYTHON=/path/to/python3 to use another.' >&2; \
	exit 1; }
endef

$(TOOLS):
	$(CHECK_PYTHON)
	@echo 'Installing the tools for tests and lint into $(VENV)'
	@$(PYTHON) -m venv --clear '$(VENV)'
	@$(VENV)/bin/python $(PIP_INSTALL) --requirement tests/aws/requirements.txt
	@touch $@

$(CONTRACT_TOOLS):
	$(CHECK_PYTHON)
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(+a > 20 || (+a == 20 && +b >= 19) ? 0 : 1)' \
		2>/dev/null && npm --version >/dev/null || { echo 'Node.js 20.19 or later with npm is required.' >&2; exit 1; }
	@echo 'Installing the tools that check the API document into $(CONTRACT)'
	@$(PYTHON) -m venv --clear '$(CONTRACT)/venv'
	@'$(CONTRACT)/venv/bin/python' $(PIP_INSTALL) --requirement tests/contract/requirements.txt
	@cp tests/contract/package.json tests/contract/package-lock.json '$(CONTRACT)'
	@npm ci --prefix '$(CONTRACT)' --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(PIPELINES_TOOLS):
	$(CHECK_PYTHON)
	@echo 'Installing the tools that check pipelines into $(PIPELINES)'
	@$(PYTHON) -m venv --clear '$(PIPELINES)/venv'
	@'$(PIPELINES)/venv/bin/python' $(PIP_INSTALL) --requirement tests/pipelines/requirements.txt
	@cp tests/pipelines/package.json tests/pipelines/package-lock.json '$(PIPELINES)'
	@npm ci --prefix '$(PIPELINES)' --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

$(CROSS_TOOLS): $(TOOLS)
	@echo 'Installing the cross-compiler into $(VENV)'
	@$(VENV)/bin/python $(PIP_INSTALL) --requirement tests/aws/requirements-build.txt
	@touch $@
