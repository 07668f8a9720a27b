//! Links to accounts of messengers: the account that a link leads to. It is empty if the link leads to something
//! else, such as an invitation or a photo, and `None` if the text is not a link to the messenger.

/// The phone number in a link to a chat.
pub(super) fn number(link: &str) -> Option<&str> {
    const HOSTS: [&str; 4] = [
        "wa.me",
        "api.whatsapp.com",
        "web.whatsapp.com",
        "viber.click",
    ];
    parameter(link, "phone")
        .or_else(|| parameter(link, "number"))
        .or_else(|| path(link, &HOSTS).map(last))
        .or_else(|| telegram_number(link))
}

/// The phone number in a link to Telegram: `t.me/+79991112233`. Usernames don't begin with a digit, and the code of
/// an invitation (`t.me/+AbCdEf`) is not a number.
pub(super) fn telegram_number(link: &str) -> Option<&str> {
    let is_number = |account: &&str| {
        let digits = account.strip_prefix('+').unwrap_or(account);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    path(link, &TELEGRAM_HOSTS)
        .filter(is_number)
        .or_else(|| parameter(link, "phone").filter(|_| link.starts_with("tg://")))
}

/// The id in a link to a user of Telegram.
pub(super) fn telegram_id(link: &str) -> Option<&str> {
    let link = link.strip_prefix("tg://user")?;
    parameter(link, "id")
}

const TELEGRAM_HOSTS: [&str; 3] = ["t.me", "telegram.me", "telegram.dog"];

/// The username in a link to Telegram.
pub(super) fn telegram(link: &str) -> Option<&str> {
    path(link, &TELEGRAM_HOSTS)
        .map(|path| first(path.strip_prefix("s/").unwrap_or(path)))
        .map(|account| page_or(account, TELEGRAM_PAGES))
        .or_else(|| parameter(link, "domain").filter(|_| link.starts_with("tg://")))
}

pub(super) fn instagram(link: &str) -> Option<&str> {
    const HOSTS: [&str; 4] = ["instagram.com", "instagr.am", "m.instagram.com", "ig.me"];
    // `_u/ann` opens the app, `m/ann` a conversation, `stories/ann` the stories.
    path(link, &HOSTS)
        .map(|path| {
            let before = ["_u/", "_n/", "m/", "stories/"].into_iter();
            before.fold(path, |path, part| path.strip_prefix(part).unwrap_or(path))
        })
        .map(|path| page_or(first(path), INSTAGRAM_PAGES))
        .or_else(|| parameter(link, "username").filter(|_| link.starts_with("instagram://")))
}

pub(super) fn vk(link: &str) -> Option<&str> {
    const HOSTS: [&str; 7] = [
        "vk.com",
        "m.vk.com",
        "web.vk.me",
        "vk.ru",
        "m.vk.ru",
        "vk.me",
        "vkontakte.ru",
    ];
    path(link, &HOSTS).map(|path| vk_account(link, path))
}

pub(super) fn max(link: &str) -> Option<&str> {
    path(link, &["max.ru", "web.max.ru"]).map(|path| {
        let is_other = matches!(first(path), "join" | "c");
        if is_other { "" } else { last(path) }
    })
}

/// `user/ab12/profile`, `brands/i12/all` and `profile/messenger/channel/u2i-ab`. The path of an advert ends in its
/// number.
pub(super) fn avito(link: &str) -> Option<&str> {
    path(link, &["avito.ru", "m.avito.ru"]).map(|path| match path.split_once('/') {
        Some(("user" | "brands", rest)) => first(rest),
        Some(("profile", rest)) => last(rest),
        Some(_) => "",
        None => page_or(path, "user brands profile"),
    })
}

/// The account in the path of a link to VK: `ann`, `id123`, `im?sel=123`, `write123`. Communities, posts and other
/// pages are not accounts.
fn vk_account<'r>(link: &'r str, path: &'r str) -> &'r str {
    let page = first(path);
    let is_person = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    let conversation = path
        .strip_prefix("im/convo/")
        .or_else(|| page.strip_prefix("write"))
        .filter(is_person);
    if let Some(id) = conversation {
        return id;
    }
    let is_of_community = |kind: &str| {
        let number = page.strip_prefix(kind);
        number.is_some_and(|number| {
            number.starts_with(|c: char| c == '-' || c.is_ascii_digit())
                && number.bytes().all(|byte| !byte.is_ascii_alphabetic())
        })
    };
    if matches!(page, "im" | "al_im.php") || is_of_community("gim") {
        return parameter(link, "sel").filter(is_person).unwrap_or_default();
    }
    let is_script = page.rsplit_once('.').is_some_and(|(_, end)| end == "php");
    if is_script || VK_NUMBERED.into_iter().any(is_of_community) {
        return "";
    }
    page_or(page, VK_PAGES)
}

/// The account, or an empty text for one of the site's own pages.
fn page_or<'r>(account: &'r str, pages: &str) -> &'r str {
    let mut pages = pages.split(' ');
    let is_page = pages.any(|page| account.eq_ignore_ascii_case(page));
    if is_page { "" } else { account }
}

