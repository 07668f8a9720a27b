//! What is remembered from one run to the next, in the state directory: which account each profile used
//! last ([`Accounts`]), what the runs of an account left there ([`Digests`]), and what is in the rejects files
//! ([`RejectsFiles`]).
//!
//! All are conveniences that may be lost at any time: a file that is missing or damaged is an empty one, and
//! then the account itself is asked, and a rejects file is another's.

mod accounts;
mod digests;
mod rejects;

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

pub use accounts::Accounts;
pub use digests::Digests;
pub use rejects::{RejectsFiles, digest};

use crate::run::sync_directory;

/// Writes a file in one piece, readable by its owner only: whoever reads it finds the old one or the new one,
/// also after a power cut.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_directory(path)
}
