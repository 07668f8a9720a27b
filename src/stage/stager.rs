//! Turns a table into staged contacts, in parallel and in order.
//!
//! This thread cuts the source into blocks, rayon's workers parse and normalize them, and this thread passes on
//! the results in file order. So the same input yields the same contacts with the same numbers for any number of
//! workers.

use std::{
    hash::{BuildHasher as _, RandomState},
    ops::ControlFlow,
    sync::Arc,
};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::ReadRequest;
use crate::{
    contact::Contact,
    employees::OwnerRule,
    mapping::{BackupLayout, Mapping, MappingFile},
    normalize::{Edits, FileRules, Rejection, Required, read_row},
    parallel::{self, Workers},
    plan::{
        Mode,
        gate::GateVerdict,
        index::{account_hash, phone_hash},
    },
    progress::{Monitor, Phase},
    run::{Decision, Position, StagedBlock, StagedReject, StagedSource},
    source::{Block, ReadReport, Row, SourceError, SourceErrorKind, Table, Widths},
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

/// Reads tables, each with its own mapping.
pub(crate) struct Stager<'a> {
    pub reading: &'a ReadRequest,
    pub required: Required,
    pub keep: Keep,
    /// The seed of all hashes, shared by all tables because their ids are compared.
    pub hash_seed: u64,
    pub monitor: &'a Arc<dyn Monitor>,
    /// The treatment of names in `responsible_user_id`.
    owners: OwnerRule,
    /// The threads that parse and normalize.
    pub workers: Workers,
}

/// A table that was read to its end.
pub(crate) struct StagedTable {
    pub source: StagedSource,
    pub edits: Edits,
    pub warnings: Vec<String>,
}

impl<'a> Stager<'a> {
    /// A stager with a random seed, so that no file can be crafted to collide.
    pub(crate) fn new(
        reading: &'a ReadRequest,
        mode: Mode,
        keep: Keep,
        monitor: &'a Arc<dyn Monitor>,
    ) -> Self {
        Self {
            reading,
            workers: Workers::new(reading.workers.unwrap_or_default()),
            required: match mode {
                Mode::Create => Required::All,
                Mode::Upsert | Mode::Update | Mode::Mirror | Mode::Missing | Mode::Undo => {
                    Required::IdOnly
                }
            },
            keep,
            hash_seed: RandomState::new().hash_one(0_u8),
            monitor,
            owners: OwnerRule::default(),
        }
    }

    /// Sets the treatment of names in `responsible_user_id`.
    pub(crate) fn with_owners(self, owners: &OwnerRule) -> Self {
        let owners = owners.clone();
        Self { owners, ..self }
    }

    /// Reads a table to its end and calls `each` with its blocks in file order. `at` is the position of its first
    /// block, and is advanced past the last one.
    pub(crate) fn read<E: From<SourceError> + From<GateVerdict>>(
        &self,
        table: Table,
        mapping: Mapping,
        at: &mut Position,
        each: impl FnMut(Position, StagedBlock) -> Result<(), E>,
    ) -> Result<StagedTable, E> {
        let source = describe(&table, &mapping);
        let owners = self.owners.clone();
        let mut rules = FileRules::new(mapping, self.reading.region, self.required, owners);
        if self.reading.drop_bad_numbers {
            rules.drop_bad_numbers();
        }
        if self.reading.numbers_as_written {
            rules.send_numbers_as_written();
        }
        rules.selection.clone_from(&self.reading.selection);
        self.monitor.begin(Phase::Reading, Some(table.bytes));
        let (read, edits) = self.stage(table, &rules, at, each)?;
        self.monitor.end();
        let is_told = self.reading.region.is_some() || self.reading.numbers_as_written;
        if !is_told
            && let Some((column, lacking)) = edits.numbers.lacking_country(&rules.mapping.columns)
        {
            return Err(GateVerdict::lacking_country(column, lacking).into());
        }
        let mut warnings = read.notes;
        warnings.extend(edits.numbers.warnings(&rules.mapping.columns));
        Ok(StagedTable {
            source: StagedSource {
                bytes: read.bytes,
                blake3: read.blake3,
                ..source
            },
            edits,
            warnings,
        })
    }

    fn stage<E: From<SourceError>>(
        &self,
        mut table: Table,
        rules: &FileRules,
        at: &mut Position,
        mut each: impl FnMut(Position, StagedBlock) -> Result<(), E>,
    ) -> Result<(ReadReport, Edits), E> {
        let header = table.columns.clone();
        let worker = Worker {
            delimiter: table.delimiter,
            widths: table.widths(),
            header: &header,
            keep: self.keep,
            hash_seed: self.hash_seed,
            rules,
            monitor: &**self.monitor,
        };
        tracing::info!(source = %table.origin, workers = self.reading.workers, "reading");
        let origin = table.origin.clone();
        // A requested stop also causes read errors.
        let interrupted = |error| match self.monitor.stop_requested() {
            Some(reason) => SourceErrorKind::Interrupted(reason).at(&origin, None),
            None => error,
        };
        at.first_row = u64::from(table.header_row) + 1;
        table.take_values(rules.mapping.cell_values());
        let mut edits = Edits::about_columns(rules.mapping.hints.clone());
        parallel::ordered_in(
            || {
                let pool = self.workers.pool().map_err(SourceErrorKind::Io);
                pool.map_err(|kind| kind.at(&origin, None).into())
            },
            blocks(&mut table, &**self.monitor),
            |block| block.map(|block| worker.stage_block(&block)),
            |staged| {
                let (block, of_block) = staged.map_err(interrupted)?;
                if let Some(reason) = self.monitor.stop_requested() {
                    // The workers then skip rows.
                    return Err(SourceErrorKind::Interrupted(reason)
                        .at(&origin, None)
                        .into());
                }
                edits.merge(of_block);
                each(at.pass(&block), block)?;
                Ok::<_, E>(ControlFlow::Continue(()))
            },
        )?;
        Ok((table.finish().map_err(interrupted)?, edits))
    }
}

