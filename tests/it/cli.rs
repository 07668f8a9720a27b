//! The command line as a whole: help, streams, colours, logs, completions, the manual, exit codes.

use clap::CommandFactory as _;
use wazzup_contacts::{cli::Cli, sandbox::Options};

use crate::{
    csv_files,
    harness::World,
    model::{contact, csv, quick},
    samples::bring,
};

#[test]
fn the_help_of_every_command_is_as_it_was_agreed_on() {
    let world = World::new();
    let ran = world.run(["--help"]).ends_with(0);
    insta::assert_snapshot!("help", ran.stdout);
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let ran = world.run([name, "--help"]).ends_with(0);
        insta::assert_snapshot!(format!("help-{name}"), ran.stdout);
    }
}

#[test]
fn what_was_typed_wrong_ends_with_2() {
    let world = World::new();
    for args in [
        &["fly"][..],
        &[],
        &["import"],
        &["import", "a.csv", "--mode", "all"],
        &["import", "a.csv", "--batch-size", "101"],
        &["import", "a.csv", "--max-rejects", "many"],
        &["import", "a.csv", "--max-delete", "-1"],
        &["import", "a.csv", "--rate", "fast"],
        &["import", "a.csv", "--concurrency", "0"],
        &["check", "a.csv", "--threads", "0"],
        &["check", "a.csv", "--map", "id"],
        &["check", "a.csv", "--map", "idd=ID"],
        &["check", "a.csv", "--set", "uri={id"],
        &["check", "a.csv", "--encoding", "klingon"],
        &["check", "a.csv", "--region", "Mordor"],
        &["check", "a.csv", "--phone-as", "fax"],
        &["check", "a.csv", "--mapping", "missing.toml"],
        &["apply", "--stale-after", "soon"],
        // What would mean nothing is not taken.
        &["check", "a.csv", "--set", "id="],
        &["check", "a.csv", "--map", "id="],
        &["get", ""],
        &["delete", "--yes", "1", ""],
        &["check", "a.csv", "--sandbox"],
        &["runs", "--wait"],
        &["get", "1", "--wait"],
        &["sandbox", "--concurrency", "2"],
        &["completions", "bash", "--token-file", "token"],
        &["man", "--rate", "1/1s"],
    ] {
        let ran = world.run(args).ends_with(2);
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn errors_name_the_flag_that_helps() {
    let world = World::new();
    world.write("a.csv", "Nr,Kunde\n1,Ann\n");
    world.write("deals.csv", "ID,Название сделки\n1,x\n");
    let shown: Vec<String> = [
        &["check", "a.csv", "--map", "id=Nummer"][..],
        &["check", "deals.csv"],
        &["check", "a.csv", "--delimiter", ";;"],
        &["check", "a.csv", "--region", "Mordor"],
        &["export", "--rate", "fast"],
        &["export", "--base-url", "http://tech.wazzup24.com"],
        &["check", "missing.csv"],
        &["import", "a.csv", "--config", "missing.toml"],
        &["apply"],
        &["delete", "1"],
        &["export", "today.csv"],
        &["upload", "a.csv"],
        &["a.csv", "import"],
        &["employees"],
        &["check", "b.csv"],
        &["apply", "a.csv"],
        &["plan", "a.csv", "-o", "plan.xlsx"],
        &["plan", "a.csv", "-o", "plan.html"],
        &["auth", "--base-url", "tech.wazzup24.com"],
        &["auth", "--base-url", "https://tech.wazzup24.com/v2/"],
    ]
    .iter()
    .map(|args| format!("$ {}\n{}", args.join(" "), world.run(*args).stderr))
    .collect();
    insta::assert_snapshot!(shown.join("\n"));
    for (token, words) in [
        ("Bearer abc", "begins with the word `Bearer`"),
        ("a\nb", "line break"),
        ("a b", "spaces"),
    ] {
        let ran = world.call(["auth"]).env("WAZZUP_TOKEN", token).run();
        ran.ends_with(4).tells(words);
    }
}

#[test]
fn results_go_to_standard_output_and_all_else_to_standard_error() {
    let world = World::with(Options {
        contacts: 2,
        ..Options::default()
    });
    let file = bring(&world, "contacts.csv");
    // True if the report is the result that the command exists for.
    for (args, is_result) in [
        (&["import", file, "--dry-run"][..], true),
        (&["import", file], false),
        (&["plan", file, "-o", "a.run"], true),
        (&["check", file], true),
        (&["verify", file], true),
        (&["export", "-o", "all.csv"], false),
        (&["auth"], true),
    ] {
        let json = world.run([args, &["--json"]].concat()).ends_with(0);
        let summary = json.json();
        assert_eq!(summary["command"], args[0], "{args:?}");
        assert_eq!(summary["exit_code"], 0, "{args:?}");
        world.run(["runs", "prune", "--keep", "0"]).ends_with(0);
        std::fs::remove_file(world.path("a.run")).ok();
        let words = world.run(args).ends_with(0);
        let (result, other) = if is_result {
            (&words.stdout, &words.stderr)
        } else {
            (&words.stderr, &words.stdout)
        };
        assert!(!result.is_empty(), "{}", words.shown());
        let is_progress = |line: &str| {
            ["plan saved", "to send it", "dry run"]
                .iter()
                .any(|start| line.starts_with(start))
        };
        assert!(other.lines().all(is_progress), "{}", words.shown());
        std::fs::remove_file(world.path("a.run")).ok();
        let quiet = world.run([args, &["--quiet"]].concat()).ends_with(0);
        assert_eq!((&*quiet.stdout, &*quiet.stderr), ("", ""), "{args:?}");
        std::fs::remove_file(world.path("a.run")).ok();
    }
}

/// As in `… | head` and `… > report.txt` on a full disk.
#[test]
fn a_report_may_lose_its_reader_but_not_its_text() {
    let world = World::new();
    let file = bring(&world, "contacts.csv");
    for args in [
        &["check", file][..],
        &["import", file, "--dry-run"],
        &["auth"],
    ] {
        world.call(args).unread().ends_with(0);
        #[cfg(target_os = "linux")]
        {
            let shell = r#"exec "$0" "$@" > /dev/full"#;
            let program = ["-c", shell, env!("CARGO_BIN_EXE_wazzup-contacts")];
            let ran = world.call_program("sh", [&program, args].concat()).run();
            ran.ends_with(1).tells("standard output");
        }
    }
}

#[test]
fn colours_are_there_when_asked_for() {
    let world = World::new();
    let file = bring(&world, "contacts.csv");
    for (when, coloured) in [("always", true), ("never", false), ("auto", false)] {
        let ran = world.run(["check", file, "--color", when]).ends_with(0);
        assert_eq!(ran.stdout.contains('\u{1b}'), coloured, "--color {when}");
        let ran = world
            .run(["check", "missing.csv", "--color", when])
            .ends_with(1);
        assert_eq!(ran.stderr.contains('\u{1b}'), coloured, "--color {when}");
    }
}

#[test]
fn verbose_says_what_is_done_in_the_form_asked_for() {
    let world = World::new();
    world.write("few.csv", csv_files::many(3));
    let silent = world.run(["import", "few.csv", "--dry-run"]).ends_with(0);
    assert!(!silent.stderr.contains("reading"), "{}", silent.shown());
    let args = ["import", "few.csv", "--dry-run", "-v", "--threads", "3"];
    let once = world.run(args).ends_with(0);
    assert!(once.stderr.contains("workers=3"), "{}", once.shown());
    assert!(!once.stderr.contains("answered"), "{}", once.shown());
    let twice = world
        .run(["import", "few.csv", "--dry-run", "-vv"])
        .ends_with(0);
    assert!(twice.stderr.contains("answered"), "{}", twice.shown());
    let args = [
        "export",
        "-o",
        "all.csv",
        "-q",
        "-vv",
        "--log-format",
        "json",
    ];
    assert_eq!(world.run(args).ends_with(0).stderr, "", "-q wins");
    let args = ["export", "-o", "all.csv", "-vv", "--log-format", "json"];
    let json = world.run(args).ends_with(0);
    let objects = json.stderr.lines().filter(|line| line.starts_with('{'));
    let objects: Vec<serde_json::Value> = objects
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!objects.is_empty() && objects[0]["fields"].is_object());
}

#[test]
fn completions_and_the_manual_know_every_command() {
    let world = World::new();
    let man = world.run(["man"]).ends_with(0).stdout;
    let scripts = ["bash", "zsh", "fish", "elvish", "powershell"]
        .map(|shell| world.run(["completions", shell]).ends_with(0).stdout);
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(man.contains(&format!("\\-{name}")), "man: {name}");
        for script in &scripts {
            assert!(script.contains(name), "{name}");
        }
    }
    for script in &scripts {
        assert!(script.contains("on-duplicate"));
    }
}

