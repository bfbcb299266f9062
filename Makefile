# make demo      build the library and the examples, and run them
# make test      everything that a change must pass
#
# make lint      rustfmt, clippy, rustdoc and doxygen, with warnings denied
# make rust-test the tests in Rust, with all features and with fewer
# make c-test    the C suite, the headers, consumers and examples, and the suite under valgrind
# make size      the size of the library as it is shipped, against a ceiling
# make test-shared  that, and the C suite with the library as it is shipped
# make size-minimal  the size of the library without WASI and WIT
# make valgrind  only the C suite under valgrind
# make test-wasmtime  the C suite, the examples and the scripts in tests/wast on the wasmtime engine
# make sanitize  the C suite built with ASan and UBSan
# make tsan      the tests that have threads, and the library, built with TSan
# make reference SPEC=path  the cross-check with the executable reference in a checkout of the specification
# make fuzz TIME=60  the fuzz targets, so many seconds each
# make bench     the benchmarks
# make bench-peer  calls on both engines, beside typed calls of the wasmtime crate; its other name is bench-wasmtime
# make bench-plots  both, keeping the numbers in docs/benchmarks (or PLOTS=folder), and then plots
# make plots     draw the numbers that are there
# make package   build/package: .deb and .tar.gz
# make docs      build/docs/html: the reference of the headers, with the guides
# make header    rewrite the C headers in include/ from the sources
#
# All is built in ./build and ./target, the fuzz targets in ./fuzz/target. On a Debian-like machine,
# missing tools are installed from packages when this runs as root.

JOBS ?= $(shell nproc 2>/dev/null || echo 2)
CARGO ?= cargo
CMAKE ?= cmake
CTEST ?= ctest
export CTEST_OUTPUT_ON_FAILURE = 1
MAKEFLAGS += --no-print-directory
# Enough for backtraces, and a third of the size.
export CARGO_PROFILE_DEV_DEBUG = line-tables-only

.PHONY: demo test lint rust-test c-test size size-minimal test-shared test-wasmtime valgrind sanitize tsan fuzz bench bench-peer bench-wasmtime bench-plots \
	plots reference package docs header clean

demo:
	.ci/setup cc cmake
	$(CMAKE) -S . -B build/demo -DCMAKE_BUILD_TYPE=Release -DCMABI_BUILD_TESTS=OFF
	$(CMAKE) --build build/demo --parallel $(JOBS)
	$(CMAKE) --build build/demo --target run-examples

test: lint rust-test c-test

lint: docs
	.ci/setup rustfmt clippy
	$(CARGO) fmt --all --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	$(CARGO) fmt --check --manifest-path engines/wasmtime/Cargo.toml
	$(CARGO) fmt --check --manifest-path benches/peer/Cargo.toml
	$(CARGO) fmt --check --manifest-path benches/plots/Cargo.toml
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --all-targets --no-default-features -- -D warnings
	$(CARGO) clippy --manifest-path benches/plots/Cargo.toml --target-dir target --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --quiet

rust-test:
	$(CARGO) test --workspace
	$(CARGO) test --no-default-features
	$(CARGO) test --no-default-features --features component
	$(CARGO) test --no-default-features --features wasmi,wit
	$(CARGO) test --quiet --manifest-path benches/plots/Cargo.toml --target-dir target

c-test: build/test/CMakeCache.txt
	$(CMAKE) --build build/test --parallel $(JOBS)
	$(CTEST) --test-dir build/test --parallel $(JOBS)

# The engine's code is what is tested: valgrind does not see into it.
test-wasmtime: build/test/CMakeCache.txt
	$(CMAKE) -S . -B build/test -DCMABI_WASMTIME=ON
	$(CMAKE) --build build/test --parallel $(JOBS)
	$(CTEST) --test-dir build/test --parallel $(JOBS) --label-regex wasmtime
	build/test/lib/cmabi wast --engine wasmtime --seeds 10 tests/wast
	cd engines/wasmtime && CMABI_LIB_DIR=$(CURDIR)/build/test/lib \
		$(CARGO) clippy --release --all-targets -- -D warnings
	cd engines/wasmtime && CMABI_LIB_DIR=$(CURDIR)/build/test/lib LD_LIBRARY_PATH=$(CURDIR)/build/test/lib \
		$(CARGO) test --release --lib --quiet

# Bytes of the stripped library as packages have it, with all features, and with components and the built-in engine only. It may grow for
# a reason; then this says so.
MAX_SIZE ?= 6000000
MAX_MINIMAL_SIZE ?= 4900000

# $(call check_size,FOLDER,MOST)
check_size = @strip -o $(1)/libcmabi-stripped.so $(1)/libcmabi.so; \
	size=$$(wc -c < $(1)/libcmabi-stripped.so); \
	echo "libcmabi.so, stripped: $$size bytes of at most $(2)"; \
	test $$size -le $(2)

size:
	.ci/setup cc
	$(CARGO) rustc --profile shared --lib --crate-type cdylib
	$(call check_size,target/shared,$(MAX_SIZE))

# The tests find the library by its name.
test-shared: size build/test/CMakeCache.txt
	$(CMAKE) --build build/test --parallel $(JOBS)
	mkdir -p build/shared
	cp target/shared/libcmabi.so build/shared/libcmabi.so.0
	LD_LIBRARY_PATH=$(CURDIR)/build/shared $(CTEST) --test-dir build/test --parallel $(JOBS) \
		--label-exclude 'consumer|header|space|valgrind|wasmtime' --exclude-regex '^wrong'

