//! Harmful paths of rejects: from a foreign run file, or prepared by others.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use rusqlite::Connection;

use crate::{csv_files, harness::World};

/// A world with `few.csv`, whose last row is rejected.
fn world() -> World {
    let world = World::new();
    world.write("few.csv", format!("{}bad,u,,x,1\n", csv_files::many(3)));
    world
}

fn alter_about(run: &Path, path: &str, value: &str) {
    let run = Connection::open(run).unwrap();
    let sql = "UPDATE fact SET value = json_set(value, ?1, ?2) WHERE name = 'about'";
    assert_eq!(run.execute(sql, [path, value]).unwrap(), 1);
}

#[test]
fn a_run_file_from_elsewhere_does_not_decide_where_the_rejects_go() {
    let world = world();
    let aliases = world.path("home/.bash_aliases");
    let plan = ["plan", "few.csv", "-o", "a.run", "--rejects"].map(Into::into);
    let args: Vec<PathBuf> = plan.into_iter().chain([aliases.clone()]).collect();
    world.write("home/.bashrc", "");
    let author = world.path("author");
    world
        .call(args)
        .env("XDG_STATE_HOME", author)
        .run()
        .ends_with(3);
    fs::remove_file(&aliases).unwrap();
    let ran = world.run(["apply", "a.run", "--json"]).ends_with(3);
    assert!(!aliases.exists());
    assert_eq!(ran.json()["files"]["rejects"], "few.rejected.csv");
    assert_eq!(world.read("few.rejected.csv").lines().count(), 2);
    world.run(["apply", "a.run"]).ends_with(3);
    world.run(["verify", "a.run"]).ends_with(0);
    world.run(["undo", "a.run", "--yes"]).ends_with(0);
    world.run(["runs", "show", "a.run"]).ends_with(0);
    assert!(!aliases.exists());
}

#[test]
fn a_run_that_was_planned_here_keeps_its_place_for_rejects() {
    let world = world();
    world.write("sub/x", "");
    let plan = ["plan", "few.csv", "-o", "a.run", "--rejects", "sub/r.csv"];
    world.run(plan).ends_with(3);
    fs::remove_file(world.path("sub/r.csv")).unwrap();
    fs::rename(world.path("a.run"), world.path("sub/b.run")).unwrap();
    let apply = world.call(["apply", "b.run"]).within(world.path("sub"));
    apply.run().ends_with(3);
    assert_eq!(world.read("sub/r.csv").lines().count(), 2);
    assert!(!world.path("sub/few.rejected.csv").exists());
}

#[test]
fn an_altered_run_file_replaces_no_file_that_it_claims() {
    let world = world();
    world.run(["plan", "few.csv", "-o", "a.run"]).ends_with(3);
    fs::remove_file(world.path("few.rejected.csv")).unwrap();
    let victim = world.write("victim.csv", "precious");
    let path = victim.to_str().unwrap();
    alter_about(&world.path("a.run"), "$.rejects", path);
    let run = Connection::open(world.path("a.run")).unwrap();
    let claim = format!("{{\"wanted\":\"{path}\",\"path\":\"{path}\",\"digest\":\"x\"}}");
    run.execute(
        "INSERT OR REPLACE INTO fact VALUES ('rejects', ?1)",
        [claim],
    )
    .unwrap();
    drop(run);
    world.run(["apply", "a.run"]).ends_with(3);
    assert_eq!(world.read("victim.csv"), "precious");
    assert_eq!(world.read("few.rejected.csv").lines().count(), 2);
}

#[test]
fn no_path_in_a_run_file_is_written_to() {
    let world = world();
    world.run(["plan", "few.csv", "-o", "a.run"]).ends_with(3);
    fs::remove_file(world.path("few.rejected.csv")).unwrap();
    let there = world.path("there");
    let victim = world.write("there/victim.csv", "precious");
    let path = victim.to_str().unwrap();
    for field in ["$.rejects", "$.source.path"] {
        alter_about(&world.path("a.run"), field, path);
    }
    alter_about(&world.path("a.run"), "$.directory", there.to_str().unwrap());
    let run = Connection::open(world.path("a.run")).unwrap();
    run.execute("UPDATE source SET path = ?1, sheet = ?1", [path])
        .unwrap();
    let files = format!(
        "{{\"files\":{{\"run\":\"{path}\",\"rejects\":\"{path}\",\"report\":\"{path}\"}}}}"
    );
    run.execute(
        "INSERT OR REPLACE INTO fact VALUES ('summary', ?1)",
        [files],
    )
    .unwrap();
    drop(run);
    world.run(["runs", "show", "a.run"]).ends_with(0);
    world.run(["apply", "a.run"]).ends_with(3);
    world
        .run(["apply", "a.run", "--rejects", "r.csv"])
        .ends_with(3);
    world.run(["verify", "a.run"]).ends_with(0);
    world.run(["undo", "a.run", "--yes"]).ends_with(0);
    assert_eq!(world.read("there/victim.csv"), "precious");
    assert_eq!(fs::read_dir(there).unwrap().count(), 1);
    assert_eq!(world.read("victim.rejected.csv").lines().count(), 2);
}

