//! Groups refused contacts by cause, and gives advice about the most frequent one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{
    reject::Problem,
    wording::{grouped, shell_quoted},
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cause {
    pub contacts: u64,
    /// The server's message. Numbers or ids in which the contacts' messages differ are `…`.
    pub reason: String,
    /// The source's column of the invalid field.
    pub column: Option<String>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", grouped(self.contacts), self.reason)?;
        match &self.column {
            Some(column) => write!(f, " → {column}"),
            None => Ok(()),
        }
    }
}

/// The refusals of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The most frequent first.
    pub(crate) causes: Vec<Cause>,
    /// True if the contacts come from rows, which the user can correct.
    are_rows: bool,
    /// True if missing `chat_id`s explain the refusals, even if the server does not say so.
    needs_chat_id: bool,
    /// The columns of chats without `chat_id`.
    chat_columns: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(super) struct Causes {
    by_message: BTreeMap<(String, Option<String>), Cause>,
    refused: u64,
    /// Refused contacts with a chat without `chat_id`.
    without_chat_id: u64,
    /// The columns of these chats.
    chat_columns: BTreeSet<String>,
    pub(super) accepts_without_chat_id: bool,
}

impl Causes {
    /// Counts a refused contact. `chat_column`: the column of its chat without `chat_id`.
    pub(super) fn add(
        &mut self,
        id: &str,
        json: &[u8],
        problems: &[Problem],
        chat_column: Option<String>,
    ) {
        self.refused += 1;
        if lacks_chat_id(json) {
            self.without_chat_id += 1;
            self.chat_columns.extend(chat_column);
        }
        for problem in problems {
            let masked = masked(&problem.reason, id);
            let key = (masked.clone(), problem.column.clone());
            let cause = self.by_message.entry(key).or_insert_with(|| Cause {
                contacts: 0,
                reason: problem.reason.clone(),
                column: problem.column.clone(),
            });
            cause.contacts += 1;
            if cause.reason != problem.reason {
                cause.reason = masked;
            }
        }
    }

    pub(super) const fn refused(&self) -> u64 {
        self.refused
    }

    /// The refusals so far. `are_rows`: the contacts come from rows.
    pub(super) fn grouped(&self, are_rows: bool) -> Refused {
        let mut causes: Vec<Cause> = self.by_message.values().cloned().collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.contacts));
        Refused {
            causes,
            are_rows,
            needs_chat_id: self.without_chat_id * 2 > self.refused && !self.accepts_without_chat_id,
            chat_columns: self.chat_columns.clone(),
        }
    }
}

impl Refused {
    /// Advice about the most frequent cause, if it is known and the user can correct it.
    pub(crate) fn advice(&self) -> Option<String> {
        let first = self.causes.first().filter(|_| self.are_rows)?;
        let is_another = first
            .column
            .as_ref()
            .is_some_and(|column| !self.chat_columns.contains(column));
        let is_said = first.reason.contains("chat_id") && says_missing(&first.reason);
        if (self.needs_chat_id && !is_another) || is_said {
            return Some(self.advice_on_chats());
        }
        let columns = self
            .causes
            .iter()
            .filter_map(|cause| cause.column.as_deref());
        let column = columns.clone().next();
        if first.reason.contains("uri") || column == Some("uri") {
            let advice = "the server refuses contacts without a link: set one with --set uri='https://…/{id}'";
            return Some(advice.to_owned());
        }
        Some(format!(
            "correct the column {} in the source or in the rejects file",
            column?
        ))
    }

    fn advice_on_chats(&self) -> String {
        let advice = "the server refuses chats without chat_id: add the missing chat_ids";
        if self.chat_columns.is_empty() {
            return advice.to_owned();
        }
        let ignored = |column| format!(" --map {}", shell_quoted(&format!("ignore={column}")));
        let flags: String = self.chat_columns.iter().map(ignored).collect();
        format!("{advice}, or leave them out with{flags}")
    }

    /// Advice if sending stopped because of these refusals.
    pub(super) fn remedy(&self) -> String {
        if !self.are_rows {
            return "to leave the refused contacts unchanged, continue with a higher --max-refused, such as 50%"
                .to_owned();
        }
        let advice = self.advice();
        let advice = advice
            .as_deref()
            .unwrap_or("compare the rejected rows with those that were accepted");
        format!(
            "{advice}, and import again, which sends only what differs; if the refused contacts can be left out, continue with a higher --max-refused, such as 50%"
        )
    }
}

