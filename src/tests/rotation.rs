//! Backups of many days: an injected clock, and a model of what rotation may remove.

use std::{collections::BTreeMap, fs, num::NonZeroU32, path::Path, sync::Arc};

use jiff::{ToSpan as _, Zoned};
use proptest::{collection::vec, prelude::*};

use crate::{
    account::AccountOptions,
    api::{ClientOptions, TokenSource},
    contact::{Chat, ChatType, Contact},
    error::Error,
    export::{
        BackupForm,
        format::{Compression, CsvDialect, TableFormat},
        name::BackupName,
        rotation::rotate,
    },
    ledger::{Ledger, record_export},
    mapping::BackupLayout,
    plan::gate::Bound,
    progress::Silent,
    sandbox::{Options, Sandbox},
    workflow::{Backup, ExportRequest, Session},
};

/// An account of five contacts, and a directory for its backups.
struct Days {
    sandbox: Sandbox,
    session: Session,
    directory: tempfile::TempDir,
    now: Zoned,
}

impl Days {
    fn new() -> Self {
        let sandbox = Sandbox::start(Options::default()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let client = ClientOptions {
            base_url: sandbox.base_url().parse().unwrap(),
            ..ClientOptions::default()
        };
        let token = TokenSource::Static {
            token: sandbox.token().into(),
            origin: "the test".to_owned(),
        };
        let options = AccountOptions::new(client, token, directory.path().join("state"));
        for id in 1..=5 {
            sandbox.put_contact(&Contact {
                id: id.to_string().into(),
                responsible_user_id: "user-1".into(),
                name: "Ann".into(),
                contact_data: vec![Chat::by_id(ChatType::Vk, "7")],
                ..Contact::default()
            });
        }
        Self {
            sandbox,
            session: Session::connect(options, Arc::new(Silent)).unwrap(),
            directory,
            now: "2026-02-27T23:30:00[Europe/Madrid]".parse().unwrap(),
        }
    }

    /// An export on the next day.
    fn export(&mut self, name: &str, keep: u32) -> Result<Backup, Error> {
        self.now = self.now.checked_add(1.day()).unwrap();
        let form = BackupForm {
            format: TableFormat::Csv(CsvDialect {
                delimiter: b',',
                for_excel: false,
            }),
            compression: Compression::None,
            layout: BackupLayout::Long,
            owner_names: None,
        };
        let request = ExportRequest {
            name: Some(BackupName::parse(&self.directory.path().join(name)).unwrap()),
            form: &form,
            max_shrink: Bound::Percent(50.0),
            keep: NonZeroU32::new(keep),
            now: self.now.clone(),
        };
        request.export(&self.session, &mut std::io::sink())
    }

    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.directory.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "state").collect();
        names.sort();
        names
    }
}

#[test]
fn the_newest_backups_of_a_name_stay_and_other_files_do_too() {
    let mut days = Days::new();
    let path = |name: &str| days.directory.path().join(name);
    // Not written by this tool, but named like its files.
    fs::write(path("b-2026-02-20.csv"), "mine").unwrap();
    fs::write(path("other.csv"), "mine").unwrap();
    for _ in 0..3 {
        days.export("b-{date}.csv", 0).unwrap();
    }
    days.export("{profile}-{date}.csv", 0).unwrap();
    let backup = days.export("b-{date}.csv", 2).unwrap();
    let removed: Vec<_> = backup
        .rotated
        .removed
        .iter()
        .map(|it| it.file_name().unwrap())
        .collect();
    assert_eq!(removed, ["b-2026-03-01.csv", "b-2026-02-28.csv"]);
    assert_eq!(
        days.files(),
        [
            "b-2026-02-20.csv",
            "b-2026-03-02.csv",
            "b-2026-03-04.csv",
            "default-2026-03-03.csv",
            "other.csv"
        ]
    );
}

