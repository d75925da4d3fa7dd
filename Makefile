# Everything a user or a developer runs. Needs Python 3.11 to 3.13 and make; the rest is installed into .venv.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

PRESET ?= quick
# Handed over in the environment and never expanded by make, so that brackets, braces, quotes and $ arrive as typed.
override PRESET := $(value PRESET)
override SECTIONS := $(value SECTIONS)
override SET := $(value SET)
export PRESET SECTIONS SET

SOURCES := ddd_utils tests notebooks
COMPILE = $(BIN)/uv pip compile --quiet --universal --no-annotate --no-header --python-version 3.11 \
	$(if $(UPGRADE),--upgrade) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help report test lab bench lint format lock clean

help:  ## List these commands
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'PYTHON=python3.12 names the Python that .venv is made from.'

report: $(VENV)/.installed  ## Build the report: PRESET=quick (name or file), SECTIONS="summary ...", SET='section.key=value'
	@case "$$PRESET" in *.yaml|*.yml) ;; *) PRESET="params/$$PRESET.yaml" ;; esac; \
	$(BIN)/python -m ddd_utils report "$$PRESET" $${SECTIONS:+--sections $$SECTIONS} $${SET:+--set "$$SET"}

test: $(VENV)/.installed-test  ## Run the tests: ARGS="tests/test_project.py -k lock"
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

# Our settings are read from the repository; what the user changes in JupyterLab is written under build/. Root is let in
# because containers have no other user: the server listens on loopback only and asks for its token. It begins with the
# start page alone: a tab left over from the last time would be taken for another notebook than a link there opens.
lab: $(VENV)/.installed  ## Open the notebooks in JupyterLab: LAB_ARGS="--no-browser --port 9000"
	@rm -rf "$(CURDIR)/build/lab/workspaces"
	JUPYTER_CONFIG_PATH="$(CURDIR)/notebooks/.jupyter" \
	JUPYTERLAB_SETTINGS_DIR="$(CURDIR)/build/lab/settings" \
	JUPYTERLAB_WORKSPACES_DIR="$(CURDIR)/build/lab/workspaces" \
	$(BIN)/python -m jupyterlab --ip=127.0.0.1 --allow-root --notebook-dir=. --ContentsManager.preferred_dir=notebooks \
	--LabApp.default_url=/lab/tree/notebooks/start.md $(LAB_ARGS)

bench: $(VENV)/.installed-test  ## Measure speed and memory
	@for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python "$$bench" || exit 1; done

lint: $(VENV)/.installed-test  ## Check style and formatting, notebooks included
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

format: $(VENV)/.installed-test  ## Format the code and mend what can be mended
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lock: $(VENV)/.installed-test  ## Remake both locks from pyproject.toml: UPGRADE=1 takes the newest releases
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --extra test --constraint requirements.txt --output-file tests/requirements.txt

clean:  ## Remove what was made, except cached results and observers' answers
	@test ! -d build || find build -mindepth 1 -maxdepth 1 ! -name results ! -name observers -exec rm -rf {} +
	@find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +
	rm -rf .pytest_cache .ruff_cache .hypothesis *.egg-info

# A stamp stands only while the environment is whole: it goes before anything is installed and comes back after. Without
# it the environment was never finished, or its installation was killed halfway, and is made anew.
$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] <= (3, 13) else \
	"$(PYTHON) is Python %d.%d, but 3.11 to 3.13 is needed: name one, as in make PYTHON=python3.12" % v[:2])'
	@echo "Installing into $(VENV): some minutes and about 6 GB the first time."
	@test -e $@ || $(PYTHON) -m venv --clear $(VENV)
	@rm -f $@
	$(BIN)/python -m pip install --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed tests/requirements.txt
	@rm -f $<
	$(BIN)/python -m pip install --quiet --requirement tests/requirements.txt
	@touch $< $@
