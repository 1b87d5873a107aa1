# Everything that is done with this project. `make` alone lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# The Node that package.json pins, whatever the machine has.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
INSTALLED := node_modules/.installed

.PHONY: help demo test unit lint format types cluster bench bench-quick bench-cluster image generate picture clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Start Mailhold on examples/demo, send a journal report, show the lights
	@node test/demo/demo.ts

test: $(INSTALLED) packages ## Everything that exists, with real parts
	@node test/run.ts

unit: $(INSTALLED) ## Only the tests beside the code
	@node test/run.ts unit

lint: $(INSTALLED) ## Formatting and lint
	@biome check

format: $(INSTALLED) ## Mend formatting and what lint can mend
	@biome check --write

types: $(INSTALLED) ## Type check
	@tsc

cluster: $(INSTALLED) packages ## A Kubernetes of this machine's own, with a node, until Ctrl-C
	@node test/cluster/stay.ts

bench: $(INSTALLED) packages ## SMTP beside Postfix and IMAP beside mbsync, in four minutes
	@node test/bench/main.ts

bench-quick: $(INSTALLED) packages ## The same with fewer cases, in two and a half
	@node test/bench/main.ts quick

bench-cluster: $(INSTALLED) packages ## Manifest to green light on a cluster with a node, in three minutes
	@node test/bench/kubernetes.ts

image: $(INSTALLED) ## The container image, put together without a container engine
	@node image/archive.ts

generate: $(INSTALLED) ## Write crds/ and docs/reasons.md anew
	@node operator/api/generate-crds.ts
	@node operator/api/generate-reasons.ts

picture: $(INSTALLED) ## Draw docs/lights.svg from a run of the demo
	@DEMO_PICTURE=docs/lights.svg node test/demo/demo.ts </dev/null | tail -n 8

clean: ## Remove what was installed and built
	@rm -rf node_modules build

$(INSTALLED): package-lock.json package.json
	@echo 'Installing what package-lock.json names ...'
	@npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: packages
packages:
	@test/install-packages
