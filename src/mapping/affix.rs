//! Affixes in column names that say whose the column is: `Телефон (контакт)`, `Person - Phone`.
//!
//! An export of deals has columns of the deal, of its contact and of its company side by side, and only affixes
//! distinguish them. A contact's affix is removed and the rest looked up; a column with the affix of a company or a
//! deal is left out, whatever the rest says.

/// The owner of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'a> {
    /// The contact's; the name without the affix.
    Contact(&'a str),
    /// The company's or the deal's.
    Other,
    /// Not in the name.
    Unsaid,
}

const CONTACT: [&str; 7] = [
    "контакт",
    "contacto",
    "contato",
    "contact",
    "person",
    "persona",
    "pessoa",
];
const OTHER: [&str; 16] = [
    "компания",
    "empresa",
    "company",
    "compañía",
    "organization",
    "organización",
    "organização",
    "organisation",
    "сделка",
    "deal",
    "лид",
    "lead",
    "negocio",
    "negócio",
    "trato",
    "организация",
];

/// Reads the affix of a column's name.
pub(super) fn owner(name: &str) -> Owner<'_> {
    let Some((affix, rest)) = suffix(name).or_else(|| prefix(name)) else {
        return Owner::Unsaid;
    };
    if CONTACT.contains(&affix.trim().to_lowercase().as_str()) {
        Owner::Contact(rest.trim())
    } else if is_other(affix) {
        Owner::Other
    } else {
        Owner::Unsaid
    }
}

/// True for a word that means a company or a deal.
pub(crate) fn is_other(word: &str) -> bool {
    OTHER.contains(&word.trim().to_lowercase().as_str())
}

/// `Телефон (контакт)`.
fn suffix(name: &str) -> Option<(&str, &str)> {
    let (rest, affix) = name.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    (!rest.trim().is_empty()).then_some((affix, rest))
}

/// `Контакт: Телефон`, `Person - Phone`, but not `Контакт.Телефон`: Zoho's dots have another meaning.
fn prefix(name: &str) -> Option<(&str, &str)> {
    let (affix, rest) = name.split_once(':').or_else(|| name.split_once(" - "))?;
    (!rest.trim().is_empty()).then_some((affix, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affixes_say_whose_the_column_is() {
        for (name, wanted) in [
            (
                "Рабочий телефон (контакт)",
                Owner::Contact("Рабочий телефон"),
            ),
            (
                "Teléfono celular (Contacto)",
                Owner::Contact("Teléfono celular"),
            ),
            ("Faz (contato)", Owner::Contact("Faz")),
            (
                "Mobile Phone (Contact) (Contact)",
                Owner::Contact("Mobile Phone (Contact)"),
            ),
            (
                "Контакт: Рабочий телефон",
                Owner::Contact("Рабочий телефон"),
            ),
            ("Person - Phone - Work", Owner::Contact("Phone - Work")),
            (
                "Persona - Teléfono - Otro",
                Owner::Contact("Teléfono - Otro"),
            ),
            ("Рабочий телефон (компания)", Owner::Other),
            ("Deal - Title", Owner::Other),
            ("Компания: Телефон", Owner::Other),
            ("Телефон (NEW)", Owner::Unsaid),
            ("Контакт", Owner::Unsaid),
            ("Контакт Viber", Owner::Unsaid),
            ("(контакт)", Owner::Unsaid),
            ("Phone 1 - Value", Owner::Unsaid),
        ] {
            assert_eq!(owner(name), wanted, "{name}");
        }
    }
}
