//! What ends a call to the API for good, and what its user can do about it.

use std::{io, path::PathBuf};

use super::{base_url::BaseUrlError, refusal::Refusal};
use crate::progress::StopReason;

/// Why a call could not be brought to an answer.
///
/// Where an error carries `sent`, it says whether the request may have been carried out all the same:
/// some try of it left and was not answered clearly. [`ApiError::may_have_arrived`] asks all of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The token is missing, wrong or expired, and could not be renewed.
    #[error("the token from {origin} was not accepted: {detail}")]
    Unauthorized {
        /// Where the token comes from: `WAZZUP_TOKEN`, a file, a grant.
        origin: String,
        /// The server's words.
        detail: String,
        /// May the request have been carried out?
        sent: bool,
    },
    /// The token is good, but not for this.
    #[error("the account is not allowed to do this: {detail}")]
    Forbidden {
        /// The server's words.
        detail: String,
        /// May the request have been carried out?
        sent: bool,
    },
    /// What was given as a token can't be one.
    #[error("the token from {origin} can't be used: {detail}")]
    BadToken {
        /// Where it comes from.
        origin: String,
        /// What is wrong; never the token.
        detail: String,
        /// May the request have been carried out?
        sent: bool,
    },
    /// The command that prints the token failed.
    #[error("the token command failed: {detail}")]
    TokenCommand {
        /// How.
        detail: String,
        /// May the request have been carried out?
        sent: bool,
    },
    /// The new refresh token could not be kept; the old one would be lost.
    #[error("the refresh token can't be kept in {}", path.display())]
    TokenStore {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
        /// May the request have been carried out?
        sent: bool,
    },
    /// One request failed too often.
    #[error("{what} failed {tries} times, the last time with: {last}")]
    GaveUp {
        /// Method and path.
        what: &'static str,
        /// How often it was sent.
        tries: u32,
        /// How it ended the last time.
        last: String,
        /// May it have been carried out?
        sent: bool,
    },
    /// All requests fail: the server or the network is down.
    #[error("the last {failures} requests all failed, the last one with: {last}")]
    Circuit {
        /// How many in a row.
        failures: u32,
        /// How the last one ended.
        last: String,
        /// May this request have been carried out?
        sent: bool,
    },
    /// Somebody asked to stop while the request waited.
    #[error("interrupted")]
    Interrupted {
        /// Who.
        reason: StopReason,
        /// May the request have been carried out?
        sent: bool,
    },
    /// The other side is not who it should be.
    #[error("the server's certificate is not trusted: {detail}")]
    Tls {
        /// The verifier's words.
        detail: String,
        /// May the request have been carried out?
        sent: bool,
    },
    /// The address can't be used.
    #[error(transparent)]
    Url(#[from] BaseUrlError),
    /// The server sends us elsewhere, where we do not follow.
    #[error("{what} was answered with a redirect ({status}) to {location}")]
    Redirected {
        /// Method and path.
        what: &'static str,
        /// The status.
        status: u16,
        /// Where to.
        location: String,
        /// May the request have been carried out?
        sent: bool,
    },
    /// Something answers, but it is not the contacts API.
    #[error("{what} was answered with {status}: {detail}")]
    NotTheApi {
        /// Method and path.
        what: &'static str,
        /// The status.
        status: u16,
        /// The answer's words.
        detail: String,
        /// May the request have been carried out?
        sent: bool,
    },
    /// A request that should never be refused was.
    #[error("{what} was refused: {refusal}")]
    Refused {
        /// Method and path.
        what: &'static str,
        /// The server's words.
        refusal: Refusal,
    },
    /// A contact came that is not one.
    #[error("the answer to {what} can't be read: {detail}")]
    Unreadable {
        /// Method and path.
        what: &'static str,
        /// The parser's words.
        detail: String,
    },
    /// An answer without end.
    #[error("the answer to {what} is larger than {} MiB", limit_bytes >> 20)]
    BodyTooLarge {
        /// Method and path.
        what: &'static str,
        /// The cap.
        limit_bytes: u64,
        /// May the request have been carried out?
        sent: bool,
    },
    /// The HTTP client could not be set up.
    #[error("the HTTP client can't be set up: {detail}")]
    Setup {
        /// Its words.
        detail: String,
    },
}

