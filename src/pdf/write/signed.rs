//! Whether a PDF is signed: whatever is added to it afterwards, however little, may void its signatures.

use hayro::hayro_syntax::object::{Array, Dict, Name};

use crate::pdf::Document;

/// Fields that are looked at.
const FIELDS_MAX: usize = 100_000;
/// Fields inside fields.
const DEPTH_MAX: usize = 64;

/// What a PDF says of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// It has no field for one.
    No,
    /// It has a field for one, which is empty.
    Prepared,
    /// It has one, or says what may be changed in it.
    Yes,
}

/// Looks at the form of a document.
pub(super) fn signed(document: &Document) -> Signed {
    let Some(root) = document.root() else { return Signed::No };
    // what is certified, or may be filled in with the reader of its maker only, says so here
    if root.get::<Dict<'_>>("Perms").is_some_and(|rights| !rights.is_empty()) {
        return Signed::Yes;
    }
    let Some(form) = root.get::<Dict<'_>>("AcroForm") else { return Signed::No };
    let mut seen = 0;
    let fields = form.get::<Array<'_>>("Fields").map_or(Signed::No, |fields| among(&fields, false, 0, &mut seen));
    let has_flag = form.get::<i32>("SigFlags").is_some_and(|flags| flags & 1 != 0);
    match fields {
        // a file whose signatures were all taken away may have kept the flag
        Signed::No if has_flag => Signed::Prepared,
        other => other,
    }
}

fn among(fields: &Array<'_>, is_inside: bool, depth: usize, seen: &mut usize) -> Signed {
    let mut found = Signed::No;
    for field in fields.iter::<Dict<'_>>() {
        *seen += 1;
        if *seen > FIELDS_MAX || depth > DEPTH_MAX {
            break;
        }
        let own = field.get::<Name<'_>>("FT").map(|kind| kind.as_str() == "Sig");
        let is_signature = own.unwrap_or(is_inside);
        if is_signature && field.get::<Dict<'_>>("V").is_some() {
            return Signed::Yes;
        }
        let below = field.get::<Array<'_>>("Kids").map(|kids| among(&kids, is_signature, depth + 1, seen));
        match below {
            Some(Signed::Yes) => return Signed::Yes,
            Some(Signed::Prepared) => found = Signed::Prepared,
            _ if is_signature => found = Signed::Prepared,
            _ => {}
        }
    }
    found
}
