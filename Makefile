# Commands of the checkout; 'make' alone lists them.
# Each does its own set-up: packages (as root on Debian; AUTO_INSTALL=0 turns that off and tells
# what is missing) and a Python environment in .venv with the pinned requirements.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# make lab GROUNDWORK_LAB=other gives another lab beside the first.
export GROUNDWORK_LAB ?= lab
# Everything that the tools keep stays in this checkout.
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export MOLECULE_COMMAND_BORDERS := false
# Tests and the peers' collections never read a person's own site packages.
export PYTHONNOUSERSITE := 1

VENV := .venv
HASH := $(shell tools/venv-hash)
READY := $(VENV)/.ready-run-$(HASH)
READY_DEV := $(VENV)/.ready-all-$(HASH)
RUN := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
STEP := tools/step
COLLECTION := ansible_collections.groundwork.platform

##@ See it work
demo: prerequisites-lab $(READY) ## Build the lab and the platform on it, then measure a switchover and a failover
	@$(RUN) tools/demo

lab: prerequisites-lab $(READY) ## Boot the lab's hosts (GROUNDWORK_LAB=name for a second lab)
	@$(RUN) ansible-playbook -i inventories/lab playbooks/lab.yml -e lab_state=present

lab-down: prerequisites-lab $(READY) ## Remove the lab: containers, networks, loop devices, files
	@$(RUN) ansible-playbook -i inventories/lab playbooks/lab.yml -e lab_state=absent

cloud: prerequisites-lab $(READY) ## Play Google Cloud on this machine, hosts and all (CLOUD=name for a second one)
	@$(RUN) tools/cloud up $(CLOUD)

cloud-down: prerequisites-lab $(READY) ## Remove the played Google Cloud and all that was made in it
	@$(RUN) tools/cloud down $(CLOUD)

##@ Test
test: prerequisites-test prerequisites-programs lint sanity ## Lint, sanity, unit and integration tests (what CI runs)
	@$(RUN) $(STEP) "unit and integration tests" -- pytest -n auto --no-loadscope-reorder tests/unit tests/integration -m "not slow" $(PYTEST)

lint: prerequisites-python $(READY_DEV) ## yamllint, ansible-lint, ruff, mypy, syntax checks, changelog
	@$(RUN) $(STEP) ruff -- ruff check --quiet --output-format concise .
	@$(RUN) $(STEP) "ruff format" -- ruff format --quiet --check .
	@$(RUN) $(STEP) yamllint -- yamllint --strict .
	@$(RUN) $(STEP) mypy -- tools/type-check
	@$(RUN) $(STEP) antsibull-changelog -- antsibull-changelog lint
	@$(RUN) $(STEP) "playbook syntax" -- tools/syntax-check
	@$(RUN) $(STEP) ansible-lint -- ansible-lint --offline -q --strict

unit: prerequisites-unit $(READY_DEV) ## Unit tests (PYTEST="-k name" to choose)
	@$(RUN) pytest tests/unit $(PYTEST)

sanity: prerequisites-unit $(READY_DEV) ## ansible-test sanity on the built and unpacked artifact
	@$(RUN) $(STEP) "ansible-test sanity" -- tools/sanity

integration: prerequisites-test $(READY_DEV) ## Tests on lab hosts (PYTEST="-k name" to choose)
	@$(RUN) pytest tests/integration -m "not slow" $(PYTEST)

molecule: prerequisites-test $(READY_DEV) ## One role's scenario on lab hosts: SCENARIO=etcd [COMMAND=converge]
	@test -n "$(SCENARIO)" || { echo "Say which: make molecule SCENARIO=<$$(ls molecule | grep -vx shared | paste -sd'|')>"; exit 2; }
	@$(RUN) molecule $(or $(COMMAND),test) -s $(SCENARIO)

bench: prerequisites-test $(READY_DEV) ## Times of converge and re-run, switchovers and failovers, kube_apply beside its rivals (slow)
	@$(RUN) pytest tests/bench -s $(PYTEST)

faults: prerequisites-test $(READY_DEV) ## Lost hosts, cut networks, stale leaders, and the slow integration tests
	@$(RUN) pytest tests/faults tests/integration -m "slow" $(PYTEST)

##@ Work on it
docs: prerequisites-python $(READY_DEV) ## Write the roles' README files from their argument specs
	@$(RUN) python tools/role_docs.py

format: prerequisites-python $(READY_DEV) ## Format the Python files
	@$(RUN) ruff format .
	@$(RUN) ruff check --fix-only --quiet .

venv: prerequisites-python $(READY_DEV) ## Make .venv with everything that the commands above need
	@echo "$(VENV): $$($(VENV)/bin/python --version), $$($(VENV)/bin/ansible --version | head -n1)"

check-prerequisites: ## Say what this machine lacks for all of the above; install nothing
	@AUTO_INSTALL=0 tools/check-prerequisites python lab test && echo "Nothing is missing."

clean: ## Remove .venv, caches, artifacts (not the lab: see lab-down)
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache artifacts groundwork-platform-*.tar.gz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo lab lab-down cloud cloud-down test lint unit sanity integration molecule bench faults docs format \
  venv check-prerequisites clean help prerequisites-programs \
  prerequisites-python prerequisites-lab prerequisites-unit prerequisites-test

prerequisites-python:
	@tools/check-prerequisites python
prerequisites-lab:
	@tools/check-prerequisites python lab
prerequisites-unit:
	@tools/check-prerequisites python test
prerequisites-test:
	@tools/check-prerequisites python lab test

# What the lab's clusters are made of is compiled while lint and the first tests run. Who waits for it is told what went wrong.
prerequisites-programs:
	@mkdir -p .cache
	@nohup nice -n 19 tools/build-kube >.cache/build-kube.log 2>&1 </dev/null &

# The environment may need packages first, whatever the order of a parallel make.
$(READY): | prerequisites-python
	@tools/make-venv $(VENV) $(HASH) run
$(READY_DEV): | prerequisites-python
	@tools/make-venv $(VENV) $(HASH) all
