//! What a command works with: flag > environment > profile > default. Secrets are read here and nowhere else.

mod config;
mod error;
mod patience;
pub(crate) mod reading;
mod token;

use std::{fmt, ops::RangeInclusive, path::PathBuf, str::FromStr};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};

use crate::{
    account::AccountOptions,
    api::{AccountId, ClientOptions, Rate, TokenSource},
    cli::{AccountArgs, CommonArgs},
};
pub use error::SettingsError;

use config::Profile;

/// The API's address. \[doc\]
const BASE_URL: &str = "https://tech.wazzup24.com";

/// Requests in flight unless told otherwise: enough to use the limit at 80 ms an answer.
const CONNECTIONS: u16 = 8;

/// As many as `--concurrency` takes.
const CONNECTIONS_ALLOWED: RangeInclusive<u16> = 1..=64;

/// What the user has settled.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The chosen profile's name.
    pub profile_name: Option<String>,
    /// What it says.
    pub profile: Profile,
    /// Where run files and tokens live.
    pub state_directory: PathBuf,
    /// Start a sandbox for this command.
    pub sandbox: bool,
    /// What was typed of every command.
    pub common: CommonArgs,
    /// What was typed of the account.
    pub account: AccountArgs,
}

impl Settings {
    /// Reads the configuration.
    ///
    /// # Errors
    /// [`SettingsError::Usage`] where the configuration is wrong.
    pub(crate) fn load(common: CommonArgs, account: AccountArgs) -> Result<Self, SettingsError> {
        let directories = directories()?;
        let here = PathBuf::from(".");
        let configured = directories.config_dir();
        let (config, _) = config::load(common.config.as_deref(), &here, Some(&configured))?;
        let (profile_name, profile) = config.select(common.profile.as_deref())?;
        let state_directory = directories
            .state_dir()
            .unwrap_or_else(|| directories.data_dir());
        let sandbox = account.sandbox;
        Ok(Self {
            profile_name,
            profile,
            state_directory,
            sandbox,
            common,
            account,
        })
    }

    /// Connects to the account that the settings name.
    pub(crate) fn account_session(&self) -> Result<AccountOptions, SettingsError> {
        let base_url = self
            .account
            .base_url
            .as_deref()
            .or(self.profile.base_url.as_deref())
            .unwrap_or(BASE_URL);
        let token = token::source(
            self.account.token_file.as_deref(),
            &self.profile,
            &self.token_store(),
        )?;
        self.session(base_url, token)
    }

    /// Connects to a sandbox in this process.
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
        options.is_rehearsal = true;
        Ok(options)
    }

    fn session(&self, base_url: &str, token: TokenSource) -> Result<AccountOptions, SettingsError> {
        let client = self.client_options(base_url)?;
        let mut options = AccountOptions::new(client, token, self.state_directory.clone());
        if let Some(profile) = &self.profile_name {
            options.profile.clone_from(profile);
        }
        options.account_name = self.account_name();
        options.grace = self.profile.patience.grace().unwrap_or(options.grace);
        Ok(options)
    }

    fn client_options(&self, base_url: &str) -> Result<ClientOptions, SettingsError> {
        let rate = match (self.account.rate.as_deref(), self.profile.rate.as_deref()) {
            (Some(rate), _) => parse("--rate", rate)?,
            (None, Some(rate)) => parse("the profile's rate", rate)?,
            (None, None) => Rate::default(),
        };
        let mut options = ClientOptions {
            base_url: parse(self.address_origin(), base_url)?,
            rate,
            connections: self.connections()?.into(),
            ..ClientOptions::default()
        };
        self.profile.patience.apply_to(&mut options);
        Ok(options)
    }

    /// Who names the address, for an error about it.
    fn address_origin(&self) -> &'static str {
        match (&self.account.base_url, &self.profile.base_url) {
            (Some(_), _) => "--base-url or WAZZUP_BASE_URL",
            (None, Some(_)) => "the profile's base_url",
            (None, None) => "the address",
        }
    }

    fn connections(&self) -> Result<u16, SettingsError> {
        match (self.account.concurrency, self.profile.concurrency) {
            (Some(typed), _) => Ok(typed),
            (None, Some(number)) if CONNECTIONS_ALLOWED.contains(&number) => Ok(number),
            (None, Some(number)) => Err(SettingsError::wrong(
                format!("the profile's concurrency is {number}, and 1 to 64 are allowed"),
                None,
            )),
            (None, None) => Ok(CONNECTIONS),
        }
    }

    /// Where the rotating refresh token of the profile is kept.
    fn token_store(&self) -> PathBuf {
        let name = self.profile_name.as_deref().unwrap_or("default");
        let name: String = name
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        self.state_directory
            .join("tokens")
            .join(format!("{name}.json"))
    }

    /// The account id or the profile.
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

/// The value that a word stands for; where it stands for none, the error names the flag.
pub(crate) fn parse<T: FromStr<Err: fmt::Display>>(
    flag: &str,
    word: &str,
) -> Result<T, SettingsError> {
    word.parse()
        .map_err(|error| SettingsError::wrong(format!("{flag}: {error}"), None))
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
