//! Which elements are records: `//item`, `/catalog/items/item`.

use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// A path over the local names of elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// From the root, or from anywhere.
    is_absolute: bool,
    /// `*` stands for any name.
    names: Vec<String>,
}

impl Path {
    /// Whether the innermost of these elements is meant.
    pub(super) fn takes(&self, open: &[String]) -> bool {
        if open.len() < self.names.len() || self.is_absolute && open.len() != self.names.len() {
            return false;
        }
        let inner = &open[open.len() - self.names.len()..];
        self.names.iter().zip(inner).all(|(wanted, name)| wanted == "*" || wanted == name)
    }
}

impl FromStr for Path {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (is_absolute, rest) = match (text.strip_prefix("//"), text.strip_prefix('/')) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => (false, text),
        };
        let names: Vec<String> = rest.split('/').map(|name| local(name).to_owned()).collect();
        let is_name = |name: &String| {
            !name.is_empty()
                && name.chars().all(|letter| letter == '*' || letter.is_alphanumeric() || "_-.".contains(letter))
        };
        if !names.iter().all(is_name) {
            return Err(Error::new(ErrorKind::Usage, format!("read the path `{text}`"))
                .hint("name the elements that are records: `--records //item`, or `/catalog/items/item`"));
        }
        Ok(Self { is_absolute, names })
    }
}

/// A name without its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_names() {
        let open: Vec<String> = ["catalog", "items", "item"].map(str::to_owned).to_vec();
        for (path, expected) in [
            ("//item", true),
            ("item", true),
            ("items/item", true),
            ("/catalog/items/item", true),
            ("/catalog/*/item", true),
            ("/items/item", false),
            ("/item", false),
            ("//x:item", true),
            ("//items", false),
        ] {
            assert_eq!(path.parse::<Path>().expect(path).takes(&open), expected, "{path}");
        }
        for path in ["", "/", "//", "a//b", "a[1]", "@x"] {
            assert!(path.parse::<Path>().is_err(), "{path}");
        }
    }
}
