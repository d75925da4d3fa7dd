# Everything a user or a developer runs. Needs Python 3.11 to 3.13 and make; the rest is installed into .venv, or into
# the conda environment made from environment.yml where that is activated.

PYTHON ?= python3
# The environment is named on the command line only, as in `make VENV=.venv312`: another tool's VENV is not meant for us.
CONDA := $(if $(wildcard $(if $(CONDA_PREFIX),$(CONDA_PREFIX)/lib/python3*/site-packages/ddd_utils-*.dist-info)),$(CONDA_PREFIX))
VENV := $(or $(CONDA),.venv)
LIGHT := .venv-light
BIN := $(VENV)/bin
# Says that an environment was made here. Nothing is ever installed into, or cleared from, another folder.
MARK := .made-by-ddd_utils

PRESET ?= quick
# Handed over in the environment and never expanded by make, so that brackets, braces, quotes and $ arrive as typed.
override PRESET := $(value PRESET)
override SECTIONS := $(value SECTIONS)
override SET := $(value SET)
override OUT := $(value OUT)
export PRESET SECTIONS SET OUT

# A mistyped name would be passed over, and everything run instead of one section.
VARIABLES := PYTHON VENV PRESET SECTIONS SET OUT ARGS LAB_ARGS UPGRADE KILLS
MISTYPED := $(firstword $(filter-out $(VARIABLES),$(foreach each,$(.VARIABLES),$(if $(filter command,$(origin $(each))),$(each)))))
ifdef MISTYPED
$(error there is no variable '$(MISTYPED)'$(shell $(PYTHON) -c "import difflib, sys; found = difflib.get_close_matches(sys.argv[1], \
sys.argv[2:], 1); print(*(f' (did you mean \'{name}\'?)' for name in found))" $(MISTYPED) $(VARIABLES)); known: $(VARIABLES))
endif

SOURCES := ddd_utils tests notebooks
COMPILE = $(BIN)/uv pip compile --quiet --universal --no-annotate --no-header --python-version 3.11 --group build \
	$(if $(UPGRADE),--upgrade) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help report light test lab docs bench gpu fire lint format lock clean

help:  ## List these commands
	@awk -F ':.*  ## ' '/^[a-z]+:.*  ## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo 'PYTHON=python3.12 names the Python that .venv is made from.'

report: $(VENV)/.installed  ## Build the report: PRESET=quick (name or file), SECTIONS="summary ...", SET='section.key=value', OUT=folder
	@case "$$PRESET" in *.yaml|*.yml) ;; *) PRESET="params/$$PRESET.yaml" ;; esac; \
	$(BIN)/python -m ddd_utils report "$$PRESET" $${SECTIONS:+--sections $$SECTIONS} $${SET:+--set "$$SET"} $${OUT:+--out "$$OUT"}

light: $(LIGHT)/.installed  ## Install what tables and published answers need, without torch, into .venv-light
	@echo "Installed. Published answers: $(LIGHT)/bin/ddd report published"

test: $(VENV)/.installed-test  ## Run the tests: ARGS="tests/test_project.py -k lock"
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

# Our settings are read from the repository; what the user changes in JupyterLab is written under build/. Root is let in
# because containers have no other user: the server listens on loopback only and asks for its token. It begins with the
# start page alone, as a workspace has it (an address that names a file opens it again at every reload): a tab left over
# from the last time would be taken for another notebook than a link there opens.
lab: $(VENV)/.installed  ## Open the notebooks in JupyterLab: LAB_ARGS="--no-browser --port 9000"
	@rm -rf "$(CURDIR)/build/lab/workspaces" "$(CURDIR)/build/lab/changed.json"
	@mkdir -p "$(CURDIR)/build/lab/workspaces" && cp notebooks/.jupyter/start.json \
	"$(CURDIR)/build/lab/workspaces/default-37a8.jupyterlab-workspace"
	DDD_LAB="$(CURDIR)/build/lab" \
	JUPYTER_CONFIG_PATH="$(CURDIR)/notebooks/.jupyter" \
	JUPYTERLAB_SETTINGS_DIR="$(CURDIR)/build/lab/settings" \
	JUPYTERLAB_WORKSPACES_DIR="$(CURDIR)/build/lab/workspaces" \
	$(BIN)/python -m jupyterlab --ip=127.0.0.1 --allow-root --notebook-dir=. --ContentsManager.preferred_dir=notebooks \
	--LabApp.default_url=/lab $(LAB_ARGS)

