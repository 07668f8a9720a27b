//! Stores contacts on disk until they are written, in an unnamed file that ends with the process.
//!
//! A record is the length of its values in bytes, then the values, each with its own length prefix: the four
//! fields of a contact, then four of each chat. Parsing JSON again would cost more than everything that is written
//! from it.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use xxhash_rust::xxh3::xxh3_128;

use crate::{
    contact::{Chat, ChatType, Contact, UnknownFields},
    output::{self, IoError},
};

/// The size of a length prefix.
const LENGTH_BYTES: usize = size_of::<u32>();

/// Initial capacity, enough for most contacts.
const VALUES_BYTES: usize = 256;

/// Writing part of a file system page costs as much as writing the whole page.
pub(super) const BUFFER_BYTES: usize = 128 << 10;

/// A contact in the spool.
pub(super) struct SpooledContact {
    /// The hash of its id.
    pub(super) id: u128,
    values: Vec<u8>,
    /// The types of its chats.
    chat_types: Vec<ChatType>,
}

impl SpooledContact {
    /// A `uri` in the API's own form is a placeholder and is left out. So are undocumented members, because they
    /// can't be sent.
    pub(super) fn new(contact: &Contact<'_>) -> io::Result<Self> {
        let uri = if contact.uri_is_unknown() {
            ""
        } else {
            &contact.uri
        };
        let mut values = Vec::with_capacity(VALUES_BYTES);
        for value in [
            &contact.id,
            &contact.responsible_user_id,
            &contact.name,
            uri,
        ] {
            add_value(&mut values, value)?;
        }
        for chat in &contact.contact_data {
            for value in [
                chat.chat_type.as_str(),
                &chat.chat_id,
                &chat.username,
                &chat.phone,
            ] {
                add_value(&mut values, value)?;
            }
        }
        let chats = contact.contact_data.iter();
        Ok(Self {
            id: xxh3_128(contact.id.as_bytes()),
            values,
            chat_types: chats.map(|chat| chat.chat_type).collect(),
        })
    }
}

/// Contacts in order, and facts about their chats.
#[derive(Debug)]
pub(super) struct Spool {
    out: BufWriter<File>,
    contacts: u64,
    chats_max: usize,
    /// The chat types of the contacts.
    chat_types: BTreeSet<ChatType>,
}

impl Spool {
    /// Creates an empty spool beside the output file, or in the system's temporary directory.
    pub(super) fn create(output: Option<&Path>) -> Result<Self, IoError> {
        let file = output.map_or_else(output::temporary, output::temporary_beside)?;
        Ok(Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, file),
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

    /// Adds a contact.
    pub(super) fn add(&mut self, contact: &SpooledContact) -> io::Result<()> {
        self.chat_types.extend(&contact.chat_types);
        self.contacts += 1;
        self.chats_max = self.chats_max.max(contact.chat_types.len());
        self.out.write_all(&length(&contact.values)?)?;
        self.out.write_all(&contact.values)
    }

    /// Number of contacts.
    pub(super) const fn contacts(&self) -> u64 {
        self.contacts
    }

    /// The largest number of chats of one contact.
    pub(super) const fn chats_max(&self) -> usize {
        self.chats_max
    }

    /// The chat types with columns: those of the contacts, or one if there are none.
    pub(super) fn chat_types(&self) -> BTreeSet<ChatType> {
        let mut types = self.chat_types.clone();
        if types.is_empty() {
            types.insert(ChatType::Whatsapp);
        }
        types
    }

    /// Calls `each` with every contact, in order. Fails if the file no longer contains all of them.
    pub(super) fn for_each(
        &mut self,
        mut each: impl FnMut(&Contact<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        self.out.flush()?;
        self.out.seek(SeekFrom::Start(0))?;
        let mut file = BufReader::with_capacity(BUFFER_BYTES, self.out.get_ref());
        let (mut values, mut count) = (Vec::new(), 0);
        while read_values(&mut file, &mut values)? {
            each(&Values(&values).contact()?)?;
            count += 1;
        }
        if count == self.contacts {
            return Ok(());
        }
        let lost = format!(
            "the temporary file contains {count} contacts, but {} were read: nothing was written",
            self.contacts
        );
        Err(io::Error::new(io::ErrorKind::InvalidData, lost))
    }
}

fn add_value(values: &mut Vec<u8>, value: &str) -> io::Result<()> {
    values.extend(length(value.as_bytes())?);
    values.extend(value.as_bytes());
    Ok(())
}

fn length(bytes: &[u8]) -> io::Result<[u8; LENGTH_BYTES]> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    Ok(length.to_le_bytes())
}

/// Reads the values of the next contact; false at the end of the file.
fn read_values(file: &mut BufReader<&File>, values: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; LENGTH_BYTES];
    let is_end = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Ok(false),
        _ => Err(error),
    };
    if let Err(error) = file.read_exact(&mut length) {
        return is_end(error);
    }
    let length = u32::from_le_bytes(length);
    values.clear();
    let count = file.take(length.into()).read_to_end(values)?;
    Ok(count as u64 == u64::from(length))
}

/// The remaining values of a contact.
struct Values<'v>(&'v [u8]);

impl<'v> Values<'v> {
    fn contact(mut self) -> io::Result<Contact<'v>> {
        let [id, responsible_user_id, name, uri] = self.four()?;
        let mut contact_data = Vec::new();
        while !self.0.is_empty() {
            let [chat_type, chat_id, username, phone] = self.four()?;
            contact_data.push(Chat {
                chat_type: ChatType::named(chat_type).ok_or_else(damaged)?,
                chat_id: chat_id.into(),
                username: username.into(),
                phone: phone.into(),
                unknown: UnknownFields::default(),
            });
        }
        Ok(Contact {
            id: id.into(),
            responsible_user_id: responsible_user_id.into(),
            name: name.into(),
            contact_data,
            uri: uri.into(),
            unknown: UnknownFields::default(),
        })
    }

    fn four(&mut self) -> io::Result<[&'v str; 4]> {
        Ok([self.next()?, self.next()?, self.next()?, self.next()?])
    }

    fn next(&mut self) -> io::Result<&'v str> {
        let (length, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (value, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        str::from_utf8(value).map_err(|_| damaged())
    }
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the temporary file is damaged: nothing was written",
    )
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
            spool.add(&SpooledContact::new(&contact).unwrap()).unwrap();
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
