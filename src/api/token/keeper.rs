//! The current token, shared by all threads.
//!
//! Tokens are numbered. A thread whose request was rejected passes the number of its token: if that is not the
//! current one, another thread has renewed it and the request is resent. Otherwise the thread renews the token
//! under a lock; others wait for the lock and then see a new number. A source that refused permanently is not
//! asked again.

use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, RwLock};

use reqwest::{Url, header::HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::{
    TokenSource, TokenStatus,
    grant::FreshToken,
    jwt::{self, Claims},
    source::{Renewal, Reuse},
};
use crate::{
    api::{
        attempt::Authorization,
        clock::Waiter,
        delivery::{Credentials, Dispatcher},
        error::{ApiError, ApiErrorKind},
    },
    progress::Event,
};

/// A token is renewed this long before it expires, or after four fifths of a shorter life.
const MARGIN_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
enum RenewalReason<'a> {
    /// It is missing or expires soon.
    Due,
    /// The user asks for a new one, even if another is stored.
    Requested,
    /// The server rejected it, with this message.
    Rejected(&'a str),
}

/// Manages and renews the current token.
pub(crate) struct TokenKeeper {
    renewal: Renewal,
    current: RwLock<Option<Token>>,
    /// Held while renewing. Contains the source's permanent refusal, if any.
    final_refusal: Mutex<Option<ApiErrorKind>>,
}

struct Token {
    secret: SecretString,
    header: HeaderValue,
    generation: u64,
    /// On the client's clock.
    renew_at: Option<Duration>,
    expires_at: Option<SystemTime>,
    claims: Claims,
}

impl TokenKeeper {
    pub(crate) fn new(
        source: TokenSource,
        endpoint: Url,
        waiter: &Waiter,
    ) -> Result<Self, ApiError> {
        let tokens = Self {
            renewal: Renewal::new(source, endpoint),
            current: RwLock::new(None),
            final_refusal: Mutex::new(None),
        };
        if let TokenSource::Static { token, .. } = &tokens.renewal.source {
            tokens.put(&token.clone().into(), waiter)?;
        }
        Ok(tokens)
    }

    pub(crate) fn describe(&self) -> TokenStatus {
        let source = &self.renewal.source;
        let (account, store) = match source {
            TokenSource::Simplified { account, .. } => (Some(account.to_string()), None),
            TokenSource::Refresh(grant) => (None, Some(grant.store.clone())),
            TokenSource::Static { .. } | TokenSource::Command { .. } => (None, None),
        };
        TokenStatus {
            origin: source.origin().to_string(),
            is_renewable: source.is_renewable(),
            expires_at: self.with(|token| token?.expires_at),
            account: self.with(|token| token?.claims.account.clone()).or(account),
            store,
        }
    }

    /// The identity of the account, as the token claims it.
    pub(crate) fn identity(&self) -> Option<String> {
        self.with(|token| token?.claims.identity.clone())
    }

    /// Renews the token if it is missing or expires soon.
    pub(crate) fn ensure_fresh(&self, dispatcher: &Dispatcher) -> Result<(), ApiError> {
        let now = dispatcher.waiter.now();
        let (generation, is_due) = self.with(|token| match token {
            None => (0, true),
            Some(token) => (token.generation, token.renew_at.is_some_and(|at| at <= now)),
        });
        if is_due {
            self.renew(dispatcher, generation, RenewalReason::Due)?;
        }
        Ok(())
    }

    /// Renews the token regardless of its state.
    pub(crate) fn renew_now(&self, dispatcher: &Dispatcher) -> Result<(), ApiError> {
        self.renew(dispatcher, self.generation(), RenewalReason::Requested)
    }

    /// Replaces the token of this `generation`, unless another thread has.
    fn renew(
        &self,
        dispatcher: &Dispatcher,
        generation: u64,
        reason: RenewalReason<'_>,
    ) -> Result<(), ApiError> {
        let mut final_refusal = self.final_refusal.lock();
        if self.generation() != generation {
            return Ok(());
        }
        if let Some(refusal) = &*final_refusal {
            return Err(refusal.clone().into());
        }
        let result = self.replace(dispatcher, reason);
        if let Err(ApiError { kind, .. }) = &result
            && kind.is_final_refusal()
        {
            *final_refusal = Some(kind.clone());
        }
        result
    }

    fn replace(&self, dispatcher: &Dispatcher, reason: RenewalReason<'_>) -> Result<(), ApiError> {
        let old = self.with(|token| token.map(|token| token.secret.clone()));
        let (reuse, detail) = match (reason, &old) {
            (RenewalReason::Due, _) => (Reuse::Allowed, Some("the source has no other")),
            (RenewalReason::Requested, _) => (Reuse::Forbidden, None),
            (RenewalReason::Rejected(message), None) => (Reuse::Allowed, Some(message)),
            (RenewalReason::Rejected(message), Some(old)) => (Reuse::UnlessIs(old), Some(message)),
        };
        let fresh = self.renewal.obtain(dispatcher, reuse)?;
        let is_same = |fresh: &FreshToken| {
            let is_it = |old: &SecretString| old.expose_secret() == fresh.access.expose_secret();
            !matches!(reason, RenewalReason::Due) && old.as_ref().is_some_and(is_it)
        };
        match fresh {
            Some(fresh) if !is_same(&fresh) => self.put(&fresh, &dispatcher.waiter)?,
            _ => {
                let origin = self.renewal.source.origin();
                let not_renewable = || ApiErrorKind::NotRenewable { origin }.into();
                return Err(detail.map_or_else(not_renewable, |it| self.unauthorized(it)));
            }
        }
        if old.is_some() {
            dispatcher.waiter.report(Event::TokenRefreshed);
        }
        Ok(())
    }

    fn put(&self, fresh: &FreshToken, waiter: &Waiter) -> Result<(), ApiError> {
        let token = self.token_of(fresh, self.generation() + 1, waiter)?;
        let mut current = self.current.write();
        *current = Some(token);
        Ok(())
    }

    fn token_of(
        &self,
        fresh: &FreshToken,
        generation: u64,
        waiter: &Waiter,
    ) -> Result<Token, ApiError> {
        let text = fresh.access.expose_secret().trim();
        let header = self.header_of(text)?;
        let claims = jwt::claims(text);
        // A token that is expired by this machine's clock may be valid by the server's.
        let claimed = claims
            .expires_at
            .and_then(|at| at.duration_since(waiter.wall()).ok());
        let life = fresh.life.or(claimed);
        let expires_at = fresh
            .life
            .and_then(|life| waiter.wall().checked_add(life))
            .or(claims.expires_at);
        Ok(Token {
            secret: text.into(),
            header,
            generation,
            renew_at: life
                .filter(|_| self.renewal.source.is_renewable())
                .map(|life| waiter.now() + life.saturating_sub(MARGIN_MAX.min(life / 5))),
            expires_at,
            claims,
        })
    }

    fn header_of(&self, token: &str) -> Result<HeaderValue, ApiError> {
        let bad = |detail: &str| ApiErrorKind::BadToken {
            origin: self.renewal.source.origin(),
            detail: detail.to_owned(),
        };
        if token.is_empty() {
            return Err(bad("it is empty").into());
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            let begins = |with: &str| {
                let start = token.get(..with.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(with))
            };
            let detail = if begins("authorization:") {
                "it is a whole header: leave `Authorization: Bearer` out"
            } else if begins("bearer ") {
                "it begins with the word `Bearer`, which is not part of the token: leave it out"
            } else if token.contains(['\n', '\r']) {
                "it has a line break: copy it again, on one line"
            } else {
                "it has spaces or characters that are not allowed in a token: copy it again"
            };
            return Err(bad(detail).into());
        }
        if token.starts_with(['"', '\'', '<']) || token.ends_with(['"', '\'', '>']) {
            return Err(bad(
                "it is in quotes or brackets, which are not part of it: leave them out",
            )
            .into());
        }
        if token.contains("://") {
            return Err(bad("it is a web address: copy the token itself").into());
        }
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| bad("it can't be sent in a header"))?;
        header.set_sensitive(true);
        Ok(header)
    }

    fn generation(&self) -> u64 {
        self.with(|token| token.map_or(0, |token| token.generation))
    }

    fn with<R>(&self, read: impl FnOnce(Option<&Token>) -> R) -> R {
        let current = self.current.read();
        read(current.as_ref())
    }
}

impl Credentials for TokenKeeper {
    fn unauthorized(&self, detail: &str) -> ApiError {
        ApiErrorKind::Unauthorized {
            origin: self.renewal.source.origin(),
            detail: detail.to_owned(),
        }
        .into()
    }

    fn ensure(&self, dispatcher: &Dispatcher) -> Result<(), ApiError> {
        self.ensure_fresh(dispatcher)
    }

    fn authorization(&self) -> Result<Authorization, ApiError> {
        self.with(|token| {
            token.map(|token| Authorization {
                header: token.header.clone(),
                generation: token.generation,
            })
        })
        .ok_or_else(|| self.unauthorized("no token is available"))
    }

    fn rejected(
        &self,
        dispatcher: &Dispatcher,
        authorization: &Authorization,
        detail: &str,
    ) -> Result<(), ApiError> {
        self.renew(
            dispatcher,
            authorization.generation,
            RenewalReason::Rejected(detail),
        )
    }
}