# The rooms are named one by one: `__all__` has only what a person types, charts among that.
docs: $(VENV)/.installed-test  ## Write the API reference to build/docs/index.html
	@rm -rf build/docs
	PDOC_ALLOW_EXEC=1 $(BIN)/python -W error -m pdoc --docformat numpy --no-include-undocumented --output-directory build/docs \
	ddd_utils $(addprefix ddd_utils.,analysis config data experiments models report responses)
	@echo build/docs/index.html

bench: $(VENV)/.installed-test  ## Measure speed and memory
	@for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(BIN)/python "$$bench" || exit 1; done

fire: $(VENV)/.installed-test  ## Kill reports, downloads and caches at random moments: KILLS=1000; goes on where it was stopped
	$(BIN)/python tests/fire/kills.py $(or $(KILLS),1000)

gpu: $(VENV)/.installed-test  ## Measure one GPU, into build/gpu.json: ARGS="--device cpu --tiny" tries the script
	$(BIN)/python tests/benchmarks/gpu.py $(ARGS)

# .pre-commit-config.yaml runs the same, with the programs that are found first on PATH.
lint: $(VENV)/.installed-test  ## Check style, formatting and types, notebooks included
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

format: $(VENV)/.installed-test  ## Format the code and mend what can be mended
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lock: $(VENV)/.installed-test  ## Remake all locks from pyproject.toml: UPGRADE=1 takes the newest releases
	$(COMPILE) --extra models --extra lab --output-file requirements.txt
	$(COMPILE) --extra models --extra lab --extra test --constraint requirements.txt --output-file tests/requirements.txt
	$(COMPILE) --constraint requirements.txt --output-file requirements-light.txt

clean:  ## Remove what was made, except cached results and observers' answers
	@test ! -d build || find build -mindepth 1 -maxdepth 1 ! -name results ! -name observers -exec rm -rf {} +
	@find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis *.egg-info

# Install a lock ($(1), taking $(2), with the options $(3)) and this package into the environment around the stamp $@. The stamp stands only while the
# environment is whole: it goes before anything is installed and comes back after. Without it the environment was never
# finished, or its installation was killed halfway, and is made anew; but only if it is empty or was made here, which
# the mark says from the first moment. One that an older version made has no mark: it is brought up to date, but never
# cleared, and nor is a conda environment.
define install
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] <= (3, 13) else \
	"$(PYTHON) is Python %d.%d, but 3.11 to 3.13 is needed: name one, as in make PYTHON=python3.12" % v[:2])'
	@test "$(@D)" = "$(CONDA)" || test -z "$$(ls -A "$(@D)" 2>/dev/null)" || test -e "$(@D)/$(MARK)" || test -e $@ || \
	{ echo "$(@D) was not made here and is left as it is: remove it, or name another, as in" \
	"make VENV=.venv-ddd" >&2; exit 1; }
	@echo "Installing into $(@D): $(2) the first time."
	@test "$(@D)" = "$(CONDA)" || test -e $@ || { mkdir -p "$(@D)" && touch "$(@D)/$(MARK)" && \
	find "$(@D)" -mindepth 1 -maxdepth 1 ! -name $(MARK) -exec rm -rf {} + && $(PYTHON) -m venv "$(@D)"; }
	@rm -f $@
	$(@D)/bin/python -m pip install $(3) --requirement $(1)
	$(@D)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
endef

$(VENV)/.installed: requirements.txt
	$(call install,requirements.txt,some minutes and about 6 GB)

# Bytecode would be a fifth of it; Python compiles what it imports.
$(LIGHT)/.installed: requirements-light.txt
	$(call install,requirements-light.txt,two minutes and about 600 MB,--no-compile)

$(VENV)/.installed-test: $(VENV)/.installed tests/requirements.txt
	@rm -f $<
	$(BIN)/python -m pip install --quiet --requirement tests/requirements.txt
	@touch $< $@
