//! The configuration file: profiles, each with the settings of one account.
//!
//! An unknown key is an error, because a misspelt one would be ignored for months. There are no keys for secrets.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Deserializer, de};
use toml::Value;

use super::SettingsError;
use crate::{
    api::{ClientOptions, Concurrency},
    nearest,
    plan::gate::Bound,
    wording::{shortened, toml_fault},
};

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The default of `--profile`.
    #[serde(default)]
    pub profile: Option<String>,
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Profile {
    /// The URL to which `/v2/contacts` is appended.
    pub base_url: Option<String>,
    /// File whose first line is the token.
    pub token_file: Option<PathBuf>,
    pub token_command: Option<String>,
    /// The account for simplified authorization, such as `7204-2419`.
    pub account_id: Option<String>,
    /// The OAuth client that refreshes tokens.
    pub client_id: Option<String>,
    pub partner_email: Option<String>,
    /// File whose first line is the partner's password.
    pub partner_password_file: Option<PathBuf>,
    /// Shell command that prints the partner's password.
    pub partner_password_command: Option<String>,
    /// Like `--rate`.
    pub rate: Option<String>,
    /// Like `--concurrency`.
    #[serde(deserialize_with = "concurrency")]
    pub concurrency: Option<Concurrency>,
    /// Like `--region`.
    pub region: Option<String>,
    /// Like `--mapping`; relative to the configuration file.
    pub mapping: Option<PathBuf>,
    /// Number of runs with changes whose run files are kept.
    pub keep_runs: Option<usize>,
    /// Like `--max-shrink` of `import` and `plan`.
    #[serde(deserialize_with = "percentage")]
    pub max_shrink: Option<Bound>,
    /// Like `--ping`, for `import` and `apply`.
    pub ping: Option<String>,
    /// The exit codes that are reported to `ping` as 0.
    pub ping_ok: Vec<u8>,
    pub patience: Patience,
}

/// A number or `auto`. Other words are not shown, because they may be a misplaced secret.
fn concurrency<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Concurrency>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(word) if word == "auto" => Ok(Some(Concurrency::Auto)),
        Value::Integer(number) => {
            let parsed = number.to_string().parse().map(Some);
            parsed.map_err(|error| de::Error::custom(format!("the profile's concurrency: {error}")))
        }
        _ => Err(de::Error::custom("it is neither `auto` nor a number")),
    }
}

fn percentage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Bound>, D::Error> {
    match Bound::deserialize(deserializer) {
        Ok(bound @ Bound::Percent(_)) => Ok(Some(bound)),
        _ => Err(de::Error::custom("it is not a percentage such as 20%")),
    }
}

/// Retries and timeouts, `[profiles.NAME.patience]`; defaults in brackets.
///
/// The defaults suit the API. Other values are for a slow connection, a local server or a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Patience {
    /// Attempts per request (8).
    pub tries: Option<u32>,
    /// Longest wait before the second attempt; it doubles with each further one (500).
    pub base_ms: Option<u64>,
    /// Upper limit of that wait (60000).
    pub cap_ms: Option<u64>,
    /// Shortest pause of all requests after a 429 without `Retry-After` (5000).
    pub hold_ms: Option<u64>,
    /// Consecutive failures, over all requests, that end the run (20).
    pub circuit_failures: Option<u32>,
    /// Minimum time that these failures must span (10000).
    pub circuit_ms: Option<u64>,
    /// Time for a complete response (60000).
    pub request_ms: Option<u64>,
    /// Time for requests in flight after Ctrl-C (30000).
    pub grace_ms: Option<u64>,
}

impl Patience {
    /// Time for requests in flight after a stop was requested.
    pub(crate) fn grace(&self) -> Option<Duration> {
        self.grace_ms.map(Duration::from_millis)
    }

