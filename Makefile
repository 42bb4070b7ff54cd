# SkipOPU: `make` lists the targets.

CONFIG ?= tiny
BLOCK  ?=
RUN    ?=
OUT    ?= out/$(CONFIG)
CARGO  ?= cargo

PRESETS = tiny cosim u280 u280-paper
SKIPOPU = $(CARGO) run --quiet --package skipopu --
RELEASE = $(CARGO) run --release --quiet --package skipopu --
MEASURE = $(CARGO) run --release --quiet --package skipopu-system --
NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)
TESTS   = $(CARGO) $(if $(NEXTEST),nextest run --workspace,test --workspace --lib --bins --tests --examples)
SELECT  = $(if $(BLOCK),--block $(BLOCK),--all)

.DEFAULT_GOAL := help
.PHONY: help deps run demo test emit synth prove bench lint figures fmt

help: ## list the targets
	@echo "make TARGET [CONFIG=tiny|cosim|u280|u280-paper|FILE.toml] [BLOCK=name] [OUT=folder]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

deps: ## install the external tools that are missing
	@.ci/deps

run: ## a model writes a text on the simulated core, every logit compared; RUN="--dense --tokens 64 ..."
	@.ci/deps npm
	$(RELEASE) run $(RUN)

demo: deps ## emit the blocks of CONFIG, co-simulate each against Rust, print the comparison
	$(SKIPOPU) demo --config $(CONFIG)

test: deps ## everything that must hold: format, lints, docs, tests, emitted Verilog, figures
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	$(TESTS)
	$(CARGO) test --workspace --doc --quiet
	$(SKIPOPU) lint $(PRESETS:%=--config %)
	$(SKIPOPU) figures check
	$(SKIPOPU) blocks --check

emit: ## write the Verilog of CONFIG (all blocks, or BLOCK) to OUT
	$(SKIPOPU) emit --config $(CONFIG) $(SELECT) --out $(OUT)

synth: deps ## map CONFIG (all blocks, or BLOCK) with Yosys: cells and logic depth
	$(SKIPOPU) synth --config $(CONFIG) $(SELECT)

prove: deps ## run the exhaustive and long tests that `make test` leaves out
	$(MEASURE) multiplier
	$(CARGO) test --workspace --release -- --ignored --nocapture
	$(MEASURE) fuzz
	$(MEASURE) programs
	$(SKIPOPU) figures tables

bench: deps ## measure speed
	$(CARGO) bench --workspace

lint: deps ## hold every emitted module of CONFIG against Verilator, Icarus and Yosys
	$(SKIPOPU) lint --config $(CONFIG) $(if $(BLOCK),--block $(BLOCK))

figures: deps ## measure what takes minutes, record it in docs/figures.json, rewrite the tables made from it
	$(MEASURE) emitter
	$(MEASURE) multiplier
	$(MEASURE) array
	$(RELEASE) model fetch stories15m
	$(RELEASE) quantise stories15m --out out/stories15m-w4.skipopu
	$(RELEASE) model dump out/stories15m-w4.skipopu --out out/operands
	$(RELEASE) pe report --operands out/operands --ledger docs/figures.json
	$(MEASURE) primitives
	$(MEASURE) fuzz --seed 0
	$(MEASURE) memory
	$(MEASURE) dma
	$(RELEASE) kv report --trace sw/kv/data/stories15m.trace --svg docs/kv-bandwidth.svg --ledger docs/figures.json
	$(MEASURE) npe
	$(MEASURE) model
	$(MEASURE) overlay
	$(MEASURE) cost
	$(CARGO) build --release --package skipopu
	$(MEASURE) run
	$(MEASURE) runs
	$(SKIPOPU) figures tables

fmt: ## format the Rust sources
	$(CARGO) fmt --all
