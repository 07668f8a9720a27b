//! Errors of API calls, and their hints.

use std::{io, path::PathBuf, sync::Arc};

use super::{base_url::BaseUrlError, refusal::Refusal, token::TokenOrigin};
use crate::{progress::StopReason, wording::counted};

/// The call that lists contacts, as messages name it.
pub(super) const LIST: &str = "GET /v2/contacts";

/// The call that lists the employees.
pub(super) const USERS: &str = "GET /v2/users";

/// Advice if the employees can't be listed.
pub(crate) const NAMES_BY_HAND: &str = "map names by hand: `wazzup-contacts check FILE --write-mapping NEW.toml` lists the names in a file; \
     put the ids into its [values.responsible_user_id], and pass --mapping NEW.toml";

/// The reason why a call got no usable answer, and whether it may have been carried out.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct ApiError {
    pub(crate) kind: ApiErrorKind,
    /// True if an attempt reached the server, or may have, without a clear answer.
    pub(crate) sent: bool,
}

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ApiErrorKind {
    /// The token is wrong or expired and could not be renewed.
    #[error("the token from {origin} was not accepted: {detail}")]
    Unauthorized { origin: TokenOrigin, detail: String },
    /// A new token was requested, and the source has none but the current one.
    #[error("the token from {origin} can't be renewed: its source has no other")]
    NotRenewable { origin: TokenOrigin },
    /// The token is valid but lacks permission.
    #[error("the account is not allowed to do this: {detail}")]
    Forbidden { detail: String },
    /// The given text can't be a token. `detail` never quotes it.
    #[error("the token from {origin} can't be used: {detail}")]
    BadToken { origin: TokenOrigin, detail: String },
    /// The partner's email or password is wrong. `origin` is the source of the password.
    #[error("the partner's email and the password from {origin} were not accepted: {detail}")]
    WrongPartner { origin: String, detail: String },
    /// The token endpoint accepts the partner but refuses the grant.
    #[error("no token was granted for {grant}: {detail}")]
    NotGranted { grant: Grant, detail: String },
    /// The secret command under this key of the profile failed.
    #[error("`{key}` of the profile failed: {detail}")]
    SecretCommand { key: &'static str, detail: String },
    /// The next refresh token can't be saved, or the current one can't be read, so none must be used up.
    #[error("the file of refresh tokens {} can't be used: {error}", path.display())]
    TokenStore {
        path: PathBuf,
        error: Arc<io::Error>,
    },
    /// A request failed too often. `what` is method and path.
    #[error("{what} failed{}: {last}", times(*.tries))]
    GaveUp {
        what: &'static str,
        tries: u32,
        last: String,
    },
    /// Every request fails: the server or the network is down.
    #[error("the last {failures} requests all failed, the last one with: {last}")]
    Circuit { failures: u32, last: String },
    /// The server kept asking for pauses.
    #[error("the server keeps asking to wait, the last time with: {last}")]
    Throttled { last: String },
    /// The proxy from the environment can't be used.
    #[error("the proxy {proxy} can't be used: only http:// and https:// proxies are supported")]
    Proxy { proxy: String },
    /// Nothing listens at the address of the environment's proxy.
    #[error("{detail}")]
    ProxyDown { detail: String },
    /// A stop was requested while the call was waiting.
    #[error("interrupted")]
    Interrupted(StopReason),
    /// The server's certificate is not trusted.
    #[error("the server's certificate is not trusted: {detail}")]
    Tls { detail: String },
    /// The server speaks plain http and the base URL says https, or vice versa.
    #[error(
        "the server at {} does not speak {}, which the base URL begins with",
        .right.split_once("://").map_or("", |(_, host)| host),
        if *.is_plain { "https" } else { "plain http" }
    )]
    WrongScheme {
        /// The base URL with the right scheme.
        right: String,
        /// True if the right scheme is http.
        is_plain: bool,
        is_loopback: bool,
    },
    /// The base URL can't be used.
    #[error(transparent)]
    Url(#[from] BaseUrlError),
    /// The server answered with a redirect, which is never followed.
    #[error("{what} was answered with a redirect ({status}) to {location}")]
    Redirected {
        what: &'static str,
        status: u16,
        location: String,
    },
    /// The answer does not come from the contacts API.
    #[error("{what} was answered with {status}: {detail} (the URL was {url})")]
    NotTheApi {
        what: &'static str,
        url: String,
        status: u16,
        detail: String,
    },
    /// The account has no list of employees, or the token may not read it.
    #[error(
        "the account does not provide a list of its employees: {USERS} was answered with {detail}"
    )]
    NoEmployees { status: u16, detail: String },
    /// A list is not paged as documented, so it can't be read completely.
    #[error("the list of {of} never ends: {detail}")]
    EndlessList { of: &'static str, detail: String },
    /// A look-up was answered, but the answer is not about the contact.
    #[error("can't determine whether the account has a contact: {detail}")]
    Inconclusive { detail: String },
    /// The server refused a read.
    #[error("{what} was refused: {refusal}")]
    Refused {
        what: &'static str,
        refusal: Box<Refusal>,
    },
    /// The answer is not what the API documents.
    #[error("the answer to {what} can't be read: {detail}")]
    Unreadable { what: &'static str, detail: String },
    /// The answer exceeds the size limit.
    #[error("the answer to {what} is larger than {} MiB", limit_bytes >> 20)]
    BodyTooLarge {
        what: &'static str,
        limit_bytes: u64,
    },
    /// The HTTP client can't be set up.
    #[error("the HTTP client can't be set up: {detail}")]
    Setup { detail: String },
}

/// The subject of a token request.
#[derive(Clone, Debug, PartialEq, Eq, strum::Display)]
pub(crate) enum Grant {
    #[strum(to_string = "the partner")]
    Partner,
    /// An account of the partner.
    #[strum(to_string = "account {0}")]
    Account(String),
    /// A refresh token from this origin.
    #[strum(to_string = "the refresh token from {0}")]
    Refresh(String),
}

impl ApiErrorKind {
    /// True if a token is refused permanently, so further attempts are pointless. A failed command also counts:
    /// each attempt may be a failed login, which locks accounts.
    pub(super) const fn is_final_refusal(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized { .. }
                | Self::NotRenewable { .. }
                | Self::WrongPartner { .. }
                | Self::NotGranted { .. }
                | Self::SecretCommand { .. }
                | Self::BadToken { .. }
        )
    }
}