# Where it is built by itself, the other library stays.
size-minimal:
	.ci/setup cc
	$(CARGO) rustc --profile shared --lib --crate-type cdylib --no-default-features --features component,wasmi \
		--target-dir target/minimal
	$(call check_size,target/minimal/shared,$(MAX_MINIMAL_SIZE))

valgrind: build/test/CMakeCache.txt
	$(CMAKE) --build build/test --parallel $(JOBS)
	$(CTEST) --test-dir build/test --parallel $(JOBS) --label-regex valgrind

build/test/CMakeCache.txt:
	.ci/setup cc cmake doctest valgrind pkg-config
	$(CMAKE) -S . -B build/test -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-g1 -DCMAKE_CXX_FLAGS_DEBUG=-g1

sanitize:
	.ci/setup cc cmake doctest
	$(CMAKE) -S . -B build/sanitize -DCMAKE_BUILD_TYPE=Debug -DCMABI_SANITIZE=ON
	$(CMAKE) --build build/sanitize --parallel $(JOBS)
	$(CTEST) --test-dir build/sanitize --parallel $(JOBS)

# TSan needs a standard library that is built for it, from source.
tsan:
	.ci/setup cc cmake doctest rust-src
	$(CMAKE) -S . -B build/tsan -DCMAKE_BUILD_TYPE=Debug -DCMABI_SANITIZE_THREADS=ON \
		-DCMABI_BUILD_EXAMPLES=OFF -DCMABI_BUILD_TOOLS=OFF -DCMABI_INSTALL=OFF \
		-DCMABI_CARGO_TARGET_DIR=$(CURDIR)/build/tsan/cargo
	$(CMAKE) --build build/tsan --parallel $(JOBS)
	$(CTEST) --test-dir build/tsan

TIME ?= 60
FUZZ_TARGETS ?= component values builtins wasi

# cargo-fuzz asks for options that only a nightly compiler takes otherwise. To find uses after return,
# ASan would make a second stack for each fiber.
fuzz:
	.ci/setup cc cargo-fuzz
	cd fuzz && $(CARGO) run --quiet --example seeds
	export RUSTC_BOOTSTRAP=1 ASAN_OPTIONS=detect_stack_use_after_return=0; \
	for target in $(FUZZ_TARGETS); do \
		$(CARGO) fuzz run --features sanitizer $$target -- -max_total_time=$(TIME) \
			-max_len=8192 -len_control=0 -timeout=20 -rss_limit_mb=4096 || exit; \
	done

bench:
	.ci/setup cc cmake
	$(CARGO) bench
	$(CMAKE) -S . -B build/bench -DCMAKE_BUILD_TYPE=Release -DCMABI_BUILD_TESTS=OFF \
		-DCMABI_BUILD_EXAMPLES=OFF -DCMABI_BUILD_BENCHES=ON -DCMABI_LTO=ON
	$(CMAKE) --build build/bench --target run-generated run-start

# The guests are compiled by the tests' compiler; each program prints a name and nanoseconds in each line. LARGE= may name
# one more component, to be loaded. Without its support for concurrency the crate cannot run what is `async`.
bench-wasmtime bench-peer:
	.ci/setup cc cmake
	$(CMAKE) -S . -B build/bench-peer -DCMAKE_BUILD_TYPE=Release -DCMABI_BUILD_TESTS=OFF \
		-DCMABI_BUILD_EXAMPLES=OFF -DCMABI_BUILD_BENCHES=ON -DCMABI_WASMTIME=ON
	$(CMAKE) --build build/bench-peer --target bench-peer
	$(CARGO) run --release --quiet --example compile-guests -- build/bench-peer \
		benches/peer/guest.wat benches/peer/pair.wat c-tests/guests/adder.wat
	$(CARGO) build --release --quiet --manifest-path benches/peer/Cargo.toml
	@cd build/bench-peer && peer=$(CURDIR)/benches/peer/target/release/cmabi-bench-peer && \
		guests="guest.wasm pair.wasm adder.wasm $(LARGE)" && \
		CMABI_BENCH_ENGINE=wasmi ./bench-peer $$guests >built-in && ./bench-peer $$guests >wasmtime && \
		$$peer --without-concurrency $$guests >crate-off && $$peer $$guests >crate && \
		awk -f $(CURDIR)/benches/peer/table.awk built-in wasmtime crate-off crate

PLOTS ?= docs/benchmarks

# One after the other, whatever make may do at once.
bench-plots: export CMABI_BENCH_CSV = $(abspath $(PLOTS))
bench-plots:
	mkdir -p $(PLOTS)
	$(MAKE) bench
	$(MAKE) bench-peer
	$(MAKE) plots

plots:
	$(CARGO) run --quiet --manifest-path benches/plots/Cargo.toml --target-dir target -- $(PLOTS)

CASES ?= 100000

reference:
	.ci/setup cc
	$(CARGO) build --lib
	PYTHONDONTWRITEBYTECODE=1 python3 tests/reference/check.py --spec $(SPEC) --lib target/debug/libcmabi.so \
		--cases $(CASES)

# Below /usr, Debian has a folder of libraries for each architecture.
package:
	.ci/setup cc cmake dpkg-dev
	$(CMAKE) -S . -B build/package -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr \
		-DCMABI_LTO=ON -DCMABI_BUILD_TESTS=OFF -DCMABI_BUILD_EXAMPLES=OFF
	$(CMAKE) --build build/package --parallel $(JOBS)
	$(CMAKE) --build build/package --target package

docs:
	.ci/setup doxygen
	mkdir -p build/docs
	CMABI_VERSION=$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml) doxygen docs/Doxyfile

header:
	CMABI_UPDATE_HEADER=1 $(CARGO) test --test header

clean:
	rm -rf build fuzz/target
	$(CARGO) clean
