//! Formats numbers, times, lists, shell words and TOML errors for people.

use std::{path::Path, time::Instant};

use jiff::Timestamp;

/// Items of a list that are shown.
const SHOWN: usize = 10;

/// A count, for a number that is rounded in the end.
#[expect(clippy::cast_precision_loss, reason = "no count is near 2^52")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and durations are never negative and fit into 64 bits"
)]
pub(crate) fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// `3 created`, `1 failed`: the counts that are not 0, each with its word.
pub(crate) fn named_counts<'w>(
    counts: impl IntoIterator<Item = (u64, &'w str)>,
) -> impl Iterator<Item = String> {
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    counts.map(|(count, word)| format!("{} {word}", grouped(count)))
}

/// `2, 5, 9`. A longer list ends with the number of items left out.
pub(crate) fn shortened(words: impl Iterator<Item = String>) -> String {
    listed(words, SHOWN)
}

/// Like [`shortened`], with up to `count` items.
pub(crate) fn listed(mut words: impl Iterator<Item = String>, count: usize) -> String {
    let shown: Vec<_> = words.by_ref().take(count).collect();
    let more = match words.count() {
        0 => String::new(),
        more => format!(" and {} more", grouped(more as u64)),
    };
    shown.join(", ") + &more
}

/// A number with separators: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 request`, `1,200 requests`: appends `s` for the plural.
pub(crate) fn counted(number: u64, word: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {word}{s}", grouped(number))
}

/// A reject code and its count as a table row. The longest code has 28 characters.
pub(crate) fn code_line(code: &str, count: u64) -> String {
    format!("{code:<27} {}", grouped(count))
}

/// The beginning of something that this process does. The clock may be set meanwhile, so durations are measured
/// without it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Started {
    pub(crate) at: Timestamp,
    instant: Instant,
}

impl Default for Started {
    fn default() -> Self {
        Self::now()
    }
}

impl Started {
    pub(crate) fn now() -> Self {
        Self {
            at: Timestamp::now(),
            instant: Instant::now(),
        }
    }

    /// The time of day, and the seconds since then.
    pub(crate) fn times(&self) -> (Timestamp, f64) {
        (self.at, self.seconds())
    }

    /// Seconds since then.
    pub(crate) fn seconds(&self) -> f64 {
        self.instant.elapsed().as_secs_f64()
    }
}

/// True for numbers and phone numbers, which are not column names.
pub(crate) fn looks_like_number(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || "+-(). ".contains(c);
    text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(is_part)
}

/// A duration: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 9.95 && seconds.fract() != 0.0 {
        return format!("{seconds:.1} s");
    }
    let whole = rounded(seconds);
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Text in single quotes, as one shell word.
pub(crate) fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The words of a command line, each still quoted.
pub(crate) fn shell_words(command_line: &str) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let is_end = |c: char| {
        if std::mem::take(&mut is_escaped) {
            return false;
        }
        is_quoted ^= c == '\'';
        is_escaped = c == '\\' && !is_quoted;
        c.is_whitespace() && !is_quoted
    };
    let words = command_line.split(is_end);
    words.filter(|word| !word.is_empty()).collect()
}

/// A path or an argument as one shell word, quoted only if necessary.
pub(crate) fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    shell_quoted(&text)
}

/// A TOML error with its position, but without values: the parser's own message quotes the line, which may contain
/// a token if the wrong file was named.
pub(crate) fn toml_fault(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let message = match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}…{}", &message[..=first], &message[last..])
        }
        _ => message.to_owned(),
    };
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return message;
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    format!("line {line}, column {column}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_changes_no_duration() {
        let now = Started::now();
        for hours in [-2, 2] {
            let at = now.at + jiff::SignedDuration::from_hours(hours);
            let seconds = Started { at, ..now }.seconds();
            assert!((0.0..3_600.0).contains(&seconds), "{seconds}");
        }
    }

    #[test]
    fn a_path_is_one_word_for_the_shell() {
        for (path, word) in [
            ("/runs/a-1.run", "/runs/a-1.run"),
            ("my runs/a.run", "'my runs/a.run'"),
            ("it's.run", r"'it'\''s.run'"),
        ] {
            assert_eq!(shell_word(Path::new(path)), word);
        }
    }

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn no_code_runs_into_its_count() {
        for code in crate::reject::RejectCode::ALL {
            let code = code.to_string();
            assert!(code_line(&code, 1).starts_with(&format!("{code} ")));
        }
        let line = code_line("no_chat", 1_200);
        assert_eq!(line, "no_chat                     1,200");
    }

    #[test]
    fn times_are_as_exact_as_they_are_long() {
        for (seconds, text) in [
            (0.04, "0.0 s"),
            (1.26, "1.3 s"),
            (7.0, "7 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (200.0, "3 min 20 s"),
            (7_500.0, "2 h 5 min"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn one_of_a_thing_has_no_s() {
        assert_eq!(counted(1, "request"), "1 request");
        assert_eq!(counted(0, "request"), "0 requests");
        assert_eq!(counted(1_200, "request"), "1,200 requests");
    }
}
