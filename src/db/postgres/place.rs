//! Where a row stands: its ctid, and in a table of several parts (partitions, tables that inherit) the part, since each
//! counts its rows from the start.

use super::client::Client;
use crate::db::postgres::server::server_error;
use crate::db::{RowId, Table};
use crate::error::{Error, Result};

/// The bits of a ctid, packed: the block, then the place in it. Above them stands the part.
const CTID_BITS: u32 = 48;
/// Parts that fit above a ctid; none is the table itself.
const PARTS_MAX: usize = (1 << (u64::BITS - CTID_BITS)) - 1;

/// The parts that rows were found in, by their oids.
#[derive(Default)]
pub(super) struct Parts(Vec<u32>);

impl Parts {
    /// A row's place out of the six bytes of a ctid.
    ///
    /// # Errors
    /// More parts than can be told apart.
    pub(super) fn row_of(&mut self, part: Option<u32>, ctid: &[u8; 6]) -> Result<RowId> {
        let block = u64::from(u32::from_be_bytes([ctid[0], ctid[1], ctid[2], ctid[3]]));
        let offset = u64::from(u16::from_be_bytes([ctid[4], ctid[5]]));
        Ok(RowId(self.number(part)? << CTID_BITS | block << 16 | offset))
    }

    /// A row's place out of a ctid as the server prints it.
    ///
    /// # Errors
    /// A text that is none.
    pub(super) fn row(&mut self, part: Option<u32>, ctid: &str) -> Result<RowId> {
        let numbers = ctid.trim_matches(['(', ')']).split_once(',');
        let packed =
            numbers.and_then(|(block, place)| Some((block.parse::<u64>().ok()? << 16) | place.parse::<u64>().ok()?));
        let packed = packed.ok_or_else(|| Error::failed(format!("read the row's place `{ctid}`")))?;
        Ok(RowId(self.number(part)? << CTID_BITS | packed))
    }

    /// The part that a row stands in; `None` for a table without parts.
    ///
    /// # Errors
    /// A part that was never seen.
    pub(super) fn table_of(&self, row: RowId) -> Result<Option<u32>> {
        match (row.0 >> CTID_BITS) as usize {
            0 => Ok(None),
            number => match self.0.get(number - 1) {
                Some(oid) => Ok(Some(*oid)),
                None => Err(Error::failed(format!("find part {number} of the table"))),
            },
        }
    }

    /// Neighbouring rows are mostly of one part, and the last one seen is likeliest.
    fn number(&mut self, part: Option<u32>) -> Result<u64> {
        let Some(oid) = part else { return Ok(0) };
        if let Some(known) = self.0.iter().rposition(|known| *known == oid) {
            return Ok(known as u64 + 1);
        }
        if self.0.len() == PARTS_MAX {
            return Err(Error::failed(format!(
                "tell the rows of the table apart: it has more than {PARTS_MAX} partitions"
            )));
        }
        self.0.push(oid);
        Ok(self.0.len() as u64)
    }
}

/// A ctid as statements take it.
pub(super) fn ctid(row: RowId) -> String {
    let packed = row.0 & ((1 << CTID_BITS) - 1);
    format!("({},{})", packed >> 16, packed & 0xffff)
}

/// Whether a table has parts, in which the same ctid stands for another row.
pub(super) fn has_parts(client: &mut Client, table: &Table) -> Result<bool> {
    let find = "SELECT relkind = 'p' OR relhassubclass FROM pg_class WHERE oid = to_regclass($1)";
    let found = client.query_opt(find, &[&table.name.quoted()]);
    let found = found.map_err(|cause| server_error(format!("look for the parts of `{}`", table.name), cause))?;
    Ok(found.is_some_and(|row| row.get(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_part_block_and_offset() {
        let mut parts = Parts::default();
        let ctid_bytes = [0xff, 0xff, 0xff, 0xfe, 0x01, 0x02];
        for part in [None, Some(7), Some(4_000_000_000), Some(7)] {
            let row = parts.row_of(part, &ctid_bytes).expect("a place");
            assert_eq!(parts.table_of(row).expect("a part"), part);
            assert_eq!(ctid(row), "(4294967294,258)");
            assert_eq!(parts.row(part, "(4294967294,258)").expect("a place"), row);
        }
    }
}
