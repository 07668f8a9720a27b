//! The options of a sandbox. The defaults are the documented API.
//!
//! Behaviour that the documentation leaves open (such as POST of an existing id) is configurable. PATCH refuses
//! missing ids.

use std::net::{Ipv4Addr, SocketAddr};

use strum::{EnumString, VariantArray, VariantNames};

use super::faults::Faults;

/// The token that a sandbox accepts; it never expires (a `token-dies` fault revokes it).
pub(crate) const TOKEN: &str = "sandbox-token";

/// The options of a sandbox. The default is the API as it is documented.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The number of generated contacts in the account at the start.
    pub contacts: usize,
    /// True if more than 500 requests in 5 s are answered with 429.
    pub is_limited: bool,
    /// Maximum number of contacts on a page, whatever `limit` asks for.
    pub page_max: usize,
    /// The treatment of an existing id by POST.
    pub existing: Existing,
    /// The `uri` of a contact that is read.
    pub uri: UriShown,
    /// Parts of a written contact that are required although the documentation doesn't require them.
    pub required: Vec<RequiredField>,
    /// The shape of error answers, and the way they identify invalid contacts.
    pub errors: ErrorShape,
    /// The faults to inject.
    pub faults: Faults,
    /// Whether each request is kept for [`Sandbox::requests`](super::Sandbox::requests); counts always are.
    pub log_requests: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            contacts: 0,
            is_limited: true,
            page_max: 100,
            existing: Existing::default(),
            uri: UriShown::default(),
            required: Vec::new(),
            errors: ErrorShape::default(),
            faults: Faults::default(),
            log_requests: true,
        }
    }
}

/// The partner account that may request new tokens, with its one OAuth client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerAccount {
    /// User name of the `Basic` authorization.
    pub email: String,
    /// Password of the `Basic` authorization.
    pub password: String,
    /// The OAuth client that refresh tokens belong to.
    pub client_id: String,
    /// The account of the simplified authorization, digits only.
    pub account_id: String,
    /// The initial refresh token; its first use invalidates it.
    pub refresh_token: String,
}

impl Default for PartnerAccount {
    fn default() -> Self {
        Self {
            email: "partner@example.com".to_owned(),
            password: "sandbox-password".to_owned(),
            client_id: "sandbox-client".to_owned(),
            account_id: "72042419".to_owned(),
            refresh_token: "sandbox-refresh-token".to_owned(),
        }
    }
}

/// The treatment of an existing id by POST. Not documented for v2; v3 updates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray, EnumString, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Existing {
    /// The contact is replaced.
    #[default]
    Update,
    /// 409: the whole batch is refused.
    Conflict,
    /// 500: the whole batch is refused without a reason.
    ServerError,
}

/// The `uri` of a contact that is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum UriShown {
    /// The link that was written.
    #[default]
    Stored,
    /// `/api/v2/contacts/{id}`, as in the documentation's examples.
    ApiPath,
}

/// A part of a written contact that is required although the documentation doesn't require it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum RequiredField {
    /// Every chat must have a `chat_id`, even with a username or a phone.
    ChatId,
    /// Every update must have a `uri` other than the API's own address of the contact.
    Uri,
}

/// The shape of error answers, and the way they identify the invalid contacts of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray, EnumString, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum ErrorShape {
    /// `"data":{"index":3}`, counted from 0: the first invalid contact.
    #[default]
    Classic,
    /// `"data":{"id":"C-7"}`: the first invalid contact.
    Id,
    /// `"data":{"index":4}`, counted from 1: a client that counts from 0 rejects the wrong contact.
    FromOne,
    /// `"message":["contacts.3.name is empty",…]`: all of them, as class-validator does.
    Validator,
    /// `"data":[{"index":3,"fields":["name"]},…]`: all of them.
    Index,
    /// `"error":{"code":…,"data":[{"index":3,"field":"name","message":…},…]}`: all of them.
    Nested,
    /// `{"error":"INVALID_CONTACTS_DATA"}`: identifies no contact.
    Silent,
}
