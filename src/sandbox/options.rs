//! The options of a sandbox. The defaults are the documented API.
//!
//! Behaviour that the documentation leaves open (such as POST of an existing id) is configurable. PATCH refuses
//! missing ids.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use strum::{EnumString, VariantArray, VariantNames};

use super::faults::Faults;
use crate::contact::BATCH_MAX;

/// The token that a sandbox accepts by default.
pub(crate) const TOKEN: &str = "sandbox-token";

/// The options of a sandbox. The default is the API as it is documented.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The number of generated contacts in the account at the start.
    pub contacts: usize,
    /// Access tokens that never expire (a `token-dies` fault revokes them).
    pub tokens: Vec<String>,
    /// The account that may request new tokens.
    pub partner: PartnerAccount,
    /// Lifetime of an issued access token; the answer states it in whole seconds.
    pub access_lifetime: Duration,
    /// The request limit; `None` disables it.
    pub limit: Option<Limit>,
    /// Maximum number of contacts on a page, whatever `limit` asks for.
    pub page_max: usize,
    /// The treatment of an existing id by POST.
    pub existing: Existing,
    /// The `uri` of a contact that is read.
    pub uri: UriShown,
    /// The chat types that a written contact may have.
    pub accepted_types: AcceptedTypes,
    /// Parts of a written contact that are required although the documentation doesn't require them.
    pub required: Vec<RequiredField>,
    /// The shape of error answers, and the way they identify invalid contacts.
    pub errors: ErrorShape,
    /// Maximum number of contacts in a request.
    pub batch_max: usize,
    /// Maximum size of a request's body. A larger one gets a 413 with an HTML page, as from a proxy.
    pub body_bytes_max: usize,
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
            tokens: vec![TOKEN.to_owned()],
            partner: PartnerAccount::default(),
            access_lifetime: Duration::from_secs(3600),
            limit: Some(Limit::default()),
            page_max: 100,
            existing: Existing::default(),
            uri: UriShown::default(),
            accepted_types: AcceptedTypes::default(),
            required: Vec::new(),
            errors: ErrorShape::default(),
            batch_max: BATCH_MAX,
            body_bytes_max: 16 << 20,
            faults: Faults::default(),
            log_requests: true,
        }
    }
}

/// The partner account of the token call, with its one OAuth client.
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

/// The request limit, in windows of fixed length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests per window.
    pub requests: u64,
    /// Length of a window.
    pub window: Duration,
    /// The sandbox starts this far into a window. Clients can't know it.
    pub phase: Duration,
    /// The `Retry-After` of a 429.
    pub retry_after: RetryAfter,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            requests: 500,
            window: Duration::from_secs(5),
            phase: Duration::ZERO,
            retry_after: RetryAfter::default(),
        }
    }
}

/// The `Retry-After` of a 429.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, VariantArray)]
pub enum RetryAfter {
    /// No header: the documentation does not promise one.
    #[default]
    Absent,
    /// Seconds until the window ends, rounded up.
    Seconds,
    /// The HTTP date of the window's end, rounded up.
    Date,
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

/// The chat types that a written contact may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AcceptedTypes {
    /// Those of the documentation.
    #[default]
    Documented,
    /// Any: the API may accept more than it documents.
    Any,
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
