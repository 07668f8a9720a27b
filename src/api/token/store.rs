//! Stores rotating refresh tokens between runs.
//!
//! A refresh token can be used once, and the answer contains the next one. Losing that answer locks the user out,
//! so the next token is on disk (temporary file of mode 0600, synced, renamed, directory synced) before the access
//! token that came with it is used. The temporary file is created, padded to its maximum size and synced *before*
//! the old token is used up, so a read-only directory or a full disk is noticed in time. A lock file serializes
//! renewals between processes; the others use the access token in the store.
//!
//! The store keeps digests of used-up tokens of a chain. If the environment's token is among them, the stored
//! token is newer; otherwise the environment's is new.
//!
//! A file contains several chains, because without profiles all accounts share one file. A chain without the
//! environment's token belongs to another account and is not changed.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Seek, Write},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::grant::FreshToken;
use crate::{
    api::{
        clock::Waiter,
        error::{ApiError, ApiErrorKind},
    },
    output, private,
};

/// Number of used-up tokens that are remembered per chain.
const SPENT_MAX: usize = 64;

/// A stored access token is used only if it is valid for at least this long.
const LIFE_MIN: Duration = Duration::from_secs(5);

/// Upper bound of the bytes that a renewal adds to the file: two tokens and a digest.
const GRANT_BYTES: usize = 32 << 10;

const LOCK_POLL: Duration = Duration::from_millis(50);

/// A file of refresh token chains.
#[derive(Debug)]
pub(crate) struct TokenStore<'a> {
    pub(crate) path: &'a Path,
}

/// The content of the file: the newest tokens of each chain.
#[derive(Default, Serialize)]
pub(super) struct TokenChains(Vec<StoredChain>);

/// The newest tokens of a chain.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredChain {
    client_id: String,
    refresh_token: String,
    access_token: String,
    /// Seconds since 1970.
    expires_at: Option<u64>,
    /// Digests of the chain's earlier refresh tokens.
    spent: Vec<String>,
}

/// The lock that permits a renewal.
#[derive(Debug)]
pub(super) struct Locked(#[expect(dead_code, reason = "the lock ends with the file")] File);

/// Reserved disk space for the next token.
pub(super) struct ReservedFile<'a> {
    store: &'a TokenStore<'a>,
    file: NamedTempFile,
}

impl TokenChains {
    /// Reads a list of chains, or the single chain of earlier versions.
    fn read(json: &[u8]) -> Option<Self> {
        let list = serde_json::from_slice(json);
        let chains = list.or_else(|_| serde_json::from_slice(json).map(|kept| vec![kept]));
        chains.ok().map(Self)
    }

    /// Removes and returns the chain with the environment's token.
    pub(crate) fn take(&mut self, client_id: &str, given: &SecretString) -> Option<StoredChain> {
        let mut chains = self.0.iter();
        let at = chains.position(|kept| kept.supersedes(client_id, given))?;
        Some(self.0.swap_remove(at))
    }

    pub(crate) fn with(mut self, kept: StoredChain) -> Self {
        self.0.push(kept);
        self
    }
}