impl ApiError {
    /// May the request have been carried out, although no clear answer came?
    #[must_use]
    pub(crate) fn may_have_arrived(&self) -> bool {
        match self {
            Self::Unauthorized { sent, .. }
            | Self::Forbidden { sent, .. }
            | Self::BadToken { sent, .. }
            | Self::TokenCommand { sent, .. }
            | Self::TokenStore { sent, .. }
            | Self::GaveUp { sent, .. }
            | Self::Circuit { sent, .. }
            | Self::Interrupted { sent, .. }
            | Self::Tls { sent, .. }
            | Self::Redirected { sent, .. }
            | Self::NotTheApi { sent, .. }
            | Self::BodyTooLarge { sent, .. } => *sent,
            Self::Url(_) | Self::Refused { .. } | Self::Unreadable { .. } | Self::Setup { .. } => {
                false
            }
        }
    }

    /// Is it about the token or its rights (exit code 4)?
    #[must_use]
    pub(crate) fn is_about_the_token(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized { .. }
                | Self::Forbidden { .. }
                | Self::BadToken { .. }
                | Self::TokenCommand { .. }
        )
    }

    /// What the user can do next.
    #[must_use]
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Url(error) => return Some(error.hint()),
            Self::Unauthorized { .. } | Self::BadToken { .. } => {
                "set WAZZUP_TOKEN or --token-file to a token that is still good (they live one hour), or let the tool renew it: \
                 WAZZUP_REFRESH_TOKEN and WAZZUP_CLIENT_ID, or WAZZUP_ACCOUNT_ID, each with the partner's email and password, or `token_command` in the profile"
            }
            Self::Forbidden { .. } => {
                "check that the token belongs to the account that --profile or WAZZUP_TOKEN should mean, and that it may use contacts (scope `crm`)"
            }
            Self::TokenCommand { .. } => {
                "run the profile's `token_command` by hand: it must print the token, and nothing else, and end with 0"
            }
            Self::TokenStore { .. } => {
                "make the directory writable: a refresh token can be used only once, so the next one must be kept before the token is renewed"
            }
            Self::GaveUp { .. } | Self::Circuit { .. } => {
                "check the network and the server, then try again: nothing is lost"
            }
            Self::Tls { .. } => {
                "check this machine's date and its root certificates, and whether a proxy opens the traffic"
            }
            Self::Redirected { .. } | Self::NotTheApi { .. } => {
                "check --base-url (WAZZUP_BASE_URL): it should be the address that /v2/contacts is put behind"
            }
            Self::Setup { .. } => {
                "if it is about certificates, install the system's root certificates (the package `ca-certificates`)"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// The same error of a request of which an earlier try may have been carried out.
    pub(crate) fn having_sent(mut self, earlier: bool) -> Self {
        if let Some(sent) = self.sent() {
            *sent |= earlier;
        }
        self
    }

    /// The same error, of another request than the one that it ended: a call for a token says nothing of the write
    /// that waits for it.
    pub(crate) fn of_another(mut self) -> Self {
        if let Some(sent) = self.sent() {
            *sent = false;
        }
        self
    }

    fn sent(&mut self) -> Option<&mut bool> {
        match self {
            Self::Unauthorized { sent, .. }
            | Self::Forbidden { sent, .. }
            | Self::BadToken { sent, .. }
            | Self::TokenCommand { sent, .. }
            | Self::TokenStore { sent, .. }
            | Self::GaveUp { sent, .. }
            | Self::Circuit { sent, .. }
            | Self::Interrupted { sent, .. }
            | Self::Tls { sent, .. }
            | Self::Redirected { sent, .. }
            | Self::NotTheApi { sent, .. }
            | Self::BodyTooLarge { sent, .. } => Some(sent),
            Self::Url(_) | Self::Refused { .. } | Self::Unreadable { .. } | Self::Setup { .. } => {
                None
            }
        }
    }
}

impl From<StopReason> for ApiError {
    fn from(reason: StopReason) -> Self {
        Self::Interrupted {
            reason,
            sent: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_try_is_remembered() {
        let error = ApiError::from(StopReason::Interrupt);
        assert!(!error.may_have_arrived());
        assert!(error.having_sent(true).may_have_arrived());
    }

    #[test]
    fn the_hint_of_a_bad_token_names_every_way_to_give_one() {
        let error = ApiError::Unauthorized {
            origin: "WAZZUP_TOKEN".into(),
            detail: "Unauthorized".into(),
            sent: false,
        };
        let hint = error.hint().unwrap_or_default();
        for word in [
            "WAZZUP_TOKEN",
            "--token-file",
            "WAZZUP_REFRESH_TOKEN",
            "token_command",
        ] {
            assert!(hint.contains(word), "{word}");
        }
        assert!(error.is_about_the_token());
    }
}
