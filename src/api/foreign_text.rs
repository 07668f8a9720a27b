//! Makes the server's text safe to show: removes control characters and web pages.

use crate::wording::is_margin;

/// Maximum number of characters of a server's text.
const CHARS_MAX: usize = 300;

/// One line of at most 300 characters without control characters.
pub(crate) fn plain(text: &str) -> String {
    let visible = text
        .chars()
        .map(|c| if is_margin(c) { ' ' } else { c })
        .take(CHARS_MAX * 4)
        .collect::<String>();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&line)
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// True for a web page rather than JSON.
pub(crate) fn is_markup(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// The title of a web page.
pub(crate) fn page_title(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find('<')?;
    Some(plain(&page[start..end])).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_one_short_line_without_control_characters() {
        assert_eq!(plain("bad\x1b[31m\r\nname\u{202e}x"), "bad [31m name x");
        let long = plain(&"я".repeat(5000));
        assert_eq!(long.chars().count(), CHARS_MAX + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_web_page_is_known_and_named_by_its_title() {
        let page = "\n<html><head><TITLE>502 Bad\nGateway</TITLE></head>";
        assert!(is_markup(page.as_bytes()));
        assert_eq!(page_title(page).as_deref(), Some("502 Bad Gateway"));
        assert_eq!(page_title("<p>no title"), None);
        assert_eq!(page_title("<title>never closed"), None);
    }
}
