//! Where the token comes from, and how it stays good.
//!
//! * [`TokenSource`]: the four ways to get one; the caller reads the settings.
//! * `keeper`: the present token for all threads; one renews it, the others wait.
//! * `grant`: the token endpoint. `store`: the rotating refresh token on disk. `command`: a token that a
//!   command prints. `jwt`: what a token says of itself.
//!
//! Secrets are [`SecretString`]s: `Debug` shows nothing of them, and there is no `Display`.

mod command;
mod grant;
mod jwt;
mod keeper;
mod source;
mod store;

use std::{fmt, path::PathBuf, str::FromStr, time::SystemTime};

use secrecy::SecretString;

pub(crate) use self::keeper::Tokens;

/// Where the token comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// A token as it is; nothing can renew it.
    Static {
        /// The token.
        token: SecretString,
        /// How messages call the place it was read from: `WAZZUP_TOKEN`, `--token-file token.txt`.
        origin: String,
    },
    /// The OAuth refresh grant ("full authorization"); each refresh token can be used once.
    Refresh {
        /// Whose application it is.
        partner: Partner,
        /// The application's id.
        client_id: String,
        /// The refresh token of the environment.
        refresh_token: SecretString,
        /// Where the tokens that follow it are kept; without it they live as long as the process.
        store: Option<PathBuf>,
    },
    /// Simplified authorization: the partner asks for a client's token.
    Simplified {
        /// Whose clients they are.
        partner: Partner,
        /// The client's account.
        account: AccountId,
    },
    /// A shell command that prints the token.
    Command {
        /// As the shell takes it.
        command: String,
    },
}

impl TokenSource {
    /// How messages call it.
    pub(crate) fn origin(&self) -> String {
        match self {
            Self::Static { origin, .. } => origin.clone(),
            Self::Refresh { .. } => "WAZZUP_REFRESH_TOKEN".to_owned(),
            Self::Simplified { account, .. } => {
                format!("simplified authorization for account {account}")
            }
            Self::Command { .. } => "token_command".to_owned(),
        }
    }
}

/// The partner account that may ask for tokens.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Its email.
    pub email: String,
    /// Its password.
    pub password: SecretString,
}

/// An account's id, digits only: `7204-2419` is shown in the cabinet and `72042419` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountId(String);

impl AccountId {
    /// The digits.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no account id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an account id: it should be digits, such as 7204-2419")]
pub struct AccountIdError {
    text: String,
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, AccountIdError> {
        let is_between = |c: char| c.is_whitespace() || matches!(c, '-' | '‐' | '‑' | '–');
        let digits: String = text.chars().filter(|c| !is_between(*c)).collect();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AccountIdError { text: text.into() });
        }
        Ok(Self(digits))
    }
}

/// What is known about the token; nothing of the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenStatus {
    /// Where it comes from.
    pub origin: String,
    /// Can the tool renew it?
    pub is_renewable: bool,
    /// When it ends, where that is known.
    pub expires_at: Option<SystemTime>,
    /// The account that it names or was asked for.
    pub account: Option<String>,
    /// Where the refresh token is kept.
    pub store: Option<PathBuf>,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_its_digits() {
        for text in ["7204-2419", "72042419", " 7204 2419 "] {
            assert_eq!(text.parse::<AccountId>().unwrap().as_str(), "72042419");
        }
        for text in ["", "-", "7204-241x", "٧٢"] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let source = TokenSource::Refresh {
            partner: Partner {
                email: "partner@example.com".into(),
                password: "p4ssw0rd".into(),
            },
            client_id: "app".into(),
            refresh_token: "r3fresh".into(),
            store: None,
        };
        let shown = format!("{source:?}");
        assert!(
            !shown.contains("p4ssw0rd") && !shown.contains("r3fresh"),
            "{shown}"
        );
    }
}
