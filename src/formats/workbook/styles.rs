//! What the styles of an XLSX file make of numbers: dates, times, or numbers.

use std::collections::HashMap;
use std::io::{BufReader, Read};

use super::serial::{Shown, shown_by, shown_by_number};
use crate::error::Result;
use crate::formats::xml::events::{Node, Nodes};

/// The most styles that a file may have; Excel has 65,490.
const STYLES_MAX: usize = 1 << 17;

/// The styles of cells, by their place.
#[derive(Debug, Default)]
pub(super) struct Styles(Vec<Shown>);

impl Styles {
    /// Reads `styles.xml`.
    pub(super) fn read(name: &str, stream: impl Read) -> Result<Self> {
        let mut nodes = Nodes::new(name, BufReader::new(stream));
        let mut codes: HashMap<u32, Shown> = HashMap::new();
        let mut styles = Vec::new();
        let mut open: Vec<String> = Vec::new();
        while let Some(node) = nodes.next_node()? {
            match node {
                Node::Start(name, attributes) => {
                    let value = |wanted: &str| attributes.iter().find(|(own, _)| own == wanted).map(|(_, value)| value);
                    let number = |wanted: &str| value(wanted).and_then(|text| text.parse::<u32>().ok());
                    let is_inside = |outer: &str| open.last().is_some_and(|name| name == outer);
                    if name == "numFmt"
                        && is_inside("numFmts")
                        && let (Some(id), Some(code)) = (number("numFmtId"), value("formatCode"))
                        && codes.len() < STYLES_MAX
                    {
                        codes.insert(id, shown_by(code));
                    }
                    if name == "xf" && is_inside("cellXfs") && styles.len() < STYLES_MAX {
                        styles.push(number("numFmtId").unwrap_or(0));
                    }
                    open.push(name);
                }
                Node::End => drop(open.pop()),
                Node::Text(_) => {}
            }
        }
        let shown = |id: u32| codes.get(&id).copied().unwrap_or_else(|| shown_by_number(id));
        Ok(Self(styles.into_iter().map(shown).collect()))
    }

    /// What the style at this place shows.
    pub(super) fn shown(&self, place: Option<usize>) -> Shown {
        place.and_then(|place| self.0.get(place).copied()).unwrap_or(Shown::Number)
    }
}
