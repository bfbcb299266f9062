//! Times one thing against another in the same run, and prints both.

use std::time::{Duration, Instant};

/// Whether the command line asks for the measurement `name`: it has all filters in it.
pub(crate) fn is_wanted(name: &str) -> bool {
    std::env::args().skip(1).all(|filter| filter.starts_with('-') || name.contains(&filter))
}

/// The shortest time that one run of `first` and of `second` takes, in nanoseconds. They take turns.
pub(crate) fn race(mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64) {
    let time = |body: &mut dyn FnMut(), runs: u32| {
        let start = Instant::now();
        (0..runs).for_each(|_| body());
        start.elapsed()
    };
    let mut runs = 1;
    while time(&mut first, runs) + time(&mut second, runs) < Duration::from_millis(2) {
        runs *= 2;
    }
    let mut best = [Duration::MAX; 2];
    for _ in 0..100 {
        best[0] = best[0].min(time(&mut first, runs));
        best[1] = best[1].min(time(&mut second, runs));
    }
    let each = |total: Duration| total.as_nanos() as f64 / f64::from(runs);
    (each(best[0]), each(best[1]))
}

/// The head of a table of [`line`]s.
pub(crate) fn head(ours: &str, peer: &str, rest: &str) {
    println!("{:<48} {ours:>15} {peer:>15} {:>8} {rest}", "", "ratio");
}

/// One line: nanoseconds of ours and of the peer, and how often the peer's go into ours.
pub(crate) fn line(name: &str, ours: f64, peer: f64, rest: &str) {
    println!("{name:<48} {ours:>12.1} ns {peer:>12.1} ns {:>8.2} {rest}", ours / peer);
}