#[test]
fn nobody_has_to_listen_to_what_is_said_to_people() {
    let world = World::new();
    for number in 1..=250 {
        world.sandbox.put_contact(&contact(number, "old"));
    }
    let contacts = (200..=260).map(|number| contact(number, "new"));
    world.write("contacts.csv", csv(contacts));
    world.write("more.csv", csv([contact(300, "new")]) + "301,u,Bob,x,no\n");
    for (command, code) in [
        ("check more.csv", 3),
        ("import contacts.csv", 0),
        ("import more.csv -vv --log-format json", 3),
        ("export -vv", 0),
        ("export -vv -o all.csv", 0),
        ("import missing.csv", 1),
        ("import more.csv --rate fast", 2),
        ("--help", 0),
        ("import --fly", 2),
    ] {
        let ran = world.call(command.split(' ')).unheard();
        assert_eq!(ran.code, Some(code), "{command}: {}", ran.stdout);
    }
    assert_eq!(world.sandbox.contact_count(), 261);
}

#[test]
fn a_command_that_fails_says_so_in_its_one_object_too() {
    let world = World::new();
    world.write("bad.csv", csv([contact(1, "x")]).replace("7999", "no"));
    world.write("good.csv", csv([contact(1, "x")]));
    for (command, code) in [
        ("import missing.csv", 1),
        ("import bad.csv", 5),
        ("import good.csv --rate fast", 2),
        ("check missing.csv", 1),
        ("plan good.csv --token-file missing", 4),
        ("export -o all.xls", 2),
        ("apply missing.run", 1),
        ("undo missing.run", 1),
        ("verify missing.csv", 1),
        ("delete good.csv", 2),
        ("runs show missing.run", 1),
        ("get 1 --config missing.toml", 2),
    ] {
        let ran = world.run(command.split(' ').chain(["--json", "-q"]));
        let object = ran.ends_with(code).json();
        let name = command.split(' ').next().unwrap();
        assert_eq!(object["command"], name, "{object}");
        assert_eq!(object["exit_code"], code, "{object}");
        assert!(object["seconds"].is_number(), "{object}");
        let message = object["error"]["message"].as_str().unwrap();
        assert!(!message.is_empty(), "{object}");
    }
    for command in [
        "import good.csv",
        "export -o all.csv",
        "get 1",
        "delete 1 -y",
        "auth",
    ] {
        let call = world.call(command.split(' ').chain(["--json"]));
        let object = call.env("WAZZUP_TOKEN", "wrong").run().ends_with(4).json();
        assert_eq!(object["exit_code"], 4, "{object}");
        assert!(object["error"]["hint"].is_string(), "{object}");
    }
}

