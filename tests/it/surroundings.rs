//! A full disk, missing permissions, another directory, a finished run: the message is clear, and nothing is lost.

use std::{fs, path::Path};

use wazzup_contacts::sandbox::Options;

use crate::{
    harness::{Call, World, faults},
    model::{assert_holds, contact, csv, quick},
};

fn world(contacts: usize) -> World {
    let world = quick(Options::default());
    world.write(
        "contacts.csv",
        csv((1..=contacts).map(|n| contact(n, "new"))),
    );
    world
}

/// The binary with a limit on file sizes, which simulates a full disk.
#[cfg(target_os = "linux")]
fn cramped(world: &World, blocks: u32, args: &str) -> crate::harness::Ran {
    let script = format!(
        "ulimit -f {blocks}; exec {} {args}",
        env!("CARGO_BIN_EXE_wazzup-contacts")
    );
    world.call_program("sh", ["-c", &script]).run()
}

#[cfg(target_os = "linux")]
#[test]
fn a_workbook_that_has_no_room_is_an_error_and_not_a_crash() {
    let world = quick(Options {
        contacts: 2_000,
        ..Options::default()
    });
    let ran = cramped(&world, 64, "export -o all.xlsx").ends_with(1);
    assert!(ran.stderr.contains("File too large"), "{}", ran.shown());
    assert!(!ran.stderr.contains("panicked"), "{}", ran.shown());
    assert!(!world.path("all.xlsx").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_ends_the_run_and_loses_nothing() {
    const CONTACTS: usize = 3_000;
    let world = world(CONTACTS);
    let plan = "plan contacts.csv --mode create --batch-size 5 -o x.run";
    // When the file is created, and when it is written.
    for (blocks, hint) in [(64, "free some space"), (130, "have room")] {
        let ran = cramped(&world, blocks, plan).ends_with(1);
        assert!(ran.stderr.contains(hint), "{}", ran.shown());
        assert!(
            !world.path("x.run").exists(),
            "what counts for nothing is not left"
        );
    }
    world.run(plan.split_whitespace()).ends_with(0);
    let ran = cramped(&world, 700, "apply x.run --json").ends_with(1);
    assert!(
        ran.stderr
            .contains("to continue: wazzup-contacts apply x.run"),
        "{}",
        ran.shown()
    );
    assert_eq!(ran.json()["exit_code"], 1);
    assert!(
        world.sandbox.contact_count() > 0,
        "it got somewhere: {}",
        ran.shown()
    );
    world.run(["apply", "x.run"]).ends_with(0);
    assert_holds(&world.sandbox, (1..=CONTACTS).map(|n| contact(n, "new")));
    for number in 1..=CONTACTS {
        let writes = world.sandbox.writes(&number.to_string());
        assert_eq!((writes.created, writes.updated), (1, 0), "{number}");
    }
}

#[test]
fn rejects_that_could_not_be_written_are_found_out_before_the_first_request() {
    let world = world(10);
    fs::create_dir(world.path("folder")).unwrap();
    for rejects in [
        "nowhere/r.csv",
        "folder",
        "contacts.csv/r.csv",
        "contacts.csv",
        "r.pdf",
        "r.csv.gz",
    ] {
        let ran = world
            .run(["import", "contacts.csv", "--rejects", rejects])
            .tells("with --rejects FILE");
        assert!(!ran.stderr.contains(".wazzup-contacts-"), "{rejects}");
        assert!(
            matches!(ran.code, Some(1 | 2)),
            "{rejects}: {}",
            ran.shown()
        );
        assert!(ran.stderr.contains(rejects), "{}", ran.shown());
    }
    assert_eq!(world.sandbox.request_count(), 0);
    assert_eq!(world.read("contacts.csv").lines().count(), 11);
}

#[test]
fn a_run_file_that_can_not_be_made_is_found_out_before_the_first_request() {
    let world = world(10);
    for (run, advice) in [
        ("nowhere/x.run", "there is no folder `nowhere`"),
        ("contacts.csv/x.run", "is a file, not a folder"),
        ("contacts.csv", "--run"),
    ] {
        let ran = world
            .run(["import", "contacts.csv", "--run", run])
            .ends_with(1);
        assert!(ran.stderr.contains(advice), "{}", ran.shown());
    }
    assert_eq!(world.sandbox.request_count(), 0);
    assert_eq!(world.read("contacts.csv").lines().count(), 11);
}

#[test]
fn rejects_of_an_earlier_run_are_replaced_as_a_whole_or_stay() {
    let world = world(50);
    world.sandbox.set_faults(faults(["poison=5"]));
    let rows = world.read("contacts.csv");
    world.write("contacts.csv", rows.clone() + "bad,,,,no\n");
    world
        .run("import contacts.csv --dry-run".split(' '))
        .ends_with(3);
    let earlier = world.read("contacts.rejected.csv");
    world.write("contacts.csv", rows);
    let kill = "rejects=return";
    let import = ["import", "contacts.csv", "--run", "x.run"];
    assert_eq!(world.call(import).env("FAILPOINTS", kill).run().code, None);
    assert_eq!(world.read("contacts.rejected.csv"), earlier);
    world.run(["apply", "x.run"]).ends_with(3);
    let later = world.read("contacts.rejected.csv");
    assert!(later.contains("refused_by_server") && !later.contains("bad"));
}

#[test]
fn apply_from_another_directory_writes_the_rejects_where_they_belong() {
    let world = world(50);
    world
        .run(["plan", "contacts.csv", "-o", "x.run"])
        .ends_with(0);
    world.sandbox.set_faults(faults(["poison=5"]));
    fs::create_dir(world.path("elsewhere")).unwrap();
    let config = world.path("wazzup.toml");
    let call = world
        .call(["apply", "../x.run", "--json"])
        .env("WAZZUP_CONFIG", config);
    let ran = call.within(world.path("elsewhere")).run().ends_with(3);
    assert!(
        world
            .read("contacts.rejected.csv")
            .contains("refused_by_server")
    );
    let shown = ran.json()["files"]["rejects"].as_str().unwrap().to_owned();
    assert!(std::path::Path::new(&shown).is_absolute(), "{shown}");
}

#[test]
fn a_run_that_is_done_has_nothing_left_and_needs_no_token() {
    let world = world(50);
    world
        .run(["import", "contacts.csv", "--run", "x.run"])
        .ends_with(0);
    let sent = world.sandbox.request_count();
    let ran = world
        .call(["apply", "x.run", "--json"])
        .without("WAZZUP_TOKEN")
        .run()
        .ends_with(0);
    assert!(
        ran.stderr.contains("nothing is left to send"),
        "{}",
        ran.shown()
    );
    assert_eq!(ran.json()["done"]["created"], 50);
    let ran = world
        .call(["apply", "--json"])
        .without("WAZZUP_TOKEN")
        .run()
        .ends_with(0);
    assert!(
        ran.stderr.contains("has no unfinished run"),
        "{}",
        ran.shown()
    );
    assert_eq!(world.sandbox.request_count(), sent);
}

#[test]
fn apply_takes_the_last_unfinished_run_and_prune_never_does() {
    let world = world(50);
    let names: Vec<String> = (0..3)
        .map(|_| {
            let ran = world.run(["plan", "contacts.csv", "--mode", "create", "--json"]);
            ran.ends_with(0).json()["run"].as_str().unwrap().to_owned()
        })
        .collect();
    let killed = world
        .call(["import", "contacts.csv"])
        .env("FAILPOINTS", "planned=return");
    assert_eq!(killed.run().code, None);
    let pruned = world.run(["runs", "prune", "--keep", "0"]).ends_with(0);
    assert!(
        pruned.stdout.contains("1 run removed"),
        "the abandoned one: {}",
        pruned.shown()
    );
    let applied = world.run(["apply", "--json"]).ends_with(0).json();
    assert_eq!(applied["run"], names[2].as_str());
    let pruned = world
        .run(["runs", "prune", "--keep", "0", "--json"])
        .ends_with(0);
    let removed = pruned.json()["removed"].clone();
    assert_eq!(removed.as_array().unwrap().len(), 1, "{removed}");
    assert!(
        removed[0].as_str().unwrap().contains(&names[2]),
        "{removed}"
    );
    let listed = world.run(["runs", "--json"]).ends_with(0).stdout;
    let kept = |name: &str| listed.contains(&format!("{name}.run"));
    assert!(kept(&names[0]) && kept(&names[1]), "{listed}");
    assert!(!kept(&names[2]), "{listed}");
}

#[test]
fn what_fails_between_the_plan_and_the_first_request_says_how_to_go_on() {
    let world = world(5);
    // The ledgers can't be written.
    let accounts = world.path("home/state/wazzup-contacts/accounts");
    fs::create_dir_all(accounts.parent().unwrap()).unwrap();
    fs::write(&accounts, "").unwrap();
    let import = "import contacts.csv --mode create --run x.run --json";
    let ran = world.run(import.split(' ')).ends_with(1);
    assert!(
        ran.stderr
            .contains("to continue: wazzup-contacts apply x.run"),
        "{}",
        ran.shown()
    );
    assert_eq!(ran.json()["done"]["not_attempted"], 5);
    assert_eq!(world.sandbox.count("POST"), 0);
    fs::remove_file(&accounts).unwrap();
    world.run(["apply", "x.run"]).ends_with(0);
}

#[test]
fn a_state_directory_that_can_not_be_made_is_said_to_be_the_reason() {
    let world = world(5);
    world.write("home/state", "a file");
    let import = "import contacts.csv --mode create --run x.run";
    let ran = world.run(import.split(' ')).ends_with(1);
    assert!(ran.stderr.contains("XDG_STATE_HOME"), "{}", ran.shown());
    assert!(!ran.stderr.contains("with --run"), "{}", ran.shown());
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn of_two_runs_that_were_killed_apply_takes_the_newer_one() {
    let world = world(5);
    // In the alphabet the older one comes last.
    for file in ["contacts.csv", "a.csv", "newer.csv", "b.csv"] {
        world.write(file, csv((1..=9).map(|n| contact(n, file))));
        let import = world.call(["import", file, "--mode", "create"]);
        let killed = import.env("FAILPOINTS", "recorded=return").run();
        assert_eq!(killed.code, None);
    }
    for file in ["b.csv", "newer.csv", "a.csv", "contacts.csv"] {
        let applied = world.run(["apply", "--json"]).ends_with(0);
        assert_eq!(applied.json()["source"]["path"], file);
    }
}

#[test]
fn what_failed_and_what_was_not_sent_can_be_listed() {
    let world = world(300);
    world
        .sandbox
        .set_faults(faults(["poison=5", "drop-before@4+"]));
    let import = "import contacts.csv --mode create --run x.run --batch-size 100 --concurrency 1";
    world.run(import.split_whitespace()).ends_with(1);
    let brief = world.run(["runs", "show", "x.run"]).ends_with(0);
    assert!(brief.stdout.lines().count() < 60, "{}", brief.shown());
    assert!(brief.stdout.contains("more (--all)"), "{}", brief.shown());
    let brief = brief.tells("to continue: wazzup-contacts apply x.run\n");
    let json = world.run(["runs", "show", "x.run", "--json"]).stdout;
    let shown = world.run(["runs", "show", "x.run", "--all"]).stdout;
    let count = |word: &str| shown.lines().filter(|line| line.starts_with(word)).count();
    assert!(json.lines().count() >= count("not attempted") + count("unknown"));
    assert!(brief.stdout.lines().count() < json.lines().count());
    assert_eq!(count("failed"), 1, "{shown}");
    assert!(
        shown.contains("the contact is refused by an injected fault"),
        "{shown}"
    );
    assert!(count("not attempted") + count("unknown") > 0, "{shown}");
    assert_eq!(
        (count("not attempted") + count("unknown")) % 100,
        0,
        "{shown}"
    );
}

#[test]
fn a_clock_that_jumps_between_plan_and_apply_changes_nothing() {
    for planned_at in ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let world = world(250);
        for number in 1..=250 {
            world.sandbox.put_contact(&contact(number, "old"));
        }
        world
            .run(["plan", "contacts.csv", "-o", "x.run"])
            .ends_with(0);
        let run = rusqlite::Connection::open(world.path("x.run")).unwrap();
        run.execute(
            "UPDATE fact SET value = json_set(value, '$.planned_at', ?1) WHERE name = 'about'",
            [planned_at],
        )
        .unwrap();
        // One batch was on its way when the clock jumped and the run ended.
        run.execute("UPDATE batch SET state = 'sending' WHERE no = 1", [])
            .unwrap();
        drop(run);
        let ran = world.run(["apply", "x.run", "--json"]).ends_with(0);
        assert_eq!(ran.json()["done"]["updated"], 250, "{}", ran.shown());
        assert_holds(&world.sandbox, (1..=250).map(|n| contact(n, "new")));
    }
}

#[test]
fn rejects_are_written_over_no_file_that_the_run_needs() {
    let world = world(10);
    world.run("import contacts.csv --run old.run".split(' '));
    let old = fs::read(world.path("old.run")).unwrap();
    world.write("more.csv", csv((11..=20).map(|n| contact(n, "new"))));
    world.run("plan more.csv -o p.run".split(' ')).ends_with(0);
    let sent = world.sandbox.request_count();
    for command in [
        "apply p.run --rejects more.csv",
        "apply p.run --rejects p.run-wal",
        "apply old.run --rejects ./contacts.csv",
        "import more.csv --run z.run --rejects z.run-wal",
        "import more.csv --run z.run --rejects home/../z.run-lock",
        "undo old.run --yes --rejects old.run",
        "undo old.run --yes --rejects contacts.csv",
    ] {
        let ran = world.run(command.split(' ')).ends_with(2);
        assert!(
            ran.stderr.contains("would overwrite the"),
            "{}",
            ran.shown()
        );
    }
    assert_eq!(world.sandbox.request_count(), sent);
    assert_eq!(world.read("more.csv").lines().count(), 11);
    assert_eq!(fs::read(world.path("old.run")).unwrap(), old);
}

#[test]
fn a_source_is_known_from_another_directory_too() {
    let world = world(10);
    world
        .run("plan contacts.csv -o x.run".split(' '))
        .ends_with(0);
    fs::create_dir(world.path("elsewhere")).unwrap();
    let apply = "apply ../x.run --rejects ../contacts.csv".split(' ');
    let call = world
        .call(apply)
        .env("WAZZUP_CONFIG", world.path("wazzup.toml"));
    let ran = call.within(world.path("elsewhere")).run().ends_with(2);
    assert!(
        ran.stderr.contains("would overwrite the"),
        "{}",
        ran.shown()
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_whose_name_is_not_utf_8_is_said_to_be_the_reason() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let world = world(10);
    let directory = world.path(OsStr::from_bytes(b"bad\xff"));
    fs::create_dir(&directory).unwrap();
    let import = |rejects: &[&str]| {
        let args = ["import", "../contacts.csv", "--run", "x.run"];
        let call = world.call(args.iter().chain(rejects));
        call.env("WAZZUP_CONFIG", world.path("wazzup.toml"))
            .within(&directory)
            .run()
    };
    let ran = import(&[]).ends_with(2);
    assert!(ran.stderr.contains("not UTF-8"), "{}", ran.shown());
    let rejects = world.path("r.csv");
    import(&["--rejects", rejects.to_str().unwrap()]).ends_with(0);
}

#[cfg(unix)]
#[test]
fn apply_does_not_wait_for_a_pipe_that_the_plan_was_read_from() {
    let world = world(10);
    let made = std::process::Command::new("mkfifo")
        .arg(world.path("pipe.csv"))
        .status();
    assert!(made.unwrap().success());
    let plan = format!(
        "cat contacts.csv > pipe.csv & exec {} plan pipe.csv -o x.run",
        env!("CARGO_BIN_EXE_wazzup-contacts")
    );
    world.call_program("sh", ["-c", &plan]).run().ends_with(0);
    world.run(["apply", "x.run"]).ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 10);
}

#[test]
fn a_source_that_changed_is_said_to_have_from_any_directory() {
    let world = world(10);
    world
        .run("plan contacts.csv -o x.run".split(' '))
        .ends_with(0);
    world.write("contacts.csv", "another");
    fs::create_dir(world.path("elsewhere")).unwrap();
    let call = world
        .call(["apply", "../x.run"])
        .env("WAZZUP_CONFIG", world.path("wazzup.toml"));
    let ran = call.within(world.path("elsewhere")).run().ends_with(0);
    assert!(
        ran.stderr.contains("contacts.csv changed"),
        "{}",
        ran.shown()
    );
}

#[cfg(unix)]
#[test]
fn a_copy_of_an_interrupted_run_without_its_journal_does_not_say_that_nothing_was_sent() {
    let world = world(300);
    let import = [
        "import",
        "contacts.csv",
        "--mode",
        "create",
        "--run",
        "x.run",
    ];
    let killed = world
        .call(import)
        .env("FAILPOINTS", "recorded=1*off->return");
    assert_eq!(killed.run().code, None);
    fs::copy(world.path("x.run"), world.path("copy.run")).unwrap();
    // Any request would fail with another error: nothing listens there.
    let ran = world
        .run(["apply", "copy.run", "--base-url", "http://127.0.0.1:9"])
        .ends_with(1);
    assert!(!ran.stderr.contains("nothing was sent"), "{}", ran.shown());
    assert!(ran.stderr.contains("-wal"), "{}", ran.shown());
    world.run(["apply", "x.run"]).ends_with(0);
}

/// Not even root can write to /proc.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_nothing_can_be_written_to_is_no_obstacle_to_an_import() {
    let world = world(10);
    let import = |file: &str, more: &[&str]| {
        let file = world.path(file);
        let args = ["import", file.to_str().unwrap(), "--json"];
        let call = world.call(args.iter().chain(more));
        call.env("WAZZUP_CONFIG", world.path("wazzup.toml"))
            .within("/proc")
            .run()
    };
    let ran = import("nope.csv", &[]).ends_with(1);
    assert!(ran.stderr.contains("nope.csv`"), "{}", ran.shown());
    assert!(!ran.stderr.contains("rejected"), "{}", ran.shown());
    let ran = import("contacts.csv", &[]).ends_with(0);
    assert!(ran.json()["files"]["rejects"].is_null());
    let ran = import("contacts.csv", &["--rejects", "r.csv"]).ends_with(1);
    assert!(
        ran.stderr.contains("can't write the rejects to r.csv"),
        "{}",
        ran.shown()
    );
    // What is rejected finds a place, and is said to be there.
    let rows = world.read("contacts.csv") + "11,u,Bob,x,no\n";
    world.write("contacts.csv", rows);
    let ran = import("contacts.csv", &[]).ends_with(3).json();
    let run = ran["files"]["run"].as_str().unwrap();
    let rejects = Path::new(ran["files"]["rejects"].as_str().unwrap());
    assert_eq!(rejects.parent(), Path::new(run).parent());
    let rejected = fs::read_to_string(rejects).unwrap();
    assert!(rejected.contains("\n11,u,Bob,"), "{rejected}");
}

#[test]
fn a_run_that_can_not_be_read_is_never_passed_over() {
    let world = world(5);
    let plan = || {
        let ran = world.run(["plan", "contacts.csv", "--mode", "create", "--json"]);
        ran.ends_with(0).json()["files"]["run"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (older, newest) = (plan(), plan());
    let bytes = fs::read(&newest).unwrap();
    fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap();
    let ran = world.run(["apply", "-q"]).ends_with(1);
    assert!(ran.stderr.contains(&newest), "{}", ran.shown());
    assert_eq!(world.sandbox.count("POST"), 0);
    world.run(["apply", "-q", &older]).ends_with(0);
    let ran = world.run(["apply", "-q"]).ends_with(1);
    assert!(ran.stderr.contains("remove this file"), "{}", ran.shown());
    fs::remove_file(&newest).unwrap();
    world.run(["apply", "-q"]).ends_with(0);
}

#[cfg(unix)]
#[test]
fn a_device_or_a_pipe_is_never_taken_for_a_run_file() {
    let world = world(5);
    let fifo = std::process::Command::new("mkfifo")
        .arg(world.path("fifo"))
        .status();
    assert!(fifo.unwrap().success());
    std::os::unix::fs::symlink("/dev/null", world.path("link")).unwrap();
    for place in ["fifo", "link", "/dev/null", "."] {
        for command in [
            vec!["import", "contacts.csv", "--run", place],
            vec!["import", "contacts.csv", "--dry-run", "--run", place],
            vec!["plan", "contacts.csv", "-o", place],
            vec!["apply", place],
            vec!["undo", place, "--yes"],
            vec!["runs", "show", place],
        ] {
            let ran = world.run(&command).ends_with(1);
            assert!(
                ran.stderr.contains("a device or a pipe"),
                "{command:?}: {}",
                ran.shown()
            );
        }
        assert!(world.path(place).symlink_metadata().is_ok(), "{place}");
        assert!(!world.path(format!("{place}-lock")).exists(), "{place}");
    }
    assert_eq!(world.sandbox.count("POST"), 0);
}

#[test]
fn a_temporary_directory_that_is_missing_is_named() {
    let world = world(5);
    let missing = world.path("nope");
    let import = world
        .call(["import", "-", "--mode", "create"])
        .env("TMPDIR", &missing);
    let ran = import.stdin(world.read("contacts.csv")).run().ends_with(1);
    assert!(
        ran.stderr.contains(&missing.display().to_string()),
        "{}",
        ran.shown()
    );
    assert!(ran.stderr.contains("TMPDIR"), "{}", ran.shown());
    let ran = world
        .call(["export"])
        .env("TMPDIR", &missing)
        .run()
        .ends_with(1);
    assert!(
        ran.stderr.contains(&missing.display().to_string()),
        "{}",
        ran.shown()
    );
    assert!(!ran.stderr.contains("standard output"), "{}", ran.shown());
}

#[cfg(unix)]
#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_a_new_one_is_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = world(5);
    world.run(["import", "contacts.csv", "-q"]).ends_with(0);
    let mode = |name: &str| fs::metadata(world.path(name)).unwrap().permissions().mode() & 0o777;
    world.run(["export", "-o", "backup.csv", "-q"]).ends_with(0);
    assert_eq!(mode("backup.csv"), 0o600);
    fs::set_permissions(world.path("backup.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    world.run(["export", "-o", "backup.csv", "-q"]).ends_with(0);
    assert_eq!(mode("backup.csv"), 0o640);
    let rows = world.read("contacts.csv") + "11,u,Bob,x,no\n";
    world.write("contacts.csv", rows);
    let import = ["import", "contacts.csv", "--rejects", "rejects.csv", "-q"];
    world.run(import).ends_with(3);
    assert_eq!(mode("rejects.csv"), 0o600);
    fs::set_permissions(world.path("rejects.csv"), fs::Permissions::from_mode(0o660)).unwrap();
    world.run(import).ends_with(3);
    assert_eq!(mode("rejects.csv"), 0o660);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let world = world(5);
    // Named after a credential, in the working directory.
    world.write("token", "wrong");
    let profile = format!(
        "profile = 'main'\n[profiles.main]\nbase_url = '{}'\ntoken_file = '{}'\n",
        world.sandbox.base_url(),
        world.write("main.token", world.sandbox.token()).display(),
    );
    world.write("wazzup.toml", profile);
    let names = [
        "WAZZUP_CONFIG",
        "WAZZUP_PROFILE",
        "WAZZUP_BASE_URL",
        "WAZZUP_TOKEN",
        "WAZZUP_REFRESH_TOKEN",
        "WAZZUP_CLIENT_ID",
        "WAZZUP_ACCOUNT_ID",
        "WAZZUP_PARTNER_EMAIL",
        "WAZZUP_PARTNER_PASSWORD",
        "CREDENTIALS_DIRECTORY",
        "TMPDIR",
    ];
    for value in ["", " "] {
        let empty = |call: Call| {
            let names = names.into_iter();
            names.fold(call, |call, name| call.env(name, value))
        };
        let auth = empty(world.call(["auth", "--json"])).run().ends_with(0);
        let auth: serde_json::Value = serde_json::from_str(&auth.stdout).unwrap();
        assert_eq!(auth["profile"], "main");
        let import = world.call(["import", "-", "-q"]);
        let import = empty(import).stdin(world.read("contacts.csv"));
        import.run().ends_with(0);
    }
    world.write(
        "jobs.toml",
        "[[job]]\nname = 'a'\ncommand = 'check'\nsource = 'contacts.csv'\n",
    );
    let jobs = world.call(["jobs", "jobs.toml"]).env("WAZZUP_BASE_URL", "");
    jobs.run().ends_with(0);
}

#[test]
fn two_options_that_name_one_file_are_refused_before_anything_is_sent() {
    let world = world(5);
    world.write("token", world.sandbox.token());
    for command in [
        "import contacts.csv --run a.prom --metrics ./a.prom",
        "import contacts.csv --rejects a.csv --run ./a.csv",
        "plan contacts.csv -o a.html --report a.html",
        "apply --rejects a --ids a",
        "export --format csv -o a.prom --metrics a.prom",
        "export --format csv -o token --token-file token",
        "check contacts.csv --rejects m.toml --write-mapping m.toml",
    ] {
        let ran = world.run(command.split(' ')).ends_with(2);
        let sentence = "name the same file";
        assert!(ran.stderr.contains(sentence), "{command}: {}", ran.shown());
    }
    // `apply` may find the path of the rejects in the ledger.
    let command = "import contacts.csv --rejects a.prom";
    world.run(command.split(' ')).ends_with(2);
    assert_eq!(world.sandbox.request_count(), 0);
    assert_eq!(world.read("token"), world.sandbox.token());
    let to_nothing = "check contacts.csv --rejects /dev/null --report /dev/null";
    world.run(to_nothing.split(' ')).ends_with(0);
}

#[cfg(unix)]
#[test]
fn a_file_that_a_stream_is_redirected_to_is_shared_with_it() {
    let world = world(5);
    let rows = world.read("contacts.csv") + "11,u,Bob,x,no\n";
    world.write("contacts.csv", rows);
    let redirected = |args: &str| {
        let script = format!("exec {} {args}", env!("CARGO_BIN_EXE_wazzup-contacts"));
        world.call_program("sh", ["-c", &script]).run()
    };
    redirected("import contacts.csv --rejects /dev/stderr 2> all.txt").ends_with(3);
    let all = world.read("all.txt");
    assert!(all.contains("11,u,Bob") && all.contains("\ndone "), "{all}");
    redirected("import contacts.csv --rejects same.csv > same.csv").ends_with(3);
    assert!(world.read("same.csv").contains("11,u,Bob"));
    redirected("export --format csv -o /proc/self/fd/1 --json > backup.csv").ends_with(0);
    let backup = world.read("backup.csv");
    assert_eq!(backup.lines().count(), 6, "{backup}");
    for command in [
        "import contacts.csv --json",
        "check contacts.csv",
        "import contacts.csv --dry-run",
    ] {
        let command = format!("{command} --rejects /dev/stdout > mixed.txt");
        redirected(&command)
            .ends_with(2)
            .tells("the rejects and the command's other output would be mixed");
    }
    let ran = redirected("check contacts.csv -q --rejects /dev/stdout > rejects.csv");
    ran.ends_with(3);
    assert!(world.read("rejects.csv").contains("11,u,Bob"));
}
