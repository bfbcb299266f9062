//! `wasi:random` 0.3.

use super::{define_insecure, define_random, insecure_seed};
use crate::wasi::Define;

pub(in crate::wasi) const INTERFACES: &[(&str, Define)] = &[
    ("random", |random| define_random(random, "max-len")),
    ("insecure", |insecure| define_insecure(insecure, "max-len")),
    ("insecure-seed", |seed| seed.func("get-insecure-seed", &[], insecure_seed)),
];
