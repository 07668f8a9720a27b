//! Which account each profile used last, so that a mirror into another one is noticed before it deletes; and who
//! wrote to each account last, so that a run that is taken up again does not write over a newer one.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// What is known of accounts, by their fingerprints.
#[derive(Debug)]
pub(crate) struct Accounts {
    path: PathBuf,
    book: Book,
    /// The file is there and can't be read.
    damaged: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Book {
    /// The account of each profile.
    profiles: BTreeMap<String, String>,
    /// The last to write to each account.
    writers: BTreeMap<String, Writer>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Writer {
    /// The run file, or the command where there is none.
    name: String,
    /// How many have written so far, it among them: clocks jump.
    number: u64,
}

impl Accounts {
    /// Reads what the state directory knows.
    #[must_use]
    pub(crate) fn load(state_directory: &Path) -> Self {
        let path = state_directory.join("accounts.json");
        let book = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Book::default()),
            Err(_) => None,
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
        };
        Self {
            damaged: book.is_none(),
            book: book.unwrap_or_default(),
            path,
        }
    }

    /// Did the profile use another account last time, or can nobody tell? A profile that is new has used none.
    #[must_use]
    pub(crate) fn may_differ(&self, profile: &str, account: &str) -> bool {
        let last = self.book.profiles.get(profile);
        self.damaged || last.is_some_and(|last| last != account)
    }

    /// How often a run began to write to the account.
    #[must_use]
    pub(crate) fn writes(&self, account: &str) -> u64 {
        let last = self.book.writers.get(account);
        last.map_or(0, |last| last.number)
    }

    /// Has anybody but `name` written to the account since there were so many writes, or can nobody tell?
    #[must_use]
    pub(crate) fn may_be_written_since(&self, account: &str, writes: u64, name: &str) -> bool {
        let last = self.book.writers.get(account);
        self.damaged || last.is_some_and(|last| last.name != name && last.number > writes)
    }

    /// From now on this is the profile's account, and `writer` is who wrote to it last.
    pub(crate) fn remember(
        &mut self,
        profile: &str,
        account: &str,
        writer: &str,
    ) -> io::Result<()> {
        let writer = Writer {
            name: writer.to_owned(),
            number: self.writes(account) + 1,
        };
        let Book { profiles, writers } = &mut self.book;
        profiles.insert(profile.to_owned(), account.to_owned());
        writers.insert(account.to_owned(), writer);
        crate::output::replace(&self.path, &serde_json::to_vec(&self.book)?)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_read_may_say_anything() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join("accounts.json"), "{").unwrap();
        let mut accounts = Accounts::load(state.path());
        assert!(accounts.may_differ("shop", "a"));
        assert!(accounts.may_be_written_since("a", 9, "1.run"));
        accounts.remember("shop", "a", "1.run").unwrap();
        assert!(!Accounts::load(state.path()).may_differ("shop", "a"));
    }

    #[test]
    fn another_account_of_the_same_profile_is_noticed_in_the_next_process() {
        let state = tempfile::tempdir().unwrap();
        let load = || Accounts::load(state.path());
        assert!(!load().may_differ("shop", "a"));
        load().remember("shop", "a", "1.run").unwrap();
        let accounts = load();
        assert!(!accounts.may_differ("shop", "a"));
        assert!(accounts.may_differ("shop", "b"));
        assert!(!accounts.may_differ("other", "b"));
        assert!(accounts.may_be_written_since("a", 0, "2.run"));
        assert!(!accounts.may_be_written_since("a", 0, "1.run"));
        assert!(!accounts.may_be_written_since("a", accounts.writes("a"), "2.run"));
        assert!(!accounts.may_be_written_since("b", 0, "2.run"));
    }
}