impl StoredChain {
    /// The chain after `spent` was exchanged for `fresh`. `before` is the chain that contained it.
    pub(super) fn next(
        before: Option<Self>,
        client_id: &str,
        spent: &SecretString,
        fresh: &FreshToken,
        now: SystemTime,
    ) -> Self {
        let refresh = fresh.refresh.as_ref().unwrap_or(spent);
        let expires_at = fresh.life.and_then(|life| now.checked_add(life));
        let mut digests = before.map(|kept| kept.spent).unwrap_or_default();
        digests.push(digest(spent));
        // The first one is kept: it is the environment's token until the user changes it.
        let surplus = digests.len().saturating_sub(SPENT_MAX);
        digests.drain(1..=surplus);
        Self {
            client_id: client_id.to_owned(),
            refresh_token: refresh.expose_secret().to_owned(),
            access_token: fresh.access.expose_secret().to_owned(),
            expires_at: expires_at
                .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok())
                .map(|since| since.as_secs()),
            spent: digests,
        }
    }

    /// True if the chain is newer than the environment's token.
    fn supersedes(&self, client_id: &str, given: &SecretString) -> bool {
        self.client_id == client_id
            && (self.refresh_token == given.expose_secret() || self.spent.contains(&digest(given)))
    }

    pub(crate) fn refresh_token(&self) -> SecretString {
        self.refresh_token.as_str().into()
    }

    /// The access token and its remaining life, if it is still valid and not the `rejected` one.
    pub(crate) fn access(
        &self,
        now: SystemTime,
        rejected: Option<&SecretString>,
    ) -> Option<(SecretString, Duration)> {
        let ends = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.expires_at?))?;
        let life = ends.duration_since(now).ok()?;
        let is_rejected = rejected.is_some_and(|token| token.expose_secret() == self.access_token);
        (life > LIFE_MIN && !is_rejected).then(|| (self.access_token.as_str().into(), life))
    }
}

