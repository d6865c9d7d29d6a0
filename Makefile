# `make run` serves the app, `make test` runs every test. Both set up .venv first, where something is missing.
PORT ?= 8501
# TORCH=cpu installs the CPU build of torch, a tenth of the download.
TORCH ?=
# PYTHON=/path/to/python builds .venv with that one.
PYTHON ?=
# ARGS are handed to streamlit, pytest or the benchmarks.
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-input
TORCH_CPU := https://download.pytorch.org/whl/cpu

# Nothing from outside leaks into the virtual environment.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP
export PIP_REQUIRE_VIRTUALENV := 1

.DEFAULT_GOAL := help
.PHONY: help run test check bench install install-dev clean distclean

help:
	@echo "make run        serve the app on http://localhost:$(PORT) (PORT=8600 changes it, TORCH=cpu for a small install)"
	@echo "make test       run every test (ARGS='-k gmm' picks some)"
	@echo "make check      lint, formatting and types"
	@echo "make bench      measure, print a table, write bench.json (ARGS=gmm picks some)"
	@echo "make clean      remove caches and results; make distclean removes .venv too"

run: install
	@exec $(PY) -m streamlit run app.py --server.port $(PORT) $(ARGS)

# What needs no browser by two processes at once; then the browser, which has a server beside it, alone.
test: install-dev
ifeq ($(strip $(ARGS)),)
	@$(PY) -m pytest -n 2 --dist worksteal --ignore=tests/browser
	@$(PY) -m pytest tests/browser
else
	@$(PY) -m pytest $(ARGS)
endif

check: install-dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

bench: install-dev
	@$(PY) -m tests.bench $(ARGS)

# A stamp in .venv says for which Python and which requirements (their content, not their date: a git checkout
# changes dates) the packages were installed. A fresh stamp costs one start of Python, 20 ms.
install:
	$(call set_up,run,requirements.txt,requirements.txt)

install-dev:
	$(call set_up,dev,requirements-dev.txt,requirements.txt requirements-dev.txt)

# (1) name of the stamp, (2) the file to install, (3) the files that the stamp depends on
define set_up
@stamp() { cat $(3) | cksum; $(PY) -V 2>&1; }; \
if [ -x $(PY) ] && [ -f $(VENV)/.lab-$(1) ] && [ "$$(stamp)" = "$$(cat $(VENV)/.lab-$(1))" ]; then exit 0; fi; \
set -e; \
if ! $(PY) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	found=; \
	for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
		if $$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found=$$python; break; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Python 3.11 or newer, with its venv module, is needed and none of these is one:" \
			"$(or $(PYTHON),python3 python3.13 python3.12 python3.11)." >&2; \
		echo "Install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.12)," \
			"or name one: make run PYTHON=/path/to/python" >&2; \
		exit 1; \
	fi; \
	echo "Building $(VENV) with $$($$found -V)."; \
	$$found -m venv --clear $(VENV); \
fi; \
echo "Installing the packages of $(2) into $(VENV). The first time takes a minute or more" \
	"(torch is large; TORCH=cpu is a tenth of it)."; \
( i=0; while sleep 15 >/dev/null 2>&1; do i=$$((i + 15)); echo "  still installing, $$i s"; done ) & ticker=$$!; \
trap 'kill $$ticker 2>/dev/null || true' EXIT; trap 'exit 130' INT TERM; \
if [ "$(TORCH)" = cpu ]; then grep '^torch' requirements.txt > $(VENV)/torch.txt; \
	$(INSTALL) -r $(VENV)/torch.txt --index-url $(TORCH_CPU); fi; \
$(INSTALL) -r $(2); \
stamp > $(VENV)/.lab-$(1); \
echo "Installed."
endef

clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .screens bench.json
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
