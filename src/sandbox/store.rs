//! The account's contacts, in the order in which they were created.
//!
//! Each contact is stored as the JSON that a read returns, so pages are copied, not built. A deleted contact
//! leaves an empty slot, so slots never move. Until the first deletion, an offset is the number of a slot.

use std::{borrow::Cow, collections::HashMap};

use serde::Serialize;
use smallvec::SmallVec;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

use super::options::UriShown;
use crate::contact::{Chat, Contact};

/// Number of writes of an id through the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes {
    /// Times it was created.
    pub created: u32,
    /// Times it already existed and was written again.
    pub updated: u32,
    /// Times it was deleted.
    pub deleted: u32,
}

/// The contacts of one account.
#[derive(Debug, Default)]
pub struct Account {
    slots: Vec<Option<StoredContact>>,
    /// Every id that was ever stored.
    index: HashMap<Box<str>, IndexEntry, Xxh3DefaultBuilder>,
    count: usize,
}

#[derive(Debug, Default)]
struct IndexEntry {
    slot: Option<usize>,
    writes: Writes,
}

/// A contact as JSON.
#[derive(Debug)]
struct StoredContact(Box<str>);

impl Account {
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.slot(id).is_some()
    }

    /// The contact with this id, with its `uri` as stored.
    pub(crate) fn get(&self, id: &str) -> Option<Contact<'static>> {
        self.stored(id).map(StoredContact::contact)
    }

    /// All contacts in the order of their creation, each with its `uri` as stored.
    pub fn contacts(&self) -> impl Iterator<Item = Contact<'static>> {
        self.slots.iter().flatten().map(StoredContact::contact)
    }

    /// Creates or replaces a contact as another client would: [`Writes`] are unchanged.
    pub fn put(&mut self, contact: &Contact<'_>) {
        let stored = StoredContact::new(contact);
        match self.slot(&contact.id) {
            Some(slot) => self.slots[slot] = Some(stored),
            None => self.append(&contact.id, stored),
        }
    }

    /// Removes a contact as another client would: [`Writes`] are unchanged. True if it existed.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(slot) = self.index.get_mut(id).and_then(|entry| entry.slot.take()) else {
            return false;
        };
        self.slots[slot] = None;
        self.count -= 1;
        true
    }

    /// Number of writes of this id through the API.
    pub(crate) fn writes(&self, id: &str) -> Writes {
        self.index
            .get(id)
            .map(|entry| entry.writes)
            .unwrap_or_default()
    }

    /// POST of one contact.
    pub(super) fn create(&mut self, contact: &Contact<'_>) {
        let existed = self.contains(&contact.id);
        self.put(contact);
        self.count_write(&contact.id, existed);
    }

    /// PATCH of one contact: non-blank fields replace stored ones. An unknown id is created.
    pub(super) fn update(&mut self, given: Contact<'_>) {
        if given.is_complete() {
            return self.create(&given);
        }
        let given = given.into_owned();
        match self.get(&given.id) {
            Some(stored) => self.create(&merge(stored, given)),
            None => self.create(&given),
        }
    }

    /// DELETE of one contact; an unknown id is skipped.
    pub(super) fn delete(&mut self, id: &str) {
        if self.remove(id)
            && let Some(entry) = self.index.get_mut(id)
        {
            entry.writes.deleted += 1;
        }
    }

    /// Writes the contacts from `offset` on, `limit` at most, as the elements of a JSON array.
    pub(super) fn write_page(
        &self,
        offset: usize,
        limit: usize,
        uri: UriShown,
        json: &mut Vec<u8>,
    ) {
        let has_gaps = self.count < self.slots.len();
        let (from, skip) = if has_gaps { (0, offset) } else { (offset, 0) };
        let page = self.slots.iter().skip(from).flatten().skip(skip);
        for (place, stored) in page.take(limit).enumerate() {
            if place > 0 {
                json.push(b',');
            }
            stored.write(uri, json);
        }
    }

    /// Writes one contact as the only element of a JSON array; false if it does not exist.
    pub(super) fn write_one(&self, id: &str, uri: UriShown, json: &mut Vec<u8>) -> bool {
        let stored = self.stored(id);
        if let Some(stored) = stored {
            stored.write(uri, json);
        }
        stored.is_some()
    }

    fn slot(&self, id: &str) -> Option<usize> {
        self.index.get(id).and_then(|entry| entry.slot)
    }

    fn stored(&self, id: &str) -> Option<&StoredContact> {
        self.slots[self.slot(id)?].as_ref()
    }

    fn append(&mut self, id: &str, stored: StoredContact) {
        let slot = self.slots.len();
        self.slots.push(Some(stored));
        self.count += 1;
        if let Some(entry) = self.index.get_mut(id) {
            entry.slot = Some(slot);
        } else {
            let entry = IndexEntry {
                slot: Some(slot),
                writes: Writes::default(),
            };
            self.index.insert(id.into(), entry);
        }
    }

    fn count_write(&mut self, id: &str, existed: bool) {
        if let Some(IndexEntry { writes, .. }) = self.index.get_mut(id) {
            if existed {
                writes.updated += 1;
            } else {
                writes.created += 1;
            }
        }
    }
}

