//! Finds the configuration file, and restricts one in the working directory.
//!
//! `wazzup.toml` is looked up in the working directory, then in the platform's configuration directory. A file in
//! the working directory may have come with a repository, an archive or a shared folder. So it is used only if it
//! belongs to the current user or root and is not writable for everyone. Even then it can't set a command, a file
//! with a secret, the destination of the token, or the server to ping: such keys require a file that is named
//! explicitly or is in the configuration directory. A refused file ends the command, because ignoring it would use
//! other settings.

use std::{
    fs,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use super::{
    SettingsError,
    config::{self, Config, Profile},
};
use crate::{
    api::BaseUrl,
    paths::{advice, read_fault},
};

const FILE_NAME: &str = "wazzup.toml";

/// Larger than any real file, even a mapping with the ids of all employees.
const BYTES_MAX: u64 = 16 << 20;

#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) path: Option<PathBuf>,
    /// True if the file was found in the working directory.
    was_found_here: bool,
}

impl Loaded {
    /// The file, if it was found in the working directory.
    pub(super) fn found<'a>(&'a self, config_directory: &'a Path) -> Option<FoundFile<'a>> {
        let path = self.path.as_deref().filter(|_| self.was_found_here)?;
        Some(FoundFile {
            path,
            config_directory,
        })
    }
}

/// Reads the configuration: the `named` file, or the one in `here`, or the one in `config_directory`, or the
/// defaults.
pub(super) fn load(
    named: Option<&Path>,
    here: &Path,
    config_directory: &Path,
) -> Result<Loaded, SettingsError> {
    let candidates = match named {
        Some(path) => vec![path.to_path_buf()],
        None => [here, config_directory]
            .map(|directory| directory.join(FILE_NAME))
            .to_vec(),
    };
    for (number, path) in candidates.into_iter().enumerate() {
        let was_found_here = named.is_none() && number == 0 && !is_same(here, config_directory);
        let found = was_found_here.then_some(FoundFile {
            path: &path,
            config_directory,
        });
        match read(&path, found) {
            Ok(text) => {
                return Ok(Loaded {
                    config: config::parse(&text?, &path)?,
                    path: Some(path),
                    was_found_here,
                });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {}
            Err(error) => {
                let advice = advice(&path, &error).map(|advice| {
                    let end = if advice.ends_with('?') { " " } else { "; " };
                    advice + end
                });
                return Err(SettingsError::wrong(
                    format!(
                        "configuration file {} {}",
                        path.display(),
                        read_fault(&error)
                    ),
                    advice.unwrap_or_default()
                        + "name another file with --config, or leave the flag out",
                ));
            }
        }
    }
    Ok(Loaded::default())
}

/// The text of a configuration, mapping or jobs file.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    read_text(&fs::File::open(path)?)
}

fn read_text(file: &fs::File) -> io::Result<String> {
    let mut text = String::new();
    let length = file.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if length as u64 > BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "larger than 16 MiB",
        ));
    }
    Ok(text)
}

/// The text of the file; the inner error is a refusal.
fn read(path: &Path, found: Option<FoundFile<'_>>) -> io::Result<Result<String, SettingsError>> {
    let data = fs::metadata(path)?;
    if found.is_some() && !data.is_file() {
        // Opening a pipe may block for ever.
        return Err(io::Error::other("not a file"));
    }
    let file = fs::File::open(path)?;
    if let Some(Err(refused)) = found.map(|found| found.check_owner(&file)) {
        return Ok(Err(refused));
    }
    read_text(&file).map(Ok)
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FoundFile<'a> {
    path: &'a Path,
    config_directory: &'a Path,
}

