//! Keeps tokens and passwords out of everything that an answer can reach: messages, the log, run files, rejects.
//!
//! Servers, proxies and firewalls quote requests, with various escapes. So an answer is searched both literally
//! and with its escapes undone (JSON, percent-encoding, entities), layer by layer. A literal match is replaced in the
//! answer before it is parsed; if a match was escaped, the whole answer is. Sufficiently long parts of a secret also
//! count, because it may be truncated or spread over several messages.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashSet},
    ops::Range,
};

use parking_lot::RwLock;

use memchr::memmem;
use secrecy::{ExposeSecret, SecretString};
use xxhash_rust::xxh3::xxh3_64;

use super::unescape::layers;
use crate::characters::{HIDDEN, masked};

/// Length of the parts that are hidden. Shorter secrets are only hidden as a whole.
const PART_BYTES: usize = 12;

/// Hiding single letters would only garble messages.
const SECRET_BYTES_MIN: usize = 2;

/// The secrets of a client: every token it has used, and the credentials for obtaining them.
#[derive(Debug, Default)]
pub(super) struct Secrets(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Hashes of the added secrets.
    added: HashSet<u64>,
    /// Hashes of the parts to hide.
    parts: HashSet<u64>,
    /// The lengths of these parts.
    lengths: BTreeSet<usize>,
    /// Secrets that can't be part of a contact by chance.
    unmistakable: Vec<SecretString>,
}

impl Secrets {
    /// Hides a secret from now on.
    pub(super) fn add(&self, secret: &str) {
        let hash = xxh3_64(secret.as_bytes());
        let is_known = self.0.read();
        if is_known.added.contains(&hash) || secret.len() < SECRET_BYTES_MIN {
            return;
        }
        drop(is_known);
        let mut known = self.0.write();
        known.added.insert(hash);
        for layer in layers(secret.as_bytes()) {
            known.add(&layer);
        }
        // Forms encode a space as a plus sign, and `layers` leaves escaped quotes.
        for (plain, written) in [(' ', "+"), ('"', "\\\"")] {
            known.add(secret.replace(plain, written).as_bytes());
        }
    }

    /// The text with all secrets replaced. If it quotes one with escapes, all of it is replaced.
    pub(super) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.0.read();
        if known.lengths.is_empty() {
            return Cow::Borrowed(text);
        }
        let found = known.parts_in(text.as_bytes()).into_iter();
        let found = found.map(|range| whole_characters(text, range));
        let shown = masked(text, found.collect());
        let is_escaped = |layer: Cow<'_, [u8]>| !known.parts_in(&layer).is_empty();
        if layers(shown.as_bytes()).any(is_escaped) {
            return Cow::Borrowed(HIDDEN);
        }
        shown
    }

    /// True if the JSON of contacts quotes a secret. Such a contact can't be used, because the replacement might
    /// later be sent to the account.
    pub(super) fn are_in(&self, json: &str) -> bool {
        let known = self.0.read();
        let is_in = |text: &[u8]| {
            let mut secrets = known.unmistakable.iter();
            secrets.any(|secret| memmem::find(text, secret.expose_secret().as_bytes()).is_some())
        };
        !known.unmistakable.is_empty() && layers(json.as_bytes()).any(|text| is_in(&text))
    }
}

impl Known {
    fn add(&mut self, secret: &[u8]) {
        let length = secret.len().min(PART_BYTES);
        if length < SECRET_BYTES_MIN {
            return;
        }
        self.lengths.insert(length);
        self.parts.extend(secret.windows(length).map(xxh3_64));
        let is_new = |text: &&str| {
            let mut known = self.unmistakable.iter();
            text.len() >= PART_BYTES && known.all(|known| known.expose_secret() != *text)
        };
        if let Some(text) = str::from_utf8(secret).ok().filter(is_new) {
            self.unmistakable.push(text.into());
        }
    }

    fn parts_in(&self, text: &[u8]) -> Vec<Range<usize>> {
        let of_length = |length: usize| {
            let windows = text.windows(length).enumerate();
            windows
                .filter(|(_, window)| self.parts.contains(&xxh3_64(window)))
                .map(move |(start, _)| start..start + length)
        };
        joined(self.lengths.iter().copied().flat_map(of_length).collect())
    }
}

