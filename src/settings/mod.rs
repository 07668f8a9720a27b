//! Resolves settings: a flag overrides the environment, which overrides the profile and the default. Only this
//! module reads secrets.

mod config;
mod error;
pub(crate) mod exporting;
mod file;
pub(crate) mod reading;
mod token;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use secrecy::ExposeSecret as _;

use self::config::{NO_PROFILE, Profile};
pub use self::error::SettingsError;
pub(crate) use self::error::parse;
pub(crate) use self::file::text;
use crate::{
    account::AccountOptions,
    api::{AccountId, BaseUrl, BaseUrlError, ClientOptions, Rate, TokenSource},
    cli::{AccountArgs, CommonArgs},
    private,
    streams::is_special,
};

/// The API's base URL. \[doc\]
const BASE_URL: &str = "https://tech.wazzup24.com";

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub profile_name: Option<String>,
    pub profile: Profile,
    /// `keep_runs` of each profile that sets it.
    pub keep_runs: Arc<BTreeMap<String, usize>>,
    pub file: Option<PathBuf>,
    /// The directory of run files and tokens.
    pub state_directory: PathBuf,
    /// The options of every command, as typed.
    pub common: CommonArgs,
    /// The options of the account, as typed.
    pub account: AccountArgs,
}

/// A configuration file, which can be resolved to settings for several profiles.
#[derive(Debug)]
pub(crate) struct Configuration {
    loaded: file::Loaded,
    directory: PathBuf,
    state_directory: PathBuf,
    keep_runs: Arc<BTreeMap<String, usize>>,
}

impl Configuration {
    /// Reads the named file, or the one that is found.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, SettingsError> {
        let directories = directories()?;
        let here = PathBuf::from(".");
        let directory = directories.config_dir();
        let loaded = file::load(named, &here, &directory)?;
        let state_directory = directories
            .state_dir()
            .unwrap_or_else(|| directories.data_dir());
        // For every command. If the directory belongs to another user, it stays unchanged.
        if let Err(error) = private::close_to_others(&state_directory) {
            tracing::warn!(%error, path = %state_directory.display(), "the state directory is open to others");
        }
        let profiles = loaded.config.profiles.iter();
        let keep_runs = profiles.filter_map(|(name, it)| Some((name.clone(), it.keep_runs?)));
        let keep_runs = Arc::new(keep_runs.collect());
        Ok(Self {
            loaded,
            directory,
            state_directory,
            keep_runs,
        })
    }

    pub(crate) fn settings(
        &self,
        common: CommonArgs,
        account: AccountArgs,
    ) -> Result<Settings, SettingsError> {
        let (profile_name, profile) = self.loaded.config.select(common.profile.as_deref())?;
        if let Some(file) = self.loaded.found(&self.directory) {
            file.check_keys(&profile)?;
        }
        Ok(Settings {
            profile_name,
            profile,
            keep_runs: Arc::clone(&self.keep_runs),
            file: self.loaded.path.clone(),
            state_directory: self.state_directory.clone(),
            common,
            account,
        })
    }
}

impl Settings {
    pub(crate) fn account_session(&self) -> Result<AccountOptions, SettingsError> {
        let options = self.session(self.base_url_text(), self.token_source()?)?;
        let config = self.file.as_deref().map(Path::display);
        tracing::info!(
            config = config.map(tracing::field::display),
            profile = self.profile_name,
            base_url = %options.client.base_url,
            "settings"
        );
        Ok(options)
    }

    fn base_url_text(&self) -> &str {
        let profile = self.profile.base_url.as_deref();
        let typed = self.account.base_url.as_deref();
        typed.or(profile).unwrap_or(BASE_URL)
    }

    fn token_source(&self) -> Result<TokenSource, SettingsError> {
        let lookup = token::SecretLookup {
            profile: &self.profile,
            name: self.profile_name.as_deref(),
        };
        let token_file = self.account.token_file.as_deref();
        lookup.token_source(token_file, &self.token_store())
    }

    /// The server and a digest of the token or of its source, which several profiles may share; `None` if that can't
    /// be determined yet.
    pub(crate) fn token_key(&self) -> Option<String> {
        let files = [&self.account.token_file, &self.profile.token_file];
        // A pipe can be read only once.
        if self.account.sandbox || files.into_iter().flatten().any(|file| is_special(file)) {
            return None;
        }
        let source = self.token_source().ok()?;
        let secret = match &source {
            TokenSource::Static { token, .. } => token.expose_secret(),
            TokenSource::Refresh(grant) => grant.refresh_token.expose_secret(),
            TokenSource::Command { command } => command,
            TokenSource::Simplified { .. } => return None,
        };
        let digest = blake3::hash(secret.as_bytes());
        Some(format!("token:{} {digest}", self.base_url_text()))
    }

