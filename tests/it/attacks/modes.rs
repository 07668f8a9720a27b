//! Permissions of the state directory, and files that others put at its paths.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use wazzup_contacts::sandbox::Options;

use crate::{
    csv_files,
    harness::{Call, World},
    model::quick,
    tokens::refreshing,
};

const STATE: &str = "home/state/wazzup-contacts";

/// A world with a file, a plan, and a token that is renewed, so that every kind of state is kept.
fn world() -> World {
    let world = quick(Options::default());
    world.write("few.csv", format!("{}bad,u,,x,1\n", csv_files::many(300)));
    world
}

fn with_umask(world: &World, umask: &str, command: &str) -> Call {
    let binary = env!("CARGO_BIN_EXE_wazzup-contacts");
    let script = format!("umask {umask}; exec \"$0\" \"$@\"");
    let args = ["-c", &script, binary].into_iter();
    let call = world.call_program("sh", args.chain(command.split_whitespace()));
    refreshing(call)
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o777
}

/// The state directory and everything under it.
fn state(world: &World) -> Vec<PathBuf> {
    let mut found = vec![world.path(STATE)];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            found.extend(entries.map(|entry| entry.unwrap().path()));
        }
    }
    found
}

#[track_caller]
fn assert_private(world: &World, what: &str) {
    for path in state(world) {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{what}: {}", path.display());
    }
}

#[test]
fn the_state_directory_is_private_whatever_the_umask_and_the_first_command() {
    for umask in ["000", "077"] {
        for first in [
            "auth",
            "auth --refresh",
            "plan few.csv",
            "import few.csv --dry-run",
            "export -o all.csv",
            "verify few.csv",
            "runs",
            "runs prune",
            "get 1",
            "delete 1 --yes",
            "apply",
        ] {
            let world = world();
            with_umask(&world, umask, first).run();
            assert!(world.path(STATE).exists(), "{first}");
            for command in [first, "import few.csv", "verify few.csv", "delete 2 --yes"] {
                with_umask(&world, umask, command).run();
                assert_private(&world, &format!("umask {umask}, {first}, {command}"));
            }
        }
    }
}

#[test]
fn the_files_of_a_run_that_was_killed_are_private() {
    for umask in ["000", "077"] {
        for point in ["answer=1*off->return", "sealing=return", "commit=return"] {
            let world = world();
            let import = "import few.csv --changed-only --batch-size 10";
            let killed = with_umask(&world, umask, import).env("FAILPOINTS", point);
            assert_eq!(killed.run().code, None, "{point}");
            let left = state(&world).len();
            assert!(left > 8, "{left} files");
            assert_private(&world, &format!("umask {umask}, {point}"));
        }
    }
}

#[test]
fn a_state_directory_that_is_open_to_others_is_closed() {
    let world = world();
    with_umask(&world, "022", "import few.csv").run();
    for command in ["runs", "check few.csv", "auth", "import few.csv"] {
        let outside = world.write("outside", "");
        let links = world.path(STATE).join("runs/link");
        let _ = fs::remove_file(&links);
        symlink(&outside, links).unwrap();
        for path in state(&world) {
            if !path.is_symlink() {
                let mode = if path.is_dir() { 0o777 } else { 0o666 };
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        let before = mode(&outside);
        with_umask(&world, "000", command).run();
        fs::remove_file(world.path(STATE).join("runs/link")).unwrap();
        assert_private(&world, command);
        assert_eq!(mode(&outside), before, "{command}");
    }
}

#[test]
fn what_is_at_the_path_of_a_lock_is_not_followed() {
    let world = world();
    world.run(["plan", "few.csv", "-o", "a.run"]).ends_with(3);
    let runs = world.path(STATE).join("runs");
    let account = fs::read_dir(&runs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let account_lock = account
        .into_iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "lock"))
        .expect("the lock of the account stays");
    let token_lock = world.path(STATE).join("tokens/quick.json.lock");
    fs::create_dir_all(token_lock.parent().unwrap()).unwrap();
    let commands = [
        (world.path("a.run-lock"), "apply a.run"),
        (world.path("a.run-lock"), "undo a.run --yes"),
        (world.path("b.run-lock"), "import few.csv --run b.run"),
        (account_lock, "import few.csv"),
        (token_lock, "auth --refresh"),
    ];
    let elsewhere = world.path("elsewhere");
    let precious = world.write("precious", "precious");
    for (lock, command) in commands {
        for plant in [
            &|| symlink(&elsewhere, &lock).unwrap(),
            &|| symlink(&precious, &lock).unwrap(),
            &|| {
                let made = Command::new("mkfifo").arg(&lock).status();
                assert!(made.unwrap().success());
            },
        ] as [&dyn Fn(); 3]
        {
            let _ = fs::remove_file(&lock);
            plant();
            let call = if command.starts_with("auth") {
                with_umask(&world, "022", command)
            } else {
                world.call(command.split_whitespace())
            };
            let ran = call.run();
            assert!(
                matches!(ran.code, Some(1 | 4)),
                "{command}: {}",
                ran.shown()
            );
            assert!(
                ran.stderr.contains("not a lock file"),
                "{command}: {}",
                ran.shown()
            );
            assert!(!elsewhere.exists(), "{command}");
            assert_eq!(world.read("precious"), "precious", "{command}");
        }
        fs::remove_file(&lock).unwrap();
        // A second name of a file is locked, never written.
        fs::hard_link(&precious, &lock).unwrap();
        world.call(command.split_whitespace()).run();
        assert_eq!(world.read("precious"), "precious", "{command}");
        let _ = fs::remove_file(&lock);
    }
    assert_eq!(world.sandbox.contact_count(), 300);
}

#[test]
fn what_is_at_the_path_of_a_new_run_is_left_alone() {
    let world = world();
    let elsewhere = world.path("elsewhere");
    symlink(&elsewhere, world.path("a.run")).unwrap();
    for command in ["plan few.csv -o a.run", "import few.csv --run a.run"] {
        let ran = world.run(command.split_whitespace()).ends_with(1);
        assert!(ran.stderr.contains("a.run"), "{}", ran.shown());
    }
    assert!(!elsewhere.exists());
    for ending in ["-wal", "-shm"] {
        let world = self::world();
        symlink(&elsewhere, world.path(format!("a.run{ending}"))).unwrap();
        let ran = world.run(["import", "few.csv", "--run", "a.run"]);
        assert_eq!(ran.code, Some(1), "{}", ran.shown());
        assert!(!elsewhere.exists(), "{ending}");
    }
}
