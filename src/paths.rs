//! Advice about a path that can't be read or written: the file that was probably meant, or the obstacle.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{characters::shown, nearest::nearest, wording::shell_quoted};

/// Maximum number of directory entries that are compared.
const ENTRIES_MAX: usize = 10_000;

/// Number of files that are suggested if none has a similar name.
const SHOWN: usize = 3;

/// True for `-`, which stands for standard input or output.
pub(crate) fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The directory of a file, whether or not the file exists.
pub(crate) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The absolute path, with links unresolved, as the ledger has it.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// A path, relative to the working directory if it is below it.
pub(crate) fn shown_path(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// The system's reason why a file can't be read, in plain words for common ones.
pub(crate) fn read_fault(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "does not exist".to_owned(),
        io::ErrorKind::IsADirectory => "is a folder, not a file".to_owned(),
        io::ErrorKind::AlreadyExists => "exists already".to_owned(),
        io::ErrorKind::PermissionDenied => "can't be read by this user".to_owned(),
        io::ErrorKind::InvalidData if error.get_ref().is_none() => "is not UTF-8 text".to_owned(),
        io::ErrorKind::FileTooLarge => "is larger than 16 MiB".to_owned(),
        _ => format!("can't be read: {error}"),
    }
}

pub(crate) fn advice(path: &Path, error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Some(about_missing(path)),
        io::ErrorKind::IsADirectory => Some("name a file in the folder".to_owned()),
        _ if has_no_room(error) => {
            Some("free some space, or name a file on another disk".to_owned())
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            Some("nothing can be written there: name a file in another folder".to_owned())
        }
        _ if may_be_in_use(path, error) => {
            Some("close it in the program in which it is open, such as Excel".to_owned())
        }
        io::ErrorKind::PermissionDenied => {
            Some("check its permissions and those of its folder".to_owned())
        }
        _ => None,
    }
}

