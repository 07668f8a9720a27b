//! Fits lines and tables to the width of a terminal. Lines break only at spaces, so paths, ids and numbers stay
//! whole; only a word longer than the width exceeds it.
//!
//! Without a terminal nothing is wrapped, because scripts search the lines. `COLUMNS` sets a width anyway.

use std::{env, io, iter};

use terminal_size::{Width, terminal_size_of};
pub(crate) use textwrap::core::display_width;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Narrower terminals are treated as if they had this many columns.
const WIDTH_MIN: usize = 20;

/// Columns by which the rest of a wrapped line is indented.
const HANGING: usize = 2;

/// A wider column is not padded, so that one long value does not shift all other rows.
const PADDED_MAX: usize = 40;

/// The minimum width of the last cell if it is wrapped beside the others.
const LAST_CELL_MIN: usize = 24;

/// The command that users copy from messages.
const COMMAND: &str = "wazzup-contacts ";

/// Stands for a non-breaking space. It is a noncharacter, so no text contains it.
const GLUE: char = '\u{fdd0}';

/// Separates the parts of a line.
const DOT: &str = " · ";

/// The width for standard output, if lines are wrapped there.
pub(crate) fn output_width() -> Option<usize> {
    width(terminal_size_of(io::stdout()).map(|(width, _)| width))
}

/// The width for standard error, if lines are wrapped there.
pub(crate) fn error_width() -> Option<usize> {
    width(terminal_size_of(io::stderr()).map(|(width, _)| width))
}

fn width(of_terminal: Option<Width>) -> Option<usize> {
    let width = of_terminal.map(|Width(columns)| columns.into());
    let asked = || env::var("COLUMNS").ok()?.parse().ok();
    let width: usize = width.or_else(asked)?;
    (width > 0).then(|| width.max(WIDTH_MIN))
}

/// Wraps each line that is wider than the width. The text after a label, an id or another first column (`source
/// a.csv`) stays to the right of it if there is room, and otherwise goes below it.
pub(crate) fn fit(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let lines: Vec<_> = text
        .split('\n')
        .flat_map(|line| fit_line(line, width))
        .collect();
    lines.join("\n")
}

fn fit_line(line: &str, width: usize) -> Vec<String> {
    if display_width(line) <= width {
        return vec![line.to_owned()];
    }
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    let command = text.find(&format!(": {COMMAND}"));
    if let Some(at) = command.filter(|_| !text.starts_with("Usage:")) {
        let (words, command) = text.split_at(at + 1);
        let mut lines = fit_line(&format!("{:indent$}{words}", ""), width);
        lines.extend(fit_command(command.trim_start(), indent + HANGING, width));
        return lines;
    }
    let fit_first = |first: &str| {
        if first.starts_with(COMMAND) {
            fit_command(first, indent, width)
        } else {
            wrap("", first, [indent, indent + HANGING], width)
        }
    };
    let Some((first, second)) = text.split_once("  ") else {
        return fit_first(text);
    };
    let second = second.trim_start_matches(' ');
    let lead = &line[..line.len() - second.len()];
    let column = display_width(lead);
    if column <= width / 2 && column + longest_word(second) <= width {
        return wrap(lead, second, [0, column], width);
    }
    let beside = format!("{:indent$}{first}  {second}", "");
    if display_width(&beside) <= width {
        return vec![beside];
    }
    let mut lines = fit_first(first);
    let below = format!("{:1$}{second}", "", indent + 2 * HANGING);
    lines.extend(fit_line(&below, width));
    lines
}