impl ApiError {
    /// True if the error concerns the token or its permissions (exit code 4).
    pub(crate) const fn is_about_the_token(&self) -> bool {
        use ApiErrorKind::{Forbidden, NoEmployees};
        let is_permission = matches!(
            self.kind,
            Forbidden { .. } | NoEmployees { status: 403, .. }
        );
        is_permission || self.kind.is_final_refusal()
    }

    /// True if the same request may succeed later.
    pub(crate) const fn may_pass(&self) -> bool {
        use ApiErrorKind::{Circuit, GaveUp, Inconclusive, Interrupted, ProxyDown, Throttled};
        matches!(
            self.kind,
            Circuit { .. }
                | GaveUp { .. }
                | Interrupted(_)
                | ProxyDown { .. }
                | Throttled { .. }
                | Inconclusive { .. }
        )
    }

    /// True if the server refused a read.
    pub(crate) const fn is_refusal(&self) -> bool {
        use ApiErrorKind::{NotTheApi, Refused};
        matches!(self.kind, Refused { .. } | NotTheApi { .. })
    }

    /// Advice for the user, if there is any.
    pub(crate) fn hint(&self) -> Option<String> {
        use ApiErrorKind as Kind;
        let hint = match &self.kind {
            Kind::Url(error) => return Some(error.hint()),
            Kind::GaveUp { .. } | Kind::Circuit { .. } => {
                "check the network, the server and --base-url (WAZZUP_BASE_URL), then run the command again: nothing is lost"
            }
            Kind::Throttled { .. } => {
                "another program may be using up the account's limit: wait or lower --rate, then run the command again: nothing is lost"
            }
            Kind::WrongScheme {
                is_plain: true,
                is_loopback: false,
                ..
            } => {
                "check the host and the port of --base-url (WAZZUP_BASE_URL), and whether a proxy or the login page of the network answers instead: the token is only sent in https"
            }
            Kind::WrongScheme { right, .. } => {
                return Some(format!("begin --base-url (WAZZUP_BASE_URL) with {right}"));
            }
            Kind::Proxy { .. } => {
                "set HTTPS_PROXY to an http:// proxy, or name the API's host in NO_PROXY to connect without one"
            }
            Kind::ProxyDown { .. } => {
                "start the proxy, set HTTPS_PROXY to one that runs, or name the API's host in NO_PROXY to connect without one"
            }
            Kind::NotTheApi { status: 402, .. } => {
                "check that the account is paid for, then run the command again: nothing is lost"
            }
            Kind::NotTheApi { status: 423, .. } => {
                "the account may be locked for a while: run the command again later, or ask Wazzup's support"
            }
            Kind::Tls { .. } => {
                "check this machine's date and root certificates, and whether a proxy intercepts TLS"
            }
            Kind::NotTheApi {
                status: 400 | 409 | 422,
                ..
            } => {
                "a proxy or firewall answers instead of the API: ask its administrator, then continue; nothing is lost"
            }
            Kind::Redirected { .. } | Kind::NotTheApi { .. } => {
                "check --base-url (WAZZUP_BASE_URL): it is the URL to which /v2/contacts is appended"
            }
            Kind::Inconclusive { .. } => {
                "run the command again while no other program writes to the account: then the list of contacts decides"
            }
            Kind::NoEmployees { .. }
            | Kind::EndlessList {
                of: "employees", ..
            } => NAMES_BY_HAND,
            Kind::EndlessList { .. } => {
                "the server does not page the list as documented, so the account can't be read: nothing was changed; report it to the operator of the API"
            }
            Kind::Refused { what: LIST, .. } => {
                "the account can't be listed: import with --mode create, or with --mode update and all required columns, which don't read it, or a few contacts at a time, which are looked up by id"
            }
            Kind::Setup { .. } => {
                "if it is about certificates, install the system's root certificates (package `ca-certificates`)"
            }
            _ => return self.token_hint(),
        };
        Some(hint.to_owned())
    }

