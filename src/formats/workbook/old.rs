//! XLS and XLSB, over calamine. An XLS sheet has 65,536 rows at most; an XLSB sheet is read cell by cell.

use std::fs::File;
use std::io::{BufReader, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use calamine::{Data, DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xls, XlsError, Xlsb, XlsbError};

use super::cell::{Cell, float};
use super::choose::{SheetName, chosen};
use super::compound::{has_stream, is_sound};
use super::serial::{Shown, moment};
use super::sheet::SheetRecords;
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::formats::entry::Opened;
use crate::formats::spool::Part;

/// The stream that holds a workbook which is encrypted.
const LOCKED: &str = "EncryptedPackage";

fn reader(opened: &Opened<'_>) -> Result<BufReader<File>> {
    let fail = |cause| file_error(format!("read {}", opened.name), cause);
    let mut file = opened.file.try_clone().map_err(fail)?;
    file.rewind().map_err(fail)?;
    Ok(BufReader::new(file))
}

fn damaged(name: &str, cause: &dyn std::fmt::Display) -> Error {
    Error::failed(format!("read {name}"))
        .because(cause.to_string())
        .hint("the workbook is damaged: open it in a spreadsheet, and save it as xlsx; nothing was changed")
}

fn encrypted(name: &str) -> Error {
    Error::new(ErrorKind::Permission, format!("read {name}: it is encrypted"))
        .hint("open it with its password, and save it without one")
}

thread_local! {
    /// Whether a panic of this thread is an answer, and told as an error.
    static IS_GUARDED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// The parser of these forms trusts what it reads: a damaged file may make it panic, which is told as an error, and not besides.
fn guarded<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                before(panic);
            }
        }));
    });
    IS_GUARDED.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(false);
    done.unwrap_or_else(|_| Err(damaged(name, &"it is not what it says")))
}

fn sheets(metadata: &[calamine::Sheet]) -> Vec<SheetName> {
    let tables = metadata.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    tables
        .map(|sheet| SheetName { name: sheet.name.clone(), is_hidden: sheet.visible != SheetVisible::Visible })
        .collect()
}

pub(super) fn read_xls(opened: &Opened<'_>) -> Result<Part> {
    let Opened { name, reading, cancellation, .. } = opened;
    if !is_sound(&opened.file) {
        return Err(damaged(name, &"its sectors lead nowhere, or in a circle"));
    }
    guarded(name, || {
        let mut book: Xls<_> = Xls::new(reader(opened)?).map_err(|cause| match cause {
            XlsError::Password => encrypted(name),
            // a workbook of any form that is locked as a whole
            _ if has_stream(&opened.file, LOCKED) => encrypted(name),
            other => damaged(name, &other),
        })?;
        let is_1904 = book.has_1904_epoch();
        let sheets = sheets(book.sheets_metadata());
        let mut range = |sheet: &str| book.worksheet_range(sheet).map_err(|cause| damaged(name, &cause));
        let place =
            chosen(name, &sheets, reading.sheet.as_deref(), |place| Ok(!range(&sheets[place].name)?.is_empty()))?;
        let sheet = &sheets[place].name;
        let range = range(sheet)?;
        let mut records = SheetRecords::new(name, sheet, reading)?;
        let (first_row, first_column) = range.start().unwrap_or((0, 0));
        for (row, cells) in range.rows().enumerate() {
            cancellation.check()?;
            let cells = cells.iter().enumerate();
            let cells =
                cells.filter_map(|(column, data)| Some((first_column + column as u32 + 1, cell(data, is_1904)?)));
            records.row(u64::from(first_row) + row as u64 + 1, cells.collect())?;
        }
        records.finish(sheet)
    })
}

pub(super) fn read_xlsb(opened: &Opened<'_>) -> Result<Part> {
    let Opened { name, reading, cancellation, .. } = opened;
    guarded(name, || {
        let mut book: Xlsb<_> = Xlsb::new(reader(opened)?).map_err(|cause| match cause {
            XlsbError::Password => encrypted(name),
            other => damaged(name, &other),
        })?;
        let is_1904 = book.has_1904_epoch();
        let sheets = sheets(book.sheets_metadata());
        let wrong = |cause: XlsbError| damaged(name, &cause);
        let place = chosen(name, &sheets, reading.sheet.as_deref(), |place| {
            let mut cells = book.worksheet_cells_reader(&sheets[place].name).map_err(wrong)?;
            while let Some(cell) = cells.next_cell().map_err(wrong)? {
                if *cell.get_value() != DataRef::Empty {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        let sheet = &sheets[place].name;
        let mut records = SheetRecords::new(name, sheet, reading)?;
        let mut cells = book.worksheet_cells_reader(sheet).map_err(wrong)?;
        let (mut row, mut line) = (0, Vec::new());
        while let Some(found) = cells.next_cell().map_err(wrong)? {
            let (own_row, column) = found.get_position();
            if own_row != row {
                cancellation.check()?;
                records.row(u64::from(row) + 1, std::mem::take(&mut line))?;
                row = own_row;
            }
            let data = Data::from(found.get_value().clone());
            line.extend(cell(&data, is_1904).map(|cell| (column + 1, cell)));
        }
        records.row(u64::from(row) + 1, line)?;
        records.finish(sheet)
    })
}

fn cell(data: &Data, is_1904: bool) -> Option<Cell> {
    Some(match data {
        Data::Empty => return None,
        Data::String(text) => Cell::Text(text.clone()),
        Data::Bool(flag) => Cell::Bool(*flag),
        Data::Int(number) => Cell::Number(number.to_string()),
        Data::Float(number) if number.is_finite() => Cell::Number(float(*number)),
        Data::Float(number) => Cell::Bad(number.to_string(), format!("`{number}` is no number")),
        Data::DateTime(date) => moment(date.as_f64(), shown(date), is_1904),
        Data::DateTimeIso(text) | Data::DurationIso(text) => Cell::Moment(text.clone()),
        Data::Error(error) => Cell::error(&error.to_string()),
    })
}

/// Of these forms it is only known that a cell is a date or a length of time: what lies within the first day is a time.
fn shown(date: &ExcelDateTime) -> Shown {
    match (date.is_duration(), date.as_f64()) {
        (true, _) => Shown::Span,
        (false, days) if (0.0..1.0).contains(&days) => Shown::Time,
        _ => Shown::Date,
    }
}