    /// Overrides the client's defaults.
    pub(super) fn apply_to(self, options: &mut ClientOptions) {
        let set = |target: &mut Duration, ms: Option<u64>| {
            *target = ms.map_or(*target, Duration::from_millis);
        };
        let retry = &mut options.retry;
        retry.tries = self.tries.unwrap_or(retry.tries);
        retry.circuit_failures = self.circuit_failures.unwrap_or(retry.circuit_failures);
        set(&mut retry.base, self.base_ms);
        set(&mut retry.cap, self.cap_ms);
        set(&mut retry.hold_min, self.hold_ms);
        set(&mut retry.circuit_span, self.circuit_ms);
        set(&mut options.request_timeout, self.request_ms);
    }
}

/// Parses the text of the file at `path`. Paths in it are relative to its directory.
pub(super) fn parse(text: &str, path: &Path) -> Result<Config, SettingsError> {
    let mut config: Config = toml::from_str(text).map_err(|error| {
        SettingsError::wrong(
            format!(
                "configuration file {}: {}",
                path.display(),
                toml_fault(text, &error)
            ),
            Some(
                "samples/wazzup.toml shows every key; tokens do not belong in this file".to_owned(),
            ),
        )
    })?;
    let directory = path.parent().unwrap_or(Path::new(""));
    for profile in config.profiles.values_mut() {
        let files = [
            &mut profile.mapping,
            &mut profile.token_file,
            &mut profile.partner_password_file,
        ];
        for file in files.into_iter().flatten() {
            *file = directory.join(&*file);
        }
    }
    Ok(config)
}

/// The name that messages and the history give to settings without a profile.
pub(super) const NO_PROFILE: &str = "default";

impl Config {
    /// The named profile, or the default one, or an empty one, which the history calls `default`.
    pub(super) fn select(
        &self,
        named: Option<&str>,
    ) -> Result<(Option<String>, Profile), SettingsError> {
        let Some(name) = named.or(self.profile.as_deref()) else {
            return Ok((None, Profile::default()));
        };
        if let Some(profile) = self.profiles.get(name) {
            Ok((Some(name.to_owned()), profile.clone()))
        } else if name == NO_PROFILE {
            Ok((None, Profile::default()))
        } else {
            let meant = nearest::question(name, self.profiles.keys()).map(|meant| meant + " ");
            let (known, hint) = match self.profiles.len() {
                0 => (
                    "none".to_owned(),
                    "name the configuration file with --config, or add [profiles.NAME] to wazzup.toml",
                ),
                _ => (
                    shortened(self.profiles.keys().cloned()),
                    "name one of them with --profile, or add [profiles.NAME] to wazzup.toml",
                ),
            };
            Err(SettingsError::wrong(
                format!("the configuration has no profile `{name}` (profiles: {known})"),
                meant.unwrap_or_default() + hint,
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
        assert!(config.select(Some(NO_PROFILE)).unwrap().0.is_none());
        let empty = Config::default().select(Some("c")).unwrap_err();
        assert!(empty.hint().is_some_and(|hint| !hint.contains("one of")));
        assert!(
            config
                .select(Some("c"))
                .unwrap_err()
                .to_string()
                .contains("profiles: a, b")
        );
    }

    #[test]
    fn the_concurrency_is_a_number_or_auto() {
        for (value, read) in [("3", "3".parse().unwrap()), ("\"auto\"", Concurrency::Auto)] {
            let text = format!("[profiles.a]\nconcurrency = {value}\n");
            let config = parse(&text, Path::new("wazzup.toml")).unwrap();
            let profile = config.select(Some("a")).unwrap().1;
            assert_eq!(profile.concurrency, Some(read));
        }
    }

    #[test]
    fn a_misspelt_key_and_a_token_are_refused_and_no_value_is_shown() {
        for (line, wrong) in [
            ("raet = \"secret\"", "unknown field `raet`"),
            ("token = \"secret\"", "unknown field `token`"),
            ("token = secret", "quoted"),
            ("concurrency = \"secret\"", "neither `auto`"),
            ("concurrency = \"a \\\"secret\\\" b\"", "neither `auto`"),
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
