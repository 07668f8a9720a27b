//! Turns a table into staged contacts, in parallel and in order.
//!
//! ```text
//!   this thread             rayon workers                    this thread
//!   Table::blocks ──block──► rows → normalize → JSON lines ──► reorder ──► Sink
//!        ▲                                                        │
//!        └───────── at most 2n + 2 blocks, n workers ◄─────────┘
//! ```
//!
//! One thread cuts the source into blocks and passes the results on in the order of the file, so the same input gives the
//! same contacts with the same numbers for any number of workers. The blocks in flight bound the memory.

mod files;

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    thread,
};

use crossbeam_channel::{Receiver, Sender, bounded};
use rayon::{ScopeFifo, ThreadPool};

use crate::{
    contact::Contact,
    normalize::{Edits, Normalizer, RowFaults},
    progress::Monitor,
    run::{Decision, Position, StagedBlock, StagedReject},
    source::{Block, ReadReport, Row, SourceError, Table},
};
pub(crate) use files::{Staged, TableReader, required, stage_files, summarise};
pub use {files::ReadRequest, files::StageError};

/// Receives staged blocks in file order.
pub(crate) trait Sink {
    /// The error of receiving a block.
    type Error: From<SourceError>;

    /// Receives the next block.
    fn take(&mut self, at: Position, block: StagedBlock) -> Result<(), Self::Error>;
}

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

/// Options for staging.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StageOptions<'a> {
    /// The parts of each block to keep.
    pub keep: Keep,
    /// The seed of all hashes of a run.
    pub hash_seed: u64,
    /// The threads that parse and validate; `None` is rayon's global pool, one thread for each core.
    pub workers: Option<&'a ThreadPool>,
}

impl<'a> StageOptions<'a> {
    /// Options with a random seed, so that no file can be crafted to collide.
    #[must_use]
    pub(crate) fn new(keep: Keep, workers: Option<&'a ThreadPool>) -> Self {
        Self {
            keep,
            hash_seed: RandomState::new().hash_one(0_u8),
            workers,
        }
    }
}

/// Reads a whole table. `at` is the position of its first block and is moved past its last one.
pub(crate) fn stage<S: Sink>(
    mut table: Table,
    normalizer: &Normalizer,
    options: StageOptions<'_>,
    at: &mut Position,
    monitor: &dyn Monitor,
    sink: &mut S,
) -> Result<(ReadReport, Edits), S::Error> {
    let worker = Worker {
        delimiter: table.delimiter,
        columns: table.columns.len(),
        options,
        normalizer,
    };
    let workers = options.workers;
    let worker_count = workers.map_or_else(rayon::current_num_threads, |pool| {
        pool.current_num_threads()
    });
    tracing::info!(source = %table.origin, workers = worker_count, "reading");
    let in_flight_max = worker_count * 2 + 2;
    at.first_row = u64::from(table.header_row) + 1;
    table.take_dates_as_numbers(normalizer.mapping().code_columns());
    let mut blocks = table.blocks();
    let mut edits = Edits::default();
    scoped(workers, |scope| {
        let (done, results) = bounded(in_flight_max);
        let mut reorder = Reorder {
            results,
            waiting: BTreeMap::new(),
            next: 0,
            at,
            sink,
            edits: &mut edits,
        };
        let mut handed_out = 0_u64;
        let mut bytes_shown = 0;
        while let Some(block) = blocks.next() {
            let block = block?;
            monitor.advance(blocks.bytes_read() - bytes_shown);
            bytes_shown = blocks.bytes_read();
            while handed_out - reorder.next >= in_flight_max as u64 {
                reorder.take_one()?;
            }
            let (worker, done): (_, Sender<_>) = (&worker, done.clone());
            let no = handed_out;
            scope.spawn_fifo(move |_| {
                let result = catch_unwind(AssertUnwindSafe(|| worker.stage_block(&block)));
                // The receiver is gone only when the run has already failed.
                drop(done.send((no, result)));
            });
            handed_out += 1;
        }
        while reorder.next < handed_out {
            reorder.take_one()?;
        }
        Ok::<_, S::Error>(())
    })?;
    Ok((blocks.finish()?, edits))
}

/// Opens a scope for the workers; `work` runs on this thread.
fn scoped<'scope, R>(
    workers: Option<&ThreadPool>,
    work: impl FnOnce(&ScopeFifo<'scope>) -> R,
) -> R {
    match workers {
        Some(pool) => pool.in_place_scope_fifo(work),
        None => rayon::in_place_scope_fifo(work),
    }
}

/// Restores the file order of the workers' results.
struct Reorder<'a, S> {
    results: Receiver<(u64, thread::Result<(StagedBlock, Edits)>)>,
    waiting: BTreeMap<u64, (StagedBlock, Edits)>,
    next: u64,
    at: &'a mut Position,
    sink: &'a mut S,
    edits: &'a mut Edits,
}

