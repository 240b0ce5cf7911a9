//! Columns that a flag names and nobody has.

use crate::error::{Error, ErrorKind};
use crate::hash::RESERVED;
use crate::merge::nearest::nearest;

/// Names that a message lists at most.
const LISTED_MAX: usize = 50;

/// The error for a column that a flag names and that is not in `place`; it tells the nearest of those that are.
pub(crate) fn no_such_column(flag: &str, name: &str, place: &str, known: &[&str]) -> Error {
    let list = known.iter().take(LISTED_MAX).copied().collect::<Vec<_>>().join(", ");
    let dots = if known.len() > LISTED_MAX { ", ..." } else { "" };
    let hint = match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`? its columns: {list}{dots}"),
        None => format!("its columns: {list}{dots}"),
    };
    Error::new(ErrorKind::NotFound, format!("find the column `{name}` of `{flag}` in {place}")).hint(hint)
}

/// The error for a flag that names one of the framework's own columns, which records do not fill.
pub(crate) fn own_column(flag: &str, name: &str) -> Option<Error> {
    RESERVED.contains(&name).then(|| {
        let what = format!("use `{name}` with `{flag}`: it is one of dc's own columns, and not loaded from the input");
        Error::new(ErrorKind::NotFound, what)
            .hint(format!("load the input's column under another name: `--rename {name}=source_{name}`"))
    })
}
