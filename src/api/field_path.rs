//! Paths to a contact's fields in the texts of a refusal: `contacts[3].name`, `contacts.3.name`, `/contacts/3/name`.

use crate::contact::ContactField;

/// Maximum number of paths read from a text.
const PATHS_MAX: usize = 1_000;

/// Replaces the path of a contact in a message.
const THE_CONTACT: &str = "the contact ";

const CHAT_FIELDS: [&str; 4] = ["chat_type", "chat_id", "username", "phone"];

/// A path such as `contacts[3].name` in a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FoundPath {
    pub(super) start: usize,
    /// The position of its last word, or of the text after it if it has none.
    last: usize,
    pub(super) index: Option<usize>,
    /// The path within the contact: `contact_data.0.chat_id`.
    pub(super) tail: String,
}

impl FoundPath {
    /// The words from the last segment of the path on, up to `end`.
    pub(super) fn message(&self, text: &str, end: usize) -> Option<String> {
        let (word, rest) = text[self.last..end].split_at(self.word_len(text));
        let rest = rest.trim_start_matches(['"', '\'', '`', ')', '»']);
        let separators: &[char] = &[',', ';', ':', '.', '"', '\'', '`', '(', '-', '/'];
        let is_margin = |c: char| c.is_whitespace() || separators.contains(&c);
        let words = rest.trim_matches(is_margin);
        if !words.chars().any(char::is_alphabetic) || ["and", "or"].contains(&words) {
            return None;
        }
        let full_stop = if rest.trim_end().ends_with('.') {
            "."
        } else {
            ""
        };
        let gap = if word.is_empty() || rest.starts_with(is_margin) {
            ""
        } else {
            " "
        };
        let rest = rest.trim_end_matches(is_margin);
        let message = format!("{word}{gap}{rest}{full_stop}");
        let subject = if self.is_subject(text) {
            THE_CONTACT
        } else {
            ""
        };
        Some(format!(
            "{subject}{}",
            message.trim_start_matches(is_margin)
        ))
    }

    /// True if the message continues after the contact: `contacts[3] is invalid`.
    fn is_subject(&self, text: &str) -> bool {
        self.tail.is_empty() && text[self.last..].starts_with(' ')
    }

    /// Length of the last word of the path.
    fn word_len(&self, text: &str) -> usize {
        let word = self.tail.rsplit('.').next().unwrap_or_default();
        if text[self.last..].starts_with(word) {
            word.len()
        } else {
            0
        }
    }
}

/// Every path of the form `contacts[3]`, `contacts.3.name`, `/contacts/3/name` or `contact_ids.3` in a text.
pub(super) fn paths_in(text: &str) -> Vec<FoundPath> {
    let found = text.match_indices("contact").filter_map(|(start, word)| {
        // `/v2/contacts/1` is part of a URL.
        let is_url = text[..start]
            .strip_suffix('/')
            .is_some_and(|before| before.ends_with(char::is_alphanumeric));
        let rest = Some(&text[start + word.len()..]).filter(|_| !is_url)?;
        let ending = ["s", "_ids"].into_iter().find(|it| rest.starts_with(it))?;
        let mut at = start + word.len() + ending.len();
        let mut parts = Vec::new();
        let mut last = at;
        while let Some((begin, part)) = next_part(text, at) {
            let is_first = parts.is_empty();
            if is_first && !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            at = begin + part.len();
            if text[at..].starts_with(']') {
                at += 1;
            }
            last = if is_first { at } else { begin };
            parts.push(part);
        }
        let (index, tail) = parts.split_first()?;
        Some(FoundPath {
            start,
            last,
            index: index.parse().ok(),
            tail: tail.join("."),
        })
    });
    found.take(PATHS_MAX).collect()
}

/// The next segment of the path at this position, and its start.
fn next_part(text: &str, at: usize) -> Option<(usize, &str)> {
    let rest = &text[at..];
    let opening = rest
        .chars()
        .next()
        .filter(|c| ['.', '[', '/'].contains(c))?;
    let begin = at + opening.len_utf8();
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let len = text[begin..]
        .find(|c| !is_word(c))
        .unwrap_or(text.len() - begin);
    (len > 0).then(|| (begin, &text[begin..begin + len]))
}

/// The text with each path shortened to its last segment; `None` if nothing else is left.
pub(super) fn without_paths(text: &str) -> Option<String> {
    let (mut short, mut from) = (String::new(), 0);
    for path in paths_in(text) {
        short.push_str(&text[from..path.start.max(from)]);
        short.push_str(if path.is_subject(text) {
            THE_CONTACT.trim_end()
        } else {
            ""
        });
        from = path.last;
        // Two words are not joined, because they might be halves of a token.
        if short.ends_with(char::is_alphanumeric) {
            short.push(' ');
        }
    }
    short.push_str(&text[from..]);
    let short = short.trim_start_matches([' ', ':', '/']).trim_end();
    (short.contains(' ') || from == 0).then(|| short.to_owned())
}

/// The path up to its last known field of a contact.
pub(super) fn known_field(path: &str) -> Option<String> {
    let is_known = |part: &str| part.parse::<ContactField>().is_ok() || CHAT_FIELDS.contains(&part);
    let parts: Vec<&str> = path
        .split(['.', '[', ']', '/'])
        .filter(|it| !it.is_empty())
        .collect();
    let last = parts.iter().rposition(|part| is_known(part))?;
    Some(parts[..=last].join("."))
}
