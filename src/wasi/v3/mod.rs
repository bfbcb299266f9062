//! WASI 0.3: the packages of 0.2 once more, with streams, futures and `async` functions where those have
//! resources to wait for. What is the same is there; here is what differs.

mod cli;
mod clocks;
mod random;

use super::Define;

/// The packages, with their interfaces but for those that have only types, and `wasi:cli/run`.
pub(super) const PACKAGES: &[(&str, &[(&str, Define)])] =
    &[("clocks", clocks::INTERFACES), ("random", random::INTERFACES), ("cli", cli::INTERFACES)];
