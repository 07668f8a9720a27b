//! The operations of the API: parsed from a request and carried out on the account.

use axum::http::Method;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use super::{
    answer::{ErrorAnswer, InvalidContact, SandboxAnswer},
    injected_fault::ErrorBody,
    injector::Effects,
    options::{Existing, Options},
    people,
    rules::{Completeness, ContactIdsBody, ContactsBody, Incoming, JsonText, Violation},
    store::Account,
};
use crate::contact::{BATCH_MAX, Contact};

const CONTACTS: &str = "/v2/contacts";
const USERS: &str = "/v2/users";
const TOKEN: &str = "/v2/oauth/token";

const INVALID: &str = "INVALID_CONTACTS_DATA";

/// A call with its body, which is borrowed from the request.
#[derive(Debug)]
pub(super) enum Call<'a> {
    List(PageQuery),
    Show(String),
    Users(PageQuery),
    Create(Vec<Incoming<'a>>),
    Update(Vec<Incoming<'a>>),
    Delete(Vec<JsonText<'a>>),
    Token(&'a [u8]),
}

impl<'a> Call<'a> {
    pub(super) fn read(
        method: &Method,
        path_and_query: &str,
        is_json: bool,
        body: &'a [u8],
    ) -> Result<Self, ErrorAnswer> {
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        let id = path
            .strip_prefix(CONTACTS)
            .and_then(|rest| rest.strip_prefix('/'))
            .filter(|id| !id.is_empty() && !id.contains('/'));
        match (path, method, id) {
            (_, &Method::GET, Some(id)) => Ok(Self::Show(
                percent_decode_str(id).decode_utf8_lossy().into_owned(),
            )),
            (USERS, &Method::GET, _) => Ok(Self::Users(PageQuery::read(query))),
            (CONTACTS, &Method::GET, _) => Ok(Self::List(PageQuery::read(query))),
            (CONTACTS, &Method::POST, _) => {
                parse(is_json, body).map(|ContactsBody { contacts }| Self::Create(contacts))
            }
            (CONTACTS, &Method::PATCH, _) => {
                parse(is_json, body).map(|ContactsBody { contacts }| Self::Update(contacts))
            }
            (CONTACTS, &Method::DELETE, _) => {
                parse(is_json, body).map(|ContactIdsBody { contact_ids }| Self::Delete(contact_ids))
            }
            (TOKEN, &Method::POST, _) => Ok(Self::Token(body)),
            (USERS | CONTACTS | TOKEN, ..) | (_, _, Some(_)) => {
                let problem = "the path has no such method";
                Err(ErrorAnswer::new(405, "METHOD_NOT_ALLOWED", problem))
            }
            _ => Err(ErrorAnswer::new(404, "NOT_FOUND", "no such path")),
        }
    }

    /// Number of contacts or ids in the body, if there must be some.
    pub(super) fn batch_len(&self) -> Option<usize> {
        match self {
            Self::Create(contacts) | Self::Update(contacts) => Some(contacts.len()),
            Self::Delete(ids) => Some(ids.len()),
            Self::List(_) | Self::Show(_) | Self::Users(_) | Self::Token(_) => None,
        }
    }

    /// The ids in the body or the path.
    pub(super) fn ids(&self) -> Vec<String> {
        match self {
            Self::Show(id) => vec![id.clone()],
            Self::Create(contacts) | Self::Update(contacts) => {
                let ids = contacts.iter().map(|contact| contact.id().to_owned());
                ids.collect()
            }
            Self::Delete(ids) => ids.iter().map(|id| id.0.clone().into_owned()).collect(),
            Self::List(_) | Self::Users(_) | Self::Token(_) => Vec::new(),
        }
    }

    fn check_size(&self) -> Result<(), ErrorAnswer> {
        match self.batch_len() {
            Some(0) => {
                let problem = "the list is empty";
                Err(ErrorAnswer::new(400, "INVALID_REQUEST", problem))
            }
            Some(len) if len > BATCH_MAX => {
                let problem = format!("a request can have at most {BATCH_MAX} entities");
                Err(ErrorAnswer::new(400, "TOO_MANY_ENTITIES", problem))
            }
            _ => Ok(()),
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(is_json: bool, body: &'a [u8]) -> Result<T, ErrorAnswer> {
    if !is_json {
        let problem = "the body must be application/json";
        return Err(ErrorAnswer::new(415, "UNSUPPORTED_MEDIA_TYPE", problem));
    }
    serde_json::from_slice(body)
        .map_err(|error| ErrorAnswer::new(400, "INVALID_REQUEST", error.to_string()))
}

/// The query of a page; the numbers as they were sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageQuery {
    offset: Option<String>,
    limit: Option<String>,
}

impl PageQuery {
    fn read(query: &str) -> Self {
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let (_, value) = pairs.find(|(key, _)| *key == name)?;
            Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        Self {
            offset: parameter("offset"),
            limit: parameter("limit"),
        }
    }

    /// The offset, and the length of a page of at most `page_max`.
    fn numbers(&self, page_max: usize) -> Result<(usize, usize), ErrorAnswer> {
        let number = |name: &str, text: &Option<String>, default| {
            let problem =
                |_| ErrorAnswer::new(400, "INVALID_REQUEST", format!("{name} is not a number"));
            let text = text.as_ref();
            text.map_or(Ok(default), |text| text.parse().map_err(problem))
        };
        let offset = number("offset", &self.offset, 0)?;
        Ok((offset, number("limit", &self.limit, 100)?.min(page_max)))
    }
}

pub(super) struct ContactOperation<'a> {
    pub(super) options: &'a Options,
    pub(super) account: &'a mut Account,
    pub(super) effects: &'a Effects,
}

impl ContactOperation<'_> {
    pub(super) fn run(&mut self, call: Call<'_>) -> Result<SandboxAnswer, ErrorAnswer> {
        call.check_size()?;
        let effects = self.effects;
        if let Some(poisoned) = effects.poison.first() {
            if poisoned.body != ErrorBody::Json {
                return Ok(SandboxAnswer::fault(poisoned.status, poisoned.body));
            }
            let ids = call.ids();
            let refused = effects.poison.iter().map(|poisoned| InvalidContact {
                index: poisoned.index,
                id: ids[poisoned.index].clone(),
                violation: Violation::of_contact("the contact is refused by an injected fault"),
            });
            ErrorAnswer::check(poisoned.status, INVALID, refused.collect())?;
        }
        match call {
            Call::List(page) => self.list(&page),
            Call::Show(id) => self.show(&id),
            Call::Users(page) => self.users(&page),
            Call::Create(batch) => {
                let batch = self.checked(batch, Completeness::Whole)?;
                self.check_existing(&batch)?;
                Ok(self.write(batch))
            }
            Call::Update(batch) => {
                let batch = self.checked(batch, Completeness::Part)?;
                self.check_missing(&batch)?;
                Ok(self.write(batch))
            }
            Call::Delete(ids) => Ok(self.delete(&ids)),
            Call::Token(_) => Err(ErrorAnswer::new(404, "NOT_FOUND", "no such path")),
        }
    }

    fn delete(&mut self, ids: &[JsonText<'_>]) -> SandboxAnswer {
        let unstored = &self.effects.unstored;
        for (index, id) in ids.iter().enumerate() {
            if !unstored.contains(&index) {
                self.account.delete(&id.0);
            }
        }
        if unstored.is_empty() {
            return SandboxAnswer::data(b"null");
        }
        SandboxAnswer::processed(ids.len() - unstored.len())
    }

    fn list(&self, page: &PageQuery) -> Result<SandboxAnswer, ErrorAnswer> {
        let (offset, limit) = page.numbers(self.options.page_max)?;
        let mut json = b"[".to_vec();
        self.account
            .write_page(offset, limit, self.options.uri, &mut json);
        json.push(b']');
        Ok(SandboxAnswer::data(&json))
    }

    /// A page of the employees who own the generated contacts.
    fn users(&self, page: &PageQuery) -> Result<SandboxAnswer, ErrorAnswer> {
        let (offset, limit) = page.numbers(self.options.page_max)?;
        let page: Vec<_> = people::employees().skip(offset).take(limit).collect();
        Ok(SandboxAnswer::data(
            Value::from(page).to_string().as_bytes(),
        ))
    }

    fn show(&self, id: &str) -> Result<SandboxAnswer, ErrorAnswer> {
        let mut json = b"[".to_vec();
        if !self.account.write_one(id, self.options.uri, &mut json) {
            return Err(ErrorAnswer::new(
                404,
                "CONTACT_NOT_FOUND",
                "no such contact",
            ));
        }
        json.push(b']');
        Ok(SandboxAnswer::data(&json))
    }

    /// The batch if every contact is valid. One invalid contact refuses the whole batch.
    fn checked<'a>(
        &self,
        batch: Vec<Incoming<'a>>,
        completeness: Completeness,
    ) -> Result<Vec<Contact<'a>>, ErrorAnswer> {
        let (mut valid, mut violations) = (Vec::with_capacity(batch.len()), Vec::new());
        for (index, incoming) in batch.into_iter().enumerate() {
            let id = incoming.id().to_owned();
            match incoming.check(completeness, self.options) {
                Ok(contact) => valid.push(contact),
                Err(violation) => violations.push(InvalidContact {
                    index,
                    id,
                    violation,
                }),
            }
        }
        ErrorAnswer::check(400, INVALID, violations).map(|()| valid)
    }

    fn check_existing(&self, batch: &[Contact<'_>]) -> Result<(), ErrorAnswer> {
        let existing = invalid_contacts(batch, |contact| {
            let exists = self.account.contains(&contact.id);
            exists.then(|| Violation::of_contact("the contact exists already"))
        });
        match self.options.existing {
            Existing::Update => Ok(()),
            Existing::Conflict => ErrorAnswer::check(409, "CONTACT_ALREADY_EXISTS", existing),
            Existing::ServerError if existing.is_empty() => Ok(()),
            Existing::ServerError => Err(ErrorAnswer::new(
                500,
                "INTERNAL_ERROR",
                "something went wrong",
            )),
        }
    }

    fn check_missing(&self, batch: &[Contact<'_>]) -> Result<(), ErrorAnswer> {
        let missing = invalid_contacts(batch, |contact| {
            let is_missing = !self.account.contains(&contact.id);
            is_missing.then(|| Violation::of_contact("no such contact"))
        });
        ErrorAnswer::check(404, "CONTACT_NOT_FOUND", missing)
    }

    fn write(&mut self, batch: Vec<Contact<'_>>) -> SandboxAnswer {
        let mut processed = 0;
        for (index, contact) in batch.into_iter().enumerate() {
            if !self.effects.unstored.contains(&index) {
                self.account.update(contact);
                processed += 1;
            }
        }
        SandboxAnswer::processed(processed)
    }
}

/// The contacts of a batch with a violation.
fn invalid_contacts(
    batch: &[Contact<'_>],
    check: impl Fn(&Contact<'_>) -> Option<Violation>,
) -> Vec<InvalidContact> {
    let invalid = |(index, contact): (usize, &Contact<'_>)| {
        check(contact).map(|violation| InvalidContact {
            index,
            id: contact.id.clone().into_owned(),
            violation,
        })
    };
    batch.iter().enumerate().filter_map(invalid).collect()
}
