//! Stores contacts on disk until they are written, in an unnamed file that ends with the process.
//!
//! A record is the number of its values, the length of its text, the length of each value, and the text. The values
//! are the four fields of a contact, then four of each chat. Parsing JSON again would cost more than everything that
//! is written from it.
//!
//! Records are written and read in blocks, each with a length prefix.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
};

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    contact::{Chat, ChatType, Contact, UnknownFields},
    output::{self, IoError},
};

/// Writing part of a file system page costs as much as writing the whole page.
pub(super) const BUFFER_BYTES: usize = 128 << 10;

pub(super) struct SpooledContact {
    /// The hash of its id.
    pub(super) id: u128,
    record: Vec<u8>,
    chat_types: SmallVec<[ChatType; 2]>,
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
        let chats = &contact.contact_data;
        let fields = [
            &*contact.id,
            &contact.responsible_user_id,
            &contact.name,
            uri,
        ];
        let mut values: SmallVec<[&str; 16]> = SmallVec::from_slice(&fields);
        for chat in chats {
            let chat_type = chat.chat_type.as_str();
            values.extend_from_slice(&[chat_type, &chat.chat_id, &chat.username, &chat.phone]);
        }
        Ok(Self {
            id: xxh3_128(contact.id.as_bytes()),
            record: record(&values)?,
            chat_types: chats.iter().map(|chat| chat.chat_type).collect(),
        })
    }
}

fn record(values: &[&str]) -> io::Result<Vec<u8>> {
    let text_bytes = values.iter().map(|value| value.len()).sum();
    let head_bytes = (2 + values.len()) * size_of::<u32>();
    let mut record = Vec::with_capacity(head_bytes + text_bytes);
    let lengths = values.iter().map(|value| value.len());
    for length in [values.len(), text_bytes].into_iter().chain(lengths) {
        record.extend_from_slice(&number(length)?);
    }
    for value in values {
        record.extend_from_slice(value.as_bytes());
    }
    Ok(record)
}

/// Contacts in order, and facts about their chats.
#[derive(Debug)]
pub(super) struct Spool {
    file: File,
    /// Records that are not in the file yet.
    block: Vec<u8>,
    pub(super) contacts: u64,
    /// The largest number of chats of one contact.
    pub(super) chats_max: usize,
    chat_types: BTreeSet<ChatType>,
}

impl Spool {
    /// Creates an empty spool beside the output file, or in the system's temporary directory.
    pub(super) fn create(output: Option<&Path>) -> Result<Self, IoError> {
        let file = output.map_or_else(output::temporary, output::temporary_beside)?;
        Ok(Self {
            file,
            block: Vec::with_capacity(BUFFER_BYTES),
            contacts: 0,
            chats_max: 0,
            chat_types: BTreeSet::new(),
        })
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        (self.contacts, self.chats_max) = (0, 0);
        self.chat_types.clear();
        self.block.clear();
        self.file.rewind()?;
        self.file.set_len(0)
    }

    pub(super) fn add(&mut self, contact: &SpooledContact) -> io::Result<()> {
        self.chat_types.extend(&contact.chat_types);
        self.contacts += 1;
        self.chats_max = self.chats_max.max(contact.chat_types.len());
        self.block.extend_from_slice(&contact.record);
        if self.block.len() >= BUFFER_BYTES {
            self.write_block()?;
        }
        Ok(())
    }

    fn write_block(&mut self) -> io::Result<()> {
        self.file.write_all(&number(self.block.len())?)?;
        self.file.write_all(&self.block)?;
        self.block.clear();
        Ok(())
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
        if !self.block.is_empty() {
            self.write_block()?;
        }
        self.file.rewind()?;
        let mut count = 0;
        while let Some(block) = next_block(&self.file)? {
            let mut records = Records(&block);
            while let Some(values) = records.next()? {
                each(&values.contact()?)?;
                count += 1;
            }
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

fn number(number: usize) -> io::Result<[u8; size_of::<u32>()]> {
    let number = u32::try_from(number).map_err(io::Error::other)?;
    Ok(number.to_le_bytes())
}

/// Reads the next block; `None` at the end of the file, even if it ends within a block.
fn next_block(mut file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; size_of::<u32>()];
    match file.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let length = u32::from_le_bytes(length) as usize;
    let mut block = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut block)?;
    Ok(Some(block).filter(|block| block.len() == length))
}

/// The records of a block that are left to read.
struct Records<'b>(&'b [u8]);

impl<'b> Records<'b> {
    fn next(&mut self) -> io::Result<Option<RecordValues<'b>>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let [count, text_bytes] = [self.number()?, self.number()?];
        let (lengths, text) = (
            self.bytes(count * size_of::<u32>())?,
            self.bytes(text_bytes)?,
        );
        let text = str::from_utf8(text).map_err(|_| damaged())?;
        Ok(Some(RecordValues {
            lengths: Records(lengths),
            text,
        }))
    }

    fn bytes(&mut self, length: usize) -> io::Result<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn number(&mut self) -> io::Result<usize> {
        let (number, rest) = self.0.split_first_chunk().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*number) as usize)
    }
}

/// The values of a contact that are left to read.
struct RecordValues<'b> {
    lengths: Records<'b>,
    text: &'b str,
}

impl<'b> RecordValues<'b> {
    fn contact(mut self) -> io::Result<Contact<'b>> {
        let [id, responsible_user_id, name, uri] = self.four()?;
        let mut contact_data = Vec::with_capacity(self.chats_left());
        while self.chats_left() > 0 {
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

    fn chats_left(&self) -> usize {
        self.lengths.0.len() / (4 * size_of::<u32>())
    }

    fn four(&mut self) -> io::Result<[&'b str; 4]> {
        Ok([self.next()?, self.next()?, self.next()?, self.next()?])
    }

    fn next(&mut self) -> io::Result<&'b str> {
        let length = self.lengths.number()?;
        let (value, rest) = self.text.split_at_checked(length).ok_or_else(damaged)?;
        self.text = rest;
        Ok(value)
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
                name: "a".repeat(BUFFER_BYTES).into(),
                ..Contact::default()
            };
            spool.add(&SpooledContact::new(&contact).unwrap()).unwrap();
        }
        spool.for_each(|_| Ok(())).unwrap();
        let whole = spool.file.metadata().unwrap().len();
        spool.file.set_len(whole - 1).unwrap();
        let error = spool.for_each(|_| Ok(())).unwrap_err();
        assert!(
            error.to_string().contains("contains 1 contacts, but 2"),
            "{error}"
        );
    }
}
