# SPDX-License-Identifier: GPL-2.0-or-later
# Each target sets up what it needs once; needs Python >= 3.11 with venv, make and nothing else.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/ready
BIN := $(VENV)/bin
ANGR := .venv-angr
JOBS ?= 2
SEEDS ?= 20

RELEASES ?= 6.12 7.3

.PHONY: properties test prove prove-second prove-seeds prove-binary conformance findings lint bench nightly faults boots readme clean

properties: $(READY) ## the main job: random state machines over guest and hypervisor
	$(BIN)/python -m pytest properties -n $(JOBS) -q

test: $(READY) ## everything that needs no kernel source and no QEMU
	$(BIN)/python -m pytest tests -n $(JOBS) --dist worksteal -q

prove: $(READY) ## the proofs
	$(BIN)/python -m pytest proofs -n $(JOBS) -q

prove-second: $(READY) ## the proofs, each confirmed by a checked proof of cadical's and by bitwuzla; takes long
	$(BIN)/ddwcheck prove --second --no-cache --jobs $(JOBS)

prove-binary: $(READY) $(ANGR)/ready ## the compiled code of each release against its rules, with angr in an environment of its own
	$(BIN)/ddwcheck binary --python $(ANGR)/bin/python

prove-seeds: $(READY) ## the proofs under three further seeds of z3, which must not change a verdict
	for seed in 1 2 3; do $(BIN)/ddwcheck prove --seed $$seed --no-cache --jobs $(JOBS) || exit 1; done

conformance: $(READY) ## the kernel's own C of RELEASES, fetched from Debian; needs gcc
	$(BIN)/ddwcheck sources $(RELEASES)
	DDWCHECK_RELEASES="$(RELEASES)" $(BIN)/python -m pytest conformance -n $(JOBS) -q

findings: $(READY) ## the counterexample of each finding in FINDINGS.md, below findings/
	$(BIN)/ddwcheck sources
	$(BIN)/ddwcheck findings

lint: $(READY) ## style and strict types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY) ## measurements, as ratios within one run
	$(BIN)/python -m benchmarks

nightly: $(READY) ## the main job with the nightly profile and SEEDS seeds, as many of QEMU, every boot, further solvers
	for seed in $$(seq 1 $(SEEDS)); do \
	  $(BIN)/python -m pytest properties -n $(JOBS) -q --hypothesis-profile nightly --hypothesis-seed $$seed || exit 1; \
	done
	seq 1 $(SEEDS) | xargs -P $(JOBS) -I SEED $(BIN)/ddwcheck qemu --calls 50000 --accesses 5000 --seed SEED
	DDWCHECK_BOOTS=all $(MAKE) conformance RELEASES="6.1 6.12 7.2 7.3"
	DDWCHECK_CONDITIONS=all $(BIN)/python -m pytest tests/test_conditions.py -n $(JOBS) -q
	DDWCHECK_SAMPLES=100000 $(BIN)/python -m pytest tests/test_symbolic_words.py -n $(JOBS) -q
	$(MAKE) prove-seeds prove-second prove-binary

faults: $(READY) ## a campaign whose workers, scheduler and own process are killed at random finds what another one does
	$(BIN)/python -m benchmarks.faults

boots: $(READY) ## every boot of the matrix; needs QEMU
	$(BIN)/ddwcheck boot

readme: $(READY) ## write the README's generated tables anew
	$(BIN)/ddwcheck readme --write

$(ANGR)/ready: proofs/binary/constraints.txt
	$(PYTHON) -m venv $(ANGR)
	$(ANGR)/bin/python -m pip install -q --disable-pip-version-check -c $< angr
	touch $@

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) $(ANGR) counterexamples findings build *.egg-info
