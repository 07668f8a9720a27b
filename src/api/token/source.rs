//! Gets new tokens from a source.

use std::{path::Path, time::Duration};

use parking_lot::Mutex;

use reqwest::Url;
use secrecy::SecretString;

use super::{
    TokenSource, command,
    grant::{Endpoint, RefreshGrant, TokenResponse},
    store::{StoredChain, TokenStore},
};
use crate::{
    api::{
        delivery::Dispatcher,
        error::{ApiError, ApiErrorKind},
    },
    progress::Event,
};

/// A new token.
pub(super) struct FreshToken {
    pub(crate) token: SecretString,
    /// Remaining lifetime, if known.
    pub(super) life: Option<Duration>,
}

impl From<TokenResponse> for FreshToken {
    fn from(granted: TokenResponse) -> Self {
        Self {
            token: granted.access,
            life: granted.life,
        }
    }
}

/// Whether a stored token that is still valid may be used instead of a new one.
#[derive(Clone, Copy)]
pub(crate) enum Reuse<'a> {
    Allowed,
    /// Unless it is this one, which the server rejected.
    UnlessIs(&'a SecretString),
    Forbidden,
}

/// A source and its state.
pub(super) struct Renewal {
    pub(crate) source: TokenSource,
    endpoint: Endpoint,
    /// The refresh token that follows the given one, if it is not stored in a file.
    next: Mutex<Option<SecretString>>,
}

impl Renewal {
    pub(crate) fn new(source: TokenSource, endpoint: Url) -> Self {
        Self {
            source,
            endpoint: Endpoint::new(endpoint),
            next: Mutex::new(None),
        }
    }

    /// Gets a token; `None` if this source has only one. `reuse`: whether a stored token will do.
    pub(super) fn obtain(
        &self,
        dispatcher: &Dispatcher,
        reuse: Reuse<'_>,
    ) -> Result<Option<FreshToken>, ApiError> {
        let granted = match &self.source {
            TokenSource::Static { .. } => return Ok(None),
            TokenSource::Command { command } => {
                let token = command::run("token_command", command, &dispatcher.waiter)?;
                return Ok(Some(FreshToken { token, life: None }));
            }
            TokenSource::Simplified { partner, account } => {
                self.endpoint.exchange(dispatcher, partner, account)?
            }
            TokenSource::Refresh {
                partner,
                client_id,
                refresh_token,
                origin,
                store,
            } => {
                let given = RefreshGrant {
                    partner,
                    client_id,
                    refresh_token,
                    origin,
                };
                match store {
                    Some(store) => {
                        let kept = self.obtain_kept(store, given, dispatcher, reuse);
                        return kept.map(Some);
                    }
                    None => self.obtain_unkept(given, dispatcher)?,
                }
            }
        };
        Ok(Some(granted.into()))
    }

    fn obtain_unkept(
        &self,
        given: RefreshGrant<'_>,
        dispatcher: &Dispatcher,
    ) -> Result<TokenResponse, ApiError> {
        let mut next = self.next.lock();
        let refresh_token = next.as_ref().unwrap_or(given.refresh_token);
        let granted = self.refresh(
            dispatcher,
            RefreshGrant {
                refresh_token,
                ..given
            },
        )?;
        if let Some(refresh) = &granted.refresh {
            *next = Some(refresh.clone());
        }
        Ok(granted)
    }

    /// Exchanges a refresh token, which the server accepts only once.
    fn refresh(
        &self,
        dispatcher: &Dispatcher,
        grant: RefreshGrant<'_>,
    ) -> Result<TokenResponse, ApiError> {
        let granted = self.endpoint.refresh(dispatcher, grant);
        if let Err(ApiError {
            kind: ApiErrorKind::Interrupted(_),
            sent: true,
        }) = &granted
        {
            let notice = "stopped before the token server answered: if the refresh token is refused next time, this call used it up, and the application must be authorized again";
            dispatcher.waiter.report(Event::Notice(notice.to_owned()));
        }
        granted
    }

    /// The order of the steps matters; see [`store`](super::store).
    fn obtain_kept(
        &self,
        path: &Path,
        given: RefreshGrant<'_>,
        dispatcher: &Dispatcher,
        reuse: Reuse<'_>,
    ) -> Result<FreshToken, ApiError> {
        let waiter = &dispatcher.waiter;
        let store = TokenStore { path };
        let _locked = store.lock(waiter)?;
        let mut chains = store.read()?;
        let kept = chains.take(given.client_id, given.refresh_token);
        let usable = kept.as_ref().and_then(|kept| match reuse {
            Reuse::Allowed => kept.access(waiter.wall(), None),
            Reuse::UnlessIs(rejected) => kept.access(waiter.wall(), Some(rejected)),
            Reuse::Forbidden => None,
        });
        if let Some((token, life)) = usable {
            let life = Some(life);
            return Ok(FreshToken { token, life });
        }
        let reserved = store.reserve()?;
        let spent = kept
            .as_ref()
            .map_or_else(|| given.refresh_token.clone(), StoredChain::refresh_token);
        let granted = self.refresh(
            dispatcher,
            RefreshGrant {
                refresh_token: &spent,
                ..given
            },
        )?;
        let refresh = granted.refresh.as_ref().unwrap_or(&spent);
        let expires_at = granted
            .life
            .and_then(|life| waiter.wall().checked_add(life));
        let fresh = (refresh, &granted.access, expires_at);
        reserved.replace(&chains.with(StoredChain::next(kept, given.client_id, &spent, fresh)))?;
        Ok(granted.into())
    }
}
