# Everything runs in .venv at the repository root, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: setup demo studio studio-picture notebooks demo-weights docs docs-links test check compat label-studio \
	label-studio-picture mutants release clean

setup: $(STAMP)

$(STAMP): setup.py
	@echo "Setting up $(VENV), once: some minutes, and 7.7 GB"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $(STAMP)

demo: setup
	$(BIN)/swinpan demo --output demo

# A web page, until interrupted.
studio: setup
	$(BIN)/swinpan studio --model embedded

# The page's picture in the documents; needs Debian's chromium and chromium-driver.
studio-picture: setup
	$(BIN)/python -m tests.studio.picture docs/studio.png

# Runs the notebooks of the documents, and stores their outputs in them.
notebooks: setup
	$(BIN)/python -m tests.notebooks

# Hours on a CPU. Goes on where it was when it is called again. PROCESSES is how many work on it, by default one
# on each GPU, or two; their number must divide 8.
PROCESSES ?= $$($(BIN)/python -c "import torch; print(torch.cuda.device_count() or 2)")
demo-weights: setup
	OMP_NUM_THREADS=1 $(BIN)/torchrun --nproc-per-node "$(PROCESSES)" $(BIN)/swinpan train --demo --output demo-weights

# The site, in build/docs: a warning, or a link that leads nowhere, is an error.
docs: setup
	$(BIN)/python docs/build.py build/docs
	@echo "The site begins at build/docs/index.html"

# Asks every address that the documents name, so it needs the network.
docs-links: setup
	$(BIN)/sphinx-build --builder linkcheck docs build/docs-links

test: setup
	$(BIN)/python -m pytest -n auto

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32
	$(BIN)/lint-imports
	$(MAKE) test

# The tests with the oldest and the newest versions that setup.py admits; downloads some 3 GB.
compat:
	PYTHON=$(PYTHON) tests/compat.sh

# The round trip with the real Label Studio, in an environment of its own: it requires opencv-python-headless, whose files
# replace those of opencv-python. Needs Debian's chromium and chromium-driver; downloads some 300 MB.
LABEL_STUDIO := .venv-labelstudio

label-studio: setup $(LABEL_STUDIO)/.installed
	$(BIN)/python -m pytest tests/label_studio -m labelstudio --label-studio $(LABEL_STUDIO)

# Its picture in the documents.
label-studio-picture: setup $(LABEL_STUDIO)/.installed
	$(BIN)/python -m tests.label_studio.picture $(LABEL_STUDIO) docs/label-studio.png

$(LABEL_STUDIO)/.installed: Makefile
	test -x $(LABEL_STUDIO)/bin/python || $(PYTHON) -m venv $(LABEL_STUDIO)
	$(LABEL_STUDIO)/bin/python -m pip install --quiet "label-studio~=1.23.2"
	touch $@

# Which changes of the core's code no test notices. An hour or so; goes on where it was.
mutants: setup
	OMP_NUM_THREADS=1 $(BIN)/mutmut run
	$(BIN)/mutmut results

# A wheel and an sdist in dist/, tried in an empty environment. Uploads nothing; downloads the dependencies.
release: setup
	.ci/release

clean:
	rm -rf $(VENV) .venv-compat $(LABEL_STUDIO) mutants demo build dist *.egg-info
