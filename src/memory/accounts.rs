//! Which account each profile used last, so that a mirror into another one is noticed before it deletes.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Fingerprints of accounts by profile.
#[derive(Debug)]
pub struct Accounts {
    path: PathBuf,
    last: BTreeMap<String, String>,
}

impl Accounts {
    /// Reads what the state directory knows.
    #[must_use]
    pub fn load(state_directory: &Path) -> Self {
        let path = state_directory.join("accounts.json");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let last = serde_json::from_str(&text).unwrap_or_default();
        Self { path, last }
    }

    /// Did the profile use another account last time? A profile that is new has used none.
    #[must_use]
    pub fn differs(&self, profile: &str, account: &str) -> bool {
        self.last.get(profile).is_some_and(|last| last != account)
    }

    /// From now on this is the profile's account.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn remember(&mut self, profile: &str, account: &str) -> io::Result<()> {
        let old = self.last.insert(profile.to_owned(), account.to_owned());
        if old.as_deref() == Some(account) {
            return Ok(());
        }
        super::replace(&self.path, &serde_json::to_vec(&self.last)?)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn another_account_of_the_same_profile_is_noticed_in_the_next_process() {
        let state = tempfile::tempdir().unwrap();
        assert!(!Accounts::load(state.path()).differs("shop", "a"));
        Accounts::load(state.path()).remember("shop", "a").unwrap();
        let accounts = Accounts::load(state.path());
        assert!(!accounts.differs("shop", "a"));
        assert!(accounts.differs("shop", "b"));
        assert!(!accounts.differs("other", "b"));
    }
}
