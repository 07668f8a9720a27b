//! The employees of an account, whose ids are used in `responsible_user_id`, and look-ups by name or email
//! address.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use parking_lot::Mutex;

use serde::Serialize;
use serde_json::Value;

use crate::{
    characters::{ByteKinds, shown},
    contact::{RESPONSIBLE_CHARS_MAX, reading::without_lone_surrogates},
    mapping::name_key,
};

/// An employee of the account, which the API calls a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Employee {
    pub(crate) id: String,
    /// Empty if the account does not state it.
    pub(crate) name: String,
    /// Empty if the account does not state it.
    pub(crate) email: String,
}

impl Employee {
    /// Reads an entry of the account's list. `None` if it has no usable id.
    pub(crate) fn read(json: &str) -> Option<Self> {
        let entry: Value = serde_json::from_str(json)
            .or_else(|_| serde_json::from_str(&without_lone_surrogates(json)))
            .ok()?;
        let text = |keys: &[&str]| {
            let texts = keys.iter().filter_map(|key| match &entry[*key] {
                Value::String(text) => Some(text.trim().to_owned()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
            texts.into_iter().find(|text| !text.is_empty())
        };
        let id = text(&["id"]).filter(|id| id.chars().count() <= RESPONSIBLE_CHARS_MAX)?;
        // Only `id` and `name` are documented. The others are common names in such APIs.
        let parts = [&["first_name", "firstName"], &["last_name", "lastName"]];
        let joined = || parts.iter().filter_map(|keys| text(*keys));
        let name = text(&["name", "full_name", "fullName"])
            .unwrap_or_else(|| joined().collect::<Vec<_>>().join(" "));
        let email = text(&["email", "e_mail", "mail"]).unwrap_or_default();
        Some(Self { id, name, email })
    }
}

impl fmt::Display for Employee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match [&self.name, &self.email]
            .into_iter()
            .find(|it| !it.is_empty())
        {
            Some(name) => write!(f, "{} ({})", shown(name), self.id),
            None => f.write_str(&self.id),
        }
    }
}

/// The employees of an account, for look-ups.
#[derive(Debug)]
pub(crate) struct Employees {
    list: Vec<Employee>,
    ids: HashSet<String>,
    /// By name and by email address, as written.
    exact: HashMap<String, Vec<usize>>,
    /// By [`key`].
    loose: HashMap<String, Vec<usize>>,
    /// Messages about values without an employee, cached because a value often occurs in many rows.
    reasons: Mutex<HashMap<String, Arc<str>>>,
}

/// A value without case, accents, punctuation and word order.
fn key(value: &str) -> String {
    let mut words = words(value);
    words.sort_unstable();
    words.join(" ")
}

fn words(value: &str) -> Vec<String> {
    let words = value.split(|c: char| c.is_whitespace() || c == ',');
    words
        .map(name_key)
        .filter(|word| !word.is_empty())
        .collect()
}

impl Employees {
    /// The first of several entries with the same id wins.
    pub(crate) fn new(list: Vec<Employee>) -> Self {
        let mut employees = Self {
            list: Vec::with_capacity(list.len()),
            ids: HashSet::new(),
            exact: HashMap::new(),
            loose: HashMap::new(),
            reasons: Mutex::default(),
        };
        for employee in list {
            if !employees.ids.insert(employee.id.clone()) {
                continue;
            }
            let at = employees.list.len();
            let names = [&employee.name, &employee.email];
            let names: HashSet<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
            let keys: HashSet<_> = names.iter().map(|name| key(name)).collect();
            for name in names {
                employees.exact.entry(name.clone()).or_default().push(at);
            }
            for key in keys {
                employees.loose.entry(key).or_default().push(at);
            }
            employees.list.push(employee);
        }
        employees
    }

