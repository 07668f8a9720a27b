//! Gets a new token from its source.

use std::{
    fmt,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::Url;
use secrecy::SecretString;

use super::{
    AccountId, TokenSource, command,
    grant::{Endpoint, Granted},
    store::{Kept, TokenStore},
};
use crate::{
    api::{
        delivery::Dispatcher,
        error::{ApiError, ApiErrorKind},
    },
    progress::Event,
};

/// A new token.
pub(crate) struct FreshToken {
    pub(crate) token: SecretString,
    /// Remaining lifetime, if known.
    pub(crate) life: Option<Duration>,
}

impl From<Granted> for FreshToken {
    fn from(granted: Granted) -> Self {
        Self {
            token: granted.access,
            life: granted.life,
        }
    }
}

/// A renewable source.
pub(crate) enum RenewalSource {
    Static,
    Command(String),
    Simplified {
        endpoint: Endpoint,
        account: AccountId,
    },
    Refresh(Chain),
}

impl fmt::Debug for RenewalSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static => "Static",
            Self::Command(_) => "Command",
            Self::Simplified { .. } => "Simplified",
            Self::Refresh(_) => "Refresh",
        })
    }
}

/// Rotating refresh tokens, each usable once.
pub(crate) struct Chain {
    endpoint: Endpoint,
    client_id: String,
    /// The origin of the first refresh token, for messages.
    origin: String,
    given: SecretString,
    /// The next token, if it is not stored in a file.
    next: Mutex<SecretString>,
    store: Option<TokenStore>,
}

impl RenewalSource {
    /// The source, and its token if that is fixed.
    pub(crate) fn new(source: TokenSource, endpoint: Url) -> (Self, Option<SecretString>) {
        let endpoint_of = |partner| Endpoint::new(endpoint, partner);
        match source {
            TokenSource::Static { token, .. } => (Self::Static, Some(token)),
            TokenSource::Command { command } => (Self::Command(command), None),
            TokenSource::Simplified { partner, account } => {
                let endpoint = endpoint_of(partner);
                (Self::Simplified { endpoint, account }, None)
            }
            TokenSource::Refresh {
                partner,
                client_id,
                refresh_token,
                origin,
                store,
            } => {
                let chain = Chain {
                    endpoint: endpoint_of(partner),
                    client_id,
                    origin,
                    next: Mutex::new(refresh_token.clone()),
                    given: refresh_token,
                    store: store.map(TokenStore::new),
                };
                (Self::Refresh(chain), None)
            }
        }
    }

    pub(crate) fn is_renewable(&self) -> bool {
        !matches!(self, Self::Static)
    }

    pub(crate) fn account(&self) -> Option<String> {
        match self {
            Self::Simplified { account, .. } => Some(account.to_string()),
            _ => None,
        }
    }

    pub(crate) fn store(&self) -> Option<PathBuf> {
        match self {
            Self::Refresh(chain) => Some(chain.store.as_ref()?.path().to_owned()),
            _ => None,
        }
    }

    /// Gets a token other than the `rejected` one; `None` if this source has only one.
    pub(crate) fn obtain(
        &self,
        dispatcher: &Dispatcher,
        rejected: Option<&SecretString>,
    ) -> Result<Option<FreshToken>, ApiError> {
        match self {
            Self::Static => Ok(None),
            Self::Command(command) => {
                let token = command::run("token_command", command, &dispatcher.waiter)?;
                Ok(Some(FreshToken { token, life: None }))
            }
            Self::Simplified { endpoint, account } => {
                let granted = endpoint.exchange(dispatcher, account)?;
                Ok(Some(granted.into()))
            }
            Self::Refresh(chain) => chain.obtain(dispatcher, rejected).map(Some),
        }
    }
}

impl Chain {
    fn obtain(
        &self,
        dispatcher: &Dispatcher,
        rejected: Option<&SecretString>,
    ) -> Result<FreshToken, ApiError> {
        match &self.store {
            Some(store) => self.obtain_kept(store, dispatcher, rejected),
            None => self.obtain_unkept(dispatcher),
        }
    }

    fn obtain_unkept(&self, dispatcher: &Dispatcher) -> Result<FreshToken, ApiError> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = self.exchange(dispatcher, &next)?;
        if let Some(refresh) = &granted.refresh {
            *next = refresh.clone();
        }
        Ok(granted.into())
    }

    /// Exchanges a refresh token, which the server accepts only once.
    fn exchange(&self, dispatcher: &Dispatcher, token: &SecretString) -> Result<Granted, ApiError> {
        let granted = self
            .endpoint
            .refresh(dispatcher, &self.client_id, (token, &self.origin));
        if let Err(ApiError {
            kind: ApiErrorKind::Interrupted(_),
            sent: true,
        }) = &granted
        {
            let notice = "stopped before the token server answered: if the refresh token is refused next time, this call used it up, and the application must be authorized again";
            dispatcher.waiter.tell(Event::Notice(notice.to_owned()));
        }
        granted
    }

    /// The order of the steps matters; see [`store`](super::store).
    fn obtain_kept(
        &self,
        store: &TokenStore,
        dispatcher: &Dispatcher,
        rejected: Option<&SecretString>,
    ) -> Result<FreshToken, ApiError> {
        let waiter = &dispatcher.waiter;
        let _locked = store.lock(waiter)?;
        let mut chains = store.read()?;
        let kept = chains.take(&self.client_id, &self.given);
        if let Some((token, life)) = kept
            .as_ref()
            .and_then(|kept| kept.access(waiter.wall(), rejected))
        {
            let life = Some(life);
            return Ok(FreshToken { token, life });
        }
        let room = store.prepare()?;
        let spent = kept
            .as_ref()
            .map_or_else(|| self.given.clone(), Kept::refresh_token);
        let granted = self.exchange(dispatcher, &spent)?;
        let refresh = granted.refresh.as_ref().unwrap_or(&spent);
        let expires_at = granted
            .life
            .and_then(|life| waiter.wall().checked_add(life));
        let fresh = (refresh, &granted.access, expires_at);
        room.keep(&chains.with(Kept::next(kept, &self.client_id, &spent, fresh)))?;
        Ok(granted.into())
    }
}
