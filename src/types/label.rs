//! The labels of fields, cases, flags and parameters.

use crate::error::{Error, ErrorKind, Result};
use std::collections::HashSet;

/// Whether `text` is a `label` of the specification: words of one case, joined by hyphens, the
/// first beginning with a letter.
pub(crate) fn is_label(text: &str) -> bool {
    let is_fragment = |fragment: &str| {
        !fragment.is_empty()
            && (fragment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                || fragment.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
    };
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.split('-').all(is_fragment)
}

/// Checks the labels of one type: each well-formed, no two equal but for case.
/// `what` names them in messages, as in `field`.
pub(super) fn check_labels<'a>(
    what: &str,
    labels: impl ExactSizeIterator<Item = &'a str>,
) -> Result<()> {
    let mut seen = HashSet::with_capacity(labels.len());
    for label in labels {
        if !is_label(label) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("{what} name {label:?} is not in kebab case"),
            ));
        }
        if !seen.insert(label.to_ascii_lowercase()) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("{what} name {label:?} conflicts with an earlier one"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_kebab_case() {
        for good in ["a", "a-b-c", "a1-2-3", "A", "A-B-C", "A1-2-3", "a11-w0rds", "A11-4CR0NYMS"] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "-", "a-", "-a", "a--b", "1-2-3", "aB", "a_b", "a b", "ä", "a.b"] {
            assert!(!is_label(bad), "{bad}");
        }
    }

    #[test]
    fn labels_are_unique_but_for_case() {
        assert!(check_labels("field", ["a", "b"].into_iter()).is_ok());
        let error = check_labels("field", ["a-b", "A-b"].into_iter()).unwrap_err();
        assert_eq!(error.to_string(), "field name \"A-b\" conflicts with an earlier one");
    }
}
