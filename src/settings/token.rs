//! Finds the secrets: `--token-file`, then the environment, then the service manager's credentials, then the
//! profile.
//!
//! | source | needs |
//! |---|---|
//! | a token | `--token-file`, `WAZZUP_TOKEN`, the credential `token`, or `token_file` in the profile |
//! | OAuth refresh | `WAZZUP_REFRESH_TOKEN` or the credential `refresh_token`, `WAZZUP_CLIENT_ID` and the partner; takes precedence over `WAZZUP_TOKEN`, which then expires within an hour |
//! | simplified authorization | `WAZZUP_ACCOUNT_ID` and the partner |
//! | a command | `token_command` in the profile |
//!
//! The partner is `WAZZUP_PARTNER_EMAIL`, and `WAZZUP_PARTNER_PASSWORD`, the credential `partner_password`, or
//! `partner_password_command` or `partner_password_file` in the profile. The profile may contain everything except
//! secrets.
//!
//! A credential is a file in `$CREDENTIALS_DIRECTORY`, where systemd stores the files of `LoadCredential=` and
//! similar settings. With several profiles, `PROFILE.token` takes precedence over `token`, and likewise for the
//! other two.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{SettingsError, config::Profile, error::parse};
use crate::{
    api::{Partner, PartnerPassword, RefreshGrant, TokenSource},
    environment::variable,
    paths::{read_fault, similar},
};

/// Longer than any secret.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Few file names have a component of this length, and no token is shorter.
const LONG_WORD: usize = 32;

struct Secret {
    value: SecretString,
    origin: String,
}

impl From<Secret> for TokenSource {
    fn from(secret: Secret) -> Self {
        Self::Static {
            token: secret.value,
            origin: secret.origin,
        }
    }
}

/// A profile and its name, for look-ups of secrets.
pub(super) struct SecretLookup<'a> {
    pub(super) profile: &'a Profile,
    pub(super) name: Option<&'a str>,
}

impl SecretLookup<'_> {
    /// The first configured source of a token.
    pub(super) fn token_source(
        &self,
        token_file: Option<&Path>,
        store: &Path,
    ) -> Result<TokenSource, SettingsError> {
        let profile = self.profile;
        if let Some(path) = token_file {
            return token_of(path, "--token-file");
        }
        let token = self.secret("WAZZUP_TOKEN", "token")?;
        if let Some(refresh_token) = self.secret("WAZZUP_REFRESH_TOKEN", "refresh_token")? {
            let refreshing = self.refreshing(refresh_token, store);
            if refreshing.is_ok() || token.is_none() {
                return refreshing;
            }
        }
        if let Some(token) = token {
            return Ok(token.into());
        }
        if let Some(account) = setting("WAZZUP_ACCOUNT_ID", profile.account_id.as_ref())
            && setting("WAZZUP_PARTNER_EMAIL", profile.partner_email.as_ref()).is_some()
        {
            let account = parse("WAZZUP_ACCOUNT_ID", &account)?;
            let because = origin_of("WAZZUP_ACCOUNT_ID", "account_id");
            return Ok(TokenSource::Simplified {
                partner: self.partner(&because)?,
                account,
            });
        }
        if let Some(command) = &profile.token_command {
            return Ok(TokenSource::Command {
                command: command.clone(),
            });
        }
        match &profile.token_file {
            Some(path) => token_of(path, "token_file"),
            None => Err(missing(profile)),
        }
    }

    fn refreshing(
        &self,
        refresh_token: Secret,
        store: &Path,
    ) -> Result<TokenSource, SettingsError> {
        let because = &refresh_token.origin;
        Ok(TokenSource::Refresh(RefreshGrant {
            client_id: needed("WAZZUP_CLIENT_ID", self.profile.client_id.as_ref(), because)?,
            partner: self.partner(because)?,
            refresh_token: refresh_token.value,
            origin: refresh_token.origin.clone(),
            store: store.to_path_buf(),
        }))
    }

    fn partner(&self, because: &str) -> Result<Partner, SettingsError> {
        let email = self.profile.partner_email.as_ref();
        Ok(Partner {
            email: needed("WAZZUP_PARTNER_EMAIL", email, because)?,
            password: self.partner_password(because)?,
        })
    }

    fn partner_password(&self, because: &str) -> Result<PartnerPassword, SettingsError> {
        const NAME: &str = "WAZZUP_PARTNER_PASSWORD";
        let given = |secret: Secret| PartnerPassword::Given {
            password: secret.value,
            origin: secret.origin,
        };
        if let Some(secret) = self.secret(NAME, "partner_password")? {
            return Ok(given(secret));
        }
        if let Some(command) = &self.profile.partner_password_command {
            return Ok(PartnerPassword::Command {
                command: command.clone(),
            });
        }
        let Some(path) = &self.profile.partner_password_file else {
            return Err(SettingsError::wrong(
                format!("{because} is set, but {NAME} is missing"),
                Some(format!(
                    "set {NAME} as well, or `partner_password_file` in the profile, or use WAZZUP_TOKEN"
                )),
            ));
        };
        read_secret(path, "partner_password_file", ("password", NAME)).map(given)
    }

    /// A secret in the environment, or one from the service manager.
    fn secret(&self, variable: &str, credential: &str) -> Result<Option<Secret>, SettingsError> {
        if let Some(value) = setting(variable, None) {
            return Ok(Some(Secret {
                value: value.trim().into(),
                origin: variable.to_owned(),
            }));
        }
        let path = self.credential(credential);
        path.map(|path| read_secret(&path, "the credential", (credential, variable)))
            .transpose()
    }

    fn credential(&self, name: &str) -> Option<PathBuf> {
        let directory = PathBuf::from(variable("CREDENTIALS_DIRECTORY")?);
        let profile = self.name.filter(|profile| !profile.contains(['/', '\\']));
        let of_profile = profile.map(|profile| format!("{profile}.{name}"));
        let names = of_profile.into_iter().chain([name.to_owned()]);
        let mut paths = names.map(|name| directory.join(name));
        paths.find(|path| path.exists())
    }
}

