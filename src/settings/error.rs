//! Errors of the configuration.

use std::{fmt, str::FromStr};

/// The reason why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Arguments or configuration are wrong.
    #[error("{message}")]
    Wrong {
        /// The mistake.
        message: String,
        /// A suggestion for the user.
        hint: Option<String>,
    },
    /// The file of a token or password is missing, unreadable or empty.
    #[error("{message}")]
    SecretMissing {
        /// The file, and what is wrong.
        message: String,
        /// A suggestion for the user.
        hint: String,
    },
    /// No token source is configured.
    #[error("no token is configured")]
    TokenMissing,
}

impl SettingsError {
    pub(crate) fn wrong(message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self::Wrong {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// A suggestion for the user.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Wrong { hint, .. } => hint.clone(),
            Self::SecretMissing { hint, .. } => Some(hint.clone()),
            Self::TokenMissing => Some(
                "set the environment variable WAZZUP_TOKEN or pass --token-file FILE; to try the tool without an account, add --sandbox"
                    .to_owned(),
            ),
        }
    }
}

/// Parses a word. An error names the flag or setting that it comes from.
pub(crate) fn parse<T: FromStr<Err: fmt::Display>>(
    origin: &str,
    word: &str,
) -> Result<T, SettingsError> {
    word.parse()
        .map_err(|error| SettingsError::wrong(format!("{origin}: {error}"), None))
}
