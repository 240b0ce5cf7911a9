//! `dc new`: the folder of a new app, which runs at once and whose test passes; never over anything that is there.

mod kind;
mod sample;
mod words;

pub use kind::AppKind;

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::ident::AppName;
use crate::merge::SampleColumn;
use crate::shell;
use kind::{Made, NewFile};
use sample::Sample;

/// What `dc new` is asked for.
#[derive(Debug, Clone)]
pub struct NewOptions {
    /// `GROUP/PARENT/NAME`.
    pub name: String,
    /// In which language.
    pub kind: AppKind,
    /// The URL or the file that it collects.
    pub from: Option<String>,
}

/// What was made.
#[derive(Debug, Clone, Serialize)]
pub struct NewReport {
    /// The app's full name.
    pub app: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The files in it.
    pub files: Vec<String>,
    /// What the source is.
    pub format: String,
    /// The records of the sample.
    pub records: u64,
    /// Its fields, with the types that a table gets for them.
    pub fields: Vec<SampleColumn>,
    /// What to look at.
    pub notes: Vec<String>,
    /// What to type next.
    pub next: Vec<String>,
}

/// Makes the folder of an app.
///
/// # Errors
/// Usage for a name that is none; refused where the folder is there; what fetching the source says.
pub fn new_app(context: &Context, options: &NewOptions) -> Result<NewReport> {
    let name: AppName = options.name.parse()?;
    let folder = context.settings().project.apps().join(name.to_string());
    if folder.symlink_metadata().is_ok() {
        return Err(taken(&folder));
    }
    let sample = Sample::of(context, options.from.as_deref())?;
    let Made { files, notes, test } = kind::make(context, options.kind, &name, &sample)?;
    write(&folder, &files)?;
    let shown = |path: &Path| {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    };
    let place = shown(&folder);
    let next = vec![format!("dc run {name} --show 20"), format!("dc run {name}"), format!("(cd {place} && {test})")];
    Ok(NewReport {
        app: name.to_string(),
        files: files.into_iter().map(|file| file.name).collect(),
        folder,
        format: sample.shape.to_string(),
        records: sample.count,
        fields: sample.columns,
        notes: notes.into_iter().chain(sample.notes).collect(),
        next,
    })
}

fn taken(folder: &Path) -> Error {
    Error::new(ErrorKind::Refused, format!("make {}: it is there already", folder.display()))
        .hint("take another name; nothing was changed")
}

/// Whoever makes the folder has it: two at once do not mix their files.
fn write(folder: &Path, files: &[NewFile]) -> Result<()> {
    let parent = folder.parent().unwrap_or(folder);
    let failed = |path: &Path, cause| file_error(format!("make {}", path.display()), cause);
    fs::create_dir_all(parent).map_err(|cause| failed(parent, cause))?;
    fs::create_dir(folder).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AlreadyExists => taken(folder),
        _ => failed(folder, cause),
    })?;
    let written = files.iter().try_for_each(|file| {
        let path = folder.join(&file.name);
        if let Some(inner) = path.parent() {
            fs::create_dir_all(inner).map_err(|cause| failed(inner, cause))?;
        }
        let mode = if file.is_program { 0o755 } else { 0o644 };
        let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        made.and_then(|mut made| made.write_all(&file.content)).map_err(|cause| failed(&path, cause))
    });
    if written.is_err() {
        // half an app would be taken for one
        let _ = fs::remove_dir_all(folder);
    }
    written
}

impl fmt::Display for NewReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, files, format, records, fields, notes, next, .. } = self;
        // of the package its folder is enough
        let mut shown: Vec<&str> =
            files.iter().map(|file| file.split_once("dcollect/").map_or(file.as_str(), |_| "dcollect/")).collect();
        shown.dedup();
        writeln!(formatter, "made {}: {}", folder.display(), shown.join(", "))?;
        writeln!(formatter, "the source is {format}; {records} records in the sample")?;
        if !fields.is_empty() {
            let mut table = shell::table(["field", "type"]);
            fields.iter().for_each(|field| table.add_row([field.name.as_str(), field.declared.as_str()]));
            writeln!(formatter, "{table}")?;
        }
        notes.iter().try_for_each(|note| writeln!(formatter, "note: {note}"))?;
        write!(formatter, "next: {}", next.join("\n      "))
    }
}
