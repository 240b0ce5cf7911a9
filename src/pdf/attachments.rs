//! Files that a PDF carries: attached to it, or to a place on a page.

use std::collections::HashSet;

use hayro::hayro_syntax::object::{Array, Dict, Object, ObjectIdentifier, Stream};

use super::Document;
use super::document::guarded;
use super::text_string::text_string;
use crate::error::{Error, Result};

/// Files of a document, and lists inside lists that name them.
const FILES_MAX: usize = 2_000;
const DEPTH_MAX: usize = 32;

/// A file that a PDF carries.
pub struct Attachment {
    /// The name that the PDF gives it: written by a stranger, it may be any text.
    pub name: String,
    /// The file; an error where it is damaged or locked.
    pub data: Result<Vec<u8>>,
}

impl Document {
    /// Hands its attachments over one by one, so that one is in memory at a time.
    ///
    /// # Errors
    /// Those of `take`; Failed, where the lists that name them are damaged.
    pub fn attachments(&self, take: &mut dyn FnMut(Attachment) -> Result<()>) -> Result<()> {
        let mut found = guarded(|| self.file_specifications())?;
        found.truncate(FILES_MAX);
        for specification in found {
            let name = ["UF", "F", "Unix", "DOS"].iter().find_map(|key| {
                let text = specification.get::<hayro::hayro_syntax::object::String<'_>>(*key)?;
                Some(text_string(text.as_bytes())).filter(|name| !name.is_empty())
            });
            let name = name.unwrap_or_else(|| "attachment".to_owned());
            let data = guarded(|| data(&specification)).and_then(|data| data).map_err(|error| match self.is_locked() {
                true => Error::failed(format!("unpack {name}: it is encrypted"))
                    .hint("give the password with `--password-file FILE`"),
                false => error.within(format!("unpack {name}")),
            });
            take(Attachment { name, data })?;
        }
        Ok(())
    }

    /// The descriptions of files, each once.
    fn file_specifications(&self) -> Vec<Dict<'_>> {
        let mut all: Vec<Dict<'_>> = Vec::new();
        let names = self.root().and_then(|root| root.get::<Dict<'_>>("Names"));
        if let Some(tree) = names.and_then(|names| names.get::<Dict<'_>>("EmbeddedFiles")) {
            collect(&tree, DEPTH_MAX, &mut all);
        }
        for page in 1..=self.pages() {
            let Ok(page) = self.page(page) else { continue };
            let Some(annotations) = page.raw().get::<Array<'_>>("Annots") else { continue };
            all.extend(annotations.iter::<Dict<'_>>().filter_map(|it| it.get::<Dict<'_>>("FS")));
            if all.len() > FILES_MAX {
                break;
            }
        }
        let mut seen: HashSet<ObjectIdentifier> = HashSet::new();
        all.retain(|found| file(found).is_some_and(|stream| seen.insert(stream.obj_id())));
        all
    }
}

fn collect<'a>(tree: &Dict<'a>, depth: usize, all: &mut Vec<Dict<'a>>) {
    if let Some(names) = tree.get::<Array<'a>>("Names") {
        all.extend(names.iter::<Object<'a>>().filter_map(Object::into_dict).take(FILES_MAX));
    }
    let Some(kids) = tree.get::<Array<'a>>("Kids").filter(|_| depth > 0) else { return };
    for kid in kids.iter::<Dict<'a>>() {
        if all.len() > FILES_MAX {
            return;
        }
        collect(&kid, depth - 1, all);
    }
}

fn file<'a>(specification: &Dict<'a>) -> Option<Stream<'a>> {
    let files = specification.get::<Dict<'a>>("EF")?;
    ["UF", "F", "Unix", "DOS"].iter().find_map(|key| files.get::<Stream<'a>>(*key))
}

fn data(specification: &Dict<'_>) -> Result<Vec<u8>> {
    let stream = file(specification).ok_or_else(|| Error::failed("find its data"))?;
    let data = stream.decoded_data().map_err(|cause| Error::failed(format!("read its data: {cause:?}")))?;
    Ok(data.into_owned())
}