impl<S: Sink> Reorder<'_, S> {
    /// Waits for the next result and passes on every block that is next in order.
    fn take_one(&mut self) -> Result<(), S::Error> {
        let Ok((no, result)) = self.results.recv() else {
            // Every block comes back, so the sender can't be gone before the last one.
            self.next = u64::MAX;
            return Ok(());
        };
        // A worker's panic continues here; otherwise its block would be waited for forever.
        let result = result.unwrap_or_else(|panic| resume_unwind(panic));
        self.waiting.insert(no, result);
        while let Some((block, edits)) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.edits.merge(edits);
            self.sink.take(self.at.pass(&block), block)?;
        }
        Ok(())
    }
}

/// The shared state of the workers.
struct Worker<'a> {
    delimiter: u8,
    columns: usize,
    options: StageOptions<'a>,
    normalizer: &'a Normalizer,
}

impl Worker<'_> {
    fn stage_block(&self, block: &Block) -> (StagedBlock, Edits) {
        let mut edits = Edits::default();
        let mut staged = StagedBlock {
            contacts: Vec::with_capacity(block.text.len() * 5 / 2),
            ..StagedBlock::default()
        };
        let counts = block.rows(self.delimiter, self.columns, |row| {
            self.stage_row(&row, &mut staged, &mut edits);
        });
        staged.close();
        staged.row_count = counts.rows;
        staged.blank_count = counts.blank;
        if self.options.keep == Keep::Everything {
            staged.keep_cells(&block.text);
        }
        (staged, edits)
    }

    fn stage_row(&self, row: &Row<'_>, staged: &mut StagedBlock, edits: &mut Edits) {
        let faults = RowFaults {
            cells: row.faults,
            ragged: row.ragged,
        };
        match self.normalizer.row(row.cells, faults, edits) {
            Ok(contact) => self.add(&contact, row.offset, staged),
            Err(problems) => {
                let id = self.normalizer.id(row.cells, faults);
                staged.rejects.push(StagedReject {
                    row: row.offset,
                    id,
                    problems,
                });
            }
        }
    }

    /// Adds each phone of a contact once: often several chats have the same one.
    fn add_phones(&self, contact: &Contact<'_>, staged: &mut StagedBlock) {
        let index = u32::try_from(staged.decisions.len() - 1).unwrap_or(u32::MAX);
        let first = staged.phone_hashes.len();
        for phone in contact.phones() {
            let hash =
                xxhash_rust::xxh3::xxh3_64_with_seed(phone.as_bytes(), self.options.hash_seed);
            if !staged.phone_hashes[first..].contains(&(index, hash)) {
                staged.phone_hashes.push((index, hash));
            }
        }
    }

    fn add(&self, contact: &Contact<'_>, offset: u32, staged: &mut StagedBlock) {
        if self.options.keep.wants_contact(staged.decisions.len()) {
            // Writing text fields into memory can't fail.
            let _ = serde_json::to_writer(staged.next_json(), contact);
        }
        staged.add(offset, Decision::undecided(contact));
        staged.id_hashes.push(xxhash_rust::xxh3::xxh3_64_with_seed(
            contact.id.as_bytes(),
            self.options.hash_seed,
        ));
        if self.options.keep != Keep::Everything {
            let hash = content_hash(contact, self.options.hash_seed);
            staged.content_hashes.push(hash);
        }
        self.add_phones(contact, staged);
    }
}

/// Equal for contacts with equal content. Each text is hashed with the previous hash as its seed, so that texts can't run
/// into each other.
fn content_hash(contact: &Contact<'_>, seed: u64) -> u64 {
    let Contact {
        id,
        responsible_user_id,
        name,
        contact_data,
        uri,
    } = contact;
    let chats = contact_data.iter().flat_map(|chat| {
        [
            chat.chat_type.as_str(),
            &chat.chat_id,
            &chat.username,
            &chat.phone,
        ]
    });
    let texts: [&str; 4] = [id, responsible_user_id, name, uri];
    texts.into_iter().chain(chats).fold(seed, |hash, text| {
        xxhash_rust::xxh3::xxh3_64_with_seed(text.as_bytes(), hash)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Sink for Nowhere {
        type Error = SourceError;

        fn take(&mut self, _: Position, _: StagedBlock) -> Result<(), SourceError> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_of_a_worker_ends_the_run() {
        let ended = catch_unwind(|| {
            // The sender stays alive, like that of the thread that cuts the blocks.
            let (done, results) = bounded(1);
            let panicked = catch_unwind(|| resume_unwind(Box::new("a block")));
            assert!(done.send((0, panicked)).is_ok());
            let mut reorder = Reorder {
                results,
                waiting: BTreeMap::new(),
                next: 0,
                at: &mut Position::default(),
                sink: &mut Nowhere,
                edits: &mut Edits::default(),
            };
            reorder.take_one()
        });
        assert!(ended.is_err());
    }
}
