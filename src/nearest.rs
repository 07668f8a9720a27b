//! Suggests the existing name that is nearest to a misspelt one.
//!
//! Names are compared without case, accents and punctuation, and in Latin letters.

use unicode_normalization::UnicodeNormalization as _;

use crate::wording::shell_quoted;

/// The minimum similarity (Jaro-Winkler, from 0 to 1) of a suggestion.
const LIKENESS_MIN: f64 = 0.85;

/// Maximum length of a name that is compared; longer text is a value.
const CHARS_MAX: usize = 100;

/// The most similar candidate, if one is similar enough.
pub(crate) fn nearest<C: AsRef<str>>(
    name: &str,
    candidates: impl IntoIterator<Item = C>,
) -> Option<C> {
    let wanted = key(name);
    let rated = candidates.into_iter().map(|candidate| {
        let likeness = strsim::jaro_winkler(&wanted, &key(candidate.as_ref()));
        (likeness, candidate)
    });
    let alike = rated.filter(|(likeness, _)| !wanted.is_empty() && *likeness >= LIKENESS_MIN);
    // The first of several equally similar candidates wins.
    let best = alike.reduce(|best, other| if other.0 > best.0 { other } else { best });
    best.map(|(_, candidate)| candidate)
}

/// `did you mean …?`, with the suggestion in backticks.
pub(crate) fn question<C: AsRef<str>>(
    name: &str,
    candidates: impl IntoIterator<Item = C>,
) -> Option<String> {
    let meant = nearest(name, candidates)?;
    Some(format!("did you mean `{}`?", meant.as_ref()))
}

/// Like [`question`], in parentheses to follow a sentence; empty without a suggestion.
pub(crate) fn remark<C: AsRef<str>>(name: &str, candidates: impl IntoIterator<Item = C>) -> String {
    question(name, candidates).map_or_else(String::new, |question| format!(" ({question})"))
}

/// `did you mean FLAG VALUE?`
pub(crate) fn flag(flag: &str, name: &str, candidates: &[String]) -> Option<String> {
    let meant = nearest(name, candidates)?;
    Some(format!("did you mean {flag}{}?", shell_quoted(meant)))
}

/// The form in which names are compared.
fn key(name: &str) -> String {
    let clipped = name.trim().chars().take(CHARS_MAX);
    let letters = clipped.nfkd().flat_map(char::to_lowercase);
    let mut key = String::new();
    for letter in letters.filter(|letter| letter.is_alphanumeric()) {
        match transliterated(letter) {
            Some(latin) => key.push_str(latin),
            None => key.push(letter),
        }
    }
    key
}

fn transliterated(letter: char) -> Option<&'static str> {
    const CYRILLIC: [&str; 32] = [
        "a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s",
        "t", "u", "f", "kh", "ts", "ch", "sh", "shch", "", "y", "", "e", "yu", "ya",
    ];
    match letter {
        'ß' => Some("ss"),
        'ø' => Some("o"),
        'ł' => Some("l"),
        'а'..='я' => {
            let at = u32::from(letter) - u32::from('а');
            CYRILLIC.get(at as usize).copied()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_case_accents_and_letters_of_other_alphabets() {
        let names = [
            "id",
            "Größe",
            "Имя клиента",
            "Телефон",
            "Responsável",
            "phone",
        ];
        for (typed, meant) in [
            ("ID ", "id"),
            ("Grosse", "Größe"),
            ("Groesse", "Größe"),
            ("Imya klienta", "Имя клиента"),
            ("имя_клиента", "Имя клиента"),
            ("Telefon", "Телефон"),
            ("Responsavel", "Responsável"),
            // Cyrillic о and е.
            ("phоnе", "phone"),
            ("phnoe", "phone"),
        ] {
            assert_eq!(nearest(typed, names), Some(meant), "{typed}");
        }
        for other in ["", "—", "uri", "Kunde"] {
            assert_eq!(nearest(other, names), None, "{other}");
        }
    }
}