/// True if the server's message says that a field is missing.
pub(super) fn says_missing(reason: &str) -> bool {
    let is_missing = [
        "empty",
        "required",
        "missing",
        "must be",
        "null",
        "undefined",
    ];
    is_missing.iter().any(|word| reason.contains(word))
}

/// True if the contact's JSON has a chat without `chat_id`. Quotes inside values are escaped, so the keys are
/// unambiguous.
pub(super) fn lacks_chat_id(json: &[u8]) -> bool {
    let count = |key: &[u8]| memchr::memmem::find_iter(json, key).count();
    count(br#""chat_type":"#) > count(br#""chat_id":"#)
}

/// The message with ids, numbers and quoted values replaced by `…`, so that messages about one cause are equal.
fn masked(message: &str, id: &str) -> String {
    let mut words = Vec::new();
    let mut quote = None;
    for word in message.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let opening = word.chars().next().filter(|c| "\"'`«".contains(*c));
        let is_quoted = quote.is_some();
        quote = quote.or(opening);
        let closing = |open: char| if open == '«' { '»' } else { open };
        if let Some(open) = quote
            && word
                .char_indices()
                .any(|(at, c)| c == closing(open) && (at > 0 || is_quoted))
        {
            quote = None;
        }
        let is_value = is_quoted
            || opening.is_some()
            || bare == id
            || bare.contains(|c: char| c.is_ascii_digit());
        if !is_value {
            words.push(word);
        } else if words.last() != Some(&"…") {
            words.push("…");
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reject::RejectCode;

    fn problem(column: Option<&str>, reason: String) -> Problem {
        Problem {
            column: column.map(str::to_owned),
            code: RejectCode::RefusedByServer,
            reason,
        }
    }

    #[test]
    fn causes_are_compared_without_ids_numbers_and_quoted_values() {
        let mut causes = Causes::default();
        let mut refuse = |contacts: u64, reason: &dyn Fn(u64) -> String| {
            for number in 0..contacts {
                let problem = problem(Some("tg"), reason(number));
                let column = Some("tg".to_owned());
                causes.add(&format!("C-{number}"), b"{}", &[problem], column);
            }
        };
        refuse(126, &|_| "chat_id should not be empty".to_owned());
        refuse(3, &|n| {
            format!("contact C-{n} has 'a bad {n}' of {n} chars")
        });
        refuse(1, &|_| "C-0: unknown".to_owned());
        let refused = causes.grouped(true);
        let shown: Vec<String> = refused.causes.iter().map(Cause::to_string).collect();
        assert_eq!(
            shown,
            [
                "126 × chat_id should not be empty → tg",
                "3 × contact … has … of … chars → tg",
                "1 × C-0: unknown → tg",
            ]
        );
        assert!(refused.remedy().contains("refuses chats without chat_id"));
    }

    #[test]
    fn a_missing_chat_id_is_found_out_even_if_the_server_does_not_say_so() {
        let without = br#"{"contact_data":[{"chat_type":"telegram","username":"\"chat_id\":"}]}"#;
        let with = br#"{"contact_data":[{"chat_type":"telegram","chat_id":"5"}]}"#;
        assert!(lacks_chat_id(without) && !lacks_chat_id(with));
        let mut causes = Causes::default();
        let silent = [problem(None, "400".to_owned())];
        causes.add("1", without, &silent, None);
        let advice = causes.grouped(true).advice();
        assert_eq!(
            advice.as_deref(),
            Some("the server refuses chats without chat_id: add the missing chat_ids"),
            "no flag, because the column is not known"
        );
        causes.add("2", without, &silent, Some("Telegram @".to_owned()));
        let advice = causes.grouped(true).advice().unwrap_or_default();
        assert!(
            advice.ends_with("with --map 'ignore=Telegram @'"),
            "{advice}"
        );
        assert_eq!(causes.grouped(false).advice(), None, "there is no source");
        causes.accepts_without_chat_id = true;
        assert_eq!(causes.grouped(true).advice(), None);
    }
}
