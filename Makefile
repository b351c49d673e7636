# Everything a newcomer types. `make demo` and `make test` need nothing but this checkout: what is
# missing goes into .tools/, or comes by apt where it may.

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
SOAK_ROUNDS ?= 100
QUICK ?=

.PHONY: help tools build demo test bench instructions install fuzz soak versions clean

help:
	@echo 'make tools      install what is missing (nats-server, compilers, valgrind)'
	@echo 'make build      release build of libnats_ffi, shared and static'
	@echo 'make demo       every language talks to every other through a real server'
	@echo 'make test       everything that has to pass before a commit'
	@echo 'make bench      measure every client beside its peers; QUICK=1 ends within 5 minutes'
	@echo 'make instructions  instructions for a message, by callgrind'
	@echo 'make install    PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make fuzz       fuzz every target for FUZZ_SECONDS=$(FUZZ_SECONDS) (nightly Rust)'
	@echo 'make soak       kill the leaders of a JetStream cluster SOAK_ROUNDS=$(SOAK_ROUNDS) times'
	@echo 'make versions   the JetStream tests against every supported server version'
	@echo 'make clean      remove what the build made'

tools:
	@scripts/tools

build:
	cargo build --release -p nats-ffi

demo: tools build
	@scripts/demo

test: tools
	@scripts/test

bench: tools
	@scripts/bench $(if $(QUICK),--quick)

instructions: tools
	@scripts/instructions

# Root often has no cargo: then what was built before is installed.
install:
	@if command -v cargo >/dev/null; then $(MAKE) --no-print-directory build; fi
	@scripts/install '$(PREFIX)' '$(DESTDIR)'

fuzz:
	@scripts/fuzz '$(FUZZ_SECONDS)'

soak: tools
	@scripts/soak '$(SOAK_ROUNDS)'

versions: tools
	@scripts/versions

clean:
	cargo clean
	rm -rf build fuzz/target fuzz/artifacts
