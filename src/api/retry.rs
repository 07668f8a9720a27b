//! What is done about each way in which a request can end.
//!
//! | how it ended | GET, PATCH, DELETE | POST (create) |
//! |---|---|---|
//! | 2xx, answer whole and readable | done | done |
//! | 2xx, JSON that does not say that a write was carried out | **unknown** | **unknown** |
//! | 2xx, answer broken off or not readable | again | **unknown** |
//! | 400 404 409 413 422 | refused | refused |
//! | 401 | renew the token, again | renew the token, again |
//! | 403 | stop; refused, where it is about what is in a write | as the others |
//! | 408, 500, 502, 504, other 5xx | again | **unknown** |
//! | 425, 503 | again | again |
//! | 429 | hold everybody, again | hold everybody, again |
//! | 3xx, any other status | stop | stop |
//! | no connection: name, refused, handshake, connect timeout | again | again |
//! | certificate not trusted | stop | stop |
//! | sent, no answer: timeout, reset, closed | again | **unknown** |
//! | 2xx, answer larger than the cap | stop | **unknown** |
//!
//! *Again* is bounded by the [`RetryPolicy`](super::backoff::RetryPolicy). Sending a PATCH, a DELETE or a
//! GET twice ends in the same state as sending it once; a POST may not, so one that may have been carried out
//! is never sent again here: the caller looks the contacts up first. 425 and 503 say that the work has not
//! begun ("too early", "not available"); a gateway's 502 and 504, a 408 and a 500 say nothing about it. Some proxies say
//! 503 of what they have handed on, so what was never answered otherwise counts as sent all the same. Refused
//! requests are for the caller to split; the other 4xx (405, 415, …) mean that the tool and the server do not
//! speak of the same thing, which no splitting mends.

/// How one try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer with this status; if it is 2xx, its body was whole and could be read.
    Status(u16),
    /// A 2xx whose body was broken off or is not what it should be.
    Garbled,
    /// A 2xx whose body is larger than the cap.
    TooLarge,
    /// The request can't have reached anybody.
    NeverLeft,
    /// The other side's certificate is not trusted.
    Untrusted,
    /// The request left, or may have, and no answer came.
    NoAnswer,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was carried out.
    Done,
    /// It was not carried out and never will be as it is.
    Refused,
    /// Nobody sends for a while; then again.
    Hold,
    /// Wait, then again.
    Again,
    /// Renew the token, then again.
    Unauthorized,
    /// It may have been carried out: the caller must find out.
    Unknown,
    /// Nothing that this client can do.
    Stop,
}

/// The table at the head of this file. `repeatable`: sending it twice does no more than sending it once.
pub(crate) const fn judge(outcome: Outcome, repeatable: bool) -> Verdict {
    match outcome {
        Outcome::Status(status) => judge_status(status, repeatable),
        Outcome::NeverLeft => Verdict::Again,
        Outcome::Untrusted => Verdict::Stop,
        Outcome::TooLarge if repeatable => Verdict::Stop,
        Outcome::Garbled | Outcome::NoAnswer if repeatable => Verdict::Again,
        Outcome::Garbled | Outcome::NoAnswer | Outcome::TooLarge => Verdict::Unknown,
    }
}

const fn judge_status(status: u16, repeatable: bool) -> Verdict {
    match status {
        200..=299 => Verdict::Done,
        400 | 404 | 409 | 413 | 422 => Verdict::Refused,
        401 => Verdict::Unauthorized,
        429 => Verdict::Hold,
        425 | 503 => Verdict::Again,
        408 | 500..=599 if repeatable => Verdict::Again,
        408 | 500..=599 => Verdict::Unknown,
        _ => Verdict::Stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_has_its_verdict() {
        use Outcome::{Garbled, NeverLeft, NoAnswer, Status, TooLarge, Untrusted};
        use Verdict::{Again, Done, Hold, Refused, Stop, Unauthorized, Unknown};
        let table = [
            (Status(200), Done, Done),
            (Status(201), Done, Done),
            (Status(204), Done, Done),
            (Status(301), Stop, Stop),
            (Status(304), Stop, Stop),
            (Status(400), Refused, Refused),
            (Status(401), Unauthorized, Unauthorized),
            (Status(402), Stop, Stop),
            (Status(403), Stop, Stop),
            (Status(404), Refused, Refused),
            (Status(405), Stop, Stop),
            (Status(408), Again, Unknown),
            (Status(409), Refused, Refused),
            (Status(413), Refused, Refused),
            (Status(415), Stop, Stop),
            (Status(422), Refused, Refused),
            (Status(425), Again, Again),
            (Status(429), Hold, Hold),
            (Status(500), Again, Unknown),
            (Status(502), Again, Unknown),
            (Status(503), Again, Again),
            (Status(504), Again, Unknown),
            (Status(520), Again, Unknown),
            (Status(999), Stop, Stop),
            (Garbled, Again, Unknown),
            (TooLarge, Stop, Unknown),
            (NeverLeft, Again, Again),
            (Untrusted, Stop, Stop),
            (NoAnswer, Again, Unknown),
        ];
        for (outcome, repeatable, create) in table {
            assert_eq!(judge(outcome, true), repeatable, "{outcome:?}");
            assert_eq!(judge(outcome, false), create, "{outcome:?} of a create");
        }
    }

    #[test]
    fn a_create_that_may_have_been_carried_out_is_never_sent_again() {
        for status in 0..=999 {
            let surely_not_begun = matches!(status, 425 | 429 | 503 | 401);
            let verdict = judge(Outcome::Status(status), false);
            let again = matches!(
                verdict,
                Verdict::Again | Verdict::Hold | Verdict::Unauthorized
            );
            assert_eq!(again, surely_not_begun, "{status}");
        }
    }
}
