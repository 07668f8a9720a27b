//! The sources of tokens, and token renewal.
//!
//! * [`TokenSource`]: the four ways to get a token.
//! * `keeper`: the current token for all threads; one renews it while the others wait.
//! * `source`: gets a new token. `grant`: the token endpoint. `store`: rotating refresh tokens on disk. `command`: runs the
//!   command that prints a token. `jwt`: the claims of a token.
//!
//! Secrets are [`SecretString`]s, which `Debug` hides and which have no `Display`.

mod command;
mod grant;
mod jwt;
mod keeper;
mod source;
mod store;

use std::{fmt, path::PathBuf, str::FromStr, time::SystemTime};

use secrecy::SecretString;

pub(crate) use self::keeper::TokenKeeper;

/// Environment variables with secrets, which are hidden from the commands that the tool runs.
pub(crate) const SECRET_VARIABLES: [&str; 3] = [
    "WAZZUP_TOKEN",
    "WAZZUP_REFRESH_TOKEN",
    "WAZZUP_PARTNER_PASSWORD",
];

/// A source of tokens.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// A fixed token that can't be renewed.
    Static {
        /// The token.
        token: SecretString,
        /// Its origin for messages: `WAZZUP_TOKEN`, `--token-file token.txt`.
        origin: String,
    },
    /// The OAuth refresh grant ("full authorization").
    Refresh(RefreshGrant),
    /// Simplified authorization: the partner requests a client's token.
    Simplified {
        /// The partner.
        partner: Partner,
        /// The client's account.
        account: AccountId,
    },
    /// A shell command that prints the token.
    Command {
        /// The command line for the shell.
        command: String,
    },
}

/// A chain of refresh tokens, each of which can be used once.
#[derive(Clone, Debug)]
pub struct RefreshGrant {
    /// The partner that owns the application.
    pub partner: Partner,
    /// The application's id.
    pub client_id: String,
    /// The first refresh token.
    pub refresh_token: SecretString,
    /// Its origin for messages: `WAZZUP_REFRESH_TOKEN`.
    pub origin: String,
    /// File for the subsequent tokens.
    pub store: PathBuf,
}

impl TokenSource {
    pub(crate) fn origin(&self) -> TokenOrigin {
        match self {
            Self::Static { origin, .. } => TokenOrigin::Given(origin.clone()),
            Self::Refresh(grant) => TokenOrigin::Granted(grant.origin.clone()),
            Self::Simplified { account, .. } => {
                TokenOrigin::Granted(format!("simplified authorization for account {account}"))
            }
            Self::Command { .. } => TokenOrigin::Command,
        }
    }

    /// True if it can provide another token.
    pub(crate) const fn is_renewable(&self) -> bool {
        !matches!(self, Self::Static { .. })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, strum::Display)]
pub(crate) enum TokenOrigin {
    /// A variable, an option with its file, or a credential.
    #[strum(to_string = "{0}")]
    Given(String),
    #[strum(to_string = "token_command")]
    Command,
    /// The token endpoint, by this authorization.
    #[strum(to_string = "{0}")]
    Granted(String),
}

impl TokenOrigin {
    /// Advice if the API refuses the token. It keeps the account's id as it is: another one would make it another
    /// account for `apply`.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Given(name) => format!(
                "put a valid token into {name} (tokens live one hour), or remove it and let the tool get tokens: with `token_command` \
                 in the profile, or with WAZZUP_REFRESH_TOKEN, WAZZUP_CLIENT_ID and the partner's email and password"
            ),
            Self::Command => "run the profile's `token_command` by hand: it must print a valid token, and a new one \
                 once that has expired (tokens live one hour)"
                .to_owned(),
            Self::Granted(_) => "the server refuses a token that it has just granted: ask Wazzup's support whether the account may use the API"
                .to_owned(),
        }
    }
}

/// A partner account, which may request tokens.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Its email.
    pub email: String,
    /// Its password.
    pub password: PartnerPassword,
}

/// The partner's password, or a command that prints it.
#[derive(Clone, Debug)]
pub enum PartnerPassword {
    /// The password itself.
    Given {
        /// The password.
        password: SecretString,
        /// Its origin for messages: `WAZZUP_PARTNER_PASSWORD`.
        origin: String,
    },
    /// A shell command that prints it.
    Command {
        /// The command line for the shell.
        command: String,
    },
}

impl PartnerPassword {
    pub(crate) fn origin(&self) -> &str {
        match self {
            Self::Given { origin, .. } => origin,
            Self::Command { .. } => "partner_password_command",
        }
    }
}

/// An account's id, digits only: the web interface displays `7204-2419`, the API expects `72042419`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountId(String);

impl AccountId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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

/// The status of the token, without the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TokenStatus {
    /// The token's origin.
    pub origin: String,
    pub is_renewable: bool,
    /// When it expires, if known.
    pub expires_at: Option<SystemTime>,
    /// The account that the token names or was requested for.
    pub account: Option<String>,
    /// File of the refresh token.
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
        let source = TokenSource::Refresh(RefreshGrant {
            partner: Partner {
                email: "partner@example.com".into(),
                password: PartnerPassword::Given {
                    password: "p4ssw0rd".into(),
                    origin: "a test".into(),
                },
            },
            client_id: "app".into(),
            refresh_token: "r3fresh".into(),
            origin: "a test".into(),
            store: PathBuf::new(),
        });
        let shown = format!("{source:?}");
        assert!(
            !shown.contains("p4ssw0rd") && !shown.contains("r3fresh"),
            "{shown}"
        );
    }
}
