//! The configuration file: profiles, each with what it takes to reach one account.
//!
//! `wazzup.toml` in the working directory, then in the platform's configuration directory. A key that is not
//! known is an error: a misspelt one would be ignored for months. Secrets are not among the keys.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{SettingsError, patience::Patience};

/// Name of the file, wherever it is.
pub(super) const FILE_NAME: &str = "wazzup.toml";

/// Larger than any honest configuration.
const BYTES_MAX: u64 = 1 << 20;

/// What a configuration file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The profile that counts without `--profile`.
    #[serde(default)]
    pub profile: Option<String>,
    /// The profiles by name.
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
}

/// What one profile says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Profile {
    /// Address of the API.
    pub base_url: Option<String>,
    /// File whose first line is the token.
    pub token_file: Option<PathBuf>,
    /// Shell command that prints the token.
    pub token_command: Option<String>,
    /// Account for the simplified authorization, such as `7204-2419`.
    pub account_id: Option<String>,
    /// OAuth client for the refresh of tokens.
    pub client_id: Option<String>,
    /// The partner account's email.
    pub partner_email: Option<String>,
    /// As `--rate`.
    pub rate: Option<String>,
    /// As `--concurrency`.
    pub concurrency: Option<u16>,
    /// As `--region`.
    pub region: Option<String>,
    /// As `--mapping`; from the directory of the configuration file.
    pub mapping: Option<PathBuf>,
    /// How patient to be with a server that does not answer well.
    pub patience: Patience,
}

/// Finds and reads the configuration: `named`, else in `here`, else in `config_directory`. None is fine.
pub(super) fn load(
    named: Option<&Path>,
    here: &Path,
    config_directory: Option<&Path>,
) -> Result<(Config, Option<PathBuf>), SettingsError> {
    let candidates = match named {
        Some(path) => vec![path.to_path_buf()],
        None => [Some(here), config_directory]
            .into_iter()
            .flatten()
            .map(|directory| directory.join(FILE_NAME))
            .collect(),
    };
    for path in candidates {
        match read(&path) {
            Ok(text) => return parse(&text, &path).map(|config| (config, Some(path))),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {}
            Err(error) => {
                return Err(SettingsError::wrong(
                    format!("configuration file {}: {error}", path.display()),
                    Some("name another file with --config, or leave the flag out".to_owned()),
                ));
            }
        }
    }
    Ok((Config::default(), None))
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "larger than 1 MiB: this is no configuration file",
        ));
    }
    fs::read_to_string(path)
}

fn parse(text: &str, path: &Path) -> Result<Config, SettingsError> {
    let mut config: Config = toml::from_str(text).map_err(|error| {
        SettingsError::wrong(
            format!(
                "configuration file {}: {}",
                path.display(),
                without_values(text, &error)
            ),
            Some(
                "samples/wazzup.toml shows every key; a token never stands in this file".to_owned(),
            ),
        )
    })?;
    let directory = path.parent().unwrap_or(Path::new(""));
    for profile in config.profiles.values_mut() {
        for file in [&mut profile.mapping, &mut profile.token_file]
            .into_iter()
            .flatten()
        {
            *file = directory.join(&*file);
        }
    }
    Ok(config)
}

/// What is wrong and where. The parser's own words show the line, and on the line may be a token that somebody thought
/// belonged there; of a value of the wrong kind they show the value.
fn without_values(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let message = match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}…{}", &message[..=first], &message[last..])
        }
        _ => message.to_owned(),
    };
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return message;
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    format!("line {line}, column {column}: {message}")
}

impl Config {
    /// The profile of that name, or the default one, or none at all.
    pub(super) fn select(
        &self,
        named: Option<&str>,
    ) -> Result<(Option<String>, Profile), SettingsError> {
        let Some(name) = named.or(self.profile.as_deref()) else {
            return Ok((None, Profile::default()));
        };
        if let Some(profile) = self.profiles.get(name) {
            Ok((Some(name.to_owned()), profile.clone()))
        } else {
            let known: Vec<_> = self.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() {
                "there are none".to_owned()
            } else {
                known.join(", ")
            };
            Err(SettingsError::wrong(
                format!("there is no profile `{name}` in the configuration (profiles: {known})"),
                Some(
                    "name one of them with --profile, or add [profiles.NAME] to wazzup.toml"
                        .to_owned(),
                ),
            ))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_chosen_by_name_or_by_default() {
        let text =
            "profile = \"a\"\n[profiles.a]\nrate = \"10/1s\"\n[profiles.b]\nmapping = \"m.toml\"\n";
        let config = parse(text, Path::new("conf/wazzup.toml")).unwrap();
        assert_eq!(
            config.select(None).unwrap().1.rate.as_deref(),
            Some("10/1s")
        );
        assert_eq!(
            config.select(Some("b")).unwrap().1.mapping.as_deref(),
            Some(Path::new("conf/m.toml"))
        );
        assert!(
            config
                .select(Some("c"))
                .unwrap_err()
                .to_string()
                .contains("profiles: a, b")
        );
    }

    #[test]
    fn a_misspelt_key_and_a_token_are_refused_and_no_value_is_shown() {
        for (line, wrong) in [
            ("raet = \"secret\"", "unknown field `raet`"),
            ("token = \"secret\"", "unknown field `token`"),
            ("token = secret", "quoted"),
            ("concurrency = \"secret\"", "invalid type"),
            ("concurrency = \"a \\\"secret\\\" b\"", "invalid type"),
            ("token = \"secret", "invalid basic string"),
            ("secret", ""),
            ("se cret = secret", ""),
        ] {
            let text = format!("[profiles.a]\n{line}\n");
            let error = parse(&text, Path::new("wazzup.toml")).unwrap_err();
            let words = error.to_string();
            assert!(words.contains(": line 2, column "), "{words}");
            assert!(words.contains(wrong), "{words}");
            assert!(!words.contains("secret"), "{words}");
        }
    }
}
