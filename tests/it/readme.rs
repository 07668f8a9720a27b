//! The README and the first steps are verified: their console blocks are run, and the README's tables are compared
//! with the code.
//!
//! A block that begins with ```` ```console ```` is a session in one directory with `samples/`. Each `$ ` line is
//! run, and the lines after it are its output, first standard error and then standard output. A line `…` matches
//! any number of lines, and `<!-- a new account -->` starts a new directory and an empty account. Values that vary
//! are masked on both sides. `README_UPDATE=1 cargo test --test it readme` writes the output into blocks without
//! `…`.

use std::{fs, path::Path};

use clap::{Command, CommandFactory as _};
use regex::Regex;
use wazzup_contacts::{
    cli::Cli,
    error::ExitCode,
    mapping::Field,
    reject::RejectCode,
    sandbox::{Options, UriShown},
};

use crate::harness::{World, sample};

/// Values that vary between runs and machines.
const VARIES: [(&str, &str); 13] = [
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    // A second run of the same minute has a number behind its name.
    (
        r"\d{4}-\d\d-\d\dT\d{4}-([a-z]+(?:-[a-z]+)*)(-\d+)?",
        "TIME-$1",
    ),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?Z)?", "TIME"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\d+(\.\d+)? (ms|s)\b", "DURATION"),
    (r"[\d,]+ sent", "N sent"),
    (
        r"((?:timestamp|duration)_seconds|run_requests)(\{.*\}) [\d.]+",
        "$1$2 N",
    ),
    (r"at most [\d,]+ in", "at most N in"),
    (
        r#""(p50|p99|seconds|sent|peak_per_5s|concurrency|200)":[\d.]+"#,
        r#""$1":N"#,
    ),
    (r#""run":"[^"]*\.run""#, r#""run":"FILE""#),
    // The order in an export is that in which parallel requests arrived.
    (r#""blake3":"[0-9a-f]+""#, r#""blake3":"HASH""#),
    (r"on [\d,]+ pages?", "on N pages"),
    (r"[ \t\r]+\n", "\n"),
];

/// Starts a new session.
const NEW_ACCOUNT: &str = "<!-- a new account -->";

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// A world with the samples, like a clone of the repository.
fn world() -> World {
    let world = World::with(Options {
        uri: UriShown::ApiPath,
        ..Options::default()
    });
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    for folder in ["", "mappings"] {
        for entry in fs::read_dir(samples.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let inside = path.strip_prefix(&samples).unwrap();
                world.write(
                    &format!("samples/{}", inside.display()),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    world
}

/// A `$ ` line and its expected output.
struct Step {
    command: String,
    expected: String,
}

fn steps(block: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step {
                command: command.to_owned(),
                expected: String::new(),
            }),
            (None, Some(step)) => {
                step.expected.push_str(line);
                step.expected.push('\n');
            }
            (None, None) => panic!("a console block begins with `$ `: {line}"),
        }
    }
    steps
}

/// Splits a command line into words like a shell; supports only quotes.
pub(crate) fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Runs the command and returns its output.
fn play(world: &World, command: &str) -> String {
    let ours = ["wazzup-contacts ", "cargo run --release -- "];
    if let Some(arguments) = ours.iter().find_map(|name| command.strip_prefix(name)) {
        let printed = world.call(words(arguments)).merged();
        let state = format!("{}/home/state", world.dir().display());
        return printed.replace(&state, "/home/ann/.local/state");
    }
    let mut shell = std::process::Command::new("sh");
    let output = shell
        .args(["-c", command])
        .current_dir(world.dir())
        .output()
        .unwrap();
    // A terminal shows no carriage return at the end of a line.
    String::from_utf8(output.stdout)
        .unwrap()
        .replace("\r\n", "\n")
}

fn masked(text: &str) -> String {
    VARIES
        .iter()
        .fold(text.to_owned(), |text, (pattern, shown)| {
            Regex::new(pattern)
                .unwrap()
                .replace_all(&text, *shown)
                .into_owned()
        })
}

/// True if the output is as expected; `…` lines match any number of lines.
fn agrees(expected: &str, printed: &str) -> bool {
    let pattern: String = masked(expected)
        .lines()
        .map(|line| match line.trim() {
            "…" => "(?:.*\n)*?".to_owned(),
            _ => format!("{}\n", regex::escape(line)),
        })
        .collect();
    Regex::new(&format!("^{pattern}$"))
        .unwrap()
        .is_match(&masked(printed))
}

/// Runs the console blocks of a document in a new world.
fn follow(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let (mut session, text) = (world(), fs::read_to_string(&path).unwrap());
    let is_update = std::env::var_os("README_UPDATE").is_some();
    let mut written = String::new();
    let mut wrong = Vec::new();
    for (index, part) in text.split("```console\n").enumerate() {
        let Some((block, rest)) = part.split_once("```\n").filter(|_| index > 0) else {
            written.push_str(part);
            continue;
        };
        written.push_str("```console\n");
        for Step { command, expected } in steps(block) {
            let printed = play(&session, &command);
            let is_cut = expected.lines().any(|line| line.trim() == "…");
            if !agrees(&expected, &printed) {
                wrong.push(format!(
                    "$ {command}\n--- {name}\n{expected}--- printed\n{printed}"
                ));
            }
            // What is right stays as it is, numbers that vary and all.
            let shown = if is_cut || agrees(&expected, &printed) {
                &expected
            } else {
                &printed
            };
            written.extend(["$ ", &command, "\n", shown]);
        }
        written.push_str("```\n");
        written.push_str(rest);
        if rest.contains(NEW_ACCOUNT) {
            session = world();
        }
    }
    if is_update {
        fs::write(path, written).unwrap();
    } else {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn every_console_block_prints_what_it_says() {
    follow("README.md");
}

#[test]
fn the_first_steps_in_other_languages_print_what_they_say() {
    for language in ["ru", "es"] {
        follow(&format!("samples/first-steps.{language}.md"));
    }
}

/// Each group of options has a line, and each command has one with its groups and its own options.
#[test]
fn every_option_of_every_command_is_explained() {
    let text = readme();
    let line = |start: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("the README has no line of options `{start}`"))
    };
    let cli = Cli::command();
    for command in cli.get_subcommands() {
        let name = command.get_name();
        let line_of_group =
            |group: &str| line(&format!("| {} |", group.trim_end_matches(" options")));
        let line = line(&format!("| `{name}"));
        let cells: Vec<&str> = line.split('|').collect();
        let (groups, own) = (cells[2], cells[3]);
        let inner = command.get_subcommands().flat_map(Command::get_arguments);
        let common = cli.get_arguments();
        for argument in command.get_arguments().chain(inner).chain(common) {
            let Some(long) = argument
                .get_long()
                .filter(|long| !["help", "version"].contains(long))
            else {
                continue;
            };
            let group = argument
                .get_help_heading()
                .unwrap_or_default()
                .to_lowercase();
            let flag = format!("`--{long}");
            let is_shared = group == "common options" || groups.contains(&group);
            assert!(
                own.contains(&flag)
                    || (!group.is_empty() && is_shared && line_of_group(&group).contains(&flag)),
                "the README's line of options for {name} does not name --{long}"
            );
        }
    }
}

#[test]
fn every_code_field_and_exit_code_is_explained() {
    let text = readme();
    let says = |word: &str| assert!(text.contains(word), "the README does not say {word}");
    for code in RejectCode::ALL {
        says(&format!("| `{code}` |"));
    }
    for field in Field::all() {
        says(&format!("`{field}`"));
    }
    let help = Cli::command().render_long_help().to_string();
    let (_, codes) = help.split_once("Exit codes:").unwrap();
    for code in ExitCode::ALL {
        let code = *code as i32;
        says(&format!("| {code} |"));
        assert!(codes.contains(&format!(" {code} ")), "--help: {code}");
    }
}

#[test]
fn every_sample_for_operators_is_named() {
    let text = readme();
    for entry in fs::read_dir(sample("operator")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let link = format!("[{name}](samples/operator/{name})");
        assert!(text.contains(&link), "the README does not link {name}");
    }
}

#[test]
fn every_file_that_is_linked_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let link = Regex::new(r"\]\(([^)#:]+)\)").unwrap();
    for name in [
        "README.md",
        "samples/first-steps.ru.md",
        "samples/first-steps.es.md",
    ] {
        let path = root.join(name);
        let text = fs::read_to_string(&path).unwrap();
        for found in link.captures_iter(&text) {
            assert!(
                path.with_file_name(&found[1]).exists(),
                "{name}: {}",
                &found[1]
            );
        }
    }
}
