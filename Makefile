# Situate: `make run` starts it, `make test` checks it. Needs Python 3.11, 3.12 or 3.13, and nothing else.
# PYTHON=/path/to/python3.12 chooses the interpreter; SITUATE_HOME, SITUATE_PORT and DATABASE_URL are read by the program (docs/operators/settings.md).

PIP = .venv/bin/python -m pip --disable-pip-version-check --quiet --no-input
INSTALLED = .venv/.installed

.PHONY: run install test lint bench browser

# `exec`: make's SIGTERM reaches the program itself, not a shell in front of it.
run: install
	@exec .venv/bin/situate serve

install: $(INSTALLED)

# In the order of the folders: those whose tests take longest come first, so that no core waits at the end for one of them.
test: install browser
	.venv/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

# SET is a folder with a set of questions (docs/users/evaluating.md).
bench: install
	@test -f "$(SET)/questions.jsonl" || { echo "make bench SET=FOLDER, where FOLDER holds questions.jsonl and documents (docs/users/evaluating.md)" >&2; exit 2; }
	.venv/bin/situate evaluate --set "$(SET)"

browser:
	@sh tests/install_browser.sh

# The stamp holds the folder it was made in: a .venv that was moved or copied is made anew, because its programs name their old place.
ifneq ($(shell cat $(INSTALLED) 2>/dev/null),$(CURDIR))
.PHONY: $(INSTALLED)
endif

# An interpreter counts when it runs (a pyenv shim may not) and can make a venv (Debian ships that part apart).
$(INSTALLED): requirements.txt pyproject.toml
	@test "$$(cat $(INSTALLED) 2>/dev/null)" = "$$(pwd -P)" && .venv/bin/python -m pip --version >/dev/null 2>&1 && exit 0; \
	for python in "$(PYTHON)" python3.13 python3.12 python3.11 python3; do \
	    test -n "$$python" || continue; \
	    "$$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue; \
	    echo "Making .venv with $$python"; \
	    exec "$$python" -m venv --clear .venv; \
	done; \
	echo "Situate needs Python 3.11, 3.12 or 3.13 with its venv module, and found none." >&2; \
	echo "Debian, Ubuntu: apt install python3 python3-venv.  Fedora: dnf install python3.13.  macOS: brew install python@3.13." >&2; \
	exit 1
	@echo "Installing what requirements.txt names (a minute or two)"
	@$(PIP) install --no-compile --require-hashes -r requirements.txt
	@$(PIP) install --no-compile --no-deps --no-build-isolation --editable .
	@pwd -P > $(INSTALLED)
