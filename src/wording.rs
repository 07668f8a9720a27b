//! Numbers, times and values as people read them.

/// A number as people read it: `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
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

/// `1 request`, `1,200 requests`: the word is one that takes an s.
#[must_use]
pub fn counted(number: u64, word: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {word}{s}", grouped(number))
}

/// A code and how often there was one, as a line of a table; the longest code is 28 characters long.
#[must_use]
pub fn code_line(code: &str, count: u64) -> String {
    format!("{code:<27} {}", grouped(count))
}

/// A time as people say it: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time is neither negative nor longer than the universe"
)]
pub fn duration(seconds: f64) -> String {
    if seconds < 9.95 && seconds.fract() != 0.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Text of a file on one line, and not a page of it.
#[must_use]
pub fn clipped(text: &str, chars_max: usize) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let mut clipped: String = text.chars().take(chars_max).map(visible).collect();
    if text.chars().nth(chars_max).is_some() {
        clipped.push('…');
    }
    clipped
}

/// A value or a name from a file as messages show it: clipped and in backticks.
#[must_use]
pub fn shown(value: &str) -> String {
    format!("`{}`", clipped(value, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

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
