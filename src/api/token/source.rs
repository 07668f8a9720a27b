//! Gets a fresh token from wherever it comes from.

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
    store::{Kept, Store},
};
use crate::api::{delivery::Dispatcher, error::ApiError};

/// A token that was just got.
pub(crate) struct Fresh {
    pub(crate) token: SecretString,
    /// How long it lives from now, where that was said.
    pub(crate) life: Option<Duration>,
}

impl From<Granted> for Fresh {
    fn from(granted: Granted) -> Self {
        Self {
            token: granted.access,
            life: granted.life,
        }
    }
}

/// A source that can be asked again and again.
pub(crate) enum Source {
    Static,
    Command(String),
    Simplified {
        endpoint: Endpoint,
        account: AccountId,
    },
    Refresh(Chain),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Static => "Static",
            Self::Command(_) => "Command",
            Self::Simplified { .. } => "Simplified",
            Self::Refresh(_) => "Refresh",
        })
    }
}

/// Refresh tokens, each of which is good for one exchange.
pub(crate) struct Chain {
    endpoint: Endpoint,
    client_id: String,
    given: SecretString,
    /// The next one, where no file keeps it.
    next: Mutex<SecretString>,
    store: Option<Store>,
}

impl Source {
    /// The source, and the token where it is one already.
    pub(crate) fn new(source: TokenSource, endpoint: Url) -> (Self, Option<SecretString>) {
        let endpoint_of = |partner| Endpoint {
            url: endpoint,
            partner,
        };
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
                store,
            } => {
                let chain = Chain {
                    endpoint: endpoint_of(partner),
                    client_id,
                    next: Mutex::new(refresh_token.clone()),
                    given: refresh_token,
                    store: store.map(Store::new),
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

    /// Another token than the one that was turned down, if any was; `None` if this source has only one.
    pub(crate) fn obtain(
        &self,
        dispatcher: &Dispatcher,
        rejected: Option<&SecretString>,
    ) -> Result<Option<Fresh>, ApiError> {
        match self {
            Self::Static => Ok(None),
            Self::Command(command) => {
                let token = command::run(command, &dispatcher.waiter)?;
                Ok(Some(Fresh { token, life: None }))
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
    ) -> Result<Fresh, ApiError> {
        match &self.store {
            Some(store) => self.obtain_kept(store, dispatcher, rejected),
            None => self.obtain_unkept(dispatcher),
        }
    }

    fn obtain_unkept(&self, dispatcher: &Dispatcher) -> Result<Fresh, ApiError> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let granted = self.endpoint.refresh(dispatcher, &self.client_id, &next)?;
        if let Some(refresh) = &granted.refresh {
            *next = refresh.clone();
        }
        Ok(granted.into())
    }

    /// The order is the point: see the head of [`store`](super::store).
    fn obtain_kept(
        &self,
        store: &Store,
        dispatcher: &Dispatcher,
        rejected: Option<&SecretString>,
    ) -> Result<Fresh, ApiError> {
        let waiter = &dispatcher.waiter;
        let _locked = store.lock(waiter)?;
        let mut chains = store.read()?;
        let kept = chains.take(&self.client_id, &self.given);
        if let Some((token, life)) = kept
            .as_ref()
            .and_then(|kept| kept.access(waiter.wall(), rejected))
        {
            let life = Some(life);
            return Ok(Fresh { token, life });
        }
        let room = store.prepare()?;
        let spent = kept
            .as_ref()
            .map_or_else(|| self.given.clone(), Kept::refresh_token);
        let granted = self.endpoint.refresh(dispatcher, &self.client_id, &spent)?;
        let refresh = granted.refresh.as_ref().unwrap_or(&spent);
        let expires_at = granted
            .life
            .and_then(|life| waiter.wall().checked_add(life));
        let fresh = (refresh, &granted.access, expires_at);
        room.keep(&chains.with(Kept::next(kept, &self.client_id, &spent, fresh)))?;
        Ok(granted.into())
    }
}