/// Breaks a command at line continuations, so that a shell reads it as one line.
fn fit_command(command: &str, indent: usize, width: usize) -> Vec<String> {
    // Windows shells have other continuation characters, or none.
    if cfg!(windows) || indent + display_width(command) <= width {
        return vec![format!("{:indent$}{command}", "")];
    }
    let mut quote = None;
    let glued = command.chars().map(|c| {
        match quote {
            Some(_) if c == ' ' => return GLUE,
            Some(open) if open == c => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        c
    });
    let glued: String = glued.collect();
    let mut lines = wrap("", &glued, [indent, indent + HANGING], width - 2);
    let last = lines.len() - 1;
    for line in &mut lines[..last] {
        line.push_str(" \\");
    }
    lines
}

/// Wraps words after `lead`, with the indents of the first and of the other lines. Short parts of `3 created · 1
/// updated` are not split.
fn wrap(lead: &str, text: &str, indents: [usize; 2], width: usize) -> Vec<String> {
    let room = width.saturating_sub(indents[1].max(display_width(lead)));
    let is_short = |part: &str| display_width(part) + 2 <= room;
    let mut parts = text.split(DOT).peekable();
    let mut glued = String::with_capacity(text.len());
    while let Some(part) = parts.next() {
        let is_list = parts.peek().is_some() || !glued.is_empty();
        if is_list && is_short(part) {
            glued.extend(part.chars().map(|c| if c == ' ' { GLUE } else { c }));
        } else {
            glued.push_str(part);
        }
        if parts.peek().is_some() {
            glued.push(if is_short(part) { GLUE } else { ' ' });
            glued.push_str("· ");
        }
    }
    let [first, others] = indents.map(|indent| " ".repeat(indent));
    let first = format!("{first}{lead}");
    let options = Options::new(width)
        .initial_indent(&first)
        .subsequent_indent(&others)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    let lines = textwrap::wrap(&glued, options).into_iter();
    let whole = |line: &str| {
        let line = line.replace(GLUE, " ");
        // A long word has a line to itself.
        let excess = display_width(line.trim_end()).saturating_sub(width);
        let indent = line.len() - line.trim_start_matches(' ').len();
        line[excess.min(indent)..].trim_end().to_owned()
    };
    lines.map(|line| whole(&line)).collect()
}

fn longest_word(text: &str) -> usize {
    text.split(' ').map(display_width).max().unwrap_or_default()
}

/// The lines of a table: in columns if the cells fit, with the last cell wrapped if that suffices, otherwise with
/// each cell on a line of its own after its column heading, if it has one. Cells are never cut.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let heading = (!headings.is_empty()).then(|| headings.iter().map(ToString::to_string));
    let heading: Option<Vec<String>> = heading.map(Iterator::collect);
    let all = || heading.iter().chain(rows);
    let columns = all().map(Vec::len).max().unwrap_or_default();
    let width_of = |at: usize| {
        let widths = all().filter_map(|row| row.get(at).map(|cell| display_width(cell)));
        widths.max().unwrap_or_default().min(PADDED_MAX)
    };
    let widths: Vec<usize> = (0..columns).map(width_of).collect();
    let lines: Vec<_> = all().map(|row| in_columns(row, &widths)).collect();
    let Some(width) = width else {
        return lines;
    };
    if lines.iter().all(|line| display_width(line) <= width) {
        return lines;
    }
    let others: usize = widths.iter().rev().skip(1).map(|width| width + 2).sum();
    let is_readable = |row: &Vec<String>| {
        let lead = in_columns(&row[..row.len().min(columns - 1)], &widths);
        let last = row.get(columns - 1).map_or(0, |cell| longest_word(cell));
        display_width(&lead) + 2 <= others && others + last <= width
    };
    if others + LAST_CELL_MIN <= width && all().all(is_readable) {
        let wrapped = |row: &Vec<String>| match row.get(columns - 1) {
            Some(last) if !last.is_empty() => {
                let mut lead = in_columns(&row[..columns - 1], &widths);
                pad(&mut lead, others);
                wrap(&lead, last, [0, others], width)
            }
            _ => vec![in_columns(row, &widths)],
        };
        return all().flat_map(wrapped).collect();
    }
    let stacked = |row: &Vec<String>| stack(headings, row, width);
    rows.iter().flat_map(stacked).collect()
}

fn in_columns(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let begin = display_width(&line);
        line.push_str(cell);
        let end = display_width(&line) + 2;
        pad(&mut line, end.max(begin + width + 2));
    }
    line.truncate(line.trim_end().len());
    line
}

fn pad(line: &mut String, width: usize) {
    let padding = width.saturating_sub(display_width(line));
    line.extend(iter::repeat_n(' ', padding));
}

