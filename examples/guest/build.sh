#!/bin/sh
# Rebuilds the components of the examples from their .wit and .c files: app.wasm for hello/, jobs.wasm for
# event-loop/, editor.wasm for resources/, pipe.wasm for streams/; and needs-clock.wasm, which shows what a
# host says to a component that it cannot serve.
#
# Needs, by their package names:
#   apt install clang lld wasi-libc libclang-rt-dev-wasm32
#   cargo install wit-bindgen-cli@0.63.0 wasm-tools@1.258.0
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

for guest in app jobs editor pipe; do
    wit-bindgen c --world $guest --out-dir "$out" $guest.wit

    # A library without a start function. wasi-libc gives malloc and the string functions; none of them
    # calls out, so the component imports what its .wit says and nothing else.
    clang --target=wasm32-wasi -mexec-model=reactor -nostartfiles -Wl,--no-entry -Wl,--strip-all \
        -std=c11 -O2 -Wall -Wextra -Werror -I"$out" \
        $guest.c "$out/$guest.c" "$out/${guest}_component_type.o" -o "$out/core.wasm"

    wasm-tools component new "$out/core.wasm" -o $guest.wasm
    wasm-tools validate --features all $guest.wasm
    wasm-tools component wit $guest.wasm
done

wasm-tools parse needs-clock.wat -o needs-clock.wasm
