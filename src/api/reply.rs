//! The answers of the API in the form that callers of the client receive.

use super::{delivery::Delivery, error::ApiErrorKind, refusal::Refusal, wire::ListedContact};
use crate::contact::{Contact, reading::UnreadableContact, spelling::respelling};

/// The answer to the look-up of one contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LookUp {
    /// The account has it.
    Found(Contact<'static>),
    /// The account has it, but it can't be read.
    Unreadable(UnreadableContact),
    /// The API says that the contact does not exist.
    Absent,
    /// The answer does not determine whether the contact exists, for this reason. Only the list can prove that it
    /// is missing.
    Unproven(String),
}

/// The server's reply to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WriteReply {
    /// The server accepted it.
    Accepted {
        /// Number of accepted contacts, if the server reports it.
        processed: Option<u64>,
        /// The HTTP status.
        status: u16,
    },
    /// The server accepted nothing, and never will without a change.
    Refused(Refusal),
    /// The request was sent, but its outcome is unknown: a create got no answer, or the answer does not confirm
    /// the write.
    Unknown {
        /// The way in which the request ended.
        reason: String,
    },
}

/// The contact in the answer to a look-up. The server may spell its id differently. An answer about another
/// contact proves nothing about this one.
pub(super) fn found(contacts: impl Iterator<Item = ListedContact>, id: &str) -> LookUp {
    let mut is_empty = true;
    for contact in contacts {
        is_empty = false;
        match contact {
            Ok(contact) if contact.id == id || respelling(&contact.id, id).is_some() => {
                return LookUp::Found(contact);
            }
            Err(unreadable) if unreadable.id.as_deref().is_none_or(|it| it == id) => {
                return LookUp::Unreadable(UnreadableContact {
                    id: Some(id.to_owned()),
                    ..unreadable
                });
            }
            _ => {}
        }
    }
    if is_empty {
        return LookUp::Absent;
    }
    LookUp::Unproven("the answer is about another contact".to_owned())
}

/// The error for a read that was not answered with contacts.
pub(super) fn not_an_answer<T>(what: &'static str, delivery: Delivery<T>) -> ApiErrorKind {
    match delivery {
        Delivery::Refused(refusal) => ApiErrorKind::Refused {
            what,
            refusal: Box::new(refusal),
        },
        Delivery::Unknown(detail) => ApiErrorKind::Unreadable { what, detail },
        Delivery::Answered { .. } => ApiErrorKind::Unreadable {
            what,
            detail: "no contact".to_owned(),
        },
    }
}