fn stack(headings: &[&str], row: &[String], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for (at, cell) in row.iter().enumerate() {
        let line = match headings.get(at) {
            _ if cell.is_empty() => continue,
            _ if at == 0 => cell.clone(),
            Some(heading) => format!("  {heading:<8}  {cell}"),
            None => format!("  {cell}"),
        };
        lines.extend(fit_line(&line, width));
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Words, without the marks that continue a command on the next line.
    fn words(text: &str) -> Vec<&str> {
        let words = text.split_whitespace();
        words.filter(|word| *word != "\\").collect()
    }

    fn assert_fits(text: &str, lines: &[String], width: usize) {
        let longest = text.split([' ', '\n']).map(display_width).max();
        let limit = width.max(longest.unwrap_or_default());
        for line in lines {
            let line = line.trim_end_matches(" \\");
            assert!(
                display_width(line) <= limit,
                "{width}: {line:?} of {text:?}"
            );
        }
    }

    #[test]
    fn what_follows_a_first_column_stays_beside_it_or_stands_below_it() {
        for (text, lines) in [
            (
                "rows      1,200 read · 3 blank · 12 rejected · 1,185 contacts",
                "rows      1,200 read · 3 blank ·\n          12 rejected · 1,185 contacts",
            ),
            (
                "  2026-11-22T0855-contacts  responsible_user_id: 107 → 108",
                "  2026-11-22T0855-contacts\n      responsible_user_id: 107 → 108",
            ),
            (
                "  name                  → name (exact name)",
                "  name  → name (exact name)",
            ),
            (
                "  row 12, Phone: phone_invalid: too short for a number",
                "  row 12, Phone: phone_invalid: too\n    short for a number",
            ),
            (
                "rejects   /home/anna/contacts/2026/contacts.rejected.csv",
                "rejects\n/home/anna/contacts/2026/contacts.rejected.csv",
            ),
            (
                "  row 5: write [{\"chat_type\":\"vk\",\"chat_id\":\"7901\"}] or more",
                "  row 5: write\n   [{\"chat_type\":\"vk\",\"chat_id\":\"7901\"}]\n    or more",
            ),
            (
                "to continue: wazzup-contacts apply 'my runs/a b.run' --profile shop",
                "to continue:\n  wazzup-contacts apply \\\n    'my runs/a b.run' --profile shop",
            ),
            (
                "名前名前名前 名前名前名前 名前名前名前名前",
                "名前名前名前 名前名前名前\n  名前名前名前名前",
            ),
        ] {
            assert_eq!(fit(text, Some(40)), lines);
            assert_eq!(fit(text, None), text);
        }
    }

    #[test]
    fn wide_and_combining_characters_are_measured_as_they_are_shown() {
        let rows = [
            ["日本語", "1"],
            ["e\u{301}te\u{301}", "2"],
            ["👍", "3"],
            ["Ann", "4"],
        ];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            table(&[], &rows, Some(40)),
            [
                "日本語  1",
                "e\u{301}te\u{301}     2",
                "👍      3",
                "Ann     4"
            ]
        );
    }

    #[test]
    fn a_table_wraps_its_last_column_or_stacks_its_cells() {
        let row = [
            "2026-11-22",
            "done",
            "3 created · 1 updated · 2,000 unchanged",
        ];
        let rows = [row.map(str::to_owned).to_vec()];
        let headings = ["run", "state", "plan"];
        let shown = |width| table(&headings, &rows, width).join("\n");
        assert_eq!(
            shown(None),
            "run         state  plan\n2026-11-22  done   3 created · 1 updated · 2,000 unchanged"
        );
        assert_eq!(
            shown(Some(50)),
            "run         state  plan\n\
             2026-11-22  done   3 created · 1 updated ·\n                   2,000 unchanged"
        );
        assert_eq!(
            shown(Some(40)),
            "2026-11-22\n  state     done\n  plan      3 created · 1 updated ·\n            2,000 unchanged"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn no_line_is_wider_than_the_width_or_its_longest_word_and_no_word_is_lost(
            text in "([a-z0-9日👍·:]{0,12}|  |\n| · |: wazzup-contacts ){0,12}( [a-zé]{1,9}){0,20}",
            width in 40..130_usize,
        ) {
            let fitted = fit(&text, Some(width));
            prop_assert_eq!(words(&fitted), words(&text));
            let lines: Vec<_> = fitted.split('\n').map(str::to_owned).collect();
            assert_fits(&text, &lines, width);
        }

        #[test]
        fn no_cell_of_a_table_is_lost_or_cut(
            rows in prop::collection::vec(prop::collection::vec("([a-z日]{0,30} ?){0,4}", 3), 1..5),
            width in 40..130_usize,
            has_headings: bool,
        ) {
            let headings = ["id", "name", "address"];
            let headings = if has_headings { &headings[..] } else { &[] };
            let lines = table(headings, &rows, Some(width));
            assert_fits(&rows.concat().join(" "), &lines, width);
            let shown = lines.join(" ");
            let shown = words(&shown);
            for word in rows.iter().flatten().flat_map(|cell| words(cell)) {
                prop_assert!(shown.contains(&word), "{} in {:?}", word, shown);
            }
        }
    }
}
