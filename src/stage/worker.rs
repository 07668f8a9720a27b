//! Turns a block of a table into staged contacts and rejects.

use std::{
    mem,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    contact::{Chat, ChatType, Contact, spelling::short_phone, write_contact},
    mapping::BackupLayout,
    normalize::{Edit, Edits, FileRules, Required, read_row},
    plan::index::{account_hash, phone_hash},
    run::{Decision, StagedBlock},
    source::{Block, ColumnNames, Row, Widths},
};

/// The parts of each block to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All contacts as JSON, and the original text for the rejects file.
    Everything,
    /// This many contacts as JSON, for inspection, and a hash of the content of every contact.
    Sample(usize),
}

impl Keep {
    const fn wants_contact(self, index: usize) -> bool {
        match self {
            Self::Everything => true,
            Self::Sample(count) => index < count,
        }
    }
}

/// Parses and normalizes the blocks of a table, in several threads.
pub(super) struct Worker<'a> {
    pub(super) delimiter: u8,
    pub(super) widths: Widths,
    pub(super) header: &'a [String],
    pub(super) names: ColumnNames<'a>,
    /// The column of the id.
    pub(super) id_column: Option<usize>,
    pub(super) keep: Keep,
    /// The number of bytes of source text that may stay uncompressed.
    pub(super) held_left: &'a AtomicUsize,
    pub(super) hash_seed: u64,
    pub(super) rules: &'a FileRules,
}

impl Worker<'_> {
    pub(super) fn stage_block(&self, block: Block) -> (StagedBlock, Edits) {
        let mut edits = Edits::default();
        let mut staged = StagedBlock {
            contacts: match self.keep {
                Keep::Everything => Vec::with_capacity(block.text.len() * 5 / 2),
                Keep::Sample(_) => Vec::new(),
            },
            ..StagedBlock::default()
        };
        let mut skipped = 0;
        let mut room = Vec::new();
        let counts = block.rows(self.delimiter, self.widths, |row| {
            if row.repeats(self.header) {
                skipped += 1;
                return edits.count(Edit::HeaderRepeated, || row.cells.join(","));
            }
            if row.is_other_header(&self.names, self.id_column) {
                staged.other_header.get_or_insert(row.offset);
                return;
            }
            if self.rules.has_no_value(&row) {
                skipped += 1;
                return edits.count(Edit::NoValueRead, || row.cells.join(","));
            }
            if self
                .add_row(row, &mut room, &mut edits, &mut staged)
                .is_none()
            {
                staged.not_selected += 1;
            }
        });
        staged.close();
        staged.row_count = counts.rows;
        // Skipped rows count as blank.
        staged.blank_count = counts.blank + skipped;
        if self.keep == Keep::Everything {
            let is_held = self.may_be_held(block.text.len());
            staged.cells = block.text;
            if !is_held {
                staged.pack();
            }
        }
        (staged, edits)
    }

    /// True if a text of this length may stay uncompressed.
    fn may_be_held(&self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        let taken = self.held_left.fetch_update(Relaxed, Relaxed, take);
        taken.is_ok()
    }

    /// Adds a row. `None` if its contact is not selected; such a row leaves no trace.
    fn add_row(
        &self,
        row: Row<'_>,
        room: &mut Vec<Chat<'static>>,
        edits: &mut Edits,
        staged: &mut StagedBlock,
    ) -> Option<()> {
        let offset = row.offset;
        let possible_id = row.ragged.and_then(|_| self.id_cell(&row));
        let chats = mem::take(room);
        let mut read = if self.rules.selection.is_some() {
            let mut of_row = Edits::default();
            let read = read_row(self.rules, row, chats, &mut of_row);
            if read.is_some() {
                edits.dropped.append(&mut of_row.dropped);
                edits.has_unread_chat = of_row.has_unread_chat;
                edits.merge(of_row);
            }
            read
        } else {
            read_row(self.rules, row, chats, edits)
        };
        // Contacts are large, so none is moved.
        match read {
            None => return None,
            Some(Ok(ref mut contact)) => {
                let is_lossy = mem::take(&mut edits.has_unread_chat);
                self.add(contact, offset, is_lossy, staged);
                *room = emptied(mem::take(&mut contact.contact_data));
                if !edits.dropped.is_empty() {
                    let dropped = edits.dropped.drain(..);
                    staged.dropped.extend(dropped.map(|it| it.at(offset)));
                }
            }
            Some(Err(rejected)) => {
                if let Some(id) = rejected.id.as_deref().or(possible_id) {
                    let hash = xxh3_64_with_seed(id.as_bytes(), self.hash_seed);
                    staged.rejected_ids.push((offset, hash));
                }
                staged.rejects.push(*rejected);
            }
        }
        Some(())
    }

    /// The cell in the column of the id. A row with too many cells may have another value there.
    fn id_cell<'r>(&self, row: &Row<'r>) -> Option<&'r str> {
        row.cells.get(self.id_column?).map(|cell| cell.trim())
    }

    /// Adds the distinct phones and accounts of a contact: several chats often share one.
    fn add_chats(&self, contact: &Contact<'_>, staged: &mut StagedBlock) {
        let index = u32::try_from(staged.decisions.len() - 1).unwrap_or(u32::MAX);
        let first = staged.chat_hashes.len();
        let hash = xxh3_64_with_seed;
        let mut add = |hash| {
            if !staged.chat_hashes[first..].contains(&(index, hash)) {
                staged.chat_hashes.push((index, hash));
            }
        };
        for phone in contact.phones() {
            add(match short_phone(phone) {
                Some(short) => phone_hash(hash(&short, self.hash_seed), true),
                None => phone_hash(hash(phone.as_bytes(), self.hash_seed), false),
            });
        }
        for (chat_type, account) in contact.accounts() {
            let of_type = type_hash(&chat_type, self.hash_seed);
            add(account_hash(hash(account.as_bytes(), of_type)));
        }
    }

    /// `is_lossy`: a chat of the row could not be read.
    fn add(&self, contact: &Contact<'_>, offset: u32, is_lossy: bool, staged: &mut StagedBlock) {
        if self.keep.wants_contact(staged.decisions.len()) {
            write_contact(contact, staged.next_json());
        }
        let decision = if is_lossy && self.rules.required == Required::IdOnly {
            Decision::Lossy
        } else {
            Decision::undecided(contact)
        };
        staged.add(offset, decision);
        let id_hash = xxh3_64_with_seed(contact.id.as_bytes(), self.hash_seed);
        staged.id_hashes.push(id_hash);
        if self.keep != Keep::Everything {
            let is_row_of_chat = self.rules.mapping.backup == Some(BackupLayout::Long);
            let hash = content_hash(contact, is_row_of_chat, id_hash);
            staged.content_hashes.push(hash);
        }
        self.add_chats(contact, staged);
    }
}

