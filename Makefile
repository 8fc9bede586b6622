# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

WECS ?= 3
OCM ?= 1.2.1
KUBESTELLAR ?=
FUZZ_EXAMPLES ?= 400
SECOND_HUB ?=
SIMULATED ?= 0
SIMULATED_FAULTS ?=
# Which Python to make environments with: make PYTHON=python3.12 ...
export PYTHON ?= python3

RUN = $$(tests/venv run)/bin/python
DEV = $$(tests/venv dev)/bin
SANDBOX = PYTHONPATH=tests $(RUN) -m sandbox
SHAPE = --ocm $(OCM) $(if $(KUBESTELLAR),--kubestellar) $(if $(SECOND_HUB),--second-hub)

.DEFAULT_GOAL := help
.PHONY: help
help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 22

.PHONY: demo
demo:  ## from nothing to three registered WECs, and where to go from there
	@tests/demo

.PHONY: sandbox sandbox-down sandbox-status sandbox-build sandbox-build-all
sandbox:  ## a fresh hub and WECS=3 clusters that are not registered [OCM=1.2.1] [KUBESTELLAR=1] [SECOND_HUB=1] [SIMULATED=1000]
	@$(SANDBOX) up --wecs $(WECS) $(SHAPE) --simulated $(SIMULATED) --simulated-faults "$(SIMULATED_FAULTS)"

sandbox-down:  ## end everything of the sandbox, whatever state it is in
	@$(SANDBOX) down

sandbox-status:  ## what runs, memory, ports, URLs, faults
	@$(SANDBOX) status

sandbox-build:  ## only build the sandbox's binaries, once
	@$(SANDBOX) build $(SHAPE)

sandbox-build-all:  ## all binaries that the tests use, once
	@$(SANDBOX) build --kubestellar --kubernetes 1.37
	@$(SANDBOX) build --ocm 1.0.0

.PHONY: test test-unit fuzz test-integration test-lint test-docs test-sanity test-build test-browser test-molecule test-eda test-awx
test:  ## everything below
	@tests/run unit fuzz lint docs site sanity build browser molecule integration eda awx

test-unit:  ## rules, modules and actions against a fake API, in seconds
	@tests/run unit

fuzz:  ## whatever others may send, at random and other each time [FUZZ_EXAMPLES=400]
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) tests/run fuzz_on

test-integration:  ## the README's promises on real clusters
	@tests/run integration

test-eda:  ## the rulebooks under ansible-rulebook, on real clusters
	@tests/run eda

test-lint:  ## ansible-lint (production), ruff, mypy
	@tests/run lint

test-docs:  ## documentation of plugins and roles, changelog
	@tests/run docs

test-sanity:  ## ansible-test sanity on a staged copy
	@tests/run sanity

test-build:  ## the artifact: what is in it, and that it runs
	@tests/run build

test-browser:  ## the report's page in a Chromium without a network [WEC_BROWSER=/usr/bin/chromium]
	@tests/run browser

test-awx:  ## extensions/awx: what a controller would be given, and jobs as it would start them
	@tests/run awx

CELLS ?=
.PHONY: test-matrix
test-matrix:  ## the versions of Python, ansible-core and libraries that are promised; hours [CELLS="2.21-*"] [PARTS=unit,demo]
	@PYTHONPATH=tests $(RUN) -m matrix $(if $(PARTS),--parts $(PARTS)) $(if $(WORKERS),--workers $(WORKERS)) $(foreach cell,$(CELLS),'$(cell)')

.PHONY: matrix-cells
matrix-cells:  ## the names of these combinations
	@PYTHONPATH=tests $(RUN) -m matrix --list

.PHONY: test-long
test-long:  ## more of what can go wrong, and a registration and a deregistration killed after each of their writes
	@tests/run long

test-molecule:  ## the role register under Molecule, on a sandbox of its own
	@tests/run molecule

N ?= 1000
REAL ?= 10
SCENARIOS ?=
KEEP ?=
.PHONY: bench
bench:  ## speed against a script, kubernetes.core and the limit; an hour [N=1000] [REAL=10] [SCENARIOS="label"]
	@PYTHONPATH=tests $$(tests/venv bench)/bin/python -m bench --wecs $(N) --real $(REAL) $(if $(KEEP),--keep) $(SCENARIOS)

.PHONY: docs
docs:  ## the pages in docs/ that are made of the code's own tables
	@ANSIBLE_COLLECTIONS_PATH=$$(PYTHONPATH=tests $(DEV)/python -m sandbox.outputs) PYTHONPATH=$$(PYTHONPATH=tests $(DEV)/python -m sandbox.outputs) \
		$(DEV)/python tests/generate_docs.py

.PHONY: site pictures
site:  ## the documentation as a website in site/, made without a network
	@SITE=$(CURDIR)/site tests/run site

pictures:  ## the pictures of docs/pictures that show a run, of a fresh sandbox
	@ANSIBLE_COLLECTIONS_PATH=$$(PYTHONPATH=tests $(DEV)/python -m sandbox.outputs) PYTHONPATH=$$(PYTHONPATH=tests $(DEV)/python -m sandbox.outputs):tests:tests/support \
		$(DEV)/python -m pictures docs/pictures

VERSION ?=
DEMO ?=
APPLY ?=
.PHONY: release
release:  ## all of a release but publishing it, on a copy [VERSION=1.0.0] [DEMO=1] [APPLY=1]
	@PYTHONPATH=tests $$(tests/venv release)/bin/python -m release $(or $(VERSION),$(error Say which: make release VERSION=1.0.0)) $(if $(DEMO),--demo) $(if $(APPLY),--apply)

.PHONY: build
build:  ## the collection's artifact
	@$(DEV)/ansible-galaxy collection build --force --output-path .
