//! `dc ocr`

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use clap::ValueEnum;
use data_collector::context::Context;
use data_collector::documents::TablesBy;
use data_collector::error::{Error, ErrorKind, OrFail, Result, file_error};
use data_collector::ops::{
    self, OcrFormat, OcrOptions, OcrTables, PageArea, PageRange, ReadersOptions, TextLayout, WordRules, WorkerOptions,
};

const EXAMPLES: &str = "\
Examples:
  dc ocr letter.pdf                              its text, a form feed after each page
  dc ocr scans/ --format pdf --out searchable/   the same files with text that can be searched
  dc ocr fax.tif --lang deu+eng                  German and English
  dc ocr prices.pdf --tables csv                 its tables
  dc ocr report.pdf --format md                  headings, lists and tables as Markdown
  dc merge pages --key file,page --create -- dc ocr scans/ --format ndjson
  dc ocr --engines                               what can read here, and how to install what is missing

A page of a PDF that holds its text is not recognised; --force-ocr has it read anyway. A file or page
that cannot be read is told, the others go on, and dc ocr ends with status 1.

Settings: [ocr] in dc.toml, or DC_OCR_ENGINE, _LANGUAGES, _MODELS (the folder of Paddle's models),
_TIMEOUT (a page), _MEMORY (a process), _PIXELS_MAX (a page), _WAY (any, library, program),
_LIBRARY, _PROGRAM and _TESSDATA (where Tesseract is).";

/// Read text and tables from PDFs, scans and pictures
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, after_help = "`dc ocr --help` has examples")]
pub(crate) struct Args {
    /// PDFs and pictures, folders of them, or - for standard input
    #[arg(required_unless_present_any = ["engines", "install_models"], value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Output format
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// Write the tables instead, as CSV or as NDJSON
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with = "format")]
    tables: Option<Tables>,
    /// Write only this table of each file, counted from 1
    #[arg(long, value_name = "NUMBER", requires = "tables")]
    table: Option<usize>,
    /// Order of text in PDFs: by columns, line by line, or pdfplumber's words
    #[arg(long, value_enum, value_name = "ORDER", default_value = "reading")]
    layout: Layout,
    /// With --layout pdfplumber: largest gap in a word, in points [default: 3]
    #[arg(long, value_name = "POINTS", value_parser = points)]
    x_tolerance: Option<f64>,
    /// With --layout pdfplumber: largest step in a line, in points [default: 3]
    #[arg(long, value_name = "POINTS", value_parser = points)]
    y_tolerance: Option<f64>,
    /// With --layout pdfplumber: read letters that are drawn twice once
    #[arg(long)]
    dedupe: bool,
    /// Read only this part of each page: X0,TOP,X1,BOTTOM in points from the top left
    #[arg(long, value_name = "AREA", value_parser = area)]
    area: Option<PageArea>,
    /// Find tables by ruling lines, text alignment or both [default: lines]
    #[arg(long, value_enum, value_name = "WHAT")]
    tables_by: Option<By>,
    /// Find barcodes and QR codes, with --format json
    #[arg(long)]
    codes: bool,
    /// Unpack the files attached to PDFs into this folder
    #[arg(long, value_name = "DIR")]
    attachments: Option<PathBuf>,
    /// Write one output file per input file into this folder
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Engine: tesseract, paddle, auto or none [default: tesseract]
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// Languages of the text, joined by + [default: eng]
    #[arg(short, long, value_name = "LANGUAGES")]
    lang: Option<String>,
    /// With --format pdf --out DIR, also write the text of each PDF (.txt)
    #[arg(long)]
    sidecar: bool,
    /// Write PDF/A-2b; refuse PDFs that need more than additions
    #[arg(long)]
    pdfa: bool,
    /// Skip files that an earlier run with --resume finished
    #[arg(long)]
    resume: bool,
    /// Pages to read: 1,3-5,9-
    #[arg(short, long, value_name = "PAGES", value_parser = pages)]
    pages: Option<PageRange>,
    /// Number of pages to read at once [default: one per core]
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Dots per inch at which PDF pages are drawn; scans keep their own resolution
    #[arg(long, value_name = "DPI", default_value_t = 300)]
    dpi: u32,
    /// OCR every page; in a PDF the new text replaces the old
    #[arg(long, conflicts_with = "skip_text")]
    force_ocr: bool,
    /// OCR pages with hidden text again; keep visible text
    #[arg(long, conflicts_with_all = ["skip_text", "force_ocr"])]
    redo_ocr: bool,
    /// Write signed PDFs although this invalidates their signatures
    #[arg(long)]
    invalidate_digital_signatures: bool,
    /// Skip pages that already contain text
    #[arg(long)]
    skip_text: bool,
    /// Straighten tilted scans in the PDF, too; their picture data stays as it is
    #[arg(long, conflicts_with = "plain")]
    deskew: bool,
    /// Remove specks from every picture before OCR; the PDF keeps its own pictures
    #[arg(long, conflicts_with = "plain")]
    clean: bool,
    /// Read pages as they are, without cleaning, straightening or turning
    #[arg(long)]
    plain: bool,
    /// File whose first line is the password of the PDFs
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// List this machine's engines, their versions, languages and models
    #[arg(long, conflicts_with_all = ["files", "format", "tables", "out"])]
    engines: bool,
    /// Install Paddle's models from this wheel of rapidocr 3.10.0, or by pip
    #[arg(long, value_name = "WHEEL", num_args = 0..=1, conflicts_with_all = ["files", "engines"])]
    install_models: Option<Option<PathBuf>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    #[value(name = "md")]
    Markdown,
    Ndjson,
    Hocr,
    Tsv,
    Pdf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tables {
    Csv,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Layout {
    Reading,
    Physical,
    Pdfplumber,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Lines,
    Text,
    Both,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<()> {
    let shell = context.shell();
    if args.engines {
        return shell.print(&ops::engines(context)?);
    }
    if let Some(wheel) = &args.install_models {
        return shell.print(&ops::install_models(context, wheel.as_deref())?);
    }
    // standard input is kept in a file: a PDF is read from its end
    let held = match args.files.iter().any(|file| file.as_os_str() == "-") {
        true => Some(hold()?),
        false => None,
    };
    let options = args.into_options(shell.is_json(), held.as_ref().map(|(_, path)| path.clone()))?;
    let to_folder = options.out.is_some();
    let report = ops::ocr(context, &options, &mut *shell.data(options.format.is_json()))?;
    match to_folder {
        true => shell.print(&report)?,
        false if shell.is_quiet() => {}
        false => shell.tell(&report.to_string()),
    }
    report.check()
}

impl Args {
    fn layout(&self) -> Result<TextLayout> {
        let usual = WordRules::default();
        let rules = WordRules {
            gap_max: self.x_tolerance.unwrap_or(usual.gap_max),
            line_tolerance: self.y_tolerance.unwrap_or(usual.line_tolerance),
            without_doubles: self.dedupe,
        };
        let layout = match self.layout {
            Layout::Reading => TextLayout::Reading,
            Layout::Physical => TextLayout::Physical,
            Layout::Pdfplumber => return Ok(TextLayout::Pdfplumber(rules)),
        };
        if self.x_tolerance.is_some() || self.y_tolerance.is_some() || self.dedupe {
            let error =
                Error::new(ErrorKind::Usage, "set tolerances in points: only the rules of pdfplumber have them");
            return Err(error.hint("add `--layout pdfplumber`; without it, gaps follow the size of letters"));
        }
        Ok(layout)
    }

    fn into_options(self, json: bool, stdin: Option<PathBuf>) -> Result<OcrOptions> {
        let format = match self.format {
            Some(Format::Text) => OcrFormat::Text,
            Some(Format::Json) => OcrFormat::Json,
            Some(Format::Markdown) => OcrFormat::Markdown,
            Some(Format::Ndjson) => OcrFormat::Ndjson,
            Some(Format::Hocr) => OcrFormat::Hocr,
            Some(Format::Tsv) => OcrFormat::Tsv,
            Some(Format::Pdf) => OcrFormat::Pdf,
            None if json && self.out.is_none() => OcrFormat::Json,
            None => OcrFormat::Text,
        };
        let tables = self.tables.map(|tables| match tables {
            Tables::Csv => OcrTables::Csv,
            Tables::Json => OcrTables::Json,
        });
        let tables_by = match (self.tables_by, tables) {
            (Some(By::Text), _) => Some(TablesBy::Text),
            (Some(By::Both), _) => Some(TablesBy::Both),
            (Some(By::Lines), _) | (None, Some(_)) => Some(TablesBy::Lines),
            // what a page is made of is asked for
            (None, None) if matches!(format, OcrFormat::Json | OcrFormat::Markdown) => Some(TablesBy::Lines),
            (None, None) => None,
        };
        let words = |text: String| text.split(['+', ',']).map(|word| word.trim().to_owned()).collect::<Vec<_>>();
        let password = match &self.password_file {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|cause| file_error(format!("read the password in {}", path.display()), cause))?;
                // some editors write a byte order mark, which nobody types
                text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default().to_owned()
            }
            None => String::new(),
        };
        let layout = self.layout()?;
        let reading = ReadersOptions {
            engine: self.engine,
            languages: self.lang.map(words),
            pages: self.pages.unwrap_or_default(),
            jobs: self.jobs.map(usize::from),
            dpi: self.dpi,
            tables_by,
            codes: self.codes,
            layout,
            area: self.area,
            force: self.force_ocr,
            redo: self.redo_ocr,
            voids_signatures: self.invalidate_digital_signatures,
            is_archive: self.pdfa,
            skip_text: self.skip_text,
            cleans: self.clean,
            straightens: self.deskew,
            plain: self.plain,
            password,
            program: Some(std::env::current_exe().or_fail(|| "find the program dc itself".to_owned())?),
        };
        Ok(OcrOptions {
            files: self.files,
            stdin,
            reading,
            format,
            tables,
            table: self.table,
            out: self.out,
            attachments: self.attachments,
            sidecar: self.sidecar,
            resume: self.resume,
            data_is_terminal: io::stdout().is_terminal(),
        })
    }
}