    /// The name of the profile, as messages and the history give it.
    pub(crate) fn profile_word(&self) -> &str {
        self.profile_name.as_deref().unwrap_or(NO_PROFILE)
    }

    /// Adopts profile and base URL of a past run for the suggested commands, unless the settings are the same.
    pub(crate) fn take_over(&mut self, profile: &str, base_url: &str) {
        let current = self.profile_word();
        if !profile.is_empty() && profile != current {
            self.common.profile = Some(profile.to_owned());
        }
        let current = self.profile.base_url.as_deref().unwrap_or(BASE_URL);
        if !base_url.is_empty() && base_url.trim_end_matches('/') != current.trim_end_matches('/') {
            self.account.base_url = Some(base_url.to_owned());
        }
    }

    pub(crate) fn sandbox_session(
        &self,
        base_url: &str,
        token: &str,
    ) -> Result<AccountOptions, SettingsError> {
        let token = TokenSource::Static {
            token: token.into(),
            origin: "the sandbox".to_owned(),
        };
        let mut options = self.session(base_url, token)?;
        options.is_sandbox = true;
        Ok(options)
    }

    fn session(&self, base_url: &str, token: TokenSource) -> Result<AccountOptions, SettingsError> {
        let client = self.client_options(base_url)?;
        let mut options = AccountOptions::new(client, token, self.state_directory.clone());
        if let Some(profile) = &self.profile_name {
            options.profile.clone_from(profile);
        }
        options.account_name = self.account_name();
        options.keep_runs = self.profile.keep_runs.unwrap_or(options.keep_runs);
        options.grace = self.profile.patience.grace().unwrap_or(options.grace);
        Ok(options)
    }

    fn client_options(&self, base_url: &str) -> Result<ClientOptions, SettingsError> {
        let rate = match (self.account.rate.as_deref(), self.profile.rate.as_deref()) {
            (Some(rate), _) => parse("--rate", rate)?,
            (None, Some(rate)) => parse("the profile's rate", rate)?,
            (None, None) => Rate::default(),
        };
        let concurrency = self.account.concurrency.or(self.profile.concurrency);
        let mut options = ClientOptions {
            base_url: self.base_url(base_url)?,
            rate,
            concurrency: concurrency.unwrap_or_default(),
            ..ClientOptions::default()
        };
        self.profile.patience.apply_to(&mut options);
        Ok(options)
    }

    fn base_url(&self, text: &str) -> Result<BaseUrl, SettingsError> {
        let origin = match (&self.account.base_url, &self.profile.base_url) {
            (Some(_), _) => "--base-url or WAZZUP_BASE_URL",
            (None, Some(_)) => "the profile's base_url",
            (None, None) => "the base URL",
        };
        text.parse().map_err(|error: BaseUrlError| {
            SettingsError::wrong(format!("{origin}: {error}"), error.hint())
        })
    }

    /// The file with the profile's rotating refresh token.
    fn token_store(&self) -> PathBuf {
        let name: String = self
            .profile_word()
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        self.state_directory
            .join("tokens")
            .join(format!("{name}.json"))
    }

    /// The configured account: `account:` and its id, or `profile:` and the profile's name. Shards depend on it,
    /// so it must stay the same in all versions.
    pub(crate) fn account_key(&self) -> String {
        let id = token::setting("WAZZUP_ACCOUNT_ID", self.profile.account_id.as_ref());
        match id {
            Some(_) => format!("account:{}", self.account_name()),
            None => format!("profile:{}", self.account_name()),
        }
    }

    /// The account id, or the profile's name.
    fn account_name(&self) -> String {
        let account = token::setting("WAZZUP_ACCOUNT_ID", self.profile.account_id.as_ref());
        // `7204-2419` is the account `72042419`.
        let plain = |account: String| {
            account
                .parse()
                .map_or(account, |id: AccountId| id.to_string())
        };
        account
            .map(plain)
            .or_else(|| self.profile_name.clone())
            .unwrap_or_default()
    }
}

fn directories() -> Result<impl AppStrategy, SettingsError> {
    let names = AppStrategyArgs {
        top_level_domain: "com".to_owned(),
        author: "wazzup-contacts".to_owned(),
        app_name: "wazzup-contacts".to_owned(),
    };
    choose_app_strategy(names).map_err(|error| {
        SettingsError::wrong(
            format!("no home directory: {error}"),
            Some("set HOME".to_owned()),
        )
    })
}