impl TokenStore<'_> {
    /// Waits until no other process is renewing.
    pub(crate) fn lock(&self, waiter: &Waiter) -> Result<Locked, ApiError> {
        let file = self.open_lock().map_err(|error| self.failed(error))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Locked(file)),
                Err(TryLockError::WouldBlock) => waiter.until(waiter.now() + LOCK_POLL)?,
                Err(TryLockError::Error(error)) => return Err(self.failed(error)),
            }
        }
    }

    fn open_lock(&self) -> io::Result<File> {
        private::create_directory(output::directory(self.path))?;
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        private::open_lock_file(&self.path.with_file_name(name))
    }

    /// The stored chains. A damaged file is not replaced, because it may contain the only copy of other chains.
    pub(crate) fn read(&self) -> Result<TokenChains, ApiError> {
        match private::read(self.path) {
            Ok(json) => TokenChains::read(&json).ok_or_else(|| {
                self.failed(io::Error::new(io::ErrorKind::InvalidData, "it is damaged"))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(TokenChains::default()),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Reserves disk space for the next token.
    pub(crate) fn reserve(&self) -> Result<ReservedFile<'_>, ApiError> {
        self.padded()
            .map(|file| ReservedFile { store: self, file })
            .map_err(|error| self.failed(error))
    }

    /// A temporary file with the maximum size of the next file. Padded with spaces, because some file systems do
    /// not allocate zeros.
    fn padded(&self) -> io::Result<NamedTempFile> {
        let present = fs::metadata(self.path).map_or(0, |data| data.len());
        let present = usize::try_from(present).unwrap_or(0);
        let mut file = NamedTempFile::new_in(output::directory(self.path))?;
        file.write_all(&vec![b' '; present.saturating_add(GRANT_BYTES)])?;
        file.as_file().sync_all()?;
        file.rewind()?;
        Ok(file)
    }

    fn failed(&self, error: io::Error) -> ApiError {
        let path = self.path.to_path_buf();
        let error = Arc::new(error);
        ApiErrorKind::TokenStore { path, error }.into()
    }
}

impl ReservedFile<'_> {
    /// Writes and syncs the new file, then replaces the old one.
    pub(crate) fn replace(self, chains: &TokenChains) -> Result<(), ApiError> {
        let store = self.store;
        self.write(chains).map_err(|error| store.failed(error))
    }

    fn write(mut self, chains: &TokenChains) -> io::Result<()> {
        let json = serde_json::to_vec(chains)?;
        self.file.write_all(&json)?;
        // The rest of the padding is white space, which JSON allows, so truncating last is safe.
        self.file.as_file().set_len(json.len() as u64)?;
        output::persist(self.file, self.store.path)
    }
}

fn digest(token: &SecretString) -> String {
    blake3::hash(token.expose_secret().as_bytes())
        .to_hex()
        .to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.into()
    }

    fn kept(before: Option<StoredChain>, spent: &str, refresh: &str) -> StoredChain {
        let fresh = FreshToken {
            access: secret("access"),
            refresh: Some(secret(refresh)),
            life: Some(Duration::from_secs(1000)),
        };
        let now = SystemTime::UNIX_EPOCH;
        StoredChain::next(before, "client", &secret(spent), &fresh, now)
    }

    #[test]
    fn the_stored_token_wins_over_its_ancestors_and_loses_against_a_stranger() {
        let chain = kept(Some(kept(None, "first", "second")), "second", "third");
        for ancestor in ["first", "second", "third"] {
            assert!(chain.supersedes("client", &secret(ancestor)), "{ancestor}");
        }
        assert!(!chain.supersedes("client", &secret("new from the cabinet")));
        assert!(!chain.supersedes("another client", &secret("first")));
    }

    #[test]
    fn a_stored_access_token_is_used_while_it_lives_and_was_not_rejected() {
        let kept = kept(None, "first", "second");
        let at = |secs| SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
        assert_eq!(
            kept.access(at(900), None).unwrap().1,
            Duration::from_secs(100)
        );
        assert!(kept.access(at(996), None).is_none());
        assert!(kept.access(at(2000), None).is_none());
        assert!(kept.access(at(900), Some(&secret("access"))).is_none());
    }

    #[test]
    fn what_is_kept_is_read_back_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep").join("token.json");
        let store = TokenStore { path: &path };
        let waiter = Waiter::new(
            std::sync::Arc::new(crate::api::clock::FakeClock::default()),
            std::sync::Arc::new(crate::progress::Silent),
        );
        let locked = store.lock(&waiter).unwrap();
        assert!(store.read().unwrap().0.is_empty());
        let chains = TokenChains::default().with(kept(None, "first", "second"));
        store.reserve().unwrap().replace(&chains).unwrap();
        drop(locked);
        let read = store.read().unwrap().0.remove(0);
        assert_eq!(read.refresh_token().expose_secret(), "second");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("first"),
            "a spent token is kept as a hash only"
        );
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token.json");
        let store = TokenStore { path: &path };
        fs::write(&path, b"{\"client_id\":").unwrap();
        let error = store.read().err().unwrap().to_string();
        assert!(error.contains("it is damaged"), "{error}");
    }

    #[test]
    fn a_chain_stays_while_another_one_in_the_file_goes_on() {
        let mut chains = TokenChains::default()
            .with(kept(None, "anna 1", "anna 2"))
            .with(kept(None, "boris 1", "boris 2"));
        assert!(chains.take("client", &secret("carl 1")).is_none());
        let anna = chains.take("client", &secret("anna 1"));
        let chains = chains.with(kept(anna, "anna 2", "anna 3"));
        let json = serde_json::to_vec(&chains).unwrap();
        let mut read = TokenChains::read(&json).unwrap();
        for (given, newest) in [("boris 1", "boris 2"), ("anna 1", "anna 3")] {
            let kept = read.take("client", &secret(given)).unwrap();
            assert_eq!(kept.refresh_token, newest);
        }
        assert!(read.0.is_empty());
    }

    #[test]
    fn the_token_of_the_environment_is_known_after_any_number_of_turns() {
        let mut chain = None;
        for number in 0..3 * SPENT_MAX {
            let next = format!("token {}", number + 1);
            chain = Some(kept(chain, &format!("token {number}"), &next));
        }
        let chain = chain.unwrap();
        assert!(chain.supersedes("client", &secret("token 0")));
        assert_eq!(chain.spent.len(), SPENT_MAX);
    }

    #[test]
    fn a_file_of_one_chain_is_still_read() {
        let json = serde_json::to_vec(&kept(None, "first", "second")).unwrap();
        let mut chains = TokenChains::read(&json).unwrap();
        assert!(chains.take("client", &secret("first")).is_some());
    }
}