/// True if a disk, a quota or the maximum size of a file prevents writing.
pub(crate) fn has_no_room(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// True if another program may have the file open. Windows then refuses access with a code of its own or as a
/// missing permission; other systems refuse only to write to running programs.
fn may_be_in_use(path: &Path, error: &io::Error) -> bool {
    /// `ERROR_SHARING_VIOLATION` and `ERROR_LOCK_VIOLATION`.
    const HELD: [Option<i32>; 2] = [Some(32), Some(33)];
    let on_windows = || {
        let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
        HELD.contains(&error.raw_os_error()) || (is_denied && path.is_file())
    };
    error.kind() == io::ErrorKind::ExecutableFileBusy || (cfg!(windows) && on_windows())
}

/// Advice for a path without a file.
fn about_missing(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.contains("://") {
        return "this is a web address: download the file, and name the downloaded one".into();
    }
    if text.contains(['*', '?']) {
        return "no file matches this pattern: name the files one by one".into();
    }
    if let Some(windows) = of_windows(&text) {
        return windows;
    }
    let folder = directory(path);
    if !folder.exists() {
        let folder = shown(&shown_path(folder));
        return format!("there is no folder {folder}: correct the path, or create it");
    }
    if !folder.is_dir() {
        let file = shown(&shown_path(folder));
        return format!("{file} is a file, not a folder: correct the path");
    }
    let files = files(folder);
    if let Some(meant) = similar_of(path, &files) {
        return format!("did you mean {}?", shown_path(&meant));
    }
    if let Some(whole) = files.iter().find(|name| is_first_word(&text, name)) {
        return format!("put a name with spaces in quotes: {}", shell_quoted(whole));
    }
    // A configuration, a mapping or jobs are not in a table.
    let is_toml = |name: &str| Path::new(name).extension().is_some_and(|it| it == "toml");
    let wanted: &dyn Fn(&str) -> bool = if is_toml(&text) { &is_toml } else { &is_table };
    let mut found: Vec<_> = files.iter().filter(|name| wanted(name)).collect();
    found.sort();
    if found.is_empty() {
        return "check the name, or write the whole path".into();
    }
    let more = if found.len() > SHOWN { ", …" } else { "" };
    let named: Vec<_> = found.iter().take(SHOWN).map(|name| shown(name)).collect();
    format!("the folder has {}{more}", named.join(", "))
}

/// The file in the same directory with the name most similar to that of the missing one.
pub(crate) fn similar(missing: &Path) -> Option<PathBuf> {
    similar_of(missing, &files(directory(missing)))
}

fn similar_of(missing: &Path, files: &[String]) -> Option<PathBuf> {
    let name = missing.file_name()?.to_string_lossy();
    let files = || files.iter().filter(|file| !file.starts_with("~$"));
    // Without its extension, the name is as near to a text as to the table beside it.
    let has_stem = |file: &&String| {
        is_table(file) && Path::new(file).file_stem() == Some(name.as_ref().as_ref())
    };
    let meant = files().find(has_stem).or_else(|| nearest(&name, files()));
    Some(missing.with_file_name(meant?))
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(ENTRIES_MAX);
    let entries = entries.filter_map(Result::ok);
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect()
}

/// True if a shell cut this name at its first space.
fn is_first_word(word: &str, name: &str) -> bool {
    name.strip_prefix(word)
        .is_some_and(|rest| rest.starts_with(' '))
}

fn is_table(name: &str) -> bool {
    const ENDINGS: [&str; 6] = ["csv", "tsv", "xlsx", "xls", "ods", "jsonl"];
    let ending = Path::new(name).extension().unwrap_or_default();
    let is_lock = name.starts_with("~$");
    !is_lock
        && ENDINGS
            .iter()
            .any(|table| ending.eq_ignore_ascii_case(table))
}

/// Advice for a Windows path: complete, with its backslashes removed by a shell, or on another system.
fn of_windows(text: &str) -> Option<String> {
    let mut chars = text.chars();
    let (drive, colon) = (chars.next()?, chars.next()?);
    if !drive.is_ascii_alphabetic() || colon != ':' {
        return None;
    }
    match chars.next()? {
        '\\' | '/' if cfg!(windows) => None,
        '\\' | '/' => {
            let rest = text.get(3..)?.replace('\\', "/");
            let drive = drive.to_ascii_lowercase();
            Some(format!(
                "this is a Windows path: in WSL it is {}",
                shell_quoted(&format!("/mnt/{drive}/{rest}"))
            ))
        }
        _ => Some("put a path with backslashes in quotes, or write it with /".into()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn of(path: &Path) -> String {
        about_missing(path)
    }

    #[test]
    fn a_missing_file_has_a_similar_one_or_those_of_the_folder() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in [
            "contacts.csv",
            "deals.xlsx",
            "~$deals.xlsx",
            ".contacts.cs",
            "my list.csv",
            "notes.md",
            "steps.ru.csv",
            "steps.ru.md",
            "wazzup.toml",
        ] {
            fs::write(at(name), "").unwrap();
        }
        fs::create_dir(at("contactz.csv")).unwrap();
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        let meant = |missing: &str| similar(&at(missing)).map(name);
        assert_eq!(meant("contact.csv").as_deref(), Some("contacts.csv"));
        assert_eq!(meant("Deals.xls").as_deref(), Some("deals.xlsx"));
        assert_eq!(meant("steps.ru").as_deref(), Some("steps.ru.csv"));
        assert_eq!(meant("people.csv"), None);
        assert_eq!(meant("missing/contacts.csv"), None);
        assert!(of(&at("contact.csv")).starts_with("did you mean "));
        assert_eq!(
            of(&at("people.ods")),
            "the folder has `contacts.csv`, `deals.xlsx`, `my list.csv`, …"
        );
        assert_eq!(of(&at("jobs.toml")), "the folder has `wazzup.toml`");
        let nowhere = of(&at("missing/contacts.csv"));
        assert!(nowhere.starts_with("there is no folder "), "{nowhere}");
    }

    #[test]
    fn what_a_shell_or_another_system_makes_of_a_path_is_named() {
        let pattern = of(Path::new("*.csv"));
        assert!(pattern.contains("pattern"), "{pattern}");
        let address = of(Path::new("https://example.com/contacts.csv"));
        assert!(address.contains("web address"), "{address}");
        let eaten = of(Path::new("C:UsersAnnacontacts.csv"));
        assert!(eaten.contains("backslashes in quotes"), "{eaten}");
        if cfg!(unix) {
            let whole = of(Path::new(r"C:\Users\Anna\contacts.csv"));
            assert!(
                whole.ends_with("'/mnt/c/Users/Anna/contacts.csv'"),
                "{whole}"
            );
        }
    }

    #[test]
    fn only_an_error_that_another_program_causes_asks_to_close_it() {
        let text =
            |path: &str, error: io::Error| advice(Path::new(path), &error).unwrap_or_default();
        let busy = io::ErrorKind::ExecutableFileBusy;
        assert!(text("x", busy.into()).contains("close it"));
        for kind in [
            io::ErrorKind::StorageFull,
            io::ErrorKind::NotFound,
            io::ErrorKind::ReadOnlyFilesystem,
            io::ErrorKind::IsADirectory,
        ] {
            let text = text("missing.csv", kind.into());
            assert!(
                !text.is_empty() && !text.contains("close"),
                "{kind}: {text}"
            );
        }
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        assert!(!text(".", denied()).contains("close"));
        let file = tempfile::NamedTempFile::new().unwrap();
        let held = text(&file.path().to_string_lossy(), denied());
        assert_eq!(held.contains("close"), cfg!(windows), "{held}");
    }
}
