//! Times one thing against another in the same run, prints both, and keeps the numbers.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Whether the command line asks for the measurement `name`: it has all filters in it.
pub(crate) fn is_wanted(name: &str) -> bool {
    std::env::args().skip(1).all(|filter| filter.starts_with('-') || name.contains(&filter))
}

/// Where peers write in what they have allocated: some processors copy slowly to addresses that look like those of the
/// bytes to be read next, but for whole pages.
#[allow(dead_code, reason = "for benchmarks whose peers copy")]
pub(crate) const APART: usize = 2048;

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

/// One line: nanoseconds of ours and of the peer, and how often the peer's go into ours. They are kept in
/// `table` with `more`.
pub(crate) fn line(
    table: &str,
    name: &str,
    (ours, peer): (f64, f64),
    more: &[(&str, f64)],
    rest: &str,
) {
    println!("{name:<48} {ours:>12.1} ns {peer:>12.1} ns {:>8.2} {rest}", ours / peer);
    let numbers = [("libcmabi ns", ours), ("peer ns", peer), ("ratio", ours / peer)];
    let numbers: Vec<_> =
        numbers.iter().chain(more).map(|(column, number)| (*column, round(*number))).collect();
    let mut row: Vec<(&str, &dyn Display)> = vec![("name", &name)];
    row.extend(numbers.iter().map(|(column, number)| (*column, number as &dyn Display)));
    record(table, &row);
}

/// A measurement without the digits that say nothing.
pub(crate) fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// Keeps a row, of pairs of a column's name and its value, in `table`: a file `table.csv` of the folder that
/// the environment variable `CMABI_BENCH_CSV` names, if it is there. A table is made anew in each run.
pub(crate) fn record(table: &str, row: &[(&str, &dyn Display)]) {
    static STARTED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let Some(folder) = std::env::var_os("CMABI_BENCH_CSV") else { return };
    let file = Path::new(&folder).join(format!("{table}.csv"));
    let mut lines = String::new();
    let mut started = STARTED.lock().unwrap();
    let opened = if started.iter().any(|name| name == table) {
        File::options().append(true).open(&file)
    } else {
        started.push(table.to_owned());
        lines += &csv(row.iter().map(|(column, _)| column.to_string()));
        fs::create_dir_all(&folder).and_then(|()| File::create(&file))
    };
    lines += &csv(row.iter().map(|(_, value)| value.to_string()));
    opened
        .and_then(|mut opened| opened.write_all(lines.as_bytes()))
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

/// A line of comma-separated values.
fn csv(values: impl Iterator<Item = String>) -> String {
    let quoted = values.map(|value| match value.contains([',', '"', '\n']) {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value,
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}
