//! The path to records inside of JSON: `data.items[*]`.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The member of this name.
    Name(String),
    /// The element at this place, from 0.
    Place(u64),
    /// All members or elements.
    All,
}

/// A path, from the root of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) steps: Vec<Step>,
}

impl std::str::FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new(ErrorKind::Usage, format!("read the path `{text}`"))
                .hint("write it as `data.items`, `pages[*].items[*]`, `data[\"odd name\"]` or `[0].rows`")
        };
        let mut steps = Vec::new();
        let mut rest = text.trim();
        rest = rest.strip_prefix('$').unwrap_or(rest);
        rest = rest.strip_prefix('.').unwrap_or(rest);
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (step, behind) = bracket(inside).ok_or_else(wrong)?;
                steps.push(step);
                rest = behind;
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let name = &rest[..end];
                if name.is_empty() || name.contains(['"', ']']) {
                    return Err(wrong());
                }
                steps.push(if name == "*" { Step::All } else { Step::Name(name.to_owned()) });
                rest = &rest[end..];
            }
            if let Some(behind) = rest.strip_prefix('.') {
                if behind.is_empty() {
                    return Err(wrong());
                }
                rest = behind;
            }
        }
        // an array at the end stands for its elements in any case
        if steps.last() == Some(&Step::All) && text.trim_end().ends_with("[*]") {
            steps.pop();
        }
        Ok(Self { steps })
    }
}

/// The step in brackets, and what follows them.
fn bracket(inside: &str) -> Option<(Step, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = inside.strip_prefix(quote) {
            let (name, behind) = quoted.split_once(quote)?;
            return Some((Step::Name(name.to_owned()), behind.strip_prefix(']')?));
        }
    }
    let (content, behind) = inside.split_once(']')?;
    let step = if content == "*" { Step::All } else { Step::Place(content.parse().ok()?) };
    Some((step, behind))
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Place(place) => write!(formatter, "[{place}]"),
            Self::All => formatter.write_str("[*]"),
        }
    }
}

/// Steps as a person writes them.
pub(super) fn written(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        if matches!(step, Step::Name(_)) && !text.is_empty() {
            text.push('.');
        }
        text.push_str(&step.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_people_write_them() {
        let name = |name: &str| Step::Name(name.to_owned());
        for (text, expected) in [
            ("data.items[*]", vec![name("data"), name("items")]),
            ("data.items", vec![name("data"), name("items")]),
            ("$.data", vec![name("data")]),
            ("pages[*].items[*]", vec![name("pages"), Step::All, name("items")]),
            ("[0].rows", vec![Step::Place(0), name("rows")]),
            ("a[\"odd.name\"].b", vec![name("a"), name("odd.name"), name("b")]),
            ("[*]", vec![]),
            ("", vec![]),
            ("companies.*", vec![name("companies"), Step::All]),
        ] {
            assert_eq!(text.parse::<Path>().expect(text).steps, expected, "{text}");
        }
        for text in ["a..b", "a[", "a[x]", "a.", "a[\"b]", "]"] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
        assert_eq!(written(&[name("a"), Step::All, name("b")]), "a[*].b");
    }
}
