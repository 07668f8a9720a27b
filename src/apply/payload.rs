//! The contacts of one request, as JSON text ready to be sent.

use std::collections::{BTreeMap, HashSet};

use crate::{
    api::{Refusal, RefusedContact},
    contact::{Contact, Operation},
};

/// Contacts (or ids, for deletes) that are sent in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) operation: Operation,
    /// Their sequence numbers in the run file.
    seqs: Vec<u64>,
    /// Their JSON, separated by `,\n`. JSON text never contains a raw line feed.
    lines: Vec<u8>,
}

impl Payload {
    pub(super) fn new(operation: Operation, capacity: usize) -> Self {
        Self {
            operation,
            seqs: Vec::with_capacity(capacity),
            lines: Vec::with_capacity(capacity * 256),
        }
    }

    /// Adds a contact's JSON, or an id as JSON text.
    pub(super) fn push(&mut self, seq: u64, json: &[u8]) {
        if !self.seqs.is_empty() {
            self.lines.extend_from_slice(b",\n");
        }
        self.seqs.push(seq);
        self.lines.extend_from_slice(json);
    }

    pub(super) fn len(&self) -> usize {
        self.seqs.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seqs.is_empty()
    }

    pub(super) fn body(&self) -> Vec<u8> {
        [self.opening(), &self.lines, b"]}"].concat()
    }

    pub(super) fn body_len(&self) -> usize {
        self.opening().len() + self.lines.len() + 2
    }

    const fn opening(&self) -> &'static [u8] {
        match self.operation {
            Operation::Create | Operation::Update => br#"{"contacts":["#,
            Operation::Delete => br#"{"contact_ids":["#,
        }
    }

    /// Every contact: its sequence number and its JSON.
    pub(super) fn items(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let lines = self
            .lines
            .split(|&byte| byte == b'\n')
            .map(|line| line.strip_suffix(b",").unwrap_or(line));
        self.seqs.iter().copied().zip(lines)
    }

    /// The items that are `wanted`, by index and JSON, and the others.
    pub(super) fn partition(&self, wanted: impl Fn(usize, &[u8]) -> bool) -> (Self, Self) {
        let mut parts = (Self::new(self.operation, 0), Self::new(self.operation, 0));
        for (index, (seq, json)) in self.items().enumerate() {
            let part = if wanted(index, json) {
                &mut parts.0
            } else {
                &mut parts.1
            };
            part.push(seq, json);
        }
        parts
    }

    /// The payload without these contacts.
    pub(super) fn without(&self, seqs: &HashSet<u64>) -> Self {
        let mut others = Self::new(self.operation, self.len());
        let items = self.items().filter(|(seq, _)| !seqs.contains(seq));
        items.for_each(|(seq, json)| others.push(seq, json));
        others
    }

    /// The items named by the refusal, by index.
    pub(super) fn named<'r>(&self, refusal: &'r Refusal) -> BTreeMap<usize, &'r RefusedContact> {
        let has_ids = refusal.contacts.iter().any(|contact| contact.id.is_some());
        let items = self.items().filter(|_| has_ids);
        let ids: Vec<String> = items.map(|(_, json)| id_of(self.operation, json)).collect();
        let place = |contact: &RefusedContact| {
            let id = contact.id.as_ref();
            let by_id = id.and_then(|id| ids.iter().position(|own| own == id));
            by_id.or(contact.index).filter(|index| *index < self.len())
        };
        let refused = refusal.contacts.iter();
        refused
            .filter_map(|contact| Some((place(contact)?, contact)))
            .collect()
    }

    /// The first and the last item, and the others.
    pub(super) fn ends(&self) -> (Self, Self) {
        let last = self.len() - 1;
        self.partition(|index, _| index == 0 || index == last)
    }

    pub(super) fn halves(&self) -> [Self; 2] {
        let half = self.len() / 2;
        self.partition(|index, _| index < half).into()
    }

    pub(super) fn singles(&self) -> impl Iterator<Item = Self> {
        self.items().map(|(seq, json)| {
            let mut single = Self::new(self.operation, 1);
            single.push(seq, json);
            single
        })
    }
}

/// The id of an item. Can be decoded, because the run file checked the item's hash.
pub(super) fn id_of(operation: Operation, json: &[u8]) -> String {
    match operation {
        Operation::Delete => serde_json::from_slice(json).unwrap_or_default(),
        Operation::Create | Operation::Update => serde_json::from_slice(json)
            .map(|contact: Contact<'_>| contact.id.into_owned())
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_a_request_body_and_can_be_divided() {
        let mut payload = Payload::new(Operation::Create, 3);
        for (seq, json) in [
            (4, r#"{"id":"a"}"#),
            (5, r#"{"id":"b,"}"#),
            (9, r#"{"id":"c\n"}"#),
        ] {
            payload.push(seq, json.as_bytes());
        }
        assert_eq!(
            payload.body(),
            b"{\"contacts\":[{\"id\":\"a\"},\n{\"id\":\"b,\"},\n{\"id\":\"c\\n\"}]}"
        );
        let (rest, single) = payload.partition(|index, _| index != 1);
        assert_eq!(rest.items().map(|(seq, _)| seq).collect::<Vec<_>>(), [4, 9]);
        assert_eq!(
            rest.body(),
            b"{\"contacts\":[{\"id\":\"a\"},\n{\"id\":\"c\\n\"}]}"
        );
        assert_eq!(payload.halves().map(|half| half.len()), [1, 2]);
        assert_eq!(payload.singles().nth(1), Some(single));
    }
}
