//! XML as records: each element that a path names is one. Nothing but the element at hand is in memory.

pub(crate) mod events;
mod path;
mod source;
mod tree;

use std::collections::BTreeMap;
use std::io::BufReader;

use self::events::{Node, Nodes};
use self::path::Path;
use self::tree::{Child, Tree};
use super::entry::{FormatEntry, Opened, Start};
use super::flag::Flag;
use super::spool::{Part, RECORD_BYTES_MAX, RecordSpool};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Value;

/// What is read at once.
const WINDOW_BYTES: usize = 128 * 1024;
/// How much of a file is looked at to tell which of its elements come again.
const LOOKED_AT_BYTES: usize = 1 << 20;
/// Names that an error shows.
const NAMES_MAX: usize = 12;

pub(super) const ENTRY: FormatEntry = FormatEntry {
    name: "xml",
    also: &[],
    is_it,
    flags: &[
        Flag::Records,
        Flag::Flatten,
        Flag::Encoding,
        Flag::Decimal,
        Flag::Thousands,
        Flag::DateFormat,
        Flag::Null,
    ],
    is_text: true,
    told,
    read,
};

fn is_it(start: &Start<'_>) -> bool {
    start.opening().starts_with(b"<") || start.ending == Some("xml")
}

/// The encoding in the declaration.
fn told(start: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(&start[..start.len().min(200)]).into_owned();
    let declaration =
        start.trim_start_matches('\u{feff}').trim_start().strip_prefix("<?xml")?.split_once("?>")?.0.to_owned();
    let label = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start().to_owned();
    let quote = label.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let label = label[1..].split(quote).next()?.to_lowercase();
    // whoever can read that knows that it is not UTF-16
    (!label.starts_with("utf-16") && !label.starts_with("utf16")).then_some(label)
}

fn read(Opened { name, file, reading, cancellation }: Opened<'_>) -> Result<Vec<Part>> {
    let mut nodes = Nodes::new(name, BufReader::with_capacity(WINDOW_BYTES, file));
    let Some(path) = &reading.records else { return Err(which(name, &mut nodes)?) };
    let path: Path = path.parse()?;
    let mut spool = RecordSpool::of_texts("line")?;
    // the elements around the record at hand
    let mut open: Vec<String> = Vec::new();
    let mut seen = Names::default();
    while let Some(node) = nodes.next_node()? {
        match node {
            Node::Start(name, attributes) => {
                seen.see(&name);
                open.push(name);
                if !path.takes(&open) {
                    continue;
                }
                let (name, line) = (open.pop().unwrap_or_default(), nodes.line());
                cancellation.check()?;
                match record(&mut nodes, Tree { name, attributes, children: Vec::new() })?.into_record() {
                    Ok(record) => spool.push(line, &record)?,
                    Err(reason) => spool.refuse(line, None, &reason, &Value::Null)?,
                }
            }
            Node::End => drop(open.pop()),
            Node::Text(_) => {}
        }
    }
    if spool.count() == 0 && !seen.0.is_empty() {
        let what =
            format!("find `{}` in {name}: it has the elements {}", reading.records.as_deref().unwrap_or(""), seen);
        return Err(Error::new(ErrorKind::NotFound, what)
            .hint("name the elements that are records: `--records //item`; nothing was changed"));
    }
    Ok(vec![spool.finish(None)?])
}

/// The whole of an element that has begun.
fn record<R: std::io::BufRead>(nodes: &mut Nodes<'_, R>, root: Tree) -> Result<Tree> {
    let mut open = vec![root];
    nodes.taken();
    let mut bytes = 0;
    loop {
        let Some(node) = nodes.next_node()? else {
            return Err(nodes.wrong(ErrorKind::Failed, "it ends inside of a record"));
        };
        bytes += nodes.taken();
        if bytes > RECORD_BYTES_MAX {
            return Err(
                nodes.wrong(ErrorKind::Failed, &format!("a record is longer than {} MiB", RECORD_BYTES_MAX >> 20))
            );
        }
        match node {
            Node::Start(name, attributes) => open.push(Tree { name, attributes, children: Vec::new() }),
            Node::Text(text) => {
                let Some(element) = open.last_mut() else { continue };
                match element.children.last_mut() {
                    Some(Child::Text(known)) => known.push_str(&text),
                    _ => element.children.push(Child::Text(text)),
                }
            }
            Node::End => {
                let Some(element) = open.pop() else { continue };
                match open.last_mut() {
                    Some(outer) => outer.children.push(Child::Element(element)),
                    None => return Ok(element),
                }
            }
        }
    }
}

/// The names of elements, and how often each was met.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, u64>);

impl Names {
    fn see(&mut self, name: &str) {
        if let Some(count) = self.0.get_mut(name) {
            *count += 1;
        } else if self.0.len() < NAMES_MAX * 4 {
            self.0.insert(name.to_owned(), 1);
        }
    }
}

impl std::fmt::Display for Names {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut names: Vec<(&String, &u64)> = self.0.iter().collect();
        names.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        let shown: Vec<String> =
            names.iter().take(NAMES_MAX).map(|(name, count)| format!("`{name}` ({count})")).collect();
        formatter.write_str(&shown.join(", "))
    }
}

/// An error that tells which elements there are, for who did not say which are records.
fn which<R: std::io::BufRead>(name: &str, nodes: &mut Nodes<'_, R>) -> Result<Error> {
    let mut seen = Names::default();
    let mut bytes = 0;
    while bytes < LOOKED_AT_BYTES
        && let Some(node) = nodes.next_node()?
    {
        bytes += nodes.taken();
        if let Node::Start(name, _) = node {
            seen.see(&name);
        }
    }
    let what = format!("tell which elements of {name} are records: it has {seen}");
    Ok(Error::new(ErrorKind::Usage, what)
        .hint("name them: `--records //NAME`, or `/root/items/item`; nothing was changed"))
}