    /// Advice on the token, its source and its permissions.
    fn token_hint(&self) -> Option<String> {
        use ApiErrorKind as Kind;
        let hint = match &self.kind {
            Kind::BadToken { origin, .. } => {
                return match origin {
                    TokenOrigin::Given(name) => Some(format!(
                        "put the token and nothing else into {name}; `wazzup-contacts auth` checks it"
                    )),
                    TokenOrigin::Command => Some(of_command("token_command")),
                    TokenOrigin::Granted(_) => None,
                };
            }
            Kind::Unauthorized { origin, .. } | Kind::NotRenewable { origin } => {
                return Some(origin.hint());
            }
            Kind::Forbidden { .. } => {
                "check that the token belongs to the intended account (`wazzup-contacts auth` shows it) and has the scope `crm`"
            }
            Kind::WrongPartner { origin, .. } => {
                return Some(format!(
                    "check the password in {origin}, and the email in WAZZUP_PARTNER_EMAIL or `partner_email`"
                ));
            }
            Kind::NotGranted { grant, .. } => match grant {
                Grant::Partner => {
                    "ask Wazzup's support whether the partner may use simplified authorization"
                }
                Grant::Account(_) => {
                    "check the account's id (WAZZUP_ACCOUNT_ID or `account_id`), and that the account belongs to the partner"
                }
                Grant::Refresh(origin) => {
                    return Some(format!(
                        "a refresh token works once: authorize the application again, and put the new refresh token into {origin}"
                    ));
                }
            },
            Kind::SecretCommand { key, .. } => return Some(of_command(key)),
            Kind::TokenStore { error, .. } if error.kind() == io::ErrorKind::InvalidData => {
                "restore the file, or remove it and authorize the application again"
            }
            Kind::TokenStore { .. } => {
                "make the directory writable: a refresh token can be used only once, so the next one must be saved before the token is renewed"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// Advice on a command that prints a secret, by its key in the profile.
fn of_command(key: &str) -> String {
    format!(
        "run the profile's `{key}` by hand: it must print the secret and nothing else, and exit with 0"
    )
}

/// The number of attempts in the message of [`ApiErrorKind::GaveUp`].
fn times(tries: u32) -> String {
    match tries {
        0 | 1 => String::new(),
        tries => format!(" {}, the last time with", counted(tries.into(), "time")),
    }
}

impl<K: Into<ApiErrorKind>> From<K> for ApiError {
    fn from(kind: K) -> Self {
        Self {
            kind: kind.into(),
            sent: false,
        }
    }
}

impl From<StopReason> for ApiErrorKind {
    fn from(reason: StopReason) -> Self {
        Self::Interrupted(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_about_a_refused_token_names_its_origin() {
        let given = |name: &str| TokenOrigin::Given(name.to_owned());
        for (origin, named, others) in [
            (given("WAZZUP_TOKEN"), "WAZZUP_TOKEN", "--token-file"),
            (given("--token-file t"), "--token-file t", "WAZZUP_TOKEN"),
            (given("token_file t"), "token_file t", "WAZZUP_TOKEN"),
            (TokenOrigin::Command, "`token_command`", "WAZZUP"),
        ] {
            let detail = || "Unauthorized".to_owned();
            for kind in [
                ApiErrorKind::Unauthorized {
                    origin: origin.clone(),
                    detail: detail(),
                },
                ApiErrorKind::BadToken {
                    origin: origin.clone(),
                    detail: detail(),
                },
            ] {
                let error = ApiError::from(kind);
                let hint = error.hint().unwrap_or_default();
                assert!(hint.contains(named) && !hint.contains(others), "{hint}");
                // Another name of the account would make it another account for `apply`.
                assert!(!hint.contains("WAZZUP_ACCOUNT_ID"), "{hint}");
                assert!(error.is_about_the_token());
            }
        }
    }
}