#[test]
fn contacts_on_standard_output_leave_the_object_to_standard_error() {
    let world = World::new();
    world.sandbox.put_contact(&contact(1, "x"));
    let ran = world.run(["export", "--json", "-q"]).ends_with(0);
    assert_eq!(ran.stdout.lines().count(), 2, "{}", ran.shown());
    let object: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(object["contacts"], 1);
    let call = world
        .call(["export", "--json", "-q"])
        .env("WAZZUP_TOKEN", "wrong");
    let ran = call.run().ends_with(4);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.starts_with('{'), "{}", ran.shown());
}

#[test]
fn every_summary_says_whose_it_is_and_when_it_ended() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=3).map(|n| contact(n, "new"))));
    let object = |command: &str| {
        let object = world.run(command.split(' ').chain(["--json"])).json();
        assert_eq!(object["tool_version"], env!("CARGO_PKG_VERSION"));
        let (started, finished) = (&object["started_at"], &object["finished_at"]);
        assert!(started.as_str() <= finished.as_str(), "{object}");
        assert!(object.get("profile").is_some(), "{object}");
        object
    };
    let planned = object("plan contacts.csv");
    assert!(planned["account"].is_string());
    for command in ["import contacts.csv", "export -o backup.csv"] {
        let done = object(command);
        assert_eq!(done["account"], planned["account"], "{command}");
        assert!(done["contacts_per_second"].as_f64() > Some(0.0), "{done}");
    }
    for command in ["check contacts.csv", "import contacts.csv --map x=y"] {
        let local = object(command);
        assert!(local["account"].is_null() && local.get("contacts_per_second").is_none());
    }
}

#[test]
fn wrong_arguments_print_an_object_too() {
    let world = World::new();
    for (command, name, words) in [
        ("import --json", "import", "required arguments"),
        ("import --json a.csv --mode foo", "import", "'foo'"),
        ("runs --since foo --json", "runs", "'foo'"),
        ("check a.csv --json=yes", "check", "'yes'"),
    ] {
        let ran = world.run(command.split(' ')).ends_with(2);
        let object = ran.json();
        assert_eq!(
            (&object["command"], &object["exit_code"]),
            (&name.into(), &2.into())
        );
        let message = object["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(world.run(["import", "--", "--json"]).stdout, "");
}
