//! What a part of a page is: a heading, a paragraph, a list, a table, labels with their values.

use serde::{Deserialize, Serialize};

use crate::layout::Area;

/// Blocks at most this many heights of a line apart may be one.
const NEAR: f64 = 1.6;

/// A block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    #[serde(flatten)]
    pub(super) kind: Kind,
    /// Its place in points, from the top left corner.
    pub area: Area,
    /// Its text on one line; words that were parted at the end of a line are whole. Empty for a table.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The number of its first line among those of the page, from 0 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Kind {
    Heading {
        level: u8,
        #[serde(skip)]
        size: f64,
    },
    Paragraph,
    List {
        items: Vec<ListItem>,
    },
    KeyValues {
        pairs: Vec<KeyValue>,
    },
    /// The table of this number among those of the page, from 0 on.
    Table {
        table: usize,
    },
}

/// An item of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListItem {
    /// What stands before it: `•`, `3.`, `b)`.
    pub marker: String,
    /// What it says.
    pub text: String,
}

/// A label and its value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyValue {
    /// The label, without its colon.
    pub label: String,
    /// The value; empty where nothing is filled in.
    pub value: String,
    /// Where the label stands, in points.
    pub label_area: Area,
    /// Where the value stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_area: Option<Area>,
}

impl Block {
    pub(super) fn table(table: usize, area: Area) -> Self {
        Self { kind: Kind::Table { table }, area, text: String::new(), line: None }
    }

    /// One word, as in JSON.
    pub fn word(&self) -> &'static str {
        match self.kind {
            Kind::Heading { .. } => "heading",
            Kind::Paragraph => "paragraph",
            Kind::List { .. } => "list",
            Kind::KeyValues { .. } => "key_values",
            Kind::Table { .. } => "table",
        }
    }

    /// The labels that it has.
    pub fn key_values(&self) -> &[KeyValue] {
        if let Kind::KeyValues { pairs } = &self.kind { pairs } else { &[] }
    }

    pub(super) fn heading_size(&self) -> Option<f64> {
        if let Kind::Heading { size, .. } = self.kind { Some(size) } else { None }
    }

    pub(super) fn is_near(&self, next: &Self) -> bool {
        let gap = next.area.top - self.area.bottom;
        let shares = self.area.x0 < next.area.x1 && next.area.x0 < self.area.x1;
        // a label may stand right of the one before it
        shares && gap <= NEAR * self.area.height().min(next.area.height()).min(14.0) && gap >= -self.area.height()
    }

    /// Whether the next block goes on with this one.
    pub(super) fn takes(&self, next: &Self) -> bool {
        matches!(
            (&self.kind, &next.kind),
            (Kind::List { .. }, Kind::List { .. }) | (Kind::KeyValues { .. }, Kind::KeyValues { .. })
        )
    }

    pub(super) fn append(&mut self, next: Self) {
        self.area = Area::around([self.area, next.area]).unwrap_or(self.area);
        self.text = format!("{} {}", self.text, next.text);
        match (&mut self.kind, next.kind) {
            (Kind::List { items }, Kind::List { items: more }) => items.extend(more),
            (Kind::KeyValues { pairs }, Kind::KeyValues { pairs: more }) => pairs.extend(more),
            _ => {}
        }
    }
}