    pub(crate) fn list(&self) -> &[Employee] {
        &self.list
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// The id for a value, which is an id, or the name or email address of one employee, compared exactly first
    /// and then by [`key`].
    pub(crate) fn id_of(&self, value: &str) -> Option<&str> {
        if let Some(id) = self.ids.get(value) {
            return Some(id);
        }
        match self.named(value) {
            [one] => Some(&self.list[*one].id),
            _ => None,
        }
    }

    fn named(&self, value: &str) -> &[usize] {
        let found = self.exact.get(value).or_else(|| {
            let key = key(value);
            // A value of only punctuation matches no employee.
            self.loose.get(&key).filter(|_| !key.is_empty())
        });
        found.map_or(&[], Vec::as_slice)
    }

    /// The message about a value that matches no employee or several.
    pub(crate) fn reason(&self, value: &str) -> Arc<str> {
        let reasons = || self.reasons.lock();
        if let Some(reason) = reasons().get(value) {
            return Arc::clone(reason);
        }
        let reason: Arc<str> = self.describe(value).into();
        let mut kept = reasons();
        if kept.len() < REASONS_KEPT {
            kept.insert(value.to_owned(), Arc::clone(&reason));
        }
        reason
    }

    fn describe(&self, value: &str) -> String {
        const SHOWN: usize = 3;
        let names = |found: &[usize]| {
            let names = found.iter().take(SHOWN);
            let names: Vec<_> = names.map(|&at| self.list[at].to_string()).collect();
            names.join(", ")
        };
        match self.named(value) {
            [] => {}
            several => {
                return format!(
                    "{} is the name of {} employees: {}; write the id of one of them",
                    shown(value),
                    several.len(),
                    names(several)
                );
            }
        }
        let nearest = self.nearest(value);
        let advice = if nearest.is_empty() {
            "`wazzup-contacts users` lists them".to_owned()
        } else {
            format!("the nearest are {}", names(&nearest))
        };
        format!(
            "{} is not an employee of the account: {advice}; correct it, or give its id in [values.responsible_user_id] of a mapping file",
            shown(value)
        )
    }

    /// Employees with similar names, most similar first: those with a common word, otherwise those with similar
    /// letters.
    fn nearest(&self, value: &str) -> Vec<usize> {
        let (wanted, wanted_words) = (key(value), words(value));
        let has_word = |&at: &usize| {
            let words = words(&self.list[at].name);
            words.iter().any(|word| wanted_words.contains(word))
        };
        let found: Vec<usize> = (0..self.list.len()).filter(has_word).collect();
        let (mut candidates, least) = if found.is_empty() {
            ((0..self.list.len()).collect(), 0.8)
        } else {
            (found, 0.0)
        };
        candidates.truncate(COMPARED_MAX);
        let similarity = |at: usize| {
            let Employee { name, email, .. } = &self.list[at];
            let of = |name: &String| strsim::jaro_winkler(&key(name), &wanted);
            of(name).max(of(email))
        };
        let ranked = candidates.into_iter().map(|at| (similarity(at), at));
        let mut ranked: Vec<_> = ranked
            .filter(|(similarity, _)| *similarity >= least)
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.into_iter().map(|(_, at)| at).collect()
    }
}

/// Maximum number of employees whose names are compared letter by letter.
const COMPARED_MAX: usize = 300;

/// Maximum number of cached messages.
const REASONS_KEPT: usize = 1000;

/// The treatment of names in `responsible_user_id` (`--owners`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owners {
    /// Stop if most owners look like names.
    #[default]
    Guard,
    /// Replace names and email addresses with the ids of the account's employees.
    Match,
    /// Send them unchanged.
    AsWritten,
}

/// [`Owners`], with the employees if they are needed and available.
#[derive(Clone, Debug, Default)]
pub(crate) enum OwnerRule {
    #[default]
    Guard,
    /// Like `Guard`, because the account does not list its employees.
    Unlisted,
    Match(Arc<Employees>),
    AsWritten,
}

impl OwnerRule {
    /// The employees among which names are looked up.
    pub(crate) fn employees(&self) -> Option<&Employees> {
        match self {
            Self::Match(employees) => Some(employees),
            Self::Guard | Self::Unlisted | Self::AsWritten => None,
        }
    }

    /// True if `--owners match` may help.
    pub(crate) const fn can_look_up(&self) -> bool {
        matches!(self, Self::Guard)
    }

    /// True for an owner that the guard counts: a name, not an employee's id.
    pub(crate) fn is_name(&self, owner: &str) -> bool {
        // A fast path for most ids: no name has a digit.
        let ends_in_digit = owner.as_bytes().last().is_some_and(u8::is_ascii_digit);
        !ends_in_digit
            && OwnerLook::of(owner) == OwnerLook::Name
            && match self {
                Self::Guard | Self::Unlisted => true,
                Self::Match(employees) => !employees.has(owner),
                Self::AsWritten => false,
            }
    }
}

/// The kind of value that `responsible_user_id` appears to contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnerLook {
    /// Contains a digit, but no space, `@` or non-ASCII letter, so it can hardly be a name or an email address.
    Id,
    /// No digit, but a space or a non-ASCII letter: `Ann Lee`, `Анна`.
    Name,
    /// `Anna`, `j.smith@example.com`, `user 12`.
    Unclear,
}

