//! Faults as they are written on the command line: `503@10`, `drop-before%2`, `POST:slow=200ms`.
//!
//! The ids of `poison` and `unstored` may hold any character, so their text runs to the end and such a
//! rule has no number or chance.

use std::{str::FromStr, time::Duration};

use super::faults::{ErrorBody, Fault, Rule, Scope, When};

/// Why a word is no fault.
#[derive(Debug, thiserror::Error)]
#[error("`{word}` is no fault: {problem}")]
pub struct FaultSyntaxError {
    word: String,
    problem: String,
}

impl FaultSyntaxError {
    /// What a fault looks like.
    pub(crate) const HINT: &str = "a fault is a status, NNN-after, drop-before, drop-after, truncate, slow=200ms, partial, \
             token-dies, poison=ID or unstored=ID, then nothing (each request), @10, @10-20, @10+ or %2; \
             GET:, POST:, PATCH:, DELETE:, token: or any: before it picks the requests";
}

/// The form of the command line: `[SCOPE:]FAULT[WHEN]`.
///
/// | `FAULT` | what goes wrong |
/// |---|---|
/// | `503`, `503=html`, `503=json`, `503=empty` | this status, nothing is done |
/// | `502-after` | the work is done, then this status |
/// | `drop-before`, `drop-after` | the connection is dropped before or after the work |
/// | `truncate` | the work is done, half of the answer comes |
/// | `slow=200ms`, `slow=1.5s` | the answer comes so much later |
/// | `partial` | some contacts of a batch are silently not stored |
/// | `token-dies` | the access token is good no more |
/// | `poison=ID`, `poison-409=ID` | a batch with this id is refused (400, or this status) |
/// | `unstored=ID` | the contact with this id is silently not stored |
///
/// | `WHEN` | on which requests |
/// |---|---|
/// | nothing | on each |
/// | `@10`, `@10-20`, `@10+` | the 10th, the 10th to the 20th, from the 10th on |
/// | `%2` | on 2 % of them, at random |
///
/// `SCOPE` is `GET`, `POST`, `PATCH` or `DELETE` (calls for contacts with this method), `token`, `any` or
/// `contacts` (every call but that for tokens, as without a scope). Requests are counted within the scope.
impl FromStr for Rule {
    type Err = FaultSyntaxError;

    fn from_str(word: &str) -> Result<Self, FaultSyntaxError> {
        parse(word).map_err(|problem| FaultSyntaxError {
            word: word.to_owned(),
            problem,
        })
    }
}

fn parse(word: &str) -> Result<Rule, String> {
    let (scope, rest) = split_scope(word)?;
    if let Some(fault) = by_id(rest)? {
        return Ok(fault.always().on(scope));
    }
    let (fault, when) = match rest.find(['@', '%']) {
        Some(at) => (&rest[..at], parse_when(&rest[at..])?),
        None => (rest, When::Always),
    };
    let fault = parse_fault(fault)?;
    Ok(Rule { fault, when, scope })
}

/// A colon before the first `=` ends a scope; one after it belongs to an id.
fn split_scope(word: &str) -> Result<(Scope, &str), String> {
    let scope_end = word
        .find([':', '='])
        .filter(|&at| word[at..].starts_with(':'));
    let Some(end) = scope_end else {
        return Ok((Scope::default(), word));
    };
    let scope = match &*word[..end].to_ascii_lowercase() {
        "get" => Scope::Method("GET"),
        "post" => Scope::Method("POST"),
        "patch" => Scope::Method("PATCH"),
        "delete" => Scope::Method("DELETE"),
        "contacts" => Scope::Contacts,
        "token" => Scope::Token,
        "any" => Scope::Any,
        other => return Err(format!("`{other}` is no scope")),
    };
    Ok((scope, &word[end + 1..]))
}

/// The faults that are bound to an id.
fn by_id(word: &str) -> Result<Option<Fault>, String> {
    let Some((name, id)) = word.split_once('=') else {
        return Ok(None);
    };
    let mut fault = match name {
        "unstored" => Fault::unstored([id]),
        _ if name == "poison" || name.starts_with("poison-") => Fault::poison([id]),
        _ => return Ok(None),
    };
    if id.is_empty() {
        return Err("the id is missing".to_owned());
    }
    if let (Fault::Poison { status, .. }, Some(given)) = (&mut fault, name.strip_prefix("poison-"))
    {
        *status = parse_status(given)?;
    }
    Ok(Some(fault))
}

fn parse_fault(word: &str) -> Result<Fault, String> {
    let (name, argument) = match word.split_once('=') {
        Some((name, argument)) => (name, Some(argument)),
        None => (word, None),
    };
    match (name, argument) {
        ("drop-before", None) => Ok(Fault::DropBefore),
        ("drop-after", None) => Ok(Fault::DropAfter),
        ("truncate", None) => Ok(Fault::Truncate),
        ("partial", None) => Ok(Fault::Partial),
        ("token-dies", None) => Ok(Fault::TokenDies),
        ("slow", Some(delay)) => parse_delay(delay).map(Fault::Slow),
        ("slow", None) => Err("say how slow: slow=200ms".to_owned()),
        ("poison" | "unstored", None) => Err(format!("say which id: {name}=ID")),
        (status, body) if status.starts_with(|first: char| first.is_ascii_digit()) => {
            parse_status_fault(status, body)
        }
        _ => Err("the word is not known".to_owned()),
    }
}

