//! Gets new tokens from a source.

use reqwest::Url;
use secrecy::SecretString;

use super::{
    RefreshGrant, TokenSource, command,
    grant::{Endpoint, FreshToken},
    store::{StoredChain, TokenStore},
};
use crate::{
    api::{
        delivery::Dispatcher,
        error::{ApiError, ApiErrorKind},
    },
    progress::Event,
};

/// Whether a stored token that is still valid may be used instead of a new one.
#[derive(Clone, Copy)]
pub(crate) enum Reuse<'a> {
    Allowed,
    /// Unless it is this one, which the server rejected.
    UnlessIs(&'a SecretString),
    Forbidden,
}

pub(super) struct Renewal {
    pub(crate) source: TokenSource,
    endpoint: Endpoint,
}

impl Renewal {
    pub(crate) fn new(source: TokenSource, endpoint: Url) -> Self {
        Self {
            source,
            endpoint: Endpoint::new(endpoint),
        }
    }

    /// Gets a token; `None` if this source has only one. `reuse`: whether a stored token will do.
    pub(super) fn obtain(
        &self,
        dispatcher: &Dispatcher,
        reuse: Reuse<'_>,
    ) -> Result<Option<FreshToken>, ApiError> {
        Ok(Some(match &self.source {
            TokenSource::Static { .. } => return Ok(None),
            TokenSource::Command { command } => {
                command::run("token_command", command, &dispatcher.waiter)?.into()
            }
            TokenSource::Simplified { partner, account } => {
                self.endpoint.exchange(dispatcher, partner, account)?
            }
            TokenSource::Refresh(grant) => self.refresh(grant, dispatcher, reuse)?,
        }))
    }

    /// The order of the steps matters; see [`store`](super::store).
    fn refresh(
        &self,
        grant: &RefreshGrant,
        dispatcher: &Dispatcher,
        reuse: Reuse<'_>,
    ) -> Result<FreshToken, ApiError> {
        let waiter = &dispatcher.waiter;
        let store = TokenStore { path: &grant.store };
        let _locked = store.lock(waiter)?;
        let mut chains = store.read()?;
        let kept = chains.take(&grant.client_id, &grant.refresh_token);
        let usable = kept.as_ref().and_then(|kept| match reuse {
            Reuse::Allowed => kept.access(waiter.wall(), None),
            Reuse::UnlessIs(rejected) => kept.access(waiter.wall(), Some(rejected)),
            Reuse::Forbidden => None,
        });
        if let Some((token, life)) = usable {
            return Ok(FreshToken {
                life: Some(life),
                ..token.into()
            });
        }
        let reserved = store.reserve()?;
        let spent = kept
            .as_ref()
            .map_or_else(|| grant.refresh_token.clone(), StoredChain::refresh_token);
        let fresh = self.endpoint.refresh(dispatcher, grant, &spent);
        if let Err(ApiError {
            kind: ApiErrorKind::Interrupted(_),
            sent: true,
        }) = &fresh
        {
            let notice = "stopped before the token server answered: if the refresh token is refused next time, this call used it up, and the application must be authorized again";
            waiter.report(Event::Notice(notice.to_owned()));
        }
        let fresh = fresh?;
        let next = StoredChain::next(kept, &grant.client_id, &spent, &fresh, waiter.wall());
        reserved.replace(&chains.with(next))?;
        Ok(fresh)
    }
}
