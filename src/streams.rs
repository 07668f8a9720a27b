//! Output to a pipe, a terminal or a device, which can't be replaced and is written directly.

#[cfg(unix)]
use std::os::fd::AsFd;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// True for a terminal or a pipe, or the file to which standard output or standard error is redirected. These can't be
/// replaced.
pub(crate) fn is_special(path: &Path) -> bool {
    let is_other = |data: fs::Metadata| !data.is_file() && !data.is_dir();
    path.metadata().is_ok_and(is_other)
        || is_open_at(path, io::stdout())
        || is_open_at(path, io::stderr())
}

/// True if this path is standard output.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    let is_device = path.parent() == Some(Path::new("/dev")) && path.ends_with("null");
    !is_device && is_open_at(path, io::stdout())
}

/// True if a stream is the file at this path.
#[cfg(unix)]
fn is_open_at(path: &Path, stream: impl AsFd) -> bool {
    use rustix::fs::{fstat, stat};
    let (Ok(open), Ok(file)) = (fstat(stream), stat(path)) else {
        return false;
    };
    (open.st_dev, open.st_ino) == (file.st_dev, file.st_ino)
}

/// No path leads to a stream on this system.
#[cfg(not(unix))]
fn is_open_at<S>(_: &Path, _: S) -> bool {
    false
}

/// Opens a file to append to it. A standard stream shares its position, so that its output and this one don't
/// overwrite each other.
fn open_to_append(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    if is_open_at(path, io::stdout()) {
        return Ok(io::stdout().as_fd().try_clone_to_owned()?.into());
    } else if is_open_at(path, io::stderr()) {
        return Ok(io::stderr().as_fd().try_clone_to_owned()?.into());
    }
    OpenOptions::new().append(true).open(path)
}

/// True while output goes to a pipe, which its reader may delay forever.
static AWAITS_READER: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The flag that is true while output goes to a pipe. A signal then must not wait for the end of it.
pub(crate) fn awaits_reader() -> &'static Arc<AtomicBool> {
    &AWAITS_READER
}

/// Sets that flag until it is dropped.
struct AwaitsReader;

impl AwaitsReader {
    fn begin() -> Self {
        AWAITS_READER.store(true, Ordering::Relaxed);
        Self
    }
}

impl Drop for AwaitsReader {
    fn drop(&mut self) {
        AWAITS_READER.store(false, Ordering::Relaxed);
    }
}

/// Standard output as a file, without the colours of a terminal.
pub(crate) struct PlainOutput(pub(crate) io::Stdout);

impl Write for PlainOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _awaits = AwaitsReader::begin();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let _awaits = AwaitsReader::begin();
        self.0.flush()
    }
}

/// A pipe, a terminal or a device, which is written directly.
pub(crate) struct DirectOutput {
    file: File,
    _awaits: Option<AwaitsReader>,
}

impl DirectOutput {
    /// Opens the file. A named pipe without a reader is waited for.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let awaits = is_pipe(path).then(AwaitsReader::begin);
        let file = open_to_append(path)?;
        Ok(Self {
            file,
            _awaits: awaits,
        })
    }
}

/// True for a named pipe.
pub(crate) fn is_pipe(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        path.metadata().is_ok_and(|data| data.file_type().is_fifo())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// False if standard output was closed early (`… | head`), which is not an error and doesn't change the exit code.
pub(crate) fn is_read(written: io::Result<()>) -> io::Result<bool> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        result => result.map(|()| true),
    }
}

impl Write for DirectOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
