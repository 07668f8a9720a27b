//! Faults to inject: rules such as `503@10`, `drop-before%2` or `POST:slow=200ms`.
//!
//! The ids of `poison` and `unstored` may contain any character, so an id extends to the end of its rule, and such
//! a rule applies to every request.

use std::{str::FromStr, time::Duration};

use super::injected_fault::{ErrorBody, InjectedFault, Rule, Scope, When};

/// The faults to inject.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The first rule that would end a request wins.
    pub(super) rules: Vec<Rule>,
    /// Seed of the rules with a probability.
    pub seed: u64,
    /// Maximum number of injected faults, not counting faults of a contact (`poison`, `unstored`); `None` is
    /// unlimited.
    pub max_injected: Option<u64>,
}

impl Faults {
    /// Parses rules of the form `[SCOPE:]FAULT[WHEN]`.
    ///
    /// | `FAULT` | effect |
    /// |---|---|
    /// | `503`, `503=html`, `503=json`, `503=empty` | this status, nothing is done |
    /// | `502-after` | the work is done, then this status |
    /// | `drop-before`, `drop-after` | the connection is dropped before or after the work |
    /// | `truncate` | the work is done, half of the answer is sent |
    /// | `slow=200ms`, `slow=1.5s` | the answer is delayed |
    /// | `partial` | some contacts of a batch are silently not stored |
    /// | `token-dies` | the access token is revoked |
    /// | `poison=ID`, `poison-409=ID`, `poison-403-html=ID` | a batch with this id is refused (400, or this status) |
    /// | `unstored=ID` | the contact with this id is silently not stored |
    ///
    /// | `WHEN` | requests |
    /// |---|---|
    /// | nothing | every request |
    /// | `@10`, `@10-20`, `@10+` | the 10th, the 10th to the 20th, from the 10th on |
    /// | `%2` | 2 % of them, at random |
    ///
    /// `SCOPE` is `GET`, `POST`, `PATCH` or `DELETE` (calls for contacts with this method), `token`, `any` or
    /// `contacts` (every call except the token call; the default). Requests are counted within the scope.
    pub fn new<R: AsRef<str>>(
        rules: impl IntoIterator<Item = R>,
    ) -> Result<Self, FaultSyntaxError> {
        let rules = rules.into_iter().map(|rule| rule.as_ref().parse());
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
            ..Self::default()
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{word}` is not a fault: {problem}")]
pub struct FaultSyntaxError {
    word: String,
    problem: String,
}

impl FaultSyntaxError {
    /// The syntax of a fault.
    pub(crate) const HINT: &str = "a fault is a status, NNN-after, drop-before, drop-after, truncate, slow=200ms, partial, \
        token-dies, poison=ID or unstored=ID, then nothing (each request), @10, @10-20, @10+ or %2; \
        GET:, POST:, PATCH:, DELETE:, token: or any: before it selects the requests";
}

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
    if let Some(fault) = parse_contact_fault(rest)? {
        let when = When::Always;
        return Ok(Rule { fault, when, scope });
    }
    let (fault, when) = match rest.find(['@', '%']) {
        Some(at) => (&rest[..at], parse_when(&rest[at..])?),
        None => (rest, When::Always),
    };
    let fault = parse_fault(fault)?;
    Ok(Rule { fault, when, scope })
}

/// A colon after the first `=` belongs to an id.
fn split_scope(word: &str) -> Result<(Scope, &str), String> {
    let scope_end = word
        .find([':', '='])
        .filter(|&at| word[at..].starts_with(':'));
    let Some(end) = scope_end else {
        return Ok((Scope::Contacts, word));
    };
    let scope = match &*word[..end].to_ascii_lowercase() {
        "get" => Scope::Method("GET"),
        "post" => Scope::Method("POST"),
        "patch" => Scope::Method("PATCH"),
        "delete" => Scope::Method("DELETE"),
        "contacts" => Scope::Contacts,
        "token" => Scope::Token,
        "any" => Scope::Any,
        other => return Err(format!("`{other}` is not a scope")),
    };
    Ok((scope, &word[end + 1..]))
}

fn parse_contact_fault(word: &str) -> Result<Option<InjectedFault>, String> {
    let Some((name, id)) = word.split_once('=') else {
        return Ok(None);
    };
    let (kind, answer) = match name.split_once('-') {
        Some((kind, answer)) => (kind, Some(answer)),
        None => (name, None),
    };
    let id = id.to_owned();
    let is_missing = id.is_empty();
    let fault = match (kind, answer) {
        ("unstored", None) => InjectedFault::Unstored { id },
        ("poison", None) => InjectedFault::Poison {
            id,
            status: 400,
            body: ErrorBody::Json,
        },
        ("poison", Some(answer)) => {
            let (status, body) = answer.split_once('-').unwrap_or((answer, "json"));
            InjectedFault::Poison {
                id,
                status: parse_status(status)?,
                body: parse_body(body)?,
            }
        }
        _ => return Ok(None),
    };
    if is_missing {
        return Err("the id is missing".to_owned());
    }
    Ok(Some(fault))
}

fn parse_fault(word: &str) -> Result<InjectedFault, String> {
    let (name, argument) = match word.split_once('=') {
        Some((name, argument)) => (name, Some(argument)),
        None => (word, None),
    };
    match (name, argument) {
        ("drop-before", None) => Ok(InjectedFault::DropBefore),
        ("drop-after", None) => Ok(InjectedFault::DropAfter),
        ("truncate", None) => Ok(InjectedFault::Truncate),
        ("partial", None) => Ok(InjectedFault::Partial),
        ("token-dies", None) => Ok(InjectedFault::TokenDies),
        ("slow", Some(delay)) => parse_delay(delay).map(InjectedFault::Slow),
        ("slow", None) => Err("add the delay: slow=200ms".to_owned()),
        ("poison" | "unstored", None) => Err(format!("add the id: {name}=ID")),
        (status, body) if status.starts_with(|first: char| first.is_ascii_digit()) => {
            parse_status_fault(status, body)
        }
        _ => Err("unknown word".to_owned()),
    }
}

fn parse_status_fault(word: &str, body: Option<&str>) -> Result<InjectedFault, String> {
    let (digits, after) = match word.strip_suffix("-after") {
        Some(digits) => (digits, true),
        None => (word, false),
    };
    let status = parse_status(digits)?;
    let body = body.map_or(Ok(ErrorBody::usual(status)), parse_body)?;
    Ok(if after {
        InjectedFault::StatusAfter { status, body }
    } else {
        InjectedFault::Status { status, body }
    })
}

fn parse_body(word: &str) -> Result<ErrorBody, String> {
    let parsed = word.parse();
    parsed.map_err(|_| format!("`{word}` is not json, html or empty"))
}

fn parse_status(digits: &str) -> Result<u16, String> {
    let status = digits
        .parse()
        .ok()
        .filter(|status| (200..=599).contains(status));
    status.ok_or_else(|| format!("`{digits}` is not a status from 200 to 599"))
}

fn parse_delay(text: &str) -> Result<Duration, String> {
    let delay = text.parse::<jiff::SignedDuration>().ok();
    delay
        .and_then(|delay| Duration::try_from(delay).ok())
        .filter(|delay| *delay <= Duration::from_secs(3600))
        .ok_or_else(|| format!("`{text}` is not a delay such as 200ms or 1.5s (at most an hour)"))
}

fn parse_when(text: &str) -> Result<When, String> {
    if let Some(percent) = text.strip_prefix('%') {
        let percent = percent
            .parse::<f64>()
            .ok()
            .filter(|percent| (0.0..=100.0).contains(percent));
        let percent = percent.ok_or_else(|| format!("`{text}` is not a percentage"))?;
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
            "`{text}` is not the number of a request (the first is @1)"
        )),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(word: &str) -> (InjectedFault, When, Scope) {
        let rule: Rule = word.parse().unwrap();
        (rule.fault, rule.when, rule.scope)
    }

    fn status(status: u16) -> InjectedFault {
        let body = ErrorBody::usual(status);
        InjectedFault::Status { status, body }
    }

    fn between(first: u64, last: u64) -> When {
        When::Between { first, last }
    }

    #[test]
    fn faults_are_read_as_documented() {
        let contacts = Scope::Contacts;
        assert_eq!(read("503@10"), (status(503), between(10, 10), contacts));
        assert_eq!(
            read("drop-before%2"),
            (InjectedFault::DropBefore, When::Chance(0.02), contacts)
        );
        assert_eq!(read("429"), (status(429), When::Always, contacts));
        let slow = InjectedFault::Slow(Duration::from_millis(200));
        assert_eq!(read("slow=200ms"), (slow, When::Always, contacts));
        let slow = InjectedFault::Slow(Duration::from_millis(1500));
        assert_eq!(
            read("patch:slow=1.5s@2-3"),
            (slow, between(2, 3), Scope::Method("PATCH"))
        );
        let empty = InjectedFault::StatusAfter {
            status: 500,
            body: ErrorBody::Empty,
        };
        assert_eq!(
            read("token:500-after=empty@1"),
            (empty, between(1, 1), Scope::Token)
        );
    }

    #[test]
    fn an_id_may_hold_any_character() {
        let poison = |id: &str, status, body| InjectedFault::Poison {
            id: id.to_owned(),
            status,
            body,
        };
        assert_eq!(
            read("poison=a@1%2:b=c").0,
            poison("a@1%2:b=c", 400, ErrorBody::Json)
        );
        assert_eq!(read("POST:unstored=7").2, Scope::Method("POST"));
        assert_eq!(read("poison-409=x").0, poison("x", 409, ErrorBody::Json));
        assert_eq!(
            read("poison-403-html=x").0,
            poison("x", 403, ErrorBody::Html)
        );
    }

    #[test]
    fn an_error_shows_the_word_that_is_not_a_fault() {
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
            "poison-403-pdf=1",
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
            let shown = format!("`{word}` is not a fault");
            assert!(error.to_string().starts_with(&shown), "{error}");
        }
    }
}
