//! Names of imports and exports: versions that stand in for one another, and near misses.

use super::extern_type::Named;
use semver::Version;
use std::collections::HashMap;

/// Which items stand in for names of other versions.
#[derive(Clone, Default)]
pub(crate) struct Compatible {
    /// The versions of each interface and track by their places, the highest last.
    versions: HashMap<(Box<str>, Track), Vec<Placed>>,
}

/// A version, and the place of the item that has it.
type Placed = (Version, usize);

impl Compatible {
    /// Takes in the name of the item at `index`.
    pub(crate) fn add(&mut self, name: &str, index: usize) {
        if let Some((interface, track, version)) = compatibility(name) {
            let versions = self.versions.entry((interface.into(), track)).or_default();
            // Of equals the last.
            let place = versions.partition_point(|(other, _)| *other <= version);
            versions.insert(place, (version, index));
        }
    }

    /// The places of all that stands in for `name`, the highest version first.
    pub(crate) fn find(&self, name: &str) -> impl Iterator<Item = usize> {
        let versions = compatibility(name)
            .and_then(|(interface, track, _)| self.versions.get(&(interface.into(), track)));
        versions.into_iter().flatten().rev().map(|(_, index)| *index)
    }
}

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
#[derive(Clone, PartialEq, Eq, Hash)]
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

/// Finds what a person may have meant who wrote a name that is not there. Looks at so much in all, and
/// has no more suggestions then.
pub(crate) struct Suggestions {
    /// Candidates and characters that may still be compared.
    left: usize,
}

impl Default for Suggestions {
    fn default() -> Self {
        Suggestions { left: 1_000_000 }
    }
}

impl Suggestions {
    /// The candidate that a person who wrote `name` may have meant.
    pub(crate) fn nearest<'a>(
        &mut self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        let name: Name = name.into();
        let limit = ((name.chars.len() + 1) / 4).min(3);
        let mut best = None;
        for candidate in candidates {
            self.left = self.left.checked_sub(1)?;
            if candidate.len().abs_diff(name.text.len()) > 4 * limit && !name.text.contains('@') {
                continue;
            }
            self.left = self.left.checked_sub(candidate.len())?;
            let distance = self.distance(&name, candidate, limit)?;
            if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// How far a candidate is from a name, where that is `limit` at the most; `None` when nothing is
    /// left.
    fn distance(&mut self, name: &Name<'_>, candidate: &str, limit: usize) -> Option<usize> {
        if name.text.contains('@') && unversioned(name.text) == unversioned(candidate) {
            return Some(0);
        }
        let candidate: Vec<char> = candidate.chars().collect();
        if candidate.len().abs_diff(name.chars.len()) > limit {
            return Some(usize::MAX);
        }
        self.left = self.left.checked_sub(candidate.len() * (2 * limit + 1))?;
        Some(edit_distance(&name.chars, &candidate, limit))
    }
}

struct Name<'a> {
    text: &'a str,
    chars: Vec<char>,
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(text: &'a str) -> Self {
        Name { text, chars: text.chars().collect() }
    }
}

/// A name without its version.
pub(super) fn unversioned(name: &str) -> &str {
    name.split_once('@').map_or(name, |(interface, _)| interface)
}

/// The Levenshtein distance, by the two-row method, where it is `limit` at the most: what is further
/// from the diagonal than that is not looked at.
fn edit_distance(a: &[char], b: &[char], limit: usize) -> usize {
    const FAR: usize = usize::MAX / 2;
    let mut row: Vec<usize> = (0..=b.len()).map(|j| if j <= limit { j } else { FAR }).collect();
    for (i, x) in a.iter().enumerate() {
        let from = i.saturating_sub(limit);
        let to = (i + limit + 1).min(b.len());
        let mut diagonal = row[from];
        row[from] = if from == 0 { i + 1 } else { FAR };
        for j in from..to {
            let substituted = diagonal + usize::from(*x != b[j]);
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
        let nearest = |name, names| Suggestions::default().nearest(name, names);
        assert_eq!(nearest("demo:app/log@2.0.0", names), Some("demo:app/log@1.0.0"));
        assert_eq!(nearest("demo:app/lok@1.0.0", names), Some("demo:app/log@1.0.0"));
        assert_eq!(nearest("lines", names), Some("line"));
        assert_eq!(nearest("unrelated", names), None);
    }
}
