//! The parts of a package: the version, the manual, completions, and the files of the Debian package.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::{CommandFactory as _, ValueEnum as _};
use regex::Regex;
use wazzup_contacts::cli::Cli;

use crate::harness::{Call, World, is_installed};

#[allow(dead_code, reason = "`main` is for cargo")]
#[path = "../../src/build.rs"]
mod build_script;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_debug_build_shows_its_version_and_no_commit() {
    let world = World::new();
    let version = concat!("wazzup-contacts ", env!("CARGO_PKG_VERSION"));
    let short = world.run(["-V"]).ends_with(0);
    assert_eq!(short.stdout, format!("{version}\n"));
    let long = world.run(["--version"]).ends_with(0);
    assert_eq!(long.stdout, format!("{version} (debug build)\n"));
}

/// A git command in a directory of the world.
fn git(world: &World, directory: &str, command: &str) -> String {
    let settings = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"];
    let call: Call = world.call_program("git", settings.into_iter().chain(command.split(' ')));
    let ran = call.within(world.path(directory)).run().ends_with(0);
    ran.stdout.trim().to_owned()
}

#[test]
fn a_release_knows_its_commit_and_is_built_again_when_that_changes() {
    if !is_installed("git") {
        return;
    }
    let world = World::new();
    world.write("clone/src/main.rs", "fn main() {}");
    world.write("clone/inner/Cargo.toml", "");
    let instructions = |directory: &str, epoch: Option<&str>| {
        build_script::instructions(&world.path(directory), epoch.map(str::to_owned))
    };
    let variables = |directory: &str, epoch: Option<&str>| {
        let found = instructions(directory, epoch).into_iter();
        let found = found.filter(|line| line.starts_with("rustc-env="));
        found.collect::<Vec<_>>().join(" ")
    };
    let epoch = "rustc-env=WAZZUP_CONTACTS_EPOCH=1764288000";
    assert_eq!(variables("clone", None), "");
    assert_eq!(variables("clone", Some("1764288000")), epoch);

    git(&world, "clone", "init -q");
    assert_eq!(variables("clone", None), "", "a repository without commits");
    git(&world, "clone", "add .");
    git(&world, "clone", "commit -q -m First");
    let head = git(&world, "clone", "rev-parse HEAD");
    let time = git(&world, "clone", "log -1 --format=%ct");
    let named = |suffix: &str| {
        let name = format!("{}{suffix}", &head[..10]);
        format!("rustc-env=WAZZUP_CONTACTS_COMMIT={name} rustc-env=WAZZUP_CONTACTS_EPOCH={time}")
    };
    assert_eq!(variables("clone", Some("1764288000")), named(""));
    world.write("clone/untracked.txt", "");
    assert_eq!(variables("clone", None), named(""));
    world.write("clone/src/main.rs", "fn main() { }");
    assert_eq!(variables("clone", None), named("-modified"));
    assert_eq!(variables("clone/inner", None), "", "another repository");

    // Cargo runs the script at each build if one of the files is missing.
    let watched: Vec<PathBuf> = instructions("clone", None)
        .iter()
        .filter_map(|line| line.strip_prefix("rerun-if-changed="))
        .filter(|path| path.contains("HEAD"))
        .map(|path| world.path("clone").join(path))
        .collect();
    let read = || -> Vec<String> {
        let texts = watched.iter().map(|path| fs::read_to_string(path).unwrap());
        texts.collect()
    };
    let before = read();
    git(&world, "clone", "commit -q -a -m Second");
    assert_ne!(read(), before);
    assert_ne!(variables("clone", None), named(""));
}

/// Everything that can be typed before options: the program, `import`, `runs show` and so on.
fn commands(command: &clap::Command, name: &str, found: &mut BTreeSet<String>) {
    found.insert(name.to_owned());
    for inner in command.get_subcommands() {
        commands(inner, &format!("{name}-{}", inner.get_name()), found);
    }
}

#[test]
fn the_manual_has_a_page_for_each_command_and_refers_to_no_other() {
    let world = World::new();
    let printed = world.run(["man"]).ends_with(0).stdout;
    world
        .run(["man", "--dir", "share/man/man1"])
        .ends_with(0)
        .tells("pages written to share/man/man1");
    // A second release replaces the pages of the first.
    world
        .run(["man", "-q", "--json", "--dir", "share/man/man1"])
        .ends_with(0)
        .tells("\"directory\":\"share/man/man1\"");
    let mut expected = BTreeSet::new();
    commands(&Cli::command(), "wazzup-contacts", &mut expected);
    let reference = Regex::new(r"(wazzup[\w\\-]*)\((\d)\)").unwrap();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(world.path("share/man/man1")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(path.extension().unwrap(), "1");
        let text = world.read(&path);
        if name == "wazzup-contacts" {
            assert_eq!(text, printed);
        }
        for page in reference.captures_iter(&text) {
            let page = page[1].replace('\\', "");
            assert!(expected.contains(&page), "{name} refers to {page}");
        }
        assert!(text.contains(&format!(".TH {name} 1 ")), "{text}");
        found.insert(name);
    }
    assert_eq!(found, expected);
    world.write("file", "");
    world
        .run(["man", "--dir", "file"])
        .ends_with(1)
        .tells("file");
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let world = World::new();
    let shells = clap_complete::Shell::value_variants();
    assert_eq!(shells.len(), 5);
    for shell in shells {
        let shell = shell.to_string();
        let script = world.run(["completions", &*shell]).ends_with(0).stdout;
        world.write(&shell, script);
    }
    for (shell, args) in [
        ("bash", &["-n", "bash"][..]),
        ("zsh", &["-n", "zsh"]),
        ("fish", &["--no-config", "-n", "fish"]),
    ] {
        if is_installed(shell) {
            world.call_program(shell, args).run().ends_with(0);
        }
    }
}

/// The assets of the Debian package: where they are, and where they go.
fn assets() -> Vec<(String, String)> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let assets = &manifest["package"]["metadata"]["deb"]["assets"];
    let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
    let pairs = assets.as_array().unwrap().iter();
    pairs
        .map(|asset| (text(&asset[0]), text(&asset[1])))
        .collect()
}

/// The lines of the README that make the package are run, except for those of cargo.
#[test]
fn the_readme_makes_every_file_of_the_debian_package() {
    let world = World::new();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut blocks = readme.split("```sh\n").skip(1);
    let block = blocks.find(|block| block.contains("cargo deb")).unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let lines = block.lines().filter(|line| !line.starts_with("cargo "));
    let program = "target/release/wazzup-contacts";
    let script = lines.collect::<Vec<_>>().join("\n");
    let script = script.replace(program, env!("CARGO_BIN_EXE_wazzup-contacts"));
    let script = format!("set -e\n{script}");
    world.call_program("sh", ["-c", &script]).run().ends_with(0);
    for (from, to) in assets() {
        let base = if from.starts_with("target/") {
            world.dir()
        } else {
            root()
        };
        let (directory, pattern) = from.split_once('*').unwrap_or((&from, ""));
        let is_there = from == program || base.join(directory).exists();
        assert!(is_there, "{from} does not exist");
        assert!(to.starts_with("usr/"), "{to}");
        assert!(["", ".1", "*/*"].contains(&pattern), "{pattern}");
    }
}