/// The blocks of a table. Their bytes are shown as progress.
fn blocks(
    table: &mut Table,
    monitor: &dyn Monitor,
) -> impl Iterator<Item = Result<Block, SourceError>> {
    let mut bytes_shown = 0;
    let blocks = std::iter::from_fn(move || {
        let block = table.next_block().transpose();
        monitor.advance(table.bytes_read() - bytes_shown);
        bytes_shown = table.bytes_read();
        block
    });
    blocks.fuse()
}

/// Describes a table before it is read.
fn describe(table: &Table, mapping: &Mapping) -> StagedSource {
    StagedSource {
        path: table.origin.path.display().to_string(),
        sheet: table.origin.sheet.clone(),
        bytes: 0,
        blake3: String::new(),
        columns: table.columns.clone(),
        delimiter: table.delimiter,
        form: table.form.clone(),
        mapping: MappingFile::describe(mapping).to_string(),
    }
}

struct Worker<'a> {
    delimiter: u8,
    widths: Widths,
    header: &'a [String],
    keep: Keep,
    hash_seed: u64,
    rules: &'a FileRules,
    monitor: &'a dyn Monitor,
}

impl Worker<'_> {
    fn stage_block(&self, block: &Block) -> (StagedBlock, Edits) {
        let mut edits = Edits::default();
        let mut staged = StagedBlock {
            contacts: match self.keep {
                Keep::Everything => Vec::with_capacity(block.text.len() * 5 / 2),
                Keep::Sample(_) => Vec::new(),
            },
            ..StagedBlock::default()
        };
        let mut repeated_headers = 0;
        let counts = block.rows(self.delimiter, self.widths, |row| {
            if self.monitor.stop_requested().is_some() {
                return;
            }
            if row.repeats(self.header) {
                repeated_headers += 1;
                return edits.repeated_header(row.cells);
            }
            if self.add_row(row, &mut edits, &mut staged).is_none() {
                staged.not_selected += 1;
            }
        });
        staged.close();
        staged.row_count = counts.rows;
        // Repeated headers count as blank rows.
        staged.blank_count = counts.blank + repeated_headers;
        if self.keep == Keep::Everything {
            staged.keep(&block.text);
        }
        (staged, edits)
    }

    /// Adds a row. `None` if its contact is not selected; such a row leaves no trace.
    fn add_row(&self, row: Row<'_>, edits: &mut Edits, staged: &mut StagedBlock) -> Option<()> {
        let offset = row.offset;
        let read = if self.rules.selection.is_some() {
            let mut of_row = Edits::default();
            let read = read_row(self.rules, row, &mut of_row)?;
            edits.dropped.append(&mut of_row.dropped);
            edits.merge(of_row);
            read
        } else {
            read_row(self.rules, row, edits)?
        };
        match read {
            Ok(contact) => {
                self.add(&contact, offset, staged);
                if !edits.dropped.is_empty() {
                    let dropped = edits.dropped.drain(..);
                    staged.dropped.extend(dropped.map(|it| it.at(offset)));
                }
            }
            Err(Rejection { id, problems }) => staged.rejects.push(StagedReject {
                row: offset,
                id,
                problems,
            }),
        }
        Some(())
    }

    /// Adds the distinct phones and accounts of a contact: several chats often share one.
    fn add_chats(&self, contact: &Contact<'_>, staged: &mut StagedBlock) {
        let index = u32::try_from(staged.decisions.len() - 1).unwrap_or(u32::MAX);
        let first = staged.chat_hashes.len();
        let hash = |text: &str, seed| xxh3_64_with_seed(text.as_bytes(), seed);
        let mut add = |hash| {
            if !staged.chat_hashes[first..].contains(&(index, hash)) {
                staged.chat_hashes.push((index, hash));
            }
        };
        for phone in contact.phones() {
            add(phone_hash(hash(phone, self.hash_seed)));
        }
        for (chat_type, account) in contact.accounts() {
            let of_type = hash(chat_type.as_str(), self.hash_seed);
            add(account_hash(hash(&account, of_type)));
        }
    }

    fn add(&self, contact: &Contact<'_>, offset: u32, staged: &mut StagedBlock) {
        if self.keep.wants_contact(staged.decisions.len()) {
            contact.write_json(staged.next_json());
        }
        staged.add(offset, Decision::undecided(contact));
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

/// Equal for contacts with equal content; for rows of chats, if everything but the chats is equal. Each text is
/// hashed with the previous hash and its own index as the seed, so that adjacent texts are distinguished and empty
/// ones need no hash.
fn content_hash(contact: &Contact<'_>, is_row_of_chat: bool, id_hash: u64) -> u64 {
    let Contact {
        id: _,
        responsible_user_id,
        name,
        contact_data,
        uri,
        unknown: _,
    } = contact;
    let (mut hash, mut number) = (id_hash, 0);
    let mut add = |text: &str| {
        number += 1;
        if !text.is_empty() {
            hash = xxh3_64_with_seed(text.as_bytes(), hash ^ number);
        }
    };
    for text in [responsible_user_id, name, uri] {
        add(text);
    }
    let chats = if is_row_of_chat {
        &[]
    } else {
        contact_data.as_slice()
    };
    for chat in chats {
        add(chat.chat_type.as_str());
        for text in [&chat.chat_id, &chat.username, &chat.phone] {
            add(text);
        }
    }
    hash
}