fn pages(text: &str) -> Result<PageRange, String> {
    text.parse()
}

fn points(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "it takes a number of points, such as 1.5".to_owned())
}

fn area(text: &str) -> Result<PageArea, String> {
    let sides: Vec<f64> = text.split(',').filter_map(|side| side.trim().parse().ok()).collect();
    match sides.as_slice() {
        [x0, top, x1, bottom] if x0 < x1 && top < bottom && text.split(',').count() == 4 => {
            Ok(PageArea { x0: *x0, top: *top, x1: *x1, bottom: *bottom })
        }
        _ => Err("it takes the left, upper, right and lower side in points, such as 0,0,595,100".to_owned()),
    }
}

/// Standard input in a file without a name, so that a kill leaves nothing behind; the processes that read reach it by ours.
fn hold() -> Result<(File, PathBuf)> {
    let what = || "keep standard input in a file".to_owned();
    let mut input = io::stdin().lock();
    if input.is_terminal() {
        let error = Error::new(ErrorKind::Usage, "read a file from the terminal");
        return Err(error.hint("name a file, or send one: `dc ocr - < FILE`"));
    }
    let mut file = tempfile::tempfile().map_err(|cause| file_error(what(), cause))?;
    io::copy(&mut input, &mut file).map_err(|cause| file_error(what(), cause))?;
    file.flush().map_err(|cause| file_error(what(), cause))?;
    let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
    Ok((file, path))
}

/// Answer questions about pages on standard input
#[derive(Debug, clap::Args)]
pub(crate) struct WorkerArgs {}

pub(crate) fn worker() -> Result<()> {
    crate::memory::KEPT.set_up();
    let (mut questions, mut answers) = (io::stdin().lock(), io::stdout().lock());
    ops::ocr_worker(WorkerOptions { questions: &mut questions, answers: &mut answers })
}
