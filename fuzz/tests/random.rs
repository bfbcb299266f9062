//! The targets on inputs that nobody has chosen. That finds little of what fuzzing finds; it shows
//! that the targets work, with any toolchain.

use cmabi_fuzz::{builtins, component, random_inputs, values, wasi};

#[test]
fn component() {
    for input in random_inputs(2000) {
        component::run(&input);
        // The header of a component, and anything after it.
        component::run(&[b"\0asm\x0d\0\x01\0", &*input].concat());
    }
}

#[test]
fn values() {
    for input in random_inputs(2000) {
        values::run(&input);
    }
}

#[test]
fn builtins() {
    for input in random_inputs(2000) {
        builtins::run(&input);
    }
}

#[test]
fn wasi() {
    for input in random_inputs(500) {
        wasi::run(&input);
    }
}
