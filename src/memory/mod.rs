//! What is remembered from one run to the next, in the state directory: which account each profile used
//! last and who wrote to it ([`Accounts`]), what the runs of an account left there ([`Digests`]), and what is in the
//! rejects files ([`RejectsFiles`]).
//!
//! A file that is missing or damaged is an empty one. Then the account itself is asked instead of the digests, a
//! rejects file is another's, and a mirror and a plan of some minutes ago go without a guard that they had.

mod accounts;
mod digests;
mod rejects;

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

pub use accounts::Accounts;
pub use digests::{Digests, Known};
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
