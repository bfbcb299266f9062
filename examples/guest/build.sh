#!/bin/sh
# Rebuilds the components of the examples from their .wit and .c files: app.wasm for hello/, jobs.wasm for
# event-loop/, editor.wasm for resources/, pipe.wasm for streams/, shout.wasm and redact.wasm, which is in Rust,
# for plugins/, sample.wasm for sample/; those of untrusted/; and needs-clock.wasm, which shows what a host says to a component that
# it cannot serve. docs/making-a-guest.md explains those of greeter/, one by one.
#
# Needs, by their package names:
#   apt install clang lld wasi-libc libclang-rt-dev-wasm32 libc++-dev-wasm32
#   cargo install wit-bindgen-cli@0.63.0 wasm-tools@1.258.0
#   rustup target add wasm32-unknown-unknown
# With names of guests as arguments, it rebuilds only those: `build.sh shout redact`.
set -eu
cd "$(dirname "$0")"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

component() { # CORE NAME
    wasm-tools component new "$1" -o "$2.wasm"
    wasm-tools validate --features all "$2.wasm"
    wasm-tools component wit "$2.wasm"
}

for guest in ${*:-app jobs editor pipe sample shout redact untrusted greeter needs-clock}; do
    case $guest in
    shout) world=plugin wit=plugins ;;
    *) world=$guest wit=$guest ;;
    esac
    case $guest in
    needs-clock) wasm-tools parse needs-clock.wat -o needs-clock.wasm ;;
    untrusted) for text in untrusted/*.wat; do wasm-tools parse "$text" -o "${text%.wat}.wasm"; done ;;
    greeter)
        wit-bindgen c --out-dir "$out" greeter/greeter.wit
        clang --target=wasm32-wasi -mexec-model=reactor -nostartfiles -Wl,--no-entry -Wl,--strip-all \
            -std=c11 -O2 -Wall -Wextra -Werror -I"$out" \
            greeter/greeter.c "$out/greeter.c" "$out/greeter_component_type.o" -o "$out/core.wasm"
        component "$out/core.wasm" greeter/c
        clang --target=wasm32-wasi -std=c11 -O2 -I"$out" -c "$out/greeter.c" -o "$out/greeter.o"
        clang++ --target=wasm32-wasi -mexec-model=reactor -nostartfiles -Wl,--no-entry -Wl,--strip-all \
            -std=c++17 -O2 -fno-exceptions -Wall -Wextra -Werror -I"$out" \
            greeter/greeter.cpp "$out/greeter.o" "$out/greeter_component_type.o" -o "$out/core.wasm"
        component "$out/core.wasm" greeter/cpp
        cargo build --quiet --release --target wasm32-unknown-unknown --manifest-path greeter/Cargo.toml \
            --target-dir "$out/target"
        component "$out/target/wasm32-unknown-unknown/release/greeter.wasm" greeter/rust
        ;;
    redact)
        cargo build --quiet --release --target wasm32-unknown-unknown --manifest-path redact/Cargo.toml \
            --target-dir "$out/target"
        component "$out/target/wasm32-unknown-unknown/release/redact.wasm" redact
        ;;
    *)
        wit-bindgen c --world $world --out-dir "$out" $wit.wit

        # A library without a start function. wasi-libc gives malloc and the string functions; none of them
        # calls out, so the component imports what its .wit says and nothing else.
        clang --target=wasm32-wasi -mexec-model=reactor -nostartfiles -Wl,--no-entry -Wl,--strip-all \
            -std=c11 -O2 -Wall -Wextra -Werror -I"$out" \
            "$guest.c" "$out/$world.c" "$out/${world}_component_type.o" -o "$out/core.wasm"
        component "$out/core.wasm" "$guest"
        ;;
    esac
done