/// Paths of t.me that are not usernames.
const TELEGRAM_PAGES: &str = "\
    joinchat c addstickers addemoji addlist addtheme bg boost confirmphone contact giftcode invoice \
    login nft proxy setlanguage share socks";

const INSTAGRAM_PAGES: &str = "\
    p reel reels explore tv direct highlights s share accounts about legal web channel invites \
    locations popular audio j qr nametag live challenge topics";

/// Pages of VK that are not accounts.
const VK_PAGES: &str =
    "feed friends groups join login mail photos search video clips market settings";

/// The words before the number of a community, a post or another VK page.
const VK_NUMBERED: [&str; 14] = [
    "public", "club", "event", "wall", "photo", "video", "clip", "album", "albums", "topic",
    "market", "doc", "app", "story",
];

/// The path of a link to one of these hosts, without the query: `ann` in `t.me/ann?start=1`. The host alone is also a
/// link.
fn path<'r>(text: &'r str, hosts: &[&str]) -> Option<&'r str> {
    let (host, rest) = host_and_path(text).unwrap_or((without_www(text), ""));
    let known = hosts.iter().any(|known| host.eq_ignore_ascii_case(known));
    (known && !holds_more(text)).then(|| {
        rest.split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_end_matches('/')
    })
}

/// The value of a query parameter: `phone` in `…/send?phone=79991112233&text=hi`.
fn parameter<'r>(text: &'r str, name: &str) -> Option<&'r str> {
    let (_, query) = text.split_once('?')?;
    if holds_more(text) {
        return None;
    }
    query
        .split(['&', '#'])
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

/// True for any link. A link that can't be reduced must not be sent as an account.
pub(in crate::normalize) fn is_link(text: &str) -> bool {
    let is_host = |host: &str| host.contains('.') && !host.contains(char::is_whitespace);
    text.contains("://") || host_and_path(text).is_some_and(|(host, _)| is_host(host))
}

/// True if the text has more than a link: another value before it, or anything after its path.
pub(super) fn holds_more(text: &str) -> bool {
    let (before, rest) = match text.split_once("://") {
        Some((before, rest)) => (
            before.trim_end_matches(|c: char| c.is_ascii_alphabetic()),
            rest,
        ),
        None => ("", text),
    };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    before.contains(|c: char| c.is_ascii_digit() || matches!(c, '@' | '/'))
        || path
            .trim()
            .contains(|c: char| c == ',' || c.is_whitespace())
}

/// The host and the path; the scheme and `www.` may be missing.
fn host_and_path(text: &str) -> Option<(&str, &str)> {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, rest) = after_scheme.trim_start_matches('/').split_once('/')?;
    Some((without_www(host), rest))
}

fn without_www(host: &str) -> &str {
    match host.get(..4) {
        Some(www) if www.eq_ignore_ascii_case("www.") => &host[4..],
        _ => host,
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
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
            ("t.me", Some("")),
            ("www.t.me", Some("")),
            ("at.me", None),
            ("", None),
            ("ж.п/я", None),
        ] {
            assert_eq!(path(text, &["t.me"]), wanted, "{text}");
        }
        assert_eq!(parameter("x/send?text=a&phone=79", "phone"), Some("79"));
        for text in [
            "https://wa.me/1, https://wa.me/2",
            "https://wa.me/1 / https://wa.me/2",
            "+7999, https://wa.me/1",
            "@ann https://t.me/bob",
            "t.me/ann t.me/bob",
        ] {
            assert!(holds_more(text), "{text}");
            assert_eq!(path(text, &["wa.me", "t.me"]), None, "{text}");
        }
        for text in ["https://wa.me/1?text=hi there", "WhatsApp: https://wa.me/1"] {
            assert!(!holds_more(text), "{text}");
        }
        assert!(!is_link("lux.m / lux.n"));
        assert!(is_link("tg://user?id=1") && is_link("example.com/x") && !is_link("a/b"));
    }
}