/// Given fields replace stored ones; a given `contact_data` replaces all of it.
fn merge(stored: Contact<'static>, given: Contact<'static>) -> Contact<'static> {
    let text = |given: Cow<'static, str>, stored| {
        if given.is_empty() { stored } else { given }
    };
    Contact {
        id: stored.id,
        responsible_user_id: text(given.responsible_user_id, stored.responsible_user_id),
        name: text(given.name, stored.name),
        contact_data: if given.contact_data.is_empty() {
            stored.contact_data
        } else {
            given.contact_data
        },
        uri: text(given.uri, stored.uri),
        unknown: given.unknown,
    }
}

impl StoredContact {
    fn new(contact: &Contact<'_>) -> Self {
        Self(to_json(contact).into())
    }

    fn write(&self, uri: UriShown, json: &mut Vec<u8>) {
        match uri {
            UriShown::Stored => json.extend_from_slice(self.0.as_bytes()),
            UriShown::ApiPath => {
                let stored = self.contact();
                let contact = Contact {
                    uri: format!("/api/v2/contacts/{}", stored.id).into(),
                    ..stored
                };
                json.extend_from_slice(to_json(&contact).as_bytes());
            }
        }
    }

    #[expect(clippy::expect_used, reason = "it was written by `StoredContact::new`")]
    fn contact(&self) -> Contact<'static> {
        serde_json::from_str::<Contact<'_>>(&self.0)
            .expect("a stored contact is valid JSON")
            .into_owned()
    }
}

#[expect(
    clippy::expect_used,
    reason = "serializing strings and lists can't fail"
)]
fn to_json(contact: &Contact<'_>) -> String {
    let shown = ContactJson {
        id: &contact.id,
        responsible_user_id: &contact.responsible_user_id,
        name: &contact.name,
        contact_data: contact.contact_data.iter().map(ChatJson::new).collect(),
        uri: &contact.uri,
    };
    serde_json::to_string(&shown).expect("strings and lists have a JSON")
}

/// A contact as a read returns it. Blank fields are included.
#[derive(Serialize)]
struct ContactJson<'a> {
    id: &'a str,
    responsible_user_id: &'a str,
    name: &'a str,
    contact_data: SmallVec<[ChatJson<'a>; 4]>,
    uri: &'a str,
}

#[derive(Serialize)]
struct ChatJson<'a> {
    chat_type: &'a str,
    chat_id: &'a str,
    username: &'a str,
    phone: &'a str,
}

impl<'a> ChatJson<'a> {
    fn new(chat: &'a Chat<'_>) -> Self {
        Self {
            chat_type: chat.chat_type.as_str(),
            chat_id: &chat.chat_id,
            username: &chat.username,
            phone: &chat.phone,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::sandbox::people;

    fn filled(contacts: usize) -> Account {
        let mut account = Account::default();
        for number in 0..contacts {
            account.put(&people::contact(number));
        }
        account
    }

    fn page(account: &Account, offset: usize, limit: usize) -> Vec<String> {
        let mut json = b"[".to_vec();
        account.write_page(offset, limit, UriShown::Stored, &mut json);
        json.push(b']');
        let contacts: Vec<Contact<'_>> = serde_json::from_slice(&json).unwrap();
        contacts
            .into_iter()
            .map(|contact| contact.id.into_owned())
            .collect()
    }

    #[test]
    fn pages_are_right_after_deletes_anywhere() {
        let mut account = filled(5000);
        for number in (0..5000).filter(|number| number % 3 == 0 || (900..2100).contains(number)) {
            assert!(account.remove(&people::contact(number).id));
        }
        account.put(&people::contact(0));
        let living: Vec<String> = account.contacts().map(|c| c.id.into_owned()).collect();
        assert_eq!(living.len(), account.count());
        assert_eq!(living.last().unwrap(), "C-000000");
        for offset in [0, 1, 599, 600, 601, 1500, living.len() - 1, living.len()] {
            let end = living.len().min(offset + 7);
            assert_eq!(page(&account, offset, 7), living[offset..end]);
        }
        assert_eq!(page(&account, usize::MAX, 7), Vec::<String>::new());
    }

    #[test]
    fn an_update_keeps_what_is_not_given() {
        let mut account = filled(1);
        let before = people::contact(0);
        account.update(Contact {
            id: before.id.clone(),
            name: "Новое \"имя\"".into(),
            ..Contact::default()
        });
        let after = account.get(&before.id).unwrap();
        assert_eq!(after.name, "Новое \"имя\"");
        assert_eq!(after.contact_data, before.contact_data);
        assert_eq!(after.uri, before.uri);
        assert_eq!(account.writes(&before.id).updated, 1);
    }

    #[test]
    fn a_read_shows_blank_fields_and_may_hide_the_link() {
        let account = filled(1);
        let mut json = Vec::new();
        assert!(account.write_one("C-000000", UriShown::ApiPath, &mut json));
        let shown: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(shown["uri"], "/api/v2/contacts/C-000000");
        assert!(shown["contact_data"][0]["username"].is_string());
        assert!(shown["contact_data"][0]["phone"].is_string());
        assert!(!account.write_one("missing", UriShown::Stored, &mut json));
    }
}
