//! `wasi:random`.

use crate::wasi::Define;
use crate::wasi::random::{define_insecure, define_random, insecure_seed};

pub(super) const INTERFACES: &[(&str, Define)] = &[
    ("random", |random| define_random(random, "max-len")),
    ("insecure", |insecure| define_insecure(insecure, "max-len")),
    ("insecure-seed", |seed| seed.func("get-insecure-seed", &[], insecure_seed)),
];
