//! The sentence about a wait that is long enough to be noticed.

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use crate::{
    characters::clipped,
    layout::display_width,
    progress::{Event, WaitFor},
    wording::duration,
};

/// A wait for an answer is shown after this time.
const SHOWN_AFTER: Duration = Duration::from_secs(2);

/// A wait for an answer after a failure is shown after this time.
const SHOWN_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// Minimum width of a reason.
const REASON_MIN: usize = 12;

/// The waits in progress.
#[derive(Debug, Default)]
pub(super) struct Waits {
    begun: Vec<(WaitFor, Instant)>,
    last_end: Option<Instant>,
    trouble: Option<(Trouble, Instant)>,
}

/// The reason for waiting for the server. A next attempt has a time.
#[derive(Debug)]
enum Trouble {
    Failed {
        reason: String,
        next_try: u32,
        tries: u32,
    },
    Held {
        status: u16,
    },
}

impl Waits {
    /// Notes the beginning or end of a wait, or a failure.
    pub(super) fn note(&mut self, event: &Event, now: Instant) {
        match event {
            Event::WaitBegins(what) => self.begun.push((*what, now)),
            Event::WaitEnds(what) => {
                let at = self.begun.iter().position(|(it, _)| it == what);
                at.map(|at| self.begun.remove(at));
                self.last_end = Some(now);
                // A pause holds back all requests, so answers to those sent before don't end it.
                let is_over = |&mut (ref trouble, next): &mut (Trouble, Instant)| {
                    !matches!(trouble, Trouble::Held { .. }) || next <= now
                };
                self.trouble.take_if(is_over);
            }
            Event::Retry {
                reason,
                wait,
                next_try,
                tries,
            } => {
                let trouble = Trouble::Failed {
                    reason: reason.clone(),
                    next_try: *next_try,
                    tries: *tries,
                };
                self.trouble = Some((trouble, now + *wait));
            }
            Event::Held { status, wait } => {
                self.trouble = Some((Trouble::Held { status: *status }, now + *wait));
            }
            Event::TokenRefreshed | Event::Rejected(_) | Event::Notice(_) => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_empty()
    }

    /// True if redrawing a line would disturb the user's typing: input, or the password for a command.
    pub(super) fn is_typing(&self) -> bool {
        let may_ask = |what| matches!(what, WaitFor::SecretCommand | WaitFor::Input);
        self.begun.iter().any(|&(what, _)| may_ask(what))
    }

    /// The wait to show, as text of at most this width if possible.
    pub(super) fn shown(&self, now: Instant, width: usize) -> Option<(WaitFor, String)> {
        let &(what, begun) = self.begun.last()?;
        let first = self.begun.first().map_or(begun, |(_, first)| *first);
        let quiet_since = self.last_end.map_or(first, |end| first.max(end));
        let patience = match (what, &self.trouble) {
            (WaitFor::OtherRun, _) => Duration::ZERO,
            (WaitFor::Input, _) if io::stdin().is_terminal() => Duration::ZERO,
            (WaitFor::Answer | WaitFor::Token, Some(_)) => SHOWN_AFTER_FAILURE,
            _ => SHOWN_AFTER,
        };
        let quiet = now.saturating_duration_since(quiet_since);
        if quiet < patience {
            return None;
        }
        let seconds = |span: Duration| duration(span.as_secs_f64().round());
        let sentence = match (what, &self.trouble) {
            (WaitFor::Answer | WaitFor::Token, Some((trouble, next))) => {
                let left = next.saturating_duration_since(now);
                trouble.sentence(&seconds(left), width)
            }
            (WaitFor::Answer, None) => {
                format!("waiting for the server's answer, {}", seconds(quiet))
            }
            (WaitFor::Token, None) => format!("waiting for a new token, {}", seconds(quiet)),
            (WaitFor::SecretCommand, _) => {
                format!(
                    "waiting for the command that prints the secret, {}",
                    seconds(quiet)
                )
            }
            (WaitFor::OtherRun, _) => {
                "another run uses this account: waiting for it to end".to_owned()
            }
            (WaitFor::Input, _) if patience.is_zero() => {
                "reading standard input: end it with Ctrl-D".to_owned()
            }
            (WaitFor::Input, _) => "waiting for the end of the input".to_owned(),
        };
        Some((what, sentence))
    }
}

impl Trouble {
    fn sentence(&self, left: &str, width: usize) -> String {
        let after = match left {
            "0 s" => String::new(),
            left => format!(" in {left}"),
        };
        let (reason, next) = match self {
            Self::Failed {
                reason,
                next_try,
                tries,
            } => (brief(reason), format!("try {next_try} of {tries}{after}")),
            Self::Held { status } => (format!("it answered {status}"), format!("next try{after}")),
        };
        let sentence = |reason: &str| format!("waiting for the server: {reason}, {next}");
        let room = |others: &str| width.saturating_sub(display_width(others) + 1);
        if display_width(&sentence(&reason)) <= width {
            return sentence(&reason);
        }
        let longest = room(&sentence(""));
        if longest >= REASON_MIN {
            return sentence(&clipped(&reason, longest));
        }
        let next = format!("{next}: ");
        format!("{next}{}", clipped(&reason, room(&next)))
    }
}

/// The system's cause without its number: `connection refused`.
fn brief(reason: &str) -> String {
    let Some((words, _)) = reason.rsplit_once(" (os error ") else {
        return reason.to_owned();
    };
    let cause = words.rsplit(": ").next().unwrap_or(words);
    let mut letters = cause.chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_shown_once_it_is_long_and_as_short_as_the_terminal_needs_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut waits = Waits::default();
        waits.note(&Event::WaitBegins(WaitFor::Answer), start);
        assert_eq!(waits.shown(at(1), 80), None);
        let shown = |waits: &Waits, seconds, width| waits.shown(at(seconds), width).unwrap().1;
        assert_eq!(shown(&waits, 3, 80), "waiting for the server's answer, 3 s");
        let retry = Event::Retry {
            reason: "no connection to 127.0.0.1:9: Connection refused (os error 111)".to_owned(),
            wait: Duration::from_secs(12),
            next_try: 7,
            tries: 8,
        };
        waits.note(&retry, at(3));
        for (width, sentence) in [
            (
                80,
                "waiting for the server: connection refused, try 7 of 8 in 10 s",
            ),
            (
                60,
                "waiting for the server: connection refu…, try 7 of 8 in 10 s",
            ),
            (40, "try 7 of 8 in 10 s: connection refused"),
        ] {
            assert_eq!(shown(&waits, 5, width), sentence);
        }
        assert_eq!(
            shown(&waits, 16, 80),
            "waiting for the server: connection refused, try 7 of 8"
        );
        let wait = Duration::from_secs(5);
        waits.note(&Event::Held { status: 429, wait }, at(16));
        assert_eq!(
            shown(&waits, 17, 80),
            "waiting for the server: it answered 429, next try in 4 s"
        );
        waits.note(&Event::WaitBegins(WaitFor::Answer), at(17));
        waits.note(&Event::WaitEnds(WaitFor::Answer), at(18));
        assert_eq!(
            shown(&waits, 19, 80),
            "waiting for the server: it answered 429, next try in 2 s",
            "an answer to a request sent before the pause"
        );
        waits.note(&Event::WaitEnds(WaitFor::Answer), at(21));
        assert!(waits.is_empty() && waits.shown(at(30), 80).is_none());
    }

    #[test]
    fn answers_that_keep_coming_are_not_waited_for() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut waits = Waits::default();
        for _ in 0..2 {
            waits.note(&Event::WaitBegins(WaitFor::Answer), start);
        }
        waits.note(&Event::WaitEnds(WaitFor::Answer), at(9));
        assert_eq!(waits.shown(at(10), 80), None);
        assert!(waits.shown(at(11), 80).is_some());
        waits.note(&Event::WaitBegins(WaitFor::OtherRun), at(9));
        assert!(waits.shown(at(9), 80).is_some() && !waits.is_typing());
        waits.note(&Event::WaitBegins(WaitFor::SecretCommand), at(9));
        assert!(waits.is_typing());
    }
}
