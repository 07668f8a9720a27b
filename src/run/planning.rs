//! The snapshot during planning: all contacts of the account, few of which end up in the run file.
//!
//! Records are appended in memory, and from there to an unnamed file. The index takes eight bytes per contact
//! (half a hash of its id, and its number), so ten million contacts take 85 MB. With an indexed `SQLite` table,
//! planning took five times the instructions.

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::BTreeSet,
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    contact::{Contact, write_contact},
    output,
};

/// Size of the records in memory before they are written to the file.
const MEMORY_BYTES: usize = 4 << 20;

/// Size of the window read from the file at once. Look-ups in account order read the file once; look-ups in any
/// other order read little more than they need.
const WINDOW_BYTES: usize = 16 << 10;

/// The position of every n-th contact is known.
const GROUP: u64 = 16;

/// The size of a length prefix.
const LENGTH_BYTES: usize = size_of::<u32>();

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotContact {
    pub seq: u64,
    pub id: String,
    /// The contact as the API returned it.
    pub json: String,
}

impl SnapshotContact {
    fn of(seq: u32, id: &[u8], json: &[u8]) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            seq: seq.into(),
            id: text(id),
            json: text(json),
        }
    }
}

thread_local! {
    /// The record that is being written, so that each takes one allocation of its size.
    static RECORD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A contact to be stored: the lengths of its id and its JSON, then both, and its owner.
pub(crate) struct SnapshotRecord {
    bytes: Box<[u8]>,
    /// The length without the owner.
    stored: usize,
}

impl SnapshotRecord {
    /// A contact under the id with which it was looked up, which the server may spell differently.
    pub(crate) fn new(id: &str, contact: &Contact<'_>) -> Self {
        RECORD.with_borrow_mut(|bytes| {
            bytes.clear();
            bytes.resize(2 * LENGTH_BYTES, 0);
            bytes.extend_from_slice(id.as_bytes());
            let json = bytes.len();
            write_contact(contact, bytes);
            let stored = bytes.len();
            for (place, length) in bytes
                .chunks_exact_mut(LENGTH_BYTES)
                .zip([id.len(), stored - json])
            {
                // An answer of the server is far shorter.
                let length = u32::try_from(length).unwrap_or(u32::MAX);
                place.copy_from_slice(&length.to_le_bytes());
            }
            bytes.extend_from_slice(contact.responsible_user_id.as_bytes());
            Self {
                bytes: bytes.as_slice().into(),
                stored,
            }
        })
    }

    fn stored(&self) -> &[u8] {
        &self.bytes[..self.stored]
    }

    pub(super) fn owner(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes[self.stored..])
    }
}

#[derive(Debug)]
pub(super) struct PlanningSnapshot {
    /// The run file, beside which the file of the records is created.
    run: PathBuf,
    file: Option<File>,
    /// The size of the file.
    written: u64,
    /// The records that follow those in the file.
    memory: Vec<u8>,
    /// The part of the file that was read last.
    window: RefCell<Window>,
    /// The position of the first record of each [`GROUP`].
    groups: Vec<u64>,
    /// The number and the position of the record that was read last: the next one often follows it.
    last: Cell<(u32, u64)>,
    /// Half the hash of an id, and the number of its contact.
    index: Vec<(u32, u32)>,
    /// Number of sorted index entries, which can be searched.
    sorted: usize,
    /// The seed of the hashes, so that no account can be crafted to collide.
    hash_seed: u64,
    /// The contacts that were listed again later.
    dropped: BTreeSet<u32>,
}