/// True if a profile's value for a key requires an explicitly named file.
type Restriction = fn(FoundFile<'_>, &Profile) -> bool;

const RESTRICTED: [(&str, Restriction); 6] = [
    ("base_url", |_, profile| {
        // A URL that can't be parsed is reported elsewhere.
        let url = profile.base_url.as_deref().map(str::parse::<BaseUrl>);
        url.and_then(Result::ok)
            .is_some_and(|url| !url.is_loopback() && !url.is_of_the_vendor())
    }),
    ("token_command", |_, profile| {
        profile.token_command.is_some()
    }),
    ("partner_password_command", |_, profile| {
        profile.partner_password_command.is_some()
    }),
    ("ping", |_, profile| profile.ping.is_some()),
    ("partner_password_file", |file, profile| {
        let path = profile.partner_password_file.as_deref();
        path.is_some_and(|path| !file.may_read(path))
    }),
    ("token_file", |file, profile| {
        let path = profile.token_file.as_deref();
        path.is_some_and(|path| !file.may_read(path))
    }),
];

impl FoundFile<'_> {
    /// Fails if it belongs to another user or everyone can write to it.
    fn check_owner(self, file: &fs::File) -> Result<(), SettingsError> {
        let refused = |reason: &str| Err(self.refused(reason));
        let flaw = flaw(&file.metadata()).or_else(|| flaw(&fs::symlink_metadata(self.path)));
        flaw.map_or(Ok(()), refused)
    }

    /// Fails if the profile has a key that requires an explicitly named file.
    pub(super) fn check_keys(self, profile: &Profile) -> Result<(), SettingsError> {
        let mut restricted = RESTRICTED.iter();
        let found = restricted.find(|(_, restriction)| restriction(self, profile));
        found.map_or(Ok(()), |(key, _)| {
            Err(self.refused(&format!(
                "the value of `{key}` is only accepted from a file that you name"
            )))
        })
    }

    fn refused(self, reason: &str) -> SettingsError {
        let path = self.path.display();
        let other = self.config_directory.display();
        SettingsError::wrong(
            format!("configuration file {path}, found in the working directory: {reason}"),
            Some(format!(
                "if you trust the file, name it with --config {path} or WAZZUP_CONFIG, or move it to {other}"
            )),
        )
    }

    /// True for a file in the directory of this file or in the configuration directory, with links resolved.
    fn may_read(self, secret_file: &Path) -> bool {
        let is_upward = secret_file
            .components()
            .any(|part| part == Component::ParentDir);
        let Ok(real) = secret_file.canonicalize() else {
            // An unreadable file is reported elsewhere.
            return !is_upward;
        };
        let directory = parent(self.path);
        [directory, self.config_directory]
            .iter()
            .filter_map(|directory| directory.canonicalize().ok())
            .any(|directory| real.starts_with(directory))
    }
}

fn is_same(directory: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(directory).is_some_and(|directory| Some(directory) == real(other))
}

fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// The reason to distrust a file with this owner and mode.
#[cfg(unix)]
fn flaw(data: &io::Result<fs::Metadata>) -> Option<&'static str> {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(data) = data else {
        return Some("its owner can't be determined");
    };
    let user = rustix::process::geteuid().as_raw();
    if ![user, 0].contains(&data.uid()) {
        return Some("it belongs to another user");
    }
    // The mode of a link is meaningless.
    (!data.is_symlink() && data.mode() & 0o002 != 0).then_some("everyone can write to it")
}

/// Other systems have no such owners and modes.
#[cfg(not(unix))]
fn flaw(_: &io::Result<fs::Metadata>) -> Option<&'static str> {
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn is_refused(directory: &Path, profile: &Profile) -> bool {
        let file = FoundFile {
            path: &directory.join(FILE_NAME),
            config_directory: Path::new("/no/such/directory"),
        };
        file.check_keys(profile).is_err()
    }

    #[test]
    fn only_the_vendor_and_loopback_get_the_token_of_a_file_that_was_found() {
        let refused = |url: &str| {
            let base_url = Some(url.to_owned());
            let profile = Profile {
                base_url,
                ..Profile::default()
            };
            is_refused(Path::new("."), &profile)
        };
        for url in [
            "https://tech.wazzup24.com",
            "https://TECH.Wazzup24.COM:443/x",
            "https://wazzup24.com",
            "http://localhost:1",
            "http://127.0.0.1:1",
        ] {
            assert!(!refused(url), "{url}");
        }
        for url in [
            "https://example.com",
            "https://wazzup24.com.example.com",
            "https://notwazzup24.com",
            "https://tech-wazzup24.com",
            "https://wazzup24.com.",
            "https://example.com/wazzup24.com",
            "https://example.com\\.wazzup24.com",
            "https://wаzzup24.com",
            "https://localhost.example.com",
            "https://127.0.0.1.example.com",
            "https://169.254.169.254",
        ] {
            assert!(refused(url), "{url}");
        }
    }

    #[test]
    fn a_token_is_read_from_the_directory_of_the_file_only() {
        let outer = tempfile::tempdir().unwrap();
        let directory = outer.path().join("work");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("token"), "x").unwrap();
        fs::write(outer.path().join("token"), "x").unwrap();
        let refused = |file: &Path| {
            let profile = Profile {
                token_file: Some(directory.join(file)),
                ..Profile::default()
            };
            is_refused(&directory, &profile)
        };
        assert!(!refused(Path::new("token")));
        assert!(!refused(Path::new("none")));
        assert!(refused(Path::new("../token")));
        assert!(refused(Path::new("../none")));
        assert!(refused(&outer.path().join("token")));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../token", directory.join("link")).unwrap();
            assert!(refused(Path::new("link")));
        }
    }
}
