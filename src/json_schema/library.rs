//! The files of a schema: read once each, out of one folder, with the names (`$id`, `$anchor`) that their parts go by.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use url::Url;

use super::dialect::{Draft, Holds};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::record::{Value, parse_json};

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// The most files of one schema.
const FILES_MAX: usize = 100;

/// A part of a file, by its JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) pointer: String,
}

/// A file that was read.
struct File {
    path: PathBuf,
    value: Arc<Value<'static>>,
}

/// A schema with an address of its own: a file, or a part with `$id`.
struct Resource {
    place: Place,
    address: Url,
    draft: Draft,
}

/// All files of a schema.
pub(super) struct Library {
    folder: PathBuf,
    files: Vec<File>,
    resources: Vec<Resource>,
    by_address: HashMap<String, usize>,
    /// Parts by the resource and the name of their anchor, and whether that is a dynamic one.
    anchors: HashMap<(usize, String), (Place, bool)>,
}

/// Where a reference leads.
pub(super) struct Target {
    pub(super) place: Place,
    /// The name of the dynamic anchor that it names.
    pub(super) dynamic: Option<String>,
}

impl Library {
    /// A library of files inside a folder, with its first file.
    pub(super) fn open(folder: &Path, path: &Path) -> Result<(Self, Place)> {
        let what = || format!("read the schema {}", path.display());
        let folder = folder.canonicalize().map_err(|cause| file_error(what(), cause))?;
        let mut library = Self {
            folder,
            files: Vec::new(),
            resources: Vec::new(),
            by_address: HashMap::new(),
            anchors: HashMap::new(),
        };
        let first = library.read(path, Draft::Of2020)?;
        let place = library.resources[first].place.clone();
        Ok((library, place))
    }

    /// The value of a part.
    pub(super) fn value(&self, place: &Place) -> Option<(Arc<Value<'static>>, Vec<String>)> {
        let file = self.files.get(place.file)?;
        Some((Arc::clone(&file.value), steps(&place.pointer)))
    }

    /// The number and the draft of the resource that a part stands in.
    pub(super) fn resource(&self, place: &Place) -> (usize, Draft) {
        let is_inside = |resource: &Resource| {
            let rest = place.pointer.strip_prefix(resource.place.pointer.as_str());
            resource.place.file == place.file && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let inside = self.resources.iter().enumerate().filter(|(_, resource)| is_inside(resource));
        let nearest = inside.max_by_key(|(_, resource)| resource.place.pointer.len());
        nearest.map_or((0, Draft::Of2020), |(number, resource)| (number, resource.draft))
    }

    /// All dynamic anchors of a name, each with the number of its resource.
    pub(super) fn dynamic(&self, name: &str) -> Vec<(usize, Place)> {
        let named = self.anchors.iter().filter(|((_, anchor), (_, is_dynamic))| anchor == name && *is_dynamic);
        let mut found: Vec<(usize, Place)> =
            named.map(|((resource, _), (place, _))| (*resource, place.clone())).collect();
        found.sort_by_key(|(resource, _)| *resource);
        found
    }

    /// An error that names a part.
    pub(super) fn wrong(&self, place: &Place, reason: impl std::fmt::Display) -> Error {
        let path = self.files.get(place.file).map_or(Path::new("a schema"), |file| &file.path);
        settings_error(format!("read the schema {} at `#{}`: {reason}", path.display(), place.pointer))
    }

    /// The part that a reference leads to, which may be in a file that is not read yet.
    pub(super) fn resolve(&mut self, from: &Place, reference: &str) -> Result<Target> {
        let (own, draft) = self.resource(from);
        let joined = self.resources[own].address.join(reference);
        let mut address =
            joined.map_err(|cause| self.wrong(from, format_args!("`{reference}` is no reference: {cause}")))?;
        let fragment = percent_decode_str(address.fragment().unwrap_or_default()).decode_utf8_lossy().into_owned();
        address.set_fragment(None);
        let resource = match self.by_address.get(address.as_str()) {
            Some(number) => *number,
            None => self.read_beside(from, reference, &address, draft)?,
        };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            let anchor = self.anchors.get(&(resource, fragment.clone()));
            let (place, is_dynamic) = anchor
                .cloned()
                .ok_or_else(|| self.wrong(from, format_args!("nothing has the anchor of `{reference}`")))?;
            return Ok(Target { place, dynamic: is_dynamic.then_some(fragment) });
        }
        let root = &self.resources[resource].place;
        let place = Place { file: root.file, pointer: format!("{}{fragment}", root.pointer) };
        let found = self.value(&place).is_some_and(|(value, steps)| find(&value, &steps).is_some());
        match found {
            true => Ok(Target { place, dynamic: None }),
            false => Err(self.wrong(from, format_args!("`{reference}` leads nowhere"))),
        }
    }

