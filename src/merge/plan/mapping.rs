//! Which columns of an input are left out, and which get another name.

use std::borrow::Cow;

/// Which fields are left out or get another name, before anything else happens to a record.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mapping {
    pub(crate) ignore: Vec<String>,
    pub(crate) rename: Vec<(String, String)>,
}

impl Mapping {
    pub(crate) fn apply<'a>(&self, name: Cow<'a, str>) -> Option<Cow<'a, str>> {
        if self.ignore.iter().any(|ignored| *ignored == name) {
            return None;
        }
        match self.rename.iter().find(|(old, _)| *old == name) {
            Some((_, new)) => Some(Cow::Owned(new.clone())),
            None => Some(name),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ignore.is_empty() && self.rename.is_empty()
    }
}
