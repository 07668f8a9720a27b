//! Environment variables. An empty one counts as unset, because cron, systemd and compose files set empty ones.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

/// The value of a variable that is not blank.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !is_blank(value))
}

/// True for a variable that is set and blank.
pub(crate) fn is_set_blank(name: &OsStr) -> bool {
    env::var_os(name).is_some_and(|value| is_blank(&value))
}

fn is_blank(value: &OsStr) -> bool {
    value.to_string_lossy().trim().is_empty()
}

/// The directory of temporary files.
pub(crate) fn temporary_directory() -> PathBuf {
    let directory = env::temp_dir();
    if is_blank(directory.as_os_str()) {
        return PathBuf::from("/tmp");
    }
    directory
}