    /// Reads the file that a reference names: by its address, or else by its path beside the file that refers to it.
    fn read_beside(&mut self, from: &Place, reference: &str, address: &Url, draft: Draft) -> Result<usize> {
        let path = match address.to_file_path() {
            Ok(path) => path,
            Err(()) if Url::parse(reference).is_err() => {
                let relative = reference.split('#').next().unwrap_or_default();
                let decoded = percent_decode_str(relative).decode_utf8_lossy().into_owned();
                let beside = self.files[from.file].path.parent().map(Path::to_owned).unwrap_or_default();
                beside.join(decoded.trim_start_matches('/'))
            }
            Err(()) => {
                let error =
                    self.wrong(from, format_args!("`{reference}` is not in its folder, and nothing is fetched"));
                return Err(error.hint("put the file beside it, with this `$id`, or refer to it by its name"));
            }
        };
        let resource = self.read(&path, draft).map_err(|error| {
            let kind = error.kind();
            let within = self.wrong(from, format_args!("`{reference}`")).because(error);
            if kind == ErrorKind::Refused {
                within.hint("a schema refers to files in its folder alone")
            } else {
                within
            }
        })?;
        self.by_address.insert(address.to_string(), resource);
        Ok(resource)
    }

    /// Reads a file, and gives the number of its resource.
    fn read(&mut self, path: &Path, draft: Draft) -> Result<usize> {
        let what = || format!("read the schema {}", path.display());
        let real = path.canonicalize().map_err(|cause| file_error(what(), cause))?;
        if !real.starts_with(&self.folder) {
            let message = format!("{}: it is outside of {}", what(), self.folder.display());
            return Err(Error::new(ErrorKind::Refused, message));
        }
        if self.files.len() >= FILES_MAX {
            return Err(settings_error(format!("{}: it has more than {FILES_MAX} files", what())));
        }
        let about = fs::metadata(&real).map_err(|cause| file_error(what(), cause))?;
        if !about.is_file() || about.len() > FILE_BYTES_MAX {
            return Err(settings_error(format!("{}: it is no file of at most {FILE_BYTES_MAX} bytes", what())));
        }
        let text = fs::read_to_string(&real).map_err(|cause| file_error(what(), cause))?;
        let value = parse_json(&text).map_err(|cause| {
            let line = text.as_bytes().iter().take(cause.offset).filter(|byte| **byte == b'\n').count() + 1;
            settings_error(format!("{} line {line}: {}", what(), cause.reason))
        })?;
        let address = Url::from_file_path(&real).map_err(|()| settings_error(what()))?;
        let value = Arc::new(value.into_owned());
        let place = Place { file: self.files.len(), pointer: String::new() };
        self.files.push(File { path: path.to_owned(), value: Arc::clone(&value) });
        let number = self.resources.len();
        self.by_address.insert(address.to_string(), number);
        self.resources.push(Resource { place: place.clone(), address, draft });
        self.index(&value, place, number)?;
        Ok(number)
    }

