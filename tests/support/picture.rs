//! What a terminal shows: as much of one as dc and a shell need, kept as rows of letters.

type Page = Vec<Vec<char>>;

/// The picture, which bytes change.
pub(crate) struct Picture {
    rows: usize,
    columns: usize,
    page: Page,
    /// The page beneath, while another one is shown.
    beneath: Option<(Page, (usize, usize))>,
    at: (usize, usize),
    has_cursor: bool,
    /// Bytes whose letter or sequence is not at its end.
    rest: Vec<u8>,
    /// Colours that were set.
    pub(crate) colors: usize,
}

impl Picture {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let page = vec![vec![' '; columns]; rows];
        Self { rows, columns, page, beneath: None, at: (0, 0), has_cursor: true, rest: Vec::new(), colors: 0 }
    }

    pub(crate) fn resize(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        for page in [Some(&mut self.page), self.beneath.as_mut().map(|(page, _)| page)].into_iter().flatten() {
            page.iter_mut().for_each(|row| row.resize(columns, ' '));
            page.resize(rows, vec![' '; columns]);
        }
        self.at = (self.at.0.min(rows - 1), self.at.1.min(columns - 1));
    }

    pub(crate) fn text(&self) -> String {
        let rows = self.page.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n")
    }

    /// Whether another page is shown than that of the shell.
    pub(crate) fn is_other_page(&self) -> bool {
        self.beneath.is_some()
    }

    pub(crate) fn has_cursor(&self) -> bool {
        self.has_cursor
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.rest.extend(bytes);
        let all = std::mem::take(&mut self.rest);
        let mut left = &all[..];
        while !left.is_empty() {
            match self.take(left) {
                Some(count) => left = &left[count..],
                None => break,
            }
        }
        self.rest = left.to_vec();
    }

    /// Takes one letter or sequence; how many bytes that was, or `None` where its end is still to come.
    fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        match bytes[0] {
            0x1b => return self.escape(bytes),
            b'\r' => self.at.1 = 0,
            b'\n' => self.down(),
            0x08 => self.at.1 = self.at.1.saturating_sub(1),
            0..=0x1f => {}
            first => {
                let length = match first {
                    0..=0x7f => 1,
                    0x80..=0xdf => 2,
                    0xe0..=0xef => 3,
                    _ => 4,
                };
                let letter = String::from_utf8_lossy(bytes.get(..length)?).chars().next().expect("a letter");
                self.put(letter);
                return Some(length);
            }
        }
        Some(1)
    }

    fn put(&mut self, letter: char) {
        if self.at.1 >= self.columns {
            self.at.1 = 0;
            self.down();
        }
        self.page[self.at.0][self.at.1] = letter;
        self.at.1 += 1;
    }

    fn down(&mut self) {
        if self.at.0 + 1 < self.rows {
            self.at.0 += 1;
        } else {
            self.page.remove(0);
            self.page.push(vec![' '; self.columns]);
        }
    }

    fn escape(&mut self, bytes: &[u8]) -> Option<usize> {
        match bytes.get(1)? {
            b'[' => {
                let end = 2 + bytes[2..].iter().position(|byte| (0x40..=0x7e).contains(byte))?;
                let parameters = String::from_utf8_lossy(&bytes[2..end]).into_owned();
                self.control(&parameters, bytes[end]);
                Some(end + 1)
            }
            b']' => Some(1 + bytes.iter().position(|byte| *byte == 0x07)?),
            _ => Some(2),
        }
    }

    fn control(&mut self, parameters: &str, what: u8) {
        let numbers: Vec<usize> = parameters.split(';').map(|number| number.parse().unwrap_or(0)).collect();
        let number = |place: usize| numbers.get(place).copied().unwrap_or(0);
        match (what, parameters) {
            (b'H', _) => {
                let (row, column) = (number(0).max(1) - 1, number(1).max(1) - 1);
                self.at = (row.min(self.rows - 1), column.min(self.columns - 1));
            }
            (b'J', _) => {
                let (row, column) = if number(0) == 2 { (0, 0) } else { self.at };
                self.page[row][column..].fill(' ');
                self.page[row + 1..].iter_mut().for_each(|row| row.fill(' '));
            }
            (b'K', _) => {
                let (row, column) = self.at;
                self.page[row][column.min(self.columns)..].fill(' ');
            }
            (b'C', _) => self.at.1 = (self.at.1 + number(0).max(1)).min(self.columns - 1),
            (b'D', _) => self.at.1 = self.at.1.saturating_sub(number(0).max(1)),
            // 39 and 49 are what was there before
            (b'm', _) => {
                self.colors += numbers.iter().filter(|code| matches!(code, 30..=38 | 40..=48 | 90..=97)).count()
            }
            (b'h', "?25") => self.has_cursor = true,
            (b'l', "?25") => self.has_cursor = false,
            (b'h', "?1049") if self.beneath.is_none() => {
                let empty = vec![vec![' '; self.columns]; self.rows];
                self.beneath = Some((std::mem::replace(&mut self.page, empty), self.at));
            }
            (b'l', "?1049") => {
                if let Some((page, at)) = self.beneath.take() {
                    (self.page, self.at) = (page, at);
                }
            }
            _ => {}
        }
    }
}
