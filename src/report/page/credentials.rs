//! Hides credentials in text. Reports are shared, and links and their templates may contain a user name, a
//! password or a key.

use std::{borrow::Cow, ops::Range};

use crate::characters::masked;

/// URL parameters that usually contain a secret, matched by the end of their name.
const SECRET_PARAMETERS: &str = "token password passwd pwd secret key apikey auth signature";

/// The text without the credentials in its URLs. The end of a clipped URL may also be a credential.
pub(super) fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, mark) in text.match_indices("://") {
        let start = at + mark.len();
        let url = &text[start..];
        let end = url.find(ends_url).unwrap_or(url.len());
        let url = &url[..end];
        let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
        found.extend(user_info(authority).map(|length| start..start + length));
        found.extend(secret_values(url).map(|it| start + it.start..start + it.end));
    }
    masked(text, found)
}

const fn ends_url(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`')
}

/// The length of the user name and password before a host.
fn user_info(authority: &str) -> Option<usize> {
    if let Some(at) = authority.rfind('@') {
        return Some(at);
    }
    // Clipped before the `@`, unless a port is clipped.
    let (_, port) = authority.strip_suffix('…')?.rsplit_once(':')?;
    (!port.bytes().all(|byte| byte.is_ascii_digit())).then_some(authority.len())
}

fn secret_values(url: &str) -> impl Iterator<Item = Range<usize>> {
    let parameters = url
        .match_indices(['?', '&', '#', ';'])
        .map(|(at, _)| at + 1);
    parameters.filter_map(|start| {
        let rest = &url[start..];
        let parameter = &rest[..rest.find(['&', '#', ';']).unwrap_or(rest.len())];
        let (name, value) = parameter.split_once('=')?;
        let name = name.to_ascii_lowercase();
        // A placeholder is not a secret.
        let is_placeholder = value.starts_with('{') && value.ends_with('}');
        let mut secrets = SECRET_PARAMETERS.split(' ');
        let is_secret = secrets.any(|secret| name.ends_with(secret));
        let value = start + name.len() + 1..start + parameter.len();
        (is_secret && !is_placeholder).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_passwords_and_keys_of_urls_are_hidden() {
        for (text, shown) in [
            (
                "--set uri='https://user:pa@ss@crm.example.com/{id}' x@y",
                "--set uri='https://(hidden)@crm.example.com/{id}' x@y",
            ),
            (
                "https://user@host:80/?a=1@2",
                "https://(hidden)@host:80/?a=1@2",
            ),
            ("https://user:secretse…", "https://(hidden)"),
            (
                "http://h/?access_token=abc&b=1#API_KEY=x",
                "http://h/?access_token=(hidden)&b=1#API_KEY=(hidden)",
            ),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
        for text in [
            "https://crm.example.com:8080/contacts/1?monkey=&b",
            "https://crm.example.com:80…",
            "https://crm.example.com/?key={Key}",
            "a@b.example, user:password, tel://",
        ] {
            assert_eq!(without_credentials(text), text);
        }
    }
}