#[test]
fn the_account_of_a_run_file_names_no_ledger_elsewhere() {
    let world = world();
    world
        .run(["import", "few.csv", "--run", "a.run"])
        .ends_with(3);
    let victim = world.write("victim.db", "precious");
    let outside = victim.with_extension("");
    for account in [
        "../../../../victim",
        outside.to_str().unwrap(),
        "",
        "a/b",
        "a\0b",
    ] {
        alter_about(&world.path("a.run"), "$.account", account);
        for command in [
            ["runs", "show", "a.run"],
            ["apply", "a.run", "--rejects=r.csv"],
        ] {
            let ran = world.run(command).ends_with(1);
            assert!(ran.stderr.contains("is damaged"), "{}", ran.shown());
        }
        assert_eq!(world.read("victim.db"), "precious");
    }
}

#[test]
fn the_name_in_a_run_file_is_not_a_path() {
    let world = world();
    world.run(["plan", "few.csv", "-o", "a.run"]).ends_with(3);
    for (name, expected) in [
        ("/etc/cron.d/x.csv", "x.rejected.csv"),
        ("../up.csv", "up.rejected.csv"),
        ("..", "stdin.rejected.csv"),
        ("a\\..\\b\n.csv", "a-..-b-.rejected.csv"),
    ] {
        alter_about(&world.path("a.run"), "$.source.path", name);
        let run = Connection::open(world.path("a.run")).unwrap();
        run.execute(
            "UPDATE fact SET value = '\"sealed\"' WHERE name = 'state'",
            [],
        )
        .unwrap();
        drop(run);
        world.run(["apply", "a.run"]).ends_with(3);
        assert_eq!(world.read(expected).lines().count(), 2, "{name}");
    }
}

/// Puts something at a path.
type Plant = fn(&World, &Path);

const PLANTS: [(&str, Plant); 6] = [
    ("a dangling link", |world, path| {
        symlink(world.path("elsewhere"), path).unwrap();
    }),
    ("a link to an empty file", |world, path| {
        symlink(world.write("elsewhere", ""), path).unwrap();
    }),
    ("a link to a file", |world, path| {
        symlink(world.write("elsewhere", "precious"), path).unwrap();
    }),
    ("a link to a device", |_, path| {
        symlink("/dev/full", path).unwrap();
    }),
    ("a pipe", |_, path| {
        let made = Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    }),
    ("a second name of a file", |world, path| {
        fs::hard_link(world.write("elsewhere", "precious"), path).unwrap();
    }),
];

#[test]
fn whatever_is_at_the_default_path_is_left_alone() {
    for (what, plant) in PLANTS {
        let world = world();
        for name in ["few.rejected.csv", "few.rejected-2.csv"] {
            plant(&world, &world.path(name));
            let _ = fs::copy(world.path("elsewhere"), world.path("elsewhere.kept"));
            let _ = fs::remove_file(world.path("elsewhere"));
        }
        if let Ok(bytes) = fs::read(world.path("elsewhere.kept")) {
            world.write("elsewhere", bytes);
        }
        for command in ["plan", "import"] {
            let ran = world.run([command, "few.csv"]).ends_with(3);
            assert!(
                ran.stderr.contains("few.rejected-3.csv"),
                "{what}: {}",
                ran.shown()
            );
            assert_eq!(
                world.read("few.rejected-3.csv").lines().count(),
                2,
                "{what}"
            );
            let elsewhere = fs::read_to_string(world.path("elsewhere")).unwrap_or_default();
            assert!(["", "precious"].contains(&&*elsewhere), "{what}");
            assert_eq!(
                elsewhere,
                fs::read_to_string(world.path("elsewhere.kept")).unwrap_or_default()
            );
        }
    }
}

#[test]
fn a_link_that_the_user_names_is_followed() {
    let world = world();
    let there = world.write("there/r.csv", "");
    symlink(&there, world.path("r.csv")).unwrap();
    world
        .run(["plan", "few.csv", "-o", "a.run", "--rejects", "r.csv"])
        .ends_with(3);
    world.run(["apply", "a.run"]).ends_with(3);
    assert_eq!(world.read("there/r.csv").lines().count(), 2);
    assert!(world.path("r.csv").is_symlink());
}
