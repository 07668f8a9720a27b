//! The colours of the program. Colour is never the only carrier of information.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Created,
    Updated,
    Deleted,
    /// Rejected, failed, or not known.
    Rejected,
    Warning,
    Error,
    Hint,
    Heading,
}

/// Words after a number, and the first words of headings and lines. A longer word stands before its own prefix.
const WORDS: [(&str, Tone); 30] = [
    ("created", Tone::Created),
    ("to create", Tone::Created),
    ("updated", Tone::Updated),
    ("to update", Tone::Updated),
    ("updates", Tone::Updated),
    ("update", Tone::Updated),
    ("changed", Tone::Updated),
    ("moved", Tone::Updated),
    ("differ", Tone::Updated),
    ("~", Tone::Updated),
    ("deleted", Tone::Deleted),
    ("to delete", Tone::Deleted),
    ("deletes", Tone::Deleted),
    ("delete", Tone::Deleted),
    ("gone", Tone::Deleted),
    ("missing", Tone::Deleted),
    ("-", Tone::Deleted),
    ("+", Tone::Created),
    ("still there", Tone::Created),
    ("rejected", Tone::Rejected),
    ("problems", Tone::Rejected),
    ("not deleted", Tone::Rejected),
    ("not compared", Tone::Rejected),
    ("rows not compared", Tone::Rejected),
    ("row not compared", Tone::Rejected),
    ("refused", Tone::Rejected),
    ("failed", Tone::Rejected),
    ("unknown", Tone::Rejected),
    ("not attempted", Tone::Rejected),
    ("warnings", Tone::Warning),
];

const PLAIN: &str = "\u{1b}[0m";

impl Tone {
    const fn code(self) -> &'static str {
        match self {
            Self::Created => "\u{1b}[32m",
            Self::Updated | Self::Warning => "\u{1b}[33m",
            Self::Deleted => "\u{1b}[31m",
            Self::Rejected => "\u{1b}[35m",
            Self::Error => "\u{1b}[1;31m",
            Self::Hint => "\u{1b}[36m",
            Self::Heading => "\u{1b}[1m",
        }
    }

    /// The tone of a text that begins with one of the words, and the length of that word.
    fn of(text: &str) -> Option<(Self, usize)> {
        WORDS.iter().find_map(|(word, tone)| {
            let rest = text.strip_prefix(word)?;
            let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'));
            ends.then_some((*tone, word.len()))
        })
    }

    pub(crate) fn paint(self, text: &str) -> String {
        format!("{}{text}{PLAIN}", self.code())
    }

    /// Paints `lead` at the beginning of a text.
    pub(crate) fn paint_lead(self, lead: &str, text: &str) -> String {
        match text.strip_prefix(lead) {
            Some(rest) => format!("{}{rest}", self.paint(lead)),
            None => text.to_owned(),
        }
    }
}

/// A heading, and the tone of the lines below it.
pub(crate) fn heading(text: &str) -> (String, Option<Tone>) {
    let tone = Tone::of(text).map(|(tone, _)| tone);
    let painted = tone.map_or_else(|| text.to_owned(), |tone| tone.paint(text));
    (format!("{}{painted}{PLAIN}", Tone::Heading.code()), tone)
}

/// Paints the beginning of a line (its id, code or row) up to a gap of two spaces or a colon.
pub(crate) fn first_words(tone: Tone, line: &str) -> String {
    let text = line.trim_start();
    let ends = [text.find("  "), text.find(": "), text.find('\n')];
    let end = ends.into_iter().flatten().min().unwrap_or(text.len());
    let indent = &line[..line.len() - text.len()];
    format!("{indent}{}{}", tone.paint(&text[..end]), &text[end..])
}

/// Paints a line up to the first gap if it begins with a word or sign of [`WORDS`], such as `~ 1042  name: …`.
pub(crate) fn entry(line: &str) -> String {
    match Tone::of(line) {
        Some((tone, _)) => first_words(tone, line),
        None => counts(line),
    }
}

/// Paints counts: `3 created`, `12 rejected`, but not `0 created`.
pub(crate) fn counts(line: &str) -> String {
    let mut painted = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_digit()) {
        let is_word = rest[..begin]
            .chars()
            .next_back()
            .is_none_or(|c| " (".contains(c));
        let (before, number) = rest.split_at(begin);
        let is_part = |c: char| c.is_ascii_digit() || c == ',';
        let end = number.find(|c| !is_part(c)).unwrap_or(number.len());
        let counted = number[end..].strip_prefix(' ').and_then(Tone::of);
        painted.push_str(before);
        let taken = match counted {
            Some((tone, length)) if length > 1 && is_word && &number[..end] != "0" => {
                let taken = end + 1 + length;
                painted.push_str(&tone.paint(&number[..taken]));
                taken
            }
            _ => {
                painted.push_str(&number[..end]);
                end
            }
        };
        rest = &number[taken..];
    }
    painted + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With the codes as letters.
    fn shown(text: &str) -> String {
        let codes = [
            ("32", "G"),
            ("33", "Y"),
            ("31", "R"),
            ("35", "M"),
            ("1", "B"),
            ("0", "/"),
        ];
        codes.iter().fold(text.to_owned(), |text, (code, letter)| {
            text.replace(&format!("\u{1b}[{code}m"), &format!("<{letter}>"))
        })
    }

    #[test]
    fn counts_that_are_not_zero_have_the_colour_of_their_word() {
        for (line, painted) in [
            (
                "done      3 created · 0 updated · 1,200 deleted · 2 failed",
                "done      <G>3 created</> · 0 updated · <R>1,200 deleted</> · <M>2 failed</>",
            ),
            (
                "4 contacts before, 5 after: 1 created, 2 changed (1 moved to another), 3 unchanged",
                "4 contacts before, 5 after: <G>1 created</>, <Y>2 changed</> (<Y>1 moved</> to another), 3 unchanged",
            ),
            (
                "source    2 created-at.csv v1 created",
                "source    2 created-at.csv v1 created",
            ),
        ] {
            assert_eq!(shown(&counts(line)), painted);
        }
    }

    #[test]
    fn a_line_is_painted_up_to_its_first_gap_or_colon() {
        for (line, painted) in [
            (
                "~ 1042  name: has A, expected B",
                "<Y>~ 1042</>  name: has A, expected B",
            ),
            ("- 1042", "<R>- 1042</>"),
            ("update    1042  name", "<Y>update</>    1042  name"),
            ("-1042 is an id", "-1042 is an id"),
        ] {
            assert_eq!(shown(&entry(line)), painted);
        }
        let row = first_words(Tone::Rejected, "  row 5, Phone: phone_invalid: short");
        assert_eq!(shown(&row), "  <M>row 5, Phone</>: phone_invalid: short");
        assert_eq!(
            shown(&heading("rejected rows").0),
            "<B><M>rejected rows</></>"
        );
        assert_eq!(shown(&heading("columns").0), "<B>columns</>");
    }
}
