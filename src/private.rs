//! Files and directories of the state directory. Only their owner can access them, whatever the umask, and links
//! that others put there are not followed.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _},
    path::Path,
};

pub(crate) fn create_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory)
}

/// Creates a directory that is removed when the value is dropped.
pub(crate) fn scratch_directory(parent: &Path) -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder.tempdir_in(parent)
}

/// Removes the access of group and others to a directory and everything in it. Links are not followed.
#[cfg(unix)]
pub(crate) fn close_to_others(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let data = match fs::metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        data => data?,
    };
    let others = data.permissions().mode() & 0o077;
    if !data.is_dir() || others == 0 {
        return Ok(());
    }
    close(directory, &data)?;
    let mut left = vec![directory.to_path_buf()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let data = path.symlink_metadata()?;
            if data.is_dir() {
                close(&path, &data)?;
                left.push(path);
            } else if data.is_file() {
                close(&path, &data)?;
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn close(path: &Path, data: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = data.permissions().mode() & 0o700;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// On other systems the directory is in the user's profile, which is private.
#[cfg(not(unix))]
pub(crate) fn close_to_others(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Options that create a file for its owner only.
pub(crate) fn file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

/// The largest file that [`read`] reads, in bytes: thousands of token chains.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Reads a small file of the state directory. Does not block on a pipe.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    let data = file.metadata()?;
    if !data.is_file() || data.len() > FILE_BYTES_MAX {
        return Err(io::Error::other(
            "this is not a file of this tool: remove it",
        ));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a lock file, creating it if necessary. Does not follow a link or block on a pipe.
pub(crate) fn open_lock_file(path: &Path) -> io::Result<File> {
    let mut options = file_options();
    options.create(true).truncate(false);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let not_ours = || io::Error::other("this is not a lock file: remove it");
    match options.open(path) {
        Ok(file) if file.metadata()?.is_file() => Ok(file),
        Ok(_) => Err(not_ours()),
        Err(error) => match path.symlink_metadata() {
            Ok(data) if !data.is_file() => Err(not_ours()),
            _ => Err(error),
        },
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn neither_a_pipe_nor_a_huge_file_is_read() {
        let state = tempfile::tempdir().unwrap();
        let (file, pipe) = (state.path().join("a.json"), state.path().join("b.json"));
        fs::write(&file, "[]").unwrap();
        assert_eq!(read(&file).unwrap(), b"[]");
        let length = FILE_BYTES_MAX + 1;
        OpenOptions::new()
            .write(true)
            .open(&file)
            .unwrap()
            .set_len(length)
            .unwrap();
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for path in [&file, &pipe] {
            let error = read(path).unwrap_err().to_string();
            assert!(error.contains("not a file of this tool"), "{error}");
        }
    }

    #[test]
    fn a_directory_that_others_can_read_is_closed_with_everything_in_it() {
        let state = tempfile::tempdir().unwrap();
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (runs, outside) = (
            state.path().join("state/runs"),
            state.path().join("outside"),
        );
        fs::create_dir_all(&runs).unwrap();
        for path in [&outside, &runs.join("a.run")] {
            fs::write(path, "").unwrap();
            set(path, 0o644);
        }
        std::os::unix::fs::symlink(&outside, runs.join("link")).unwrap();
        let directory = state.path().join("state");
        set(&directory, 0o755);
        close_to_others(&directory).unwrap();
        assert_eq!(
            [mode(&directory), mode(&runs), mode(&runs.join("a.run"))],
            [0o700, 0o700, 0o600]
        );
        assert_eq!(mode(&outside), 0o644);
    }
}
