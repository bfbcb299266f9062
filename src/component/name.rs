//! Names of imports and exports: versions that stand in for one another, and near misses.

use super::extern_type::Named;
use semver::Version;

/// What `name` means in `items`: the item of exactly that name, or else the one with the highest
/// version among those that semantic versioning calls compatible.
pub(crate) fn resolve<'a, T>(items: &'a Named<T>, name: &str) -> Option<(&'a str, &'a T)> {
    if let Some((_, found, item)) = items.get_full(name) {
        return Some((found, item));
    }
    let wanted = compatibility(name)?;
    let compatible = items.iter().filter_map(|(candidate, item)| {
        let (interface, track, version) = compatibility(candidate)?;
        (interface == wanted.0 && track == wanted.1).then_some((version, &**candidate, item))
    });
    compatible.max_by(|a, b| a.0.cmp(&b.0)).map(|(_, candidate, item)| (candidate, item))
}

/// The part of a version that compatible versions share.
#[derive(PartialEq, Eq)]
enum Track {
    Major(u64),
    Minor(u64),
    Patch(u64),
}

/// Splits `ns:pkg/interface@1.2.3`. Pre-releases are compatible with nothing but themselves.
fn compatibility(name: &str) -> Option<(&str, Track, Version)> {
    let (interface, version) = name.split_once('@')?;
    let version = Version::parse(version).ok()?;
    if !version.pre.is_empty() {
        return None;
    }
    let track = match (version.major, version.minor) {
        (0, 0) => Track::Patch(version.patch),
        (0, minor) => Track::Minor(minor),
        (major, _) => Track::Major(major),
    };
    Some((interface, track, version))
}

/// The candidate that a person who wrote `name` may have meant.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = ((name.chars().count() + 1) / 4).min(3);
    let scored = candidates.into_iter().filter_map(|candidate| {
        let same_interface = name.contains('@') && unversioned(name) == unversioned(candidate);
        let distance = if same_interface { 0 } else { edit_distance(name, candidate) };
        (distance <= limit).then_some((distance, candidate))
    });
    scored.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

fn unversioned(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _)| interface)
}

/// The Levenshtein distance, by the two-row method.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(names: &[&str]) -> Named<()> {
        names.iter().map(|name| ((*name).into(), ())).collect()
    }

    fn found<'a>(items: &'a Named<()>, name: &str) -> Option<&'a str> {
        resolve(items, name).map(|(found, ())| found)
    }

    #[test]
    fn exact_names_come_first() {
        let items = items(&["a:b/c@1.2.3", "a:b/c@1.9.0", "plain"]);
        assert_eq!(found(&items, "a:b/c@1.2.3"), Some("a:b/c@1.2.3"));
        assert_eq!(found(&items, "plain"), Some("plain"));
        assert_eq!(found(&items, "other"), None);
    }

    #[test]
    fn compatible_versions_stand_in() {
        let items =
            items(&["a:b/c@1.3.0", "a:b/c@1.10.0", "a:b/c@0.2.1", "a:b/c@0.0.4", "a:b/c@2.0.0-rc"]);
        assert_eq!(found(&items, "a:b/c@1.2.3"), Some("a:b/c@1.10.0"));
        assert_eq!(found(&items, "a:b/c@1.99.0"), Some("a:b/c@1.10.0"));
        assert_eq!(found(&items, "a:b/c@0.2.0"), Some("a:b/c@0.2.1"));
        assert_eq!(found(&items, "a:b/c@0.3.0"), None);
        assert_eq!(found(&items, "a:b/c@0.0.3"), None);
        assert_eq!(found(&items, "a:b/c@2.0.0"), None);
        assert_eq!(found(&items, "a:b/c"), None);
        assert_eq!(found(&items, "a:b/d@1.3.0"), None);
    }

    #[test]
    fn near_names_are_found() {
        let names = ["demo:app/log@1.0.0", "demo:app/kv@2.0.0", "line"];
        assert_eq!(nearest("demo:app/log@2.0.0", names), Some("demo:app/log@1.0.0"));
        assert_eq!(nearest("demo:app/lok@1.0.0", names), Some("demo:app/log@1.0.0"));
        assert_eq!(nearest("lines", names), Some("line"));
        assert_eq!(nearest("unrelated", names), None);
    }
}