impl OwnerLook {
    pub(crate) fn of(owner: &str) -> Self {
        const ODD: u8 =
            ByteKinds::SPACE | ByteKinds::CONTROL | ByteKinds::AT | ByteKinds::NOT_ASCII;
        let bytes = ByteKinds::of(owner);
        // A fast path for almost every owner.
        if !bytes.has(ODD) {
            return if bytes.has(ByteKinds::DIGIT) {
                Self::Id
            } else {
                Self::Unclear
            };
        }
        let has_digit = owner.chars().any(char::is_numeric);
        let has_space = owner.chars().any(char::is_whitespace);
        if !has_digit && (has_space || !owner.is_ascii()) {
            Self::Name
        } else {
            Self::Unclear
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn employees(entries: &[&str]) -> Employees {
        Employees::new(entries.iter().filter_map(|it| Employee::read(it)).collect())
    }

    #[test]
    fn odd_entries_are_read_leniently_or_not_at_all() {
        for (json, expected) in [
            (r#"{"id":"1","name":"Ann"}"#, Some(("1", "Ann", ""))),
            (
                r#"{"id":7,"name":null,"email":"a@x.org"}"#,
                Some(("7", "", "a@x.org")),
            ),
            (
                r#"{"id":"1","firstName":"Ann","last_name":"Ray"}"#,
                Some(("1", "Ann Ray", "")),
            ),
            (
                r#"{"id":" 1 ","name":" Ann\ud83d "}"#,
                Some(("1", "Ann\u{fffd}", "")),
            ),
            (
                r#"{"id":"1","name":["Ann"],"role":{}}"#,
                Some(("1", "", "")),
            ),
            (r#"{"id":""}"#, None),
            (r#"{"id":{}}"#, None),
            (r#"{"name":"Ann"}"#, None),
            ("7", None),
            ("null", None),
        ] {
            let read = Employee::read(json);
            let shown = read.as_ref().map(|it| (&*it.id, &*it.name, &*it.email));
            assert_eq!(shown, expected, "{json}");
        }
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(101));
        assert_eq!(Employee::read(&long), None);
    }

    #[test]
    fn an_employee_is_found_by_id_name_and_address_exactly_then_loosely() {
        let employees = employees(&[
            r#"{"id":"1","name":"Пётр Ильин","email":"Petr@example.com"}"#,
            r#"{"id":"2","name":"José Muñoz"}"#,
            r#"{"id":"3","name":"jose munoz"}"#,
            r#"{"id":"4","name":"Ann Ray"}"#,
            r#"{"id":"5","name":"Ann Ray"}"#,
            r#"{"id":"1","name":"Twice"}"#,
        ]);
        for (value, expected) in [
            ("1", Some("1")),
            ("Пётр Ильин", Some("1")),
            ("ИЛЬИН, ПЕТР", Some("1")),
            ("petr@EXAMPLE.com", Some("1")),
            ("José Muñoz", Some("2")),
            ("jose munoz", Some("3")),
            ("Jose Muñoz", None),
            ("Ann Ray", None),
            ("Twice", None),
            ("Ann", None),
            ("--", None),
            ("", None),
        ] {
            assert_eq!(employees.id_of(value), expected, "{value}");
        }
    }

    #[test]
    fn the_reason_names_the_nearest_employees_or_those_of_the_same_name() {
        let employees = employees(&[
            r#"{"id":"1","name":"Anna Petrova"}"#,
            r#"{"id":"2","name":"Anna Ivanova"}"#,
            r#"{"id":"3","name":"Oleg Stone"}"#,
            r#"{"id":"4","name":"Oleg Stone"}"#,
        ]);
        for (value, words) in [
            ("Ana Petrova", "the nearest are `Anna Petrova` (1);"),
            (
                "Anna Petrov",
                "the nearest are `Anna Petrova` (1), `Anna Ivanova` (2);",
            ),
            (
                "Stone, Oleg",
                "2 employees: `Oleg Stone` (3), `Oleg Stone` (4);",
            ),
            ("Xu", "`wazzup-contacts users` lists them"),
        ] {
            let reason = employees.reason(value);
            assert!(reason.contains(words), "{reason}");
            assert_eq!(reason, employees.reason(value));
        }
    }

    #[test]
    fn a_name_has_a_space_or_a_letter_beyond_ascii_and_no_digit() {
        let known = employees(&[r#"{"id":"Ann Ray"}"#]);
        let known = OwnerRule::Match(Arc::new(known));
        for (owner, guarded, matched) in [
            ("Ivan Petrov", true, true),
            ("Ivan\u{a0}Petrov", true, true),
            ("Ann Ray", true, false),
            ("user 12", false, false),
            ("user-a", false, false),
            ("Anna", false, false),
            ("Анна", true, true),
            ("Анна-2", false, false),
        ] {
            assert_eq!(OwnerRule::Guard.is_name(owner), guarded, "{owner}");
            assert_eq!(known.is_name(owner), matched, "{owner}");
            assert!(!OwnerRule::AsWritten.is_name(owner));
        }
        assert!(known.employees().unwrap().list().len() == 1);
    }
}
