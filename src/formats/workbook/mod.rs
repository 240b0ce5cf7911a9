//! Workbooks as records: a sheet's rows under a row of names. XLSX and ODS are read as streams; the older forms are small,
//! and read by calamine.

mod cell;
mod choose;
mod compound;
mod ods;
mod old;
mod serial;
mod sheet;
mod strings;
mod styles;
mod xlsx;

use std::os::unix::fs::FileExt;

use super::archive::zip::{Zip, is_zip};
use super::entry::{FormatEntry, Opened, Start, says_nothing};
use super::flag::Flag;
use super::spool::Part;
use crate::error::{Result, file_error};

/// What the older forms begin with: a file system in a file.
const COMPOUND: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

pub(super) const ENTRY: FormatEntry = FormatEntry {
    name: "xlsx",
    also: &["xls", "xlsb", "ods", "xlsm"],
    is_it,
    flags: &[Flag::Sheet, Flag::HeaderRow, Flag::Range, Flag::Null],
    is_text: false,
    told: says_nothing,
    read,
};

fn is_it(start: &Start<'_>) -> bool {
    start.bytes.starts_with(COMPOUND)
        || is_zip(start.bytes) && Zip::open("it", start.file).is_ok_and(|archive| archive.is_workbook())
}

fn read(opened: Opened<'_>) -> Result<Vec<Part>> {
    let mut start = [0; 8];
    let fail = |cause| file_error(format!("read {}", opened.name), cause);
    let count = opened.file.read_at(&mut start, 0).map_err(fail)?;
    if !is_zip(&start[..count]) {
        return old::read_xls(&opened).map(|part| vec![part]);
    }
    let zip = Zip::open(opened.name, &opened.file)?;
    let part = if zip.has("xl/workbook.bin") {
        old::read_xlsb(&opened)?
    } else if zip.has("content.xml") {
        ods::read(&opened, zip)?
    } else {
        xlsx::read(&opened, zip)?
    };
    Ok(vec![part])
}