    /// Notes the names of a part and of the parts in it.
    fn index(&mut self, value: &Value<'static>, place: Place, mut resource: usize) -> Result<()> {
        let Value::Object(fields) = value else { return Ok(()) };
        let text = |name: &str| match fields.iter().find(|(field, _)| field == name) {
            Some((_, Value::Text(text))) => Some(text.as_ref()),
            _ => None,
        };
        let is_root = place.pointer.is_empty();
        let mut draft = self.resources[resource].draft;
        // beside `$ref` draft-07 knows no other keyword
        let id = text("$id").filter(|_| draft == Draft::Of2020 || text("$ref").is_none());
        if let Some(name) = text("$schema").filter(|_| is_root || id.is_some()) {
            draft = Draft::of(name).ok_or_else(|| {
                let error = self.wrong(&place, format_args!("`$schema` names no draft that is known: {name}"));
                error.hint("\"$schema\": \"https://json-schema.org/draft/2020-12/schema\", or draft-07")
            })?;
            if is_root {
                self.resources[resource].draft = draft;
            }
        }
        match id {
            Some(anchor) if draft == Draft::Seven && anchor.starts_with('#') => {
                self.anchors.insert((resource, anchor[1..].to_owned()), (place.clone(), false));
            }
            Some(id) => {
                let address = self.resources[resource].address.join(id);
                let mut address =
                    address.map_err(|cause| self.wrong(&place, format_args!("`$id` is no address: {cause}")))?;
                if address.fragment().is_some_and(|fragment| !fragment.is_empty()) {
                    return Err(self.wrong(&place, "`$id` takes an address without a fragment"));
                }
                address.set_fragment(None);
                if is_root {
                    self.resources[resource].address = address.clone();
                } else {
                    resource = self.resources.len();
                    self.resources.push(Resource { place: place.clone(), address: address.clone(), draft });
                }
                let before = self.by_address.insert(address.to_string(), resource);
                if before.is_some_and(|before| before != resource) {
                    return Err(self.wrong(&place, format_args!("another schema has the `$id` {address}, too")));
                }
            }
            None => {}
        }
        if draft == Draft::Of2020 {
            for (keyword, is_dynamic) in [("$anchor", false), ("$dynamicAnchor", true)] {
                let Some(name) = text(keyword) else { continue };
                let before = self.anchors.insert((resource, name.to_owned()), (place.clone(), is_dynamic));
                if before.is_some_and(|(before, _)| before != place) {
                    return Err(self.wrong(&place, format_args!("another part has the anchor `{name}`, too")));
                }
            }
        }
        for (name, value) in fields {
            for (pointer, part) in parts(draft.holds(name), &format!("{}/{}", place.pointer, escaped(name)), value) {
                self.index(part, Place { file: place.file, pointer }, resource)?;
            }
        }
        Ok(())
    }
}

/// The schemas under a keyword, each with its pointer.
fn parts<'a>(holds: Option<Holds>, pointer: &str, value: &'a Value<'static>) -> Vec<(String, &'a Value<'static>)> {
    match (holds, value) {
        (Some(Holds::One | Holds::List), Value::Array(items)) => {
            items.iter().enumerate().map(|(at, item)| (format!("{pointer}/{at}"), item)).collect()
        }
        (Some(Holds::Map), Value::Object(fields)) => {
            fields.iter().map(|(name, field)| (format!("{pointer}/{}", escaped(name)), field)).collect()
        }
        (Some(Holds::One), value) => vec![(pointer.to_owned(), value)],
        _ => Vec::new(),
    }
}

/// A name as a step of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn steps(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// The part of a value that some steps lead to.
pub(super) fn find<'a>(value: &'a Value<'static>, steps: &[String]) -> Option<&'a Value<'static>> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Object(fields) => fields.iter().find(|(name, _)| name == step).map(|(_, value)| value),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

pub(super) fn settings_error(message: String) -> Error {
    Error::new(ErrorKind::Settings, message)
}