fn parse_status_fault(word: &str, body: Option<&str>) -> Result<Fault, String> {
    let (digits, after) = match word.strip_suffix("-after") {
        Some(digits) => (digits, true),
        None => (word, false),
    };
    let status = parse_status(digits)?;
    let body = match body {
        None => ErrorBody::usual(status),
        Some("json") => ErrorBody::Json,
        Some("html") => ErrorBody::Html,
        Some("empty") => ErrorBody::Empty,
        Some(other) => return Err(format!("`{other}` is none of json, html, empty")),
    };
    Ok(if after {
        Fault::StatusAfter { status, body }
    } else {
        Fault::Status { status, body }
    })
}

fn parse_status(digits: &str) -> Result<u16, String> {
    let status = digits
        .parse()
        .ok()
        .filter(|status| (200..=599).contains(status));
    status.ok_or_else(|| format!("`{digits}` is no status from 200 to 599"))
}

fn parse_delay(text: &str) -> Result<Duration, String> {
    let seconds = if let Some(millis) = text.strip_suffix("ms") {
        millis.parse::<f64>().ok().map(|millis| millis / 1000.0)
    } else {
        text.strip_suffix('s')
            .and_then(|seconds| seconds.parse().ok())
    };
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|delay| *delay <= Duration::from_secs(3600))
        .ok_or_else(|| format!("`{text}` is no time up to an hour such as 200ms or 1.5s"))
}

fn parse_when(text: &str) -> Result<When, String> {
    if let Some(percent) = text.strip_prefix('%') {
        let percent = percent
            .parse()
            .ok()
            .filter(|percent| (0.0..=100.0).contains(percent));
        let percent: f64 = percent.ok_or_else(|| format!("`{text}` is no percentage"))?;
        return Ok(When::Chance(percent / 100.0));
    }
    let numbers = text.trim_start_matches('@');
    let (first, last) = match numbers.split_once('-') {
        Some((first, last)) => (first.parse().ok(), last.parse().ok()),
        None => match numbers.strip_suffix('+') {
            Some(first) => (first.parse().ok(), Some(u64::MAX)),
            None => (numbers.parse().ok(), numbers.parse().ok()),
        },
    };
    match (first, last) {
        (Some(first), Some(last)) if 1 <= first && first <= last => {
            Ok(When::Between { first, last })
        }
        _ => Err(format!(
            "`{text}` is no number of a request; the first is @1"
        )),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(word: &str) -> (Fault, String, Scope) {
        let rule: Rule = word.parse().unwrap();
        (rule.fault, format!("{:?}", rule.when), rule.scope)
    }

    #[test]
    fn faults_are_read_as_documented() {
        let always = || "Always".to_owned();
        let contacts = Scope::Contacts;
        assert_eq!(
            read("503@10"),
            (Fault::status(503), "Between(10..=10)".to_owned(), contacts)
        );
        assert_eq!(
            read("drop-before%2"),
            (Fault::DropBefore, "Chance(0.02)".to_owned(), contacts)
        );
        assert_eq!(read("429"), (Fault::status(429), always(), contacts));
        let slow = Fault::Slow(Duration::from_millis(200));
        assert_eq!(read("slow=200ms"), (slow, always(), contacts));
        let slow = Fault::Slow(Duration::from_millis(1500));
        assert_eq!(
            read("patch:slow=1.5s@2-3"),
            (slow, "Between(2..=3)".to_owned(), Scope::Method("PATCH"))
        );
        let empty = Fault::StatusAfter {
            status: 500,
            body: ErrorBody::Empty,
        };
        assert_eq!(
            read("token:500-after=empty@1"),
            (empty, "Between(1..=1)".to_owned(), Scope::Token)
        );
    }

    #[test]
    fn an_id_may_hold_any_character() {
        assert_eq!(read("poison=a@1%2:b=c").0, Fault::poison(["a@1%2:b=c"]));
        assert_eq!(read("POST:unstored=7").2, Scope::Method("POST"));
        let conflict = Fault::Poison {
            ids: ["x".to_owned()].into(),
            status: 409,
        };
        assert_eq!(read("poison-409=x").0, conflict);
    }

    #[test]
    fn what_is_no_fault_is_an_error_that_shows_the_word() {
        for word in [
            "",
            "503@",
            "503@0",
            "503@5-2",
            "drop",
            "drop-before=1",
            "slow",
            "slow=5",
            "slow=-1s",
            "poison",
            "poison=",
            "poison-x=1",
            "99",
            "600",
            "503=pdf",
            "partial%101",
            "partial%x",
            "put:503",
            "slow=NaNs",
            "slow=9999999s",
            "%",
            "@1",
            "é",
        ] {
            let error = word.parse::<Rule>().unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{word}` is no fault")),
                "{error}"
            );
        }
    }
}
