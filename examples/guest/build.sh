#!/bin/sh
# Rebuilds app.wasm, the demo's component, from app.wit and app.c, and needs-clock.wasm, which shows what a
# host says to a component that it cannot serve.
#
# Needs, by their package names:
#   apt install clang lld wasi-libc libclang-rt-dev-wasm32
#   cargo install wit-bindgen-cli@0.63.0 wasm-tools@1.258.0
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

wit-bindgen c --world app --out-dir "$out" app.wit

# A library without a start function. wasi-libc gives malloc and the string functions; none of them
# calls out, so the component imports what app.wit says and nothing else.
clang --target=wasm32-wasi -mexec-model=reactor -nostartfiles -Wl,--no-entry -Wl,--strip-all \
    -std=c11 -O2 -Wall -Wextra -Werror -I"$out" \
    app.c "$out/app.c" "$out/app_component_type.o" -o "$out/core.wasm"

wasm-tools component new "$out/core.wasm" -o app.wasm
wasm-tools validate app.wasm
wasm-tools component wit app.wasm

wasm-tools parse needs-clock.wat -o needs-clock.wasm
