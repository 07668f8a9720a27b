//! The API's base URL: https only, except for loopback.

use std::{fmt, net::IpAddr, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

/// Everything except RFC 3986's unreserved characters is percent-encoded in an id.
const IN_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The URL to which the API's paths are appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl {
    /// Without a trailing slash.
    text: String,
    loopback: bool,
}

/// A base URL that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not a URL.
    #[error("`{text}` is not a valid URL: {reason}")]
    Malformed {
        /// The text as given, without a user name and password.
        text: String,
        /// The parser's message.
        reason: String,
    },
    /// Not encrypted, so the token would be exposed.
    #[error("`{text}` is not https: the token would be sent unencrypted")]
    NotEncrypted {
        /// The text as given.
        text: String,
    },
    /// Contains a user name or a password, which would end up in logs.
    #[error("the base URL contains a user name or a password")]
    Credentials,
    /// Ends with the API version, which is appended to the base URL.
    #[error("`{text}` ends with the version of the API, which is appended to the base URL")]
    Version {
        /// The text as given.
        text: String,
    },
    /// Has a query or a fragment.
    #[error("`{text}` has a `?` or a `#`, so no path can be appended to it")]
    Tail {
        /// The text before it.
        text: String,
    },
}

impl BaseUrlError {
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Version { text } => {
                let base = text.trim_end_matches('/').trim_end_matches("/contacts");
                let base = base.trim_end_matches("/v2").trim_end_matches("/v3");
                return format!("set --base-url or WAZZUP_BASE_URL to {base}");
            }
            Self::Malformed { text, .. } if !text.contains("://") && text.contains(['.', ':']) => {
                return format!("the scheme is missing: set --base-url or WAZZUP_BASE_URL to https://{text}");
            }
            Self::Credentials => {
                "remove `user:password@` from --base-url; set the token with WAZZUP_TOKEN or --token-file"
            }
            Self::NotEncrypted { .. } => {
                "set --base-url or WAZZUP_BASE_URL to a URL that begins with https://; http:// is allowed only for localhost, 127.0.0.1 and [::1]"
            }
            Self::Malformed { .. } | Self::Tail { .. } => {
                "set --base-url or WAZZUP_BASE_URL to a URL such as https://tech.wazzup24.com"
            }
        }
        .to_owned()
    }
}

impl Default for BaseUrl {
    fn default() -> Self {
        Self {
            text: "https://tech.wazzup24.com".to_owned(),
            loopback: false,
        }
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let given = text.trim();
        let url = Url::parse(given).map_err(|error| BaseUrlError::Malformed {
            // The part before the `@` may be a password.
            text: given
                .rsplit_once('@')
                .map_or(given.to_owned(), |(_, host)| format!("…@{host}")),
            reason: if given.contains("://") {
                error.to_string()
            } else {
                "it has no scheme, such as https://".to_owned()
            },
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::Credentials);
        }
        let loopback = is_loopback(&url);
        check(&url, loopback, given)?;
        Ok(Self {
            text: url.as_str().trim_end_matches('/').to_owned(),
            loopback,
        })
    }
}

fn check(url: &Url, loopback: bool, given: &str) -> Result<(), BaseUrlError> {
    let text = given.to_owned();
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(BaseUrlError::NotEncrypted { text }),
        other => {
            let reason = format!("`{other}` is not https");
            return Err(BaseUrlError::Malformed { text, reason });
        }
    }
    let path = url
        .path()
        .trim_end_matches('/')
        .trim_end_matches("/contacts");
    if path.ends_with("/v2") || path.ends_with("/v3") {
        return Err(BaseUrlError::Version { text });
    }
    if url.query().is_some() || url.fragment().is_some() {
        // A query may contain a token.
        let text = given.split(['?', '#']).next().unwrap_or_default();
        let text = format!("{text}…");
        return Err(BaseUrlError::Tail { text });
    }
    Ok(())
}