fn token_of(path: &Path, option: &str) -> Result<TokenSource, SettingsError> {
    read_secret(path, option, ("token", "WAZZUP_TOKEN")).map(TokenSource::from)
}

/// The file's name, unless the file does not exist and the name may be the secret itself.
fn shown(path: &Path) -> String {
    let name = path.display().to_string();
    let is_long_word = name
        .split(['/', '\\', ' '])
        .any(|word| word.len() >= LONG_WORD);
    if is_long_word && !path.exists() {
        "(not shown, because it looks like a token)".to_owned()
    } else {
        name
    }
}

/// The secret in the first line of a file that is named by an option or a key. `what` describes it; `variable` is
/// the alternative environment variable.
fn read_secret(
    path: &Path,
    option: &str,
    (what, variable): (&str, &str),
) -> Result<Secret, SettingsError> {
    let origin = format!("{option} {}", shown(path));
    let mut text = String::new();
    let read = |file: fs::File| file.take(SECRET_BYTES_MAX).read_to_string(&mut text);
    fs::File::open(path)
        .and_then(read)
        .map_err(|error: io::Error| {
            let usual = format!("name a file whose first line is the {what}, or set {variable}");
            let advice = similar(path).map(|path| format!("did you mean {}? ", path.display()));
            SettingsError::SecretMissing {
                message: format!("{origin} {}", read_fault(&error)),
                hint: advice.unwrap_or_default() + &usual,
            }
        })?;
    // Windows editors write a BOM.
    let text = text.trim_start_matches('\u{feff}');
    let secret = text.lines().next().unwrap_or_default().trim();
    if secret.is_empty() {
        return Err(SettingsError::SecretMissing {
            message: format!("{origin}: the first line is empty"),
            hint: format!("write the {what} on the first line"),
        });
    }
    Ok(Secret {
        value: secret.into(),
        origin,
    })
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

/// The error if no token is configured. It names the refresh token if only that is missing for OAuth.
fn missing(profile: &Profile) -> SettingsError {
    match setting("WAZZUP_CLIENT_ID", profile.client_id.as_ref()) {
        Some(_) => incomplete(
            &origin_of("WAZZUP_CLIENT_ID", "client_id"),
            "WAZZUP_REFRESH_TOKEN",
        ),
        None => SettingsError::TokenMissing,
    }
}

/// The origin of a configured setting, for error messages.
fn origin_of(name: &str, key: &str) -> String {
    match setting(name, None) {
        Some(_) => name.to_owned(),
        None => format!("the profile's `{key}`"),
    }
}

/// The value in the environment, or in the profile.
pub(super) fn setting(name: &str, profile: Option<&String>) -> Option<String> {
    let value = variable(name).and_then(|value| value.into_string().ok());
    value.or_else(|| profile.cloned())
}
