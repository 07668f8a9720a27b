//! Finds the cells of a record: the delimiters, quotes and line ends of 64 bytes at once. The few records with stray
//! quotes or invalid text are copied.

use std::borrow::Cow;

use wide::u8x16;

/// The number of bytes that are searched at once.
const WINDOW: usize = 64;

/// The offsets of a text's delimiters, quotes and line ends, in order.
pub(super) struct Marks<'t> {
    text: &'t str,
    delimiter: u8,
    /// The start of the current window.
    base: usize,
    /// Bit n: the byte n of the window is a mark that has not been passed.
    found: u64,
    /// The cells of the last record whose quotes are doubled.
    doubled: Vec<usize>,
}

impl<'t> Marks<'t> {
    pub(super) fn new(text: &'t str, delimiter: u8) -> Self {
        let mut marks = Self {
            text,
            delimiter,
            base: 0,
            found: 0,
            doubled: Vec::new(),
        };
        marks.found = marks.search();
        marks
    }

    /// The marks of the current window.
    fn search(&self) -> u64 {
        let rest = self.text.as_bytes().get(self.base..).unwrap_or_default();
        if let Some(window) = rest.first_chunk() {
            return self.search_window(window);
        }
        // NULs are not marks.
        let mut window = [0; WINDOW];
        window[..rest.len()].copy_from_slice(rest);
        self.search_window(&window)
    }

    fn search_window(&self, window: &[u8; WINDOW]) -> u64 {
        let delimiter = u8x16::splat(self.delimiter);
        let quote = u8x16::splat(b'"');
        let line_feed = u8x16::splat(b'\n');
        let carriage_return = u8x16::splat(b'\r');
        let (parts, _) = window.as_chunks();
        let mut found = 0;
        for part in parts.iter().rev() {
            let part = u8x16::new(*part);
            let is_mark = part.simd_eq(delimiter)
                | part.simd_eq(quote)
                | part.simd_eq(line_feed)
                | part.simd_eq(carriage_return);
            found = found << 16 | u64::from(is_mark.to_bitmask());
        }
        found
    }

    /// Passes the marks before this offset, which is not before the last mark.
    fn pass(&mut self, to: usize) {
        if to.saturating_sub(self.base) >= WINDOW {
            self.base = to - to % WINDOW;
            self.found = self.search();
        }
        self.found &= u64::MAX << to.saturating_sub(self.base);
    }

    /// The next mark.
    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.found == 0 && !self.refill() {
            return None;
        }
        let at = self.base + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(at)
    }

    /// Goes on to the next window that has marks. False if there is none.
    #[inline(never)]
    fn refill(&mut self) -> bool {
        while self.base + WINDOW < self.text.len() {
            self.base += WINDOW;
            self.found = self.search();
            if self.found != 0 {
                return true;
            }
        }
        false
    }

    /// Appends the cells of the record at this offset, and returns its end without the line end; `None` if text
    /// follows a closing quote, or quotes are not closed. Doubled quotes stay doubled.
    pub(super) fn split(&mut self, start: usize, cells: &mut Vec<&'t str>) -> Option<usize> {
        let (text, bytes) = (self.text, self.text.as_bytes());
        self.doubled.clear();
        self.pass(start);
        let mut from = start;
        loop {
            let end = if bytes.get(from) == Some(&b'"') {
                from = self.next()? + 1;
                let quote = self.closing_quote(cells.len())?;
                cells.push(text.get(from..quote)?);
                self.pass(quote + 2);
                quote + 1
            } else {
                let mut end = self.next().unwrap_or(bytes.len());
                while bytes.get(end) == Some(&b'"') {
                    end = self.next().unwrap_or(bytes.len());
                }
                cells.push(text.get(from..end)?);
                end
            };
            match bytes.get(end) {
                Some(&byte) if byte == self.delimiter => from = end + 1,
                None | Some(b'\n' | b'\r') => return Some(end),
                Some(_) => return None,
            }
        }
    }

    /// The quote that closes the cell of this column.
    fn closing_quote(&mut self, column: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let mut is_doubled = false;
        loop {
            let at = self.next()?;
            if bytes[at] != b'"' {
                continue;
            }
            if bytes.get(at + 1) != Some(&b'"') {
                self.doubled.extend(is_doubled.then_some(column));
                return Some(at);
            }
            is_doubled = true;
            self.pass(at + 2);
        }
    }

    /// The cells of the last record without their doubled quotes; `None` if there are none.
    pub(super) fn undoubled(&self, cells: &[&'t str]) -> Option<Vec<Cow<'t, str>>> {
        if self.doubled.is_empty() {
            return None;
        }
        let mut cells: Vec<_> = cells.iter().copied().map(Cow::Borrowed).collect();
        for &column in &self.doubled {
            let cell = &mut cells[column];
            *cell = Cow::Owned(cell.replace("\"\"", "\""));
        }
        Some(cells)
    }
}

/// A record that is copied, whatever its quotes.
#[derive(Default)]
pub(super) struct CopiedRecord {
    /// The cells, concatenated.
    text: Vec<u8>,
    /// The end of each cell.
    ends: Vec<usize>,
}

impl CopiedRecord {
    /// Reads the first record of the text like the csv crate, and returns its length without the line end. A quote that
    /// is not the first byte of a cell is text, and so is everything after the quote that closes the cell.
    pub(super) fn read(&mut self, text: &[u8], delimiter: u8) -> usize {
        self.text.clear();
        self.ends.clear();
        let (mut at, mut is_first, mut is_quoted) = (0, true, false);
        while let Some(&byte) = text.get(at) {
            match byte {
                b'"' if is_first => is_quoted = true,
                b'"' if is_quoted && text.get(at + 1) == Some(&b'"') => {
                    self.text.push(byte);
                    at += 1;
                }
                b'"' if is_quoted => is_quoted = false,
                b'\n' | b'\r' if !is_quoted => break,
                _ if byte == delimiter && !is_quoted => self.ends.push(self.text.len()),
                _ => self.text.push(byte),
            }
            is_first = byte == delimiter && !is_quoted;
            at += 1;
        }
        self.ends.push(self.text.len());
        at
    }

    /// The cells of the last record. Those that are not UTF-8 get replacement characters, and are owned.
    pub(super) fn cells(&self) -> Vec<Cow<'_, str>> {
        let mut from = 0;
        let cells = self.ends.iter().map(|&end| {
            let cell = String::from_utf8_lossy(&self.text[from..end]);
            from = end;
            cell
        });
        cells.collect()
    }
}
