//! What the runs of an account left there: 16 bytes for the id, 16 for the contact as its source said it, and
//! 2 for the messengers by which the account reaches it. What they are good for, [`crate::plan::remembered`] says.
//!
//! The file: [`MAGIC`], the runs since the account itself was compared (u32), records of 34 bytes, and the
//! first 16 bytes of the blake3 of all that. Numbers are little-endian.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 8] = b"WZDIGST2";
const RECORD_BYTES: usize = 34;
const CHECK_BYTES: usize = 16;

/// Digests of contacts by the digest of their id.
#[derive(Debug)]
pub struct Digests {
    path: PathBuf,
    found: bool,
    runs_since_full: u32,
    contacts: HashMap<u128, Known>,
}

/// What is known of a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Of all that its source said.
    pub digest: u128,
    /// The messengers that the account had when somebody looked, or was given since, as a set of bits.
    pub messengers: u16,
}

impl Digests {
    /// Reads what is remembered of an account and a profile.
    #[must_use]
    pub fn load(state_directory: &Path, account: &str, profile: &str) -> Self {
        let name = &blake3::hash(format!("{account}\n{profile}").as_bytes()).to_hex()[..16];
        let path = state_directory
            .join("digests")
            .join(format!("{name}.digests"));
        let parsed = fs::read(&path).ok().and_then(|bytes| parse(&bytes));
        let found = parsed.is_some();
        let (runs_since_full, contacts) = parsed.unwrap_or_default();
        Self {
            path,
            found,
            runs_since_full,
            contacts,
        }
    }

    /// Was there something to remember?
    #[must_use]
    pub const fn is_found(&self) -> bool {
        self.found
    }

    /// How many runs compared with digests since one compared with the account.
    #[must_use]
    pub(crate) const fn runs_since_full(&self) -> u32 {
        self.runs_since_full
    }

    /// Forgets everything, on disk as well.
    pub fn reset(&mut self) -> io::Result<()> {
        (self.found, self.runs_since_full) = (false, 0);
        self.contacts.clear();
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// What is known of a contact, by the digest of its id.
    #[must_use]
    pub(crate) fn get(&self, id: u128) -> Option<Known> {
        self.contacts.get(&id).copied()
    }

    /// From now on this is known of a contact; nothing of it is on disk yet.
    pub(crate) fn insert(&mut self, id: u128, known: Known) {
        self.contacts.insert(id, known);
    }

    /// From now on nothing is known of a contact; nothing of that is on disk yet. Gives back whether something was.
    pub(crate) fn remove(&mut self, id: u128) -> bool {
        self.contacts.remove(&id).is_some()
    }

    /// From now on so many runs have compared with digests since one compared with the account.
    pub(crate) const fn set_runs_since_full(&mut self, runs: u32) {
        self.runs_since_full = runs;
    }

    /// Writes everything to disk.
    pub(crate) fn save(&self) -> io::Result<()> {
        crate::output::replace(&self.path, &self.bytes())
    }

    /// Where they are kept.
    #[must_use]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.contacts.len() * RECORD_BYTES + 28);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.runs_since_full.to_le_bytes());
        for (id, known) in &self.contacts {
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.extend_from_slice(&known.digest.to_le_bytes());
            bytes.extend_from_slice(&known.messengers.to_le_bytes());
        }
        let check = blake3::hash(&bytes);
        bytes.extend_from_slice(&check.as_bytes()[..CHECK_BYTES]);
        bytes
    }
}

/// The runs since a full compare, and the digests by id.
type Parsed = (u32, HashMap<u128, Known>);

fn parse(bytes: &[u8]) -> Option<Parsed> {
    let (body, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_BYTES)?)?;
    if blake3::hash(body).as_bytes()[..CHECK_BYTES] != *check {
        return None;
    }
    let (runs, records) = body.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    let contacts = records
        .chunks_exact(RECORD_BYTES)
        .map(record)
        .collect::<Option<_>>()?;
    Some((u32::from_le_bytes(*runs), contacts))
}

fn record(bytes: &[u8]) -> Option<(u128, Known)> {
    let (id, rest) = bytes.split_first_chunk()?;
    let (digest, messengers) = rest.split_first_chunk()?;
    let known = Known {
        digest: u128::from_le_bytes(*digest),
        messengers: u16::from_le_bytes(messengers.try_into().ok()?),
    };
    Some((u128::from_le_bytes(*id), known))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn digests(state: &Path) -> Digests {
        Digests::load(state, "account", "shop")
    }

    #[test]
    fn digests_come_back_and_a_damaged_file_is_an_empty_one() {
        let state = tempfile::tempdir().unwrap();
        let mut written = digests(state.path());
        assert!(!written.is_found());
        let known = |digest, messengers| Known { digest, messengers };
        let contacts = [(1, known(2, 0)), (u128::MAX, known(7, 513))];
        written.contacts.extend(contacts);
        written.runs_since_full = 3;
        written.save().unwrap();
        let read = digests(state.path());
        assert!(read.is_found());
        assert_eq!(read.contacts, written.contacts);
        assert_eq!(read.runs_since_full(), 3);

        let mut bytes = fs::read(&read.path).unwrap();
        bytes[20] ^= 1;
        fs::write(&read.path, &bytes).unwrap();
        assert!(digests(state.path()).contacts.is_empty());
        for cut in [0, 10, bytes.len() - 1] {
            fs::write(&read.path, &bytes[..cut]).unwrap();
            assert!(!digests(state.path()).is_found());
        }
    }

    #[test]
    fn another_account_or_profile_has_digests_of_its_own() {
        let state = tempfile::tempdir().unwrap();
        digests(state.path()).save().unwrap();
        assert!(digests(state.path()).is_found());
        assert!(!Digests::load(state.path(), "other", "shop").is_found());
        assert!(!Digests::load(state.path(), "account", "other").is_found());
    }

    #[test]
    fn reset_forgets_on_disk() {
        let state = tempfile::tempdir().unwrap();
        digests(state.path()).save().unwrap();
        let mut read = digests(state.path());
        read.reset().unwrap();
        read.reset().unwrap();
        assert!(!digests(state.path()).is_found());
    }
}
