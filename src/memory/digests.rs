//! What the runs of an account left there: 16 bytes for the id, 16 for the contact as its source said it, and
//! 2 for the messengers by which the account reaches it.
//!
//! With `--changed-only` these stand in for the account: a contact whose digest is the same needs no
//! request and no look-up. One whose digest differs is updated where its source speaks for every messenger that
//! the account has, so that nothing is erased by omission; otherwise, and where it is not here, it is looked up
//! as ever.
//!
//! Only what arrived is remembered. Before a run sends anything, all that it is going to write is forgotten, on
//! disk; so a run that dies leaves contacts that are looked up again, never a digest of what is not there.
//!
//! The file: [`MAGIC`], the runs since the account itself was compared (u32), records of 34 bytes, and the
//! first 16 bytes of the blake3 of all that. Numbers are little-endian.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    messengers::{Messengers, became, sent, shown},
    scribe::{Scribe, id_digest},
};
use crate::{
    plan::PlanOptions,
    run::{RunError, RunFile, contacts::letter},
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
struct Known {
    /// Of all that its source said.
    digest: u128,
    /// What the account had when somebody looked, or was given since.
    messengers: Messengers,
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
    pub const fn runs_since_full(&self) -> u32 {
        self.runs_since_full
    }

    /// Forgets everything, on disk as well.
    ///
    /// # Errors
    /// Where the file is there and can't be removed.
    pub fn reset(&mut self) -> io::Result<()> {
        (self.found, self.runs_since_full) = (false, 0);
        self.contacts.clear();
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Decides on every staged contact that is remembered: the same is unchanged, another is updated where it is
    /// complete and can't erase a messenger. The others stay undecided.
    ///
    /// # Errors
    /// Where the run file can't be read or written.
    pub fn settle(&self, run: &RunFile, options: &PlanOptions) -> Result<(), RunError> {
        let scribe = Scribe::new(run, options)?;
        for block in 0..run.block_count()? {
            let mut contacts = run.contacts(block)?;
            let became = became(run, &contacts)?;
            for index in 0..contacts.len() {
                let undecided = contacts.letters[index];
                if !matches!(undecided, letter::COMPLETE | letter::PARTIAL) {
                    continue;
                }
                let (id, digest) = scribe.digest(&contacts, index)?;
                let Some(known) = self.contacts.get(&id) else {
                    continue;
                };
                if known.digest == digest {
                    contacts.letters[index] = letter::UNCHANGED;
                    continue;
                }
                let said = sent(run, &contacts, index, &became)?.with_cleared(&options.cleared);
                if undecided == letter::COMPLETE && known.messengers.are_within(said) {
                    contacts.letters[index] = letter::UPDATE;
                }
            }
            run.set_letters(block, &contacts.letters)?;
        }
        Ok(())
    }

    /// Forgets, on disk, contacts that are going to be written otherwise than by a run.
    ///
    /// # Errors
    /// Where the digests can't be written.
    pub fn forget(&mut self, ids: &[String]) -> Result<(), RunError> {
        let before = self.contacts.len();
        for id in ids {
            self.contacts.remove(&id_digest(id));
        }
        if self.contacts.len() == before {
            return Ok(());
        }
        self.save()
    }

    /// Forgets, on disk, every contact that the run is going to write or delete.
    ///
    /// # Errors
    /// Where the run file can't be read or the digests can't be written.
    pub fn forget_written(&mut self, run: &RunFile) -> Result<(), RunError> {
        let before = self.contacts.len();
        for block in 0..run.block_count()? {
            let contacts = run.contacts(block)?;
            for index in 0..contacts.len() {
                if matches!(contacts.letters[index], letter::CREATE | letter::UPDATE) {
                    let id = run.contact(contacts.json(index))?.id;
                    self.contacts.remove(&id_digest(&id));
                }
            }
        }
        run.for_each_removal(|removal| {
            self.contacts.remove(&id_digest(&removal.id));
            Ok::<_, RunError>(())
        })?;
        if self.contacts.len() == before {
            return Ok(());
        }
        self.save()
    }

    /// Remembers, on disk, what a run that has ended left in the account. `held` says that nobody else of ours
    /// could write since the plan was made; otherwise what the plan called unchanged may be something else by now,
    /// and only what the run itself wrote is remembered.
    ///
    /// # Errors
    /// Where the run file can't be read or the digests can't be written.
    pub fn remember(
        &mut self,
        run: &RunFile,
        options: &PlanOptions,
        held: bool,
        runs_since_full: u32,
    ) -> Result<(), RunError> {
        let scribe = Scribe::new(run, options)?;
        let looked = run.has_snapshot()?;
        let failed: HashSet<u64> = run.failed_contacts()?;
        for block in 0..run.block_count()? {
            let contacts = run.contacts(block)?;
            let became = became(run, &contacts)?;
            for index in 0..contacts.len() {
                let there = match contacts.letters[index] {
                    letter::CREATE | letter::UPDATE => {
                        !failed.contains(&(contacts.first_seq + index as u64))
                    }
                    letter::UNCHANGED if held => true,
                    _ => continue,
                };
                let (id, digest) = scribe.digest(&contacts, index)?;
                if !there {
                    self.contacts.remove(&id);
                    continue;
                }
                let shown = if looked && contacts.letters[index] == letter::UNCHANGED {
                    shown(run, &contacts, index)?
                } else {
                    None
                };
                let messengers = match (shown, self.contacts.get(&id)) {
                    (Some(shown), _) => shown,
                    (None, Some(known)) if known.digest == digest => known.messengers,
                    (None, _) => sent(run, &contacts, index, &became)?,
                };
                self.contacts.insert(id, Known { digest, messengers });
            }
        }
        self.runs_since_full = runs_since_full;
        self.save()
    }

    fn save(&self) -> Result<(), RunError> {
        super::replace(&self.path, &self.bytes()).map_err(|source| RunError::Io {
            path: self.path.clone(),
            source,
        })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.contacts.len() * RECORD_BYTES + 28);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.runs_since_full.to_le_bytes());
        for (id, known) in &self.contacts {
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.extend_from_slice(&known.digest.to_le_bytes());
            bytes.extend_from_slice(&known.messengers.0.to_le_bytes());
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
        messengers: Messengers(u16::from_le_bytes(messengers.try_into().ok()?)),
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
        let known = |digest, messengers| Known {
            digest,
            messengers: Messengers(messengers),
        };
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