/// The ranges in order, with overlapping and adjacent ones merged.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// The range, extended to whole characters.
fn whole_characters(text: &str, mut range: Range<usize>) -> Range<usize> {
    while !text.is_char_boundary(range.start) {
        range.start -= 1;
    }
    while !text.is_char_boundary(range.end) {
        range.end += 1;
    }
    range
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets(secret: &str) -> Secrets {
        let secrets = Secrets::default();
        secrets.add(secret);
        secrets
    }

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl_-x";

    #[test]
    fn a_quoted_secret_is_replaced_where_it_stands() {
        let secrets = secrets(JWT);
        for (text, shown) in [
            (format!("no: Bearer {JWT}!"), "no: Bearer (hidden)!"),
            (format!("{JWT}{JWT}"), "(hidden)"),
            (
                format!("cut: {}\u{2026}", &JWT[..20]),
                "cut: (hidden)\u{2026}",
            ),
            (format!("я{}я", percent_of(JWT)), "(hidden)"),
            (spread(JWT, '\0'), "(hidden)"),
            (spread(JWT, '\u{ad}'), "(hidden)"),
            (spread(&spread(JWT, '\u{200b}'), '\0'), "(hidden)"),
            (format!("%2525{}", percent_of(&percent_of(JWT))), "(hidden)"),
            ("Bearer eyJhbGci".to_owned(), "Bearer eyJhbGci"),
            (
                "nothing, 100 % \\ &amp; &#".to_owned(),
                "nothing, 100 % \\ &amp; &#",
            ),
        ] {
            assert_eq!(secrets.hide(&text), shown, "{text}");
        }
    }

    #[test]
    fn a_secret_with_escapes_of_its_own_is_found_in_every_form() {
        for secret in [
            r#"pass"word\new\u0041"#,
            "100%41&amp;&lt;x y",
            "пароль/1 2&#65;",
            "p4ss",
            "pass\"word-1",
            "a  b\tc",
        ] {
            let secrets = secrets(secret);
            let json = serde_json::to_string(secret).unwrap_or_default();
            let form = percent_of(secret).replace("%20", "+");
            for text in [
                secret,
                &json,
                &percent_of(&json),
                &entities_of(&json),
                &secret.replace('"', "%22"),
                &form,
            ] {
                let shown = secrets.hide(text);
                assert!(shown.contains("(hidden)"), "{secret}: {shown}");
                assert!(shown.len() <= 20, "{secret}: {shown}");
            }
        }
    }

    #[test]
    fn contacts_are_searched_for_whole_secrets_only() {
        let secrets = secrets(JWT);
        secrets.add("Barcelona");
        assert!(secrets.are_in(&format!(r#"{{"id":"1","name":"\u0065{}"}}"#, &JWT[1..])));
        assert!(!secrets.are_in(&format!(r#"{{"id":"1","name":"{}"}}"#, &JWT[1..])));
        assert!(!secrets.are_in(r#"{"id":"1","name":"Barcelona"}"#));
        assert_eq!(secrets.hide("in Barcelona"), "in (hidden)");
    }

    fn spread(text: &str, between: char) -> String {
        let parts: Vec<_> = text.chars().map(String::from).collect();
        parts.join(&between.to_string())
    }

    fn percent_of(text: &str) -> String {
        let escapes: Vec<_> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        escapes.concat()
    }

    fn entities_of(text: &str) -> String {
        let escapes: Vec<_> = text
            .chars()
            .map(|c| format!("&#{};", u32::from(c)))
            .collect();
        escapes.concat()
    }

    fn units_of(text: &str) -> String {
        let escapes: Vec<_> = text
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect();
        escapes.concat()
    }

    /// Each character in an encoding of its own.
    fn mixed(text: &str, choices: &[u8]) -> String {
        let encode = |(at, c): (usize, char)| {
            let text = c.to_string();
            match choices[at % choices.len()] % 3 {
                0 => percent_of(&text),
                1 => entities_of(&text),
                _ => units_of(&text),
            }
        };
        text.chars().enumerate().map(encode).collect()
    }

    proptest! {
        #[test]
        fn no_form_of_a_secret_is_left(
            secret in r#"[a-zA-Z0-9"'\\/%&;+ я€😀._-]{12,40}"#,
            before in r#"[a-z %&\\"я]{0,12}"#,
            after in r#"[a-z %&\\"я]{0,12}"#,
            choices in prop::collection::vec(any::<u8>(), 1..8),
        ) {
            prop_assume!(secret.trim() == secret && !before.contains(&secret));
            let secrets = secrets(&secret);
            let quoted = serde_json::to_string(&secret).unwrap_or_default();
            // Quoting encodes the whole text, so each character is encoded equally often.
            let once = mixed(&secret, &choices);
            let twice = mixed(&once, &choices);
            for form in [&secret, &quoted, &quoted.replace('/', r"\/"), &once, &twice] {
                let shown = secrets.hide(&format!("{before}{form}{after}")).into_owned();
                for layer in layers(shown.as_bytes()) {
                    prop_assert!(memmem::find(&layer, secret.as_bytes()).is_none(), "{shown}");
                }
                prop_assert!(shown.contains("(hidden)"), "{shown}");
            }
        }

        #[test]
        fn text_without_a_secret_stays_as_it_is(text in r#"[a-z0-9 %&#;\\"u/]{0,60}"#) {
            prop_assert_eq!(secrets(JWT).hide(&text), text.as_str());
        }
    }
}