#[test]
fn an_edited_backup_is_left_alone_and_told_once() {
    let mut days = Days::new();
    days.export("b-{date}.csv", 1).unwrap();
    let edited = days.directory.path().join("b-2026-02-28.csv");
    fs::write(&edited, "edited").unwrap();
    let backup = days.export("b-{date}.csv", 1).unwrap();
    let (left, reason) = &backup.rotated.left_alone[0];
    assert_eq!(left.file_name(), edited.file_name());
    assert!(reason.contains("was changed"), "{reason}");
    let backup = days.export("b-{date}.csv", 1).unwrap();
    assert_eq!(backup.rotated.left_alone, []);
    assert_eq!(days.files(), ["b-2026-02-28.csv", "b-2026-03-02.csv"]);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let mut days = Days::new();
    let path = |name: &str| days.directory.path().join(name);
    fs::create_dir(path("deep")).unwrap();
    days.export("deep/b-{date}.csv", 0).unwrap();
    let path = |name: &str| days.directory.path().join(name);
    // The file is a link to an equal file, and then its directory is a link.
    let (file, target) = (path("deep/b-2026-02-28.csv"), path("target"));
    fs::rename(&file, &target).unwrap();
    symlink(&target, &file).unwrap();
    let backup = days.export("deep/b-{date}.csv", 1).unwrap();
    assert_eq!(backup.rotated.removed, Vec::<std::path::PathBuf>::new());
    assert_eq!(backup.rotated.left_alone.len(), 1);
    let path = |name: &str| days.directory.path().join(name);
    assert!(path("target").is_file());
    fs::rename(path("deep"), path("moved")).unwrap();
    symlink(path("moved"), path("deep")).unwrap();
    let pattern = path("deep").canonicalize().unwrap();
    assert!(pattern.ends_with("moved"));
    let mut ledger = Ledger::open(&days.session.state_directory, &days.session.account);
    let old = path("").canonicalize().unwrap().join("deep/b-{date}.csv");
    let rotated = rotate(&mut ledger, &old.to_string_lossy(), 0).unwrap();
    assert_eq!(rotated.removed, Vec::<std::path::PathBuf>::new());
    assert!(path("moved/b-2026-03-01.csv").is_file());
}

#[test]
fn an_account_that_shrank_replaces_and_removes_nothing() {
    let mut days = Days::new();
    days.export("b-{date}.csv", 1).unwrap();
    for id in ["1", "2", "3"] {
        days.sandbox.remove_contact(id);
    }
    let refused = days.export("b-{date}.csv", 1).err().unwrap();
    let message = refused.to_string();
    assert!(message.contains("the account has 2 contacts"), "{message}");
    assert!(message.contains("b-2026-02-28.csv, has 5"), "{message}");
    assert_eq!(refused.exit_code() as u8, 5);
    assert_eq!(days.files(), ["b-2026-02-28.csv"]);
    // Half of it may be missing.
    days.sandbox.put_contact(&Contact {
        id: "6".into(),
        responsible_user_id: "user-1".into(),
        name: "Ann".into(),
        contact_data: vec![Chat::by_id(ChatType::Vk, "7")],
        ..Contact::default()
    });
    days.export("b-{date}.csv", 1).unwrap();
    assert_eq!(days.files(), ["b-2026-03-02.csv"]);
}

/// A step of the model.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// Exports to one of three names, keeping this number.
    Export(u8, usize),
    /// Edits an existing file, by index.
    Edit(usize),
    /// Removes a file.
    Remove(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..3_u8, 1..4_usize).prop_map(|(name, keep)| Event::Export(name, keep)),
        1 => (0..9_usize).prop_map(Event::Edit),
        1 => (0..9_usize).prop_map(Event::Remove),
    ]
}

/// The file with this index, if there are any.
fn nth(directory: &Path, place: usize) -> Option<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    files.sort();
    (!files.is_empty()).then(|| files[place % files.len()].clone())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// The model has each file as (name, whether it is unchanged), in the order of writing.
    #[test]
    fn rotation_removes_what_the_model_says(events in vec(event(), 1..14)) {
        let state = tempfile::tempdir().unwrap();
        let files = tempfile::tempdir().unwrap();
        let files = files.path().canonicalize().unwrap();
        let mut ledger = Ledger::open(state.path(), "a");
        let mut model: BTreeMap<usize, (std::path::PathBuf, u8, bool)> = BTreeMap::new();
        for (number, event) in events.into_iter().enumerate() {
            match event {
                Event::Export(name, keep) => {
                    let path = files.join(format!("{name}-{number}"));
                    fs::write(&path, "contacts").unwrap();
                    record_export(&mut ledger, &name.to_string(), &path, 1).unwrap();
                    rotate(&mut ledger, &name.to_string(), keep).unwrap();
                    model.insert(number, (path, name, true));
                    let ours = model.iter().rev().filter(|(_, it)| it.1 == name && it.2);
                    let old: Vec<usize> = ours.skip(keep).map(|(number, _)| *number).collect();
                    model.retain(|number, _| !old.contains(number));
                }
                Event::Edit(place) => if let Some(path) = nth(&files, place) {
                    fs::write(&path, "longer than before").unwrap();
                    for (other, _, is_ours) in model.values_mut() {
                        *is_ours &= *other != path;
                    }
                },
                Event::Remove(place) => if let Some(path) = nth(&files, place) {
                    fs::remove_file(&path).unwrap();
                    model.retain(|_, (other, ..)| *other != path);
                },
            }
            let mut found: Vec<_> = fs::read_dir(&files).unwrap().map(|it| it.unwrap().path()).collect();
            found.sort();
            let mut expected: Vec<_> = model.values().map(|(path, ..)| path.clone()).collect();
            expected.sort();
            prop_assert_eq!(found, expected);
        }
    }
}
