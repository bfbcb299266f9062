//! Pages of documentation as data.

use std::fs;
use std::path::Path;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of the tables below a heading of a page, without their heads: the cells of each.
pub(crate) fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(root().join(page)).unwrap();
    let level = heading.split(' ').next().unwrap();
    let is_end = |line: &&str| {
        let hashes = line.split(' ').next().unwrap_or_default();
        !hashes.is_empty() && hashes.trim_matches('#').is_empty() && hashes.len() <= level.len()
    };
    let lines: Vec<&str> = page.lines().collect();
    let start = lines.iter().position(|line| *line == heading).expect(heading) + 1;
    let below = lines[start..].iter().take_while(|line| !is_end(line));
    let mut rows = Vec::new();
    let mut in_body = false;
    for line in below {
        in_body = line.starts_with('|') && (in_body || line.starts_with("|-"));
        if in_body && !line.starts_with("|-") {
            let cells = line.trim_matches('|').split('|');
            rows.push(cells.map(|cell| cell.trim().to_owned()).collect());
        }
    }
    assert!(!rows.is_empty(), "no table below {heading}");
    rows
}

/// What stands in backticks.
pub(crate) fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}
