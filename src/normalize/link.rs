//! Links to messengers and social networks: `https://t.me/ann?start=1` → `t.me`'s `ann`.

/// What follows the host in a link to one of these hosts, without the query: `ann` of `t.me/ann?start=1`.
pub(super) fn path<'r>(text: &'r str, hosts: &[&str]) -> Option<&'r str> {
    let (host, rest) = split(text)?;
    let known = hosts.iter().any(|known| host.eq_ignore_ascii_case(known));
    known.then(|| {
        rest.split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_end_matches('/')
    })
}

/// The value of a parameter in the query of a link: `phone` of `…/send?phone=79991112233&text=hi`.
pub(super) fn parameter<'r>(text: &'r str, name: &str) -> Option<&'r str> {
    let (_, query) = text.split_once('?')?;
    query
        .split(['&', '#'])
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The first part of a path.
pub(super) fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

/// Is it a link of any kind? Those that nothing could be made of must not be sent as an account.
pub(super) fn is_link(text: &str) -> bool {
    text.contains("://") || split(text).is_some_and(|(host, _)| host.contains('.'))
}

/// Host and the rest behind its slash; the scheme and `www.` may be missing.
fn split(text: &str) -> Option<(&str, &str)> {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, rest) = after_scheme.trim_start_matches('/').split_once('/')?;
    let bare = match host.get(..4) {
        Some(www) if www.eq_ignore_ascii_case("www.") => &host[4..],
        _ => host,
    };
    Some((bare, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_taken_apart() {
        for (text, wanted) in [
            ("https://t.me/ann?start=1", Some("ann")),
            ("http://www.T.me/ann/", Some("ann")),
            ("t.me/ann", Some("ann")),
            ("//t.me/ann#x", Some("ann")),
            ("https://t.me/", Some("")),
            ("https://other.example/ann", None),
            ("t.me", None),
            ("", None),
            ("ж.п/я", None),
        ] {
            assert_eq!(path(text, &["t.me"]), wanted, "{text}");
        }
        assert_eq!(parameter("x/send?text=a&phone=79", "phone"), Some("79"));
        assert!(is_link("tg://user?id=1") && is_link("example.com/x") && !is_link("a/b"));
    }
}
