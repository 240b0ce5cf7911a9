//! Rows on their way into a table: converted, checked, and kept in two flat buffers instead of a tree of values.

use crate::hash::Sha;

/// One value, ready to be bound or copied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A finite float.
    Float(f64),
    /// Text: a part of the batch's buffer.
    Text(Span),
    /// Bytes: a part of the batch's buffer.
    Bytes(Span),
}

/// A part of a batch's buffer. A record has at most 32 MiB, and a batch few of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

/// The bytes that a row of so many cells takes in a batch, without its text.
pub const fn row_bytes(width: usize) -> usize {
    width * size_of::<Cell>() + size_of::<Sha>() + size_of::<u64>()
}

/// Rows of one width, each with its hash and its place in the input.
#[derive(Debug, Default, Clone)]
pub struct RowBatch {
    width: usize,
    cells: Vec<Cell>,
    buffer: Vec<u8>,
    shas: Vec<Sha>,
    offsets: Vec<u64>,
}

impl RowBatch {
    /// An empty batch for rows of `width` cells.
    pub fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Makes room for so many rows, so that it does not grow by doubling.
    pub fn reserve(&mut self, rows: usize) {
        self.cells.reserve_exact(rows * self.width);
    }

    /// The number of complete rows.
    pub fn len(&self) -> usize {
        self.shas.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.shas.is_empty()
    }

    /// The bytes in use, roughly: when to send the batch on.
    pub fn size(&self) -> usize {
        self.buffer.len() + self.cells.len() * size_of::<Cell>()
    }

    /// Gives the rows their hashes, in their order.
    pub fn set_shas(&mut self, shas: Vec<Sha>) {
        self.shas = shas;
    }

    /// Adds a row of NULLs, to be set cell by cell; `offset` is the record's place in the input.
    pub fn add_row(&mut self, sha: Sha, offset: u64) -> usize {
        let row = self.shas.len();
        self.cells.resize(self.cells.len() + self.width, Cell::Null);
        self.shas.push(sha);
        self.offsets.push(offset);
        row
    }

    /// Sets a cell.
    pub fn set(&mut self, row: usize, column: usize, cell: Cell) {
        self.cells[row * self.width + column] = cell;
    }

    /// Keeps text or bytes in the buffer.
    pub fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.buffer.len() as u32;
        self.buffer.extend_from_slice(bytes);
        Span { start, end: self.buffer.len() as u32 }
    }

    /// Takes the last row back.
    pub fn drop_last_row(&mut self) {
        self.shas.pop();
        self.offsets.pop();
        self.cells.truncate(self.shas.len() * self.width);
    }

    /// The cells of a row.
    pub fn row(&self, row: usize) -> &[Cell] {
        &self.cells[row * self.width..(row + 1) * self.width]
    }

    /// The hash of a row.
    pub fn sha(&self, row: usize) -> Sha {
        self.shas[row]
    }

    /// A row's place in the input.
    pub fn offset(&self, row: usize) -> u64 {
        self.offsets[row]
    }

    /// The bytes of a text or bytes cell.
    pub fn bytes(&self, span: Span) -> &[u8] {
        &self.buffer[span.start as usize..span.end as usize]
    }

    /// The text of a text cell; cells are made from valid text, so nothing is ever replaced.
    pub fn text(&self, span: Span) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes(span))
    }
}
