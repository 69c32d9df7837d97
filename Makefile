# `make` sets up, runs the embedded default study and writes its report; `make test` sets up and runs every check, and
# `make test-all` the long ones too (docs/testing.md). All need git, make and Python 3.11-3.13 with venv, and nothing
# beyond the package index.

ifneq ($(words $(CURDIR)),1)
  $(error Snakemake cannot run its scripts from a folder with a space in its path: move "$(CURDIR)")
endif

VENV   ?= .venv
DEVICE ?= cpu
CORES  ?= $(shell nproc)
# Of pytest: tests wait now and then, for a cluster or a Snakemake that starts, and leave cores to one more.
WORKERS ?= $(shell expr $(CORES) + 1)

BIN       := $(VENV)/bin
SNAKEMAKE := "$(BIN)/snakemake"
SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON    ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
               $$p -c '$(SUPPORTED)' 2>/dev/null && echo $$p && break; done)

.PHONY: all install test test-all check-sources lock clean
.DEFAULT_GOAL := all

all: install
	@$(SNAKEMAKE) --cores $(CORES) --logger=bert-ladder
	@$(SNAKEMAKE) --cores 1 --quiet all --report results/demo/snakemake-report.html

install: $(VENV)/installed-$(DEVICE) $(VENV)/bin/bert-ladder

test-all: MARKED := -m ""
test test-all: $(VENV)/installed-test $(VENV)/bin/bert-ladder
	"$(BIN)/ruff" check
	"$(BIN)/ruff" format --check
	"$(BIN)/snakefmt" --check Snakefile workflow rules
	PYTHONPATH=scripts "$(BIN)/lint-imports" --no-cache
	"$(BIN)/mypy"
	"$(BIN)/pytest" --numprocesses $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
	  --durations 20 $(MARKED)

# For a machine with internet: does each source of the catalogue answer? ENCODERS="tiny base" asks for these only.
check-sources: install
	@"$(BIN)/python" catalog/check_sources.py $(ENCODERS)

# The lock of each device carries versions and hashes. Compiled bytecode halves the start of every job; compileall
# also reaches what an interrupted installation left uncompiled.
$(VENV)/installed-%: requirements/%.txt $(VENV)/bin/uv
	"$(BIN)/uv" pip install --quiet --python "$(BIN)/python" --require-hashes --compile-bytecode --requirement $<
	@"$(BIN)/python" -m compileall -q -j 0 "$(VENV)/lib" >/dev/null 2>&1 || true
	@touch "$@"

# The command, which works from any folder, the package for programs of one's own, and what shows a run on the terminal.
# The package is found last, so that a copy of the workflow that runs in this environment runs its own code.
FOUND_LAST := import sys; from importlib.machinery import PathFinder; \
              sys.meta_path.append(type("BertLadder", (), {"find_spec": staticmethod( \
                lambda name, path=None, target=None, find=PathFinder.find_spec: \
                  find(name, ["$(CURDIR)/scripts"]) if name == "bert_ladder" else None)}))
$(VENV)/bin/bert-ladder: Makefile $(VENV)/bin/uv
	@printf '%s\n' '$(FOUND_LAST)' "$(CURDIR)/plugins" >"$$("$(BIN)/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/bert-ladder.pth"
	@printf '%s\n' "#!$(abspath $(BIN))/python" "import sys" "" "from bert_ladder.commands.main import main" "" "sys.exit(main())" >"$@"
	@chmod +x "$@"

$(VENV)/bin/uv: requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv is needed (Debian: apt install python3 python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt
	@touch "$@"

# Resolve requirements/*.in again and write the locks, for maintainers: needs the package index.
COMPILE := "$(BIN)/uv" pip compile --quiet --upgrade --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
           --generate-hashes --no-emit-index-url --no-header --no-annotate
lock:
	for lock in test cpu cuda uv; do \
	  $(COMPILE) $$([ $$lock = test ] || echo --constraint requirements/test.txt) \
	    requirements/$$lock.in --output-file requirements/$$lock.txt || exit 1; done

clean:
	rm -rf "$(VENV)"