#[derive(Debug, Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl PlanningSnapshot {
    pub(super) fn new(run: &Path) -> Self {
        Self {
            run: run.to_path_buf(),
            file: None,
            written: 0,
            memory: Vec::new(),
            window: RefCell::default(),
            groups: Vec::new(),
            last: Cell::default(),
            index: Vec::new(),
            sorted: 0,
            hash_seed: RandomState::new().hash_one(0_u8),
            dropped: BTreeSet::new(),
        }
    }

    /// Adds a contact; [`Self::sort`] makes it searchable.
    pub(super) fn add(&mut self, record: &SnapshotRecord) -> io::Result<()> {
        let seq = u32::try_from(self.index.len()).map_err(io::Error::other)?;
        if u64::from(seq).is_multiple_of(GROUP) {
            self.groups.push(self.written + self.memory.len() as u64);
        }
        let record = record.stored();
        let (id, _) = parts(record).ok_or_else(damaged)?;
        self.index.push((self.hash(&record[id]), seq));
        self.memory.extend_from_slice(record);
        if self.memory.len() >= MEMORY_BYTES {
            let file = match &mut self.file {
                Some(file) => file,
                none => none.insert(tempfile::tempfile_in(output::directory(&self.run))?),
            };
            file.seek(SeekFrom::Start(self.written))?;
            file.write_all(&self.memory)?;
            self.written += self.memory.len() as u64;
            self.memory.clear();
        }
        Ok(())
    }

    /// Makes all contacts searchable by id. If an id was added several times, only the last contact is kept; the
    /// others are returned.
    pub(super) fn sort(&mut self) -> io::Result<Vec<SnapshotContact>> {
        self.index.sort_unstable();
        self.sorted = self.index.len();
        let mut again = Vec::new();
        for same in self.index.chunk_by(|one, next| one.0 == next.0) {
            let mut later = BTreeSet::new();
            for &(_, seq) in same.iter().rev().filter(|_| same.len() > 1) {
                let contact = self.read(seq, SnapshotContact::of)?;
                if !later.insert(contact.id.clone()) && !self.dropped.contains(&seq) {
                    again.push(contact);
                }
            }
        }
        let seqs = again.iter().filter_map(|it| u32::try_from(it.seq).ok());
        self.dropped.extend(seqs);
        Ok(again)
    }

    pub(super) fn count(&self) -> u64 {
        (self.index.len() - self.dropped.len()) as u64
    }

    pub(super) fn find(&self, id: &str) -> io::Result<Option<SnapshotContact>> {
        self.search(id, SnapshotContact::of)
    }

    /// The number of the contact with an id, if its JSON is this one.
    pub(super) fn find_equal(&self, id: &str, json: &[u8]) -> io::Result<Option<u64>> {
        let seq = self.search(id, |seq, _, found| (found == json).then_some(seq))?;
        Ok(seq.flatten().map(u64::from))
    }

    fn search<T>(&self, id: &str, read: impl Fn(u32, &[u8], &[u8]) -> T) -> io::Result<Option<T>> {
        let wanted = self.hash(id.as_bytes());
        let index = &self.index[..self.sorted];
        let start = index.partition_point(|(hash, _)| *hash < wanted);
        let same = index[start..]
            .iter()
            .take_while(|(hash, _)| *hash == wanted);
        for (_, seq) in same.filter(|(_, seq)| !self.dropped.contains(seq)) {
            let found = self.read(*seq, |seq, found, json| {
                (found == id.as_bytes()).then(|| read(seq, found, json))
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The contact with a number, if it was not listed again later.
    pub(super) fn by_seq(&self, seq: u64) -> io::Result<Option<SnapshotContact>> {
        let seq = u32::try_from(seq)
            .ok()
            .filter(|seq| (*seq as usize) < self.index.len() && !self.dropped.contains(seq));
        seq.map(|seq| self.read(seq, SnapshotContact::of))
            .transpose()
    }

    /// The numbers of all contacts, in order.
    pub(super) fn seqs(&self) -> impl Iterator<Item = u64> + use<> {
        let dropped = self.dropped.clone();
        let seqs = 0..u32::try_from(self.index.len()).unwrap_or(u32::MAX);
        seqs.filter(move |seq| !dropped.contains(seq))
            .map(u64::from)
    }

    fn hash(&self, id: &[u8]) -> u32 {
        (xxh3_64_with_seed(id, self.hash_seed) >> 32) as u32
    }

    /// Calls `read` with the number, the id and the JSON of a contact.
    fn read<T>(&self, seq: u32, read: impl Fn(u32, &[u8], &[u8]) -> T) -> io::Result<T> {
        let group = u64::from(seq) / GROUP;
        let (mut from, mut at) = self.last.get();
        if group != u64::from(from) / GROUP || from > seq || at == 0 {
            from = seq - (u64::from(seq) % GROUP) as u32;
            let group = usize::try_from(group).unwrap_or(usize::MAX);
            at = *self.groups.get(group).ok_or_else(damaged)?;
        }
        for _ in from..seq {
            at += self.record(at, |record, _, _| record.len() as u64)?;
        }
        self.last.set((seq, at));
        self.record(at, |record, id, json| read(seq, &record[id], &record[json]))
    }

    /// Calls `read` with the record at a position, and the ranges of its id and JSON.
    fn record<T>(
        &self,
        at: u64,
        read: impl Fn(&[u8], Range<usize>, Range<usize>) -> T,
    ) -> io::Result<T> {
        let whole = |bytes: &[u8]| {
            let (id, json) = parts(bytes)?;
            let record = bytes.get(..json.end)?;
            Some(read(record, id, json))
        };
        if let Some(at) = at.checked_sub(self.written) {
            let at = usize::try_from(at).map_err(io::Error::other)?;
            return self.memory.get(at..).and_then(whole).ok_or_else(damaged);
        }
        let mut window = self.window.borrow_mut();
        let within = |window: &Window| {
            let at = usize::try_from(at.checked_sub(window.start)?).ok()?;
            window.bytes.get(at..).and_then(whole)
        };
        if let Some(found) = within(&window) {
            return Ok(found);
        }
        // A record may be longer than a window.
        let mut size = WINDOW_BYTES;
        loop {
            let is_rest = self.fill(&mut window, at, size)?;
            match within(&window) {
                Some(found) => return Ok(found),
                None if is_rest => return Err(damaged()),
                None => size *= 4,
            }
        }
    }

    /// Reads a part of the file; true if it goes to the end.
    fn fill(&self, window: &mut Window, start: u64, size: usize) -> io::Result<bool> {
        let mut file = self.file.as_ref().ok_or_else(damaged)?;
        let size = (size as u64).min(self.written - start);
        window.start = start;
        window.bytes.clear();
        file.seek(SeekFrom::Start(start))?;
        file.take(size).read_to_end(&mut window.bytes)?;
        Ok(start + size == self.written)
    }
}

/// The ranges of the id and the JSON in a record, the end of which may be missing.
fn parts(record: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let (lengths, _) = record.as_chunks::<LENGTH_BYTES>();
    let [id, json] = *lengths.first_chunk::<2>()?;
    let id = 2 * LENGTH_BYTES..2 * LENGTH_BYTES + u32::from_le_bytes(id) as usize;
    let json = id.end..id.end + u32::from_le_bytes(json) as usize;
    Some((id, json))
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the temporary file with the account's contacts is damaged",
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn record(id: &str, name: &str) -> SnapshotRecord {
        let contact = Contact {
            id: id.into(),
            name: name.into(),
            ..Contact::default()
        };
        SnapshotRecord::new(id, &contact)
    }

    fn name(found: Option<SnapshotContact>) -> Option<String> {
        let json: serde_json::Value = serde_json::from_str(&found?.json).unwrap();
        Some(json["name"].as_str()?.to_owned())
    }

    #[test]
    fn contacts_are_found_in_memory_and_in_the_file_in_any_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut snapshot = PlanningSnapshot::new(&directory.path().join("x.run"));
        // One record is longer than a window of the file.
        let name_of = |number: usize| "x".repeat(if number == 70 { 100_000 } else { 4_000 });
        let count = 2 * MEMORY_BYTES / 4_000;
        for number in 0..count {
            let name = name_of(number) + &number.to_string();
            snapshot.add(&record(&number.to_string(), &name)).unwrap();
        }
        assert!(snapshot.sort().unwrap().is_empty());
        assert!(snapshot.written > 0 && !snapshot.memory.is_empty());
        for number in (0..count).rev().chain(0..count) {
            let id = number.to_string();
            let found = snapshot.find(&id).unwrap().unwrap();
            assert_eq!((found.seq, &found.id), (number as u64, &id));
            let equal = |json: &str| snapshot.find_equal(&id, json.as_bytes()).unwrap();
            assert_eq!(equal(&found.json), Some(found.seq));
            assert_eq!(equal("{}"), None);
            assert_eq!(name(Some(found)), Some(name_of(number) + &id));
        }
        assert_eq!(snapshot.find("no such id").unwrap(), None);
        assert_eq!(snapshot.by_seq(count as u64).unwrap(), None);
    }

    #[test]
    fn of_an_id_that_is_added_again_the_last_contact_stays() {
        let mut snapshot = PlanningSnapshot::new(Path::new("x.run"));
        for (id, name) in [("1", "a"), ("2", "b"), ("1", "c")] {
            snapshot.add(&record(id, name)).unwrap();
        }
        assert_eq!(snapshot.find("1").unwrap(), None, "not sorted yet");
        let dropped = snapshot.sort().unwrap();
        assert_eq!(
            dropped.into_iter().map(|it| it.seq).collect::<Vec<_>>(),
            [0]
        );
        snapshot.add(&record("1", "d")).unwrap();
        assert_eq!(name(snapshot.find("1").unwrap()).as_deref(), Some("c"));
        assert_eq!(snapshot.sort().unwrap().len(), 1);
        assert_eq!(name(snapshot.find("1").unwrap()).as_deref(), Some("d"));
        assert_eq!(snapshot.count(), 2);
        assert_eq!(snapshot.seqs().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(snapshot.by_seq(0).unwrap(), None);
    }
}
