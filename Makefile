# Everything a newcomer types. `make demo` and `make test` need nothing but this checkout: what is
# missing goes into .tools/, or comes by apt where it may.

PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
QUICK ?=

.PHONY: help tools build demo test bench instructions install fuzz clean

help:
	@echo 'make tools      install what is missing (nats-server, compilers, valgrind)'
	@echo 'make build      release build of libnats_ffi, shared and static'
	@echo 'make demo       every language talks to every other through a real server'
	@echo 'make test       everything that has to pass before a commit'
	@echo 'make bench      measure every client beside its peers; QUICK=1 ends within 5 minutes'
	@echo 'make instructions  instructions for a message, by callgrind'
	@echo 'make install    PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make fuzz       fuzz every target for FUZZ_SECONDS=$(FUZZ_SECONDS) (nightly Rust)'
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

clean:
	cargo clean
	rm -rf build fuzz/target fuzz/artifacts
