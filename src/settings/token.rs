//! Finds the token: `--token-file`, then the environment, then the profile.
//!
//! | source | needs |
//! |---|---|
//! | a token | `--token-file`, `WAZZUP_TOKEN`, or `token_file` in the profile |
//! | OAuth refresh | `WAZZUP_REFRESH_TOKEN`, `WAZZUP_CLIENT_ID` and the partner; takes precedence over `WAZZUP_TOKEN`, which then expires within an hour |
//! | simplified authorization | `WAZZUP_ACCOUNT_ID` and the partner |
//! | a command | `token_command` in the profile |
//!
//! The partner is `WAZZUP_PARTNER_EMAIL` and `WAZZUP_PARTNER_PASSWORD`. The profile may hold everything but secrets.

use std::{env, fs, io::Read as _, path::Path};

use secrecy::SecretString;

use super::{SettingsError, config::Profile, error::parse};
use crate::{
    api::{Partner, TokenSource},
    paths::{read_fault, similar},
};

/// Longer than any token.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;

/// Few file names have a part of this length, and no token is shorter.
const LONG_WORD: usize = 32;

/// The first source that is configured.
pub(super) fn source(
    token_file: Option<&Path>,
    profile: &Profile,
    store: &Path,
) -> Result<TokenSource, SettingsError> {
    if let Some(path) = token_file {
        return from_file(path, format!("--token-file {}", shown(path)));
    }
    let token = secret("WAZZUP_TOKEN");
    if let Some(refresh_token) = secret("WAZZUP_REFRESH_TOKEN") {
        let refreshing = refreshing(profile, refresh_token, store);
        if refreshing.is_ok() || token.is_none() {
            return refreshing;
        }
    }
    if let Some(token) = token {
        return Ok(TokenSource::Static {
            token,
            origin: "WAZZUP_TOKEN".to_owned(),
        });
    }
    if let Some(account) = setting("WAZZUP_ACCOUNT_ID", profile.account_id.as_ref())
        && setting("WAZZUP_PARTNER_EMAIL", profile.partner_email.as_ref()).is_some()
    {
        let account = parse("WAZZUP_ACCOUNT_ID", &account)?;
        return Ok(TokenSource::Simplified {
            partner: partner(profile, &origin_of("WAZZUP_ACCOUNT_ID", "account_id"))?,
            account,
        });
    }
    if let Some(command) = &profile.token_command {
        return Ok(TokenSource::Command {
            command: command.clone(),
        });
    }
    match &profile.token_file {
        Some(path) => from_file(path, format!("token_file {}", shown(path))),
        None => Err(missing(profile)),
    }
}

fn refreshing(
    profile: &Profile,
    refresh_token: SecretString,
    store: &Path,
) -> Result<TokenSource, SettingsError> {
    const BECAUSE: &str = "WAZZUP_REFRESH_TOKEN";
    Ok(TokenSource::Refresh {
        client_id: needed("WAZZUP_CLIENT_ID", profile.client_id.as_ref(), BECAUSE)?,
        partner: partner(profile, BECAUSE)?,
        refresh_token,
        store: Some(store.to_path_buf()),
    })
}

/// The file's name, unless the file does not exist and its name may be the token itself.
fn shown(path: &Path) -> String {
    let name = path.display().to_string();
    let is_long_word = name
        .split(['/', '\\', ' '])
        .any(|word| word.len() >= LONG_WORD);
    if is_long_word && !path.exists() {
        "is not a file, and looks like a token (not shown)".to_owned()
    } else {
        name
    }
}

fn from_file(path: &Path, origin: String) -> Result<TokenSource, SettingsError> {
    let mut text = String::new();
    let read =
        fs::File::open(path).and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|error| {
        let usual = "name a file whose first line is the token, or set WAZZUP_TOKEN";
        let advice = similar(path).map(|path| format!("did you mean {}? ", path.display()));
        SettingsError::wrong(
            format!("{origin}: {}", read_fault(&error)),
            advice.unwrap_or_default() + usual,
        )
    })?;
    // Windows editors write a BOM.
    let text = text.trim_start_matches('\u{feff}');
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() {
        return Err(SettingsError::wrong(
            format!("{origin}: the first line is empty"),
            Some("write the token in the first line".to_owned()),
        ));
    }
    Ok(TokenSource::Static {
        token: token.into(),
        origin,
    })
}

fn partner(profile: &Profile, because: &str) -> Result<Partner, SettingsError> {
    let email = needed(
        "WAZZUP_PARTNER_EMAIL",
        profile.partner_email.as_ref(),
        because,
    )?;
    let password: SecretString = needed("WAZZUP_PARTNER_PASSWORD", None, because)?.into();
    Ok(Partner { email, password })
}

fn needed(name: &str, profile: Option<&String>, because: &str) -> Result<String, SettingsError> {
    setting(name, profile).ok_or_else(|| incomplete(because, name))
}

fn incomplete(because: &str, name: &str) -> SettingsError {
    SettingsError::wrong(
        format!("{because} is set, but {name} is missing"),
        Some(format!("set {name} as well, or use WAZZUP_TOKEN")),
    )
}

/// The error if no token is configured. It names the refresh token if everything else for OAuth is there.
fn missing(profile: &Profile) -> SettingsError {
    match setting("WAZZUP_CLIENT_ID", profile.client_id.as_ref()) {
        Some(_) => incomplete(
            &origin_of("WAZZUP_CLIENT_ID", "client_id"),
            "WAZZUP_REFRESH_TOKEN",
        ),
        None => SettingsError::TokenMissing,
    }
}

/// The origin of a setting that is present, for error messages.
fn origin_of(name: &str, key: &str) -> String {
    match setting(name, None) {
        Some(_) => name.to_owned(),
        None => format!("the profile's `{key}`"),
    }
}

/// The value in the environment, else in the profile.
pub(super) fn setting(name: &str, profile: Option<&String>) -> Option<String> {
    env::var(name)
        .ok()
        .filter(|value| !value.trim().is_empty())
        .or_else(|| profile.cloned())
}

fn secret(name: &str) -> Option<SecretString> {
    env::var(name)
        .ok()
        .map(|value| value.trim().to_owned())
        .filter(|value| !value.is_empty())
        .map(SecretString::from)
}
