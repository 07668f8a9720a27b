//! Holds contacts on disk until they are written: JSON lines in an unnamed file that ends with the process.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use crate::{
    contact::{ChatType, Contact, UnknownFields},
    output::{self, IoError},
};

/// Contacts in order, and what their chats need.
#[derive(Debug)]
pub(super) struct Spool {
    out: BufWriter<File>,
    contacts: u64,
    chats_max: usize,
    /// The chat types of the contacts.
    chat_types: BTreeSet<ChatType>,
}

impl Spool {
    /// Creates an empty spool beside the output file, or where the system keeps temporary files.
    pub(super) fn create(output: Option<&Path>) -> Result<Self, IoError> {
        let file = output.map_or_else(output::temporary, output::temporary_beside)?;
        Ok(Self {
            out: BufWriter::new(file),
            contacts: 0,
            chats_max: 0,
            chat_types: BTreeSet::new(),
        })
    }

    /// Removes all contacts.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        (self.contacts, self.chats_max) = (0, 0);
        self.chat_types.clear();
        self.out.seek(SeekFrom::Start(0))?;
        self.out.get_ref().set_len(0)
    }

    /// Adds a contact. A `uri` in the API's own form is a placeholder and is left out, and so are members that the API does
    /// not document: they can't be sent.
    pub(super) fn add(&mut self, mut contact: Contact<'_>) -> io::Result<()> {
        if contact.uri_is_unknown() {
            contact.uri = "".into();
        }
        contact.unknown = UnknownFields::default();
        for chat in &mut contact.contact_data {
            chat.unknown = UnknownFields::default();
            self.chat_types.insert(chat.chat_type);
        }
        self.contacts += 1;
        self.chats_max = self.chats_max.max(contact.contact_data.len());
        serde_json::to_writer(&mut self.out, &contact)?;
        self.out.write_all(b"\n")
    }

    /// Number of contacts.
    pub(super) const fn contacts(&self) -> u64 {
        self.contacts
    }

    /// The largest number of chats of one contact.
    pub(super) const fn chats_max(&self) -> usize {
        self.chats_max
    }

    /// The chat types that have a column: those of the contacts, or one if there are none.
    pub(super) fn chat_types(&self) -> BTreeSet<ChatType> {
        let mut types = self.chat_types.clone();
        if types.is_empty() {
            types.insert(ChatType::Whatsapp);
        }
        types
    }

    /// Calls `each` with every contact, in order. Fails if the file does not hold all of them any more.
    pub(super) fn for_each(
        &mut self,
        mut each: impl FnMut(&Contact<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.out.flush()?;
        self.out.seek(SeekFrom::Start(0))?;
        let mut lines = BufReader::new(self.out.get_ref());
        let (mut line, mut count) = (Vec::new(), 0);
        while lines.read_until(b'\n', &mut line)? > 0 {
            each(&serde_json::from_slice(&line)?)?;
            line.clear();
            count += 1;
        }
        if count == self.contacts {
            return Ok(());
        }
        let lost = format!(
            "the temporary file holds {count} contacts, but {} were read: nothing was written",
            self.contacts
        );
        Err(io::Error::new(io::ErrorKind::InvalidData, lost))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_lost_contacts_is_not_a_backup() {
        let mut spool = Spool::create(None).unwrap();
        for id in ["1", "2"] {
            let contact = Contact {
                id: id.into(),
                ..Contact::default()
            };
            spool.add(contact).unwrap();
        }
        spool.for_each(|_| Ok(())).unwrap();
        let whole = spool.out.get_ref().metadata().unwrap().len();
        spool.out.get_ref().set_len(whole / 2).unwrap();
        let error = spool.for_each(|_| Ok(())).unwrap_err();
        assert!(
            error.to_string().contains("holds 1 contacts, but 2"),
            "{error}"
        );
    }
}
