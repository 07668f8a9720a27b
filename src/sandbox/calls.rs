//! The operations of the API: parsed from a request and carried out on the account.

use axum::http::Method;
use percent_encoding::percent_decode_str;
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

const INVALID: &str = "INVALID_CONTACTS_DATA";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    List(PageQuery),
    Show(String),
    Users(PageQuery),
    Create,
    Update,
    Delete,
    Token,
    UnknownPath,
    UnknownMethod,
}

impl Call {
    pub(super) fn read(method: &Method, path_and_query: &str) -> Self {
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        if path == "/v2/oauth/token" {
            return if method == Method::POST {
                Self::Token
            } else {
                Self::UnknownMethod
            };
        }
        let id = path
            .strip_prefix(CONTACTS)
            .map(|rest| rest.strip_prefix('/'));
        match (id, method) {
            (Some(Some(id)), _) if id.is_empty() || id.contains('/') => Self::UnknownPath,
            (Some(Some(id)), &Method::GET) => {
                Self::Show(percent_decode_str(id).decode_utf8_lossy().into_owned())
            }
            (Some(Some(_)), _) => Self::UnknownMethod,
            (_, &Method::GET) if path == USERS => Self::Users(PageQuery::read(query)),
            _ if path == USERS => Self::UnknownMethod,
            _ if path != CONTACTS => Self::UnknownPath,
            (_, &Method::GET) => Self::List(PageQuery::read(query)),
            (_, &Method::POST) => Self::Create,
            (_, &Method::PATCH) => Self::Update,
            (_, &Method::DELETE) => Self::Delete,
            _ => Self::UnknownMethod,
        }
    }
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

/// The body of a request, borrowed from its bytes.
#[derive(Debug)]
pub(super) enum CallBody<'a> {
    Nothing,
    ContactsBody(Vec<Incoming<'a>>),
    Ids(Vec<JsonText<'a>>),
    Raw(&'a [u8]),
}

impl<'a> CallBody<'a> {
    pub(super) fn read(call: &Call, json: bool, body: &'a [u8]) -> Result<Self, ErrorAnswer> {
        let is_write = matches!(
            call,
            Call::Create | Call::Update | Call::Delete | Call::Token
        );
        if is_write && !json {
            let problem = "the body must be application/json";
            return Err(ErrorAnswer::new(415, "UNSUPPORTED_MEDIA_TYPE", problem));
        }
        match call {
            Call::Create | Call::Update => serde_json::from_slice(body)
                .map(|ContactsBody { contacts }| Self::ContactsBody(contacts))
                .map_err(invalid),
            Call::Delete => serde_json::from_slice(body)
                .map(|ContactIdsBody { contact_ids }| Self::Ids(contact_ids))
                .map_err(invalid),
            Call::Token => Ok(Self::Raw(body)),
            _ => Ok(Self::Nothing),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::ContactsBody(contacts) => contacts.len(),
            Self::Ids(ids) => ids.len(),
            Self::Nothing | Self::Raw(_) => 0,
        }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        let (contacts, ids) = match self {
            Self::ContactsBody(contacts) => (contacts.as_slice(), [].as_slice()),
            Self::Ids(ids) => ([].as_slice(), ids.as_slice()),
            Self::Nothing | Self::Raw(_) => ([].as_slice(), [].as_slice()),
        };
        let of_contacts = contacts.iter().map(Incoming::id);
        of_contacts.chain(ids.iter().map(|id| id.0.as_ref()))
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that map_err expects"
)]
fn invalid(error: serde_json::Error) -> ErrorAnswer {
    ErrorAnswer::new(400, "INVALID_REQUEST", error.to_string())
}

fn check_size(payload: &CallBody<'_>) -> Result<(), ErrorAnswer> {
    let most = BATCH_MAX;
    match payload {
        CallBody::Nothing | CallBody::Raw(_) => Ok(()),
        batch if batch.len() == 0 => Err(ErrorAnswer::new(
            400,
            "INVALID_REQUEST",
            "the list is empty",
        )),
        batch if batch.len() > most => {
            let problem = format!("a request can have at most {most} entities");
            Err(ErrorAnswer::new(400, "TOO_MANY_ENTITIES", problem))
        }
        _ => Ok(()),
    }
}

pub(super) struct ContactOperation<'a> {
    pub(super) options: &'a Options,
    pub(super) account: &'a mut Account,
    pub(super) effects: &'a Effects,
}

impl ContactOperation<'_> {
    pub(super) fn run(
        &mut self,
        call: &Call,
        payload: CallBody<'_>,
    ) -> Result<SandboxAnswer, ErrorAnswer> {
        check_size(&payload)?;
        let effects = self.effects;
        if let Some(poisoned) = effects.poison.first() {
            if poisoned.body != ErrorBody::Json {
                return Ok(SandboxAnswer::fault(poisoned.status, poisoned.body));
            }
            let refused = effects.poison.iter().map(|poisoned| InvalidContact {
                index: poisoned.index,
                id: payload.ids().nth(poisoned.index).unwrap_or_default().into(),
                violation: Violation::of_contact("the contact is refused by an injected fault"),
            });
            ErrorAnswer::check(poisoned.status, INVALID, refused.collect())?;
        }
        match (call, payload) {
            (Call::List(page), _) => self.list(page),
            (Call::Show(id), _) => self.show(id),
            (Call::Users(page), _) => self.users(page),
            (Call::Create, CallBody::ContactsBody(batch)) => {
                let batch = self.checked(batch, Completeness::Whole)?;
                self.check_existing(&batch)?;
                Ok(self.write(batch))
            }
            (Call::Update, CallBody::ContactsBody(batch)) => {
                let batch = self.checked(batch, Completeness::Part)?;
                self.check_missing(&batch)?;
                Ok(self.write(batch))
            }
            (Call::Delete, CallBody::Ids(ids)) => Ok(self.delete(&ids)),
            (Call::UnknownMethod, _) => {
                let problem = "the path has no such method";
                Err(ErrorAnswer::new(405, "METHOD_NOT_ALLOWED", problem))
            }
            _ => Err(ErrorAnswer::new(404, "NOT_FOUND", "no such path")),
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