/// True for a URL of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl BaseUrl {
    /// True for a URL of this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// True for the vendor's domain and its subdomains.
    pub(crate) fn is_of_the_vendor(&self) -> bool {
        const DOMAIN: &str = "wazzup24.com";
        let url = Url::parse(&self.text).ok();
        url.as_ref().and_then(Url::host_str).is_some_and(|host| {
            host.strip_suffix(DOMAIN)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// True for plain http, which is allowed for loopback only.
    pub(super) fn is_plain(&self) -> bool {
        self.text.starts_with("http:")
    }

    /// The host, with a port that is not the default.
    pub(super) fn host(&self) -> &str {
        let address = self.text.split_once("://").map_or("", |(_, rest)| rest);
        address.split('/').next().unwrap_or_default()
    }

    /// Appends a path with a leading slash.
    pub(super) fn join(&self, path: &str) -> Result<Url, BaseUrlError> {
        let text = format!("{}{path}", self.text);
        Url::parse(&text).map_err(|error| BaseUrlError::Malformed {
            reason: error.to_string(),
            text,
        })
    }

    /// The URL of one contact; `None` for the ids without a URL: `.` and `..` are dot segments in every path,
    /// encoded or not, and the empty id is the list.
    pub(crate) fn contact(&self, id: &str) -> Option<Url> {
        if matches!(id, "" | "." | "..") {
            return None;
        }
        let encoded = utf8_percent_encode(id, IN_SEGMENT);
        self.join(&format!("/v2/contacts/{encoded}")).ok()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_to_this_machine_are_taken() {
        for (given, shown) in [
            ("https://tech.wazzup24.com", "https://tech.wazzup24.com"),
            ("https://TECH.wazzup24.com/", "https://tech.wazzup24.com"),
            ("https://example.com/proxy//", "https://example.com/proxy"),
            ("http://localhost:8080", "http://localhost:8080"),
            (" http://127.0.0.1:1 ", "http://127.0.0.1:1"),
            ("http://127.9.9.9", "http://127.9.9.9"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(given.parse::<BaseUrl>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_would_show_the_token_is_refused() {
        let parse = |text: &str| text.parse::<BaseUrl>().unwrap_err();
        for clear in [
            "http://tech.wazzup24.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://[::2]",
        ] {
            assert!(
                matches!(parse(clear), BaseUrlError::NotEncrypted { .. }),
                "{clear}"
            );
        }
        let credentials = parse("https://me:secret@example.com");
        assert!(!credentials.to_string().contains("secret"));
        assert!(credentials.hint().contains("--base-url"));
        let malformed = parse("https://me:secret@example.com:99999");
        assert!(!malformed.to_string().contains("secret"), "{malformed}");
        for odd in ["", "example.com", "ftp://localhost", "file:///etc"] {
            assert!(
                matches!(parse(odd), BaseUrlError::Malformed { .. }),
                "{odd}"
            );
        }
        for tail in ["?token=secret", "#secret"] {
            let tail = parse(&format!("https://example.com/{tail}"));
            assert!(matches!(tail, BaseUrlError::Tail { .. }));
            assert!(!tail.to_string().contains("secret"), "{tail}");
        }
    }

    #[test]
    fn an_id_of_any_characters_is_one_segment_of_the_path() {
        let base: BaseUrl = "https://example.com/x".parse().unwrap();
        for (id, path) in [
            ("42", "/x/v2/contacts/42"),
            ("a/b?c#d%2F", "/x/v2/contacts/a%2Fb%3Fc%23d%252F"),
            ("Анна 1", "/x/v2/contacts/%D0%90%D0%BD%D0%BD%D0%B0%201"),
            ("...", "/x/v2/contacts/..."),
            ("%2e%2e", "/x/v2/contacts/%252e%252e"),
            ("\t\n\0", "/x/v2/contacts/%09%0A%00"),
            ("a\\b", "/x/v2/contacts/a%5Cb"),
        ] {
            let url = base.contact(id).unwrap();
            assert_eq!(url.path(), path);
            assert_eq!((url.query(), url.fragment()), (None, None));
        }
        for nowhere in ["", ".", ".."] {
            assert_eq!(base.contact(nowhere), None, "{nowhere}");
        }
    }
}