/// The list without its chats, but with its memory: `collect` keeps that of a vector.
fn emptied(mut chats: Vec<Chat<'_>>) -> Vec<Chat<'static>> {
    chats.clear();
    chats.into_iter().map(Chat::into_owned).collect()
}

/// Equal for contacts with equal content; for rows of chats, if everything but the chats is equal. Each text is
/// hashed with its own index in the seed, so that adjacent texts are distinguished and empty ones need no hash. The
/// hashes are added, because the processor computes hashes at once if none is the seed of another.
fn content_hash(contact: &Contact<'_>, is_row_of_chat: bool, id_hash: u64) -> u64 {
    let Contact {
        id: _,
        responsible_user_id,
        name,
        contact_data,
        uri,
        unknown: _,
    } = contact;
    let (mut hash, mut number) = (0_u64, 0);
    let mut add_text = |text: &str| {
        number += 1;
        if !text.is_empty() {
            hash = hash.wrapping_add(xxh3_64_with_seed(text.as_bytes(), id_hash ^ number));
        }
    };
    for text in [responsible_user_id, name, uri] {
        add_text(text);
    }
    if is_row_of_chat {
        return hash;
    }
    let mut types = 0_u64;
    for (number, chat) in (0..).zip(contact_data) {
        types = types.wrapping_add(type_hash(&chat.chat_type, id_hash ^ number));
        for text in [&chat.chat_id, &chat.username, &chat.phone] {
            add_text(text);
        }
    }
    hash.wrapping_add(types)
}

/// A hash of a chat type. The documented ones are multiplied by their numbers, because hashing each name takes 1 % of
/// the instructions of `check`.
fn type_hash(chat_type: &ChatType, seed: u64) -> u64 {
    let mut known = (1_u64..).zip(&ChatType::ALL);
    match known.find(|(_, known)| *known == chat_type) {
        Some((number, _)) => seed.wrapping_mul(2 * number + 1),
        None => xxh3_64_with_seed(chat_type.as_str().as_bytes(), seed),
    }
}
