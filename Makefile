# Everything one does with Sextant. `make` or `make help` lists it.
#
# Needs Rust, a C compiler and, for tests, lint, build and deploy, Python 3.10 or later with its venv module.
# CARGO_TARGET_DIR and XDG_CACHE_HOME are honoured. Nothing is installed outside of them.

SHELL := bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
STAGE ?= dev
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# In CI a Cargo.lock that does not fit is an error; elsewhere cargo may bring it up to date.
LOCKED := $(if $(CI),--locked)

# One selection of packages and features for building, testing and linting, so that cargo compiles
# each dependency once: with another selection it would unify features in another way.
SELECTION := --workspace --all-features $(LOCKED)

# A folder in functions/ is a program of that name, in a package of that name with underscores.
FUNCTIONS := $(notdir $(patsubst %/,%,$(dir $(wildcard functions/*/Cargo.toml))))

# As they are deployed; the profile is explained in Cargo.toml.
DEPLOYED := --profile deployed --features lambda $(LOCKED) \
	$(foreach name,$(FUNCTIONS),--package $(subst -,_,$(name)) --bin $(name))

# Tools from PyPI, in a virtual environment that is made anew when their versions change.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sextant
VENV := $(CACHE)/venv-$(shell cat tests/aws/requirements*.txt | cksum | cut -d ' ' -f 1)
TOOLS := $(VENV)/.tools
CROSS_TOOLS := $(VENV)/.cross-tools
PIP_INSTALL := $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check

.PHONY: help run test soak lint format bench build deploy openapi clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## Start the platform on this machine, at http://127.0.0.1:8080
	@cargo run $(LOCKED)

test: $(TOOLS) ## Run every test, the whole-system ones here and on an emulated AWS
	@echo 'Building programs and tests'
	@cargo build $(SELECTION) --lib --bins --tests
	@echo 'Running the tests against the emulated AWS'
	@set -o pipefail; PYTHONDONTWRITEBYTECODE=1 $(VENV)/bin/python tests/aws/deploy.py \
		--programs '$(TARGET_DIR)/debug' --work '$(TARGET_DIR)/emulated-aws' \
		-- cargo test $(SELECTION) --no-fail-fast -- --show-output 2>&1 | tee '$(TARGET_DIR)/test.log'
	@if grep SKIPPED '$(TARGET_DIR)/test.log'; then echo 'make test: these tests were SKIPPED' >&2; exit 1; fi

# How many kills, and how many times the usual number of random cases.
SOAK_ROUNDS ?= 200
SOAK_TIMES ?= 20
# How many live connections hear one tick, and how many symbols one refresh brings up to date.
SOAK_CLIENTS ?= 1000
SOAK_SYMBOLS ?= 5000
# The files of tests, in one program a crate or in their own, that read these numbers.
SOAKED := ledger:: killed:: live_load:: refresh::

soak: ## Run for long: 200 kills under load, 20 times the random cases, 1,000 live connections, 5,000 symbols
	@SEXTANT_SOAK_ROUNDS='$(SOAK_ROUNDS)' SEXTANT_SOAK_TIMES='$(SOAK_TIMES)' \
		SEXTANT_SOAK_CLIENTS='$(SOAK_CLIENTS)' SEXTANT_SOAK_SYMBOLS='$(SOAK_SYMBOLS)' \
		cargo test $(SELECTION) --test it --test killed --test live_load -- --show-output $(SOAKED)

lint: $(TOOLS) ## Check format, lints, the template and, with cargo-deny installed, the dependencies
	@cargo fmt --all --check
	@cargo clippy $(SELECTION) --all-targets -- --deny warnings
	@$(VENV)/bin/ruff check --quiet --no-cache tests/aws
	@$(VENV)/bin/ruff check --quiet --no-cache --config tests/aws/ruff.toml benches
	@$(VENV)/bin/ruff format --quiet --no-cache --check --diff tests/aws
	@$(VENV)/bin/ruff format --quiet --no-cache --config tests/aws/ruff.toml --check --diff benches
	@$(VENV)/bin/cfn-lint template.yaml
	@AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(VENV)/bin/sam validate --lint --template-file template.yaml
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check bans licenses sources; \
		else echo 'cargo-deny is not installed: dependencies are not checked'; fi

format: $(TOOLS) ## Format Rust and Python
	@cargo fmt --all
	@$(VENV)/bin/ruff format --quiet --no-cache tests/aws
	@$(VENV)/bin/ruff format --quiet --no-cache --config tests/aws/ruff.toml benches

# The programs of the peers that we are measured beside.
PEERS := $(CACHE)/venv-peers-$(shell cksum < benches/peers/requirements.txt | cut -d ' ' -f 1)

bench: $(PEERS)/.tools ## Measure speed, in release mode, beside programs in Python (PARTS picks some)
	@cargo build --release $(LOCKED) --package gateway --package benches
	@$(if $(filter functions,$(or $(PARTS),functions)),cargo build $(DEPLOYED))
	@PYTHONDONTWRITEBYTECODE=1 $(PYTHON) benches/run.py --programs '$(TARGET_DIR)/release' \
		--functions '$(TARGET_DIR)/deployed' --python '$(PEERS)/bin/python' $(PARTS)

$(PEERS)/.tools:
	@echo 'Installing the peers into $(PEERS)'
	@$(PYTHON) -m venv --clear '$(PEERS)'
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement benches/peers/requirements.txt
	@touch $@

build: $(CROSS_TOOLS) ## Build every function for AWS (arm64) into target/lambda
	@PATH="$(VENV)/bin:$$PATH" cargo lambda build --arm64 --disable-optimizations --lambda-dir target/lambda $(DEPLOYED)
	@ls -l target/lambda/*/bootstrap

deploy: build ## Build, then deploy to your AWS account; STAGE=prod picks the other stage
	@SAM_CLI_TELEMETRY=0 $(VENV)/bin/sam deploy --config-env '$(STAGE)'

openapi: ## Write openapi.json from the code
	@cargo run --quiet $(LOCKED) -- openapi > openapi.json.unfinished
	@mv openapi.json.unfinished openapi.json

clean: ## Remove what was built and the installed tools
	@cargo clean
	@rm -rf target/lambda "$(CACHE)"/venv-*

$(TOOLS):
	@$(PYTHON) -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' || { \
		echo 'Python 3.10 or later with its venv module is needed; PYTHON=/path/to/python3 names another.' >&2; \
		exit 1; }
	@echo 'Installing the tools for tests and lint into $(VENV)'
	@$(PYTHON) -m venv --clear '$(VENV)'
	@$(PIP_INSTALL) --requirement tests/aws/requirements.txt
	@touch $@

$(CROSS_TOOLS): $(TOOLS)
	@echo 'Installing the cross-compiler into $(VENV)'
	@$(PIP_INSTALL) --requirement tests/aws/requirements-build.txt
	@touch $@
