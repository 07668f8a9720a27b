//! The samples for operators: their command lines are run like on a server, and their exit codes and metrics are
//! compared with the code. Other programs check them if they are installed.

use std::{collections::BTreeSet, fs, path::Path};

use clap::{CommandFactory as _, error::ErrorKind};
use regex::Regex;
use wazzup_contacts::{
    cli::Cli,
    error::ExitCode,
    sandbox::{Options, PartnerAccount},
};
use yaml_rust2::{Yaml, YamlLoader};

use crate::{
    containers,
    csv_files::many,
    harness::{Call, World, is_installed, sample},
    readme::words,
};

/// The exit codes after which a retry may succeed.
pub(crate) const RETRIED: [ExitCode; 6] = [
    ExitCode::Failed,
    ExitCode::Busy,
    ExitCode::Stopped,
    ExitCode::HungUp,
    ExitCode::Interrupted,
    ExitCode::Terminated,
];

/// The exit codes of completed work other than 0.
const DONE_OTHERWISE: [ExitCode; 2] = [ExitCode::Rejected, ExitCode::Changes];

/// The exit codes other than 0 for which a retry has the same result.
pub(crate) fn final_codes() -> BTreeSet<i32> {
    let codes = ExitCode::ALL.iter().filter(|code| !RETRIED.contains(code));
    codes
        .map(|code| *code as i32)
        .filter(|code| *code != 0)
        .collect()
}

pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(sample("operator").join(name)).unwrap()
}

pub(crate) fn yaml(name: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(&text(name)).unwrap()
}

/// The lines without comments.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_comment = |line: &&str| line.starts_with('#') || line.trim().is_empty();
    text.lines().filter(move |line| !is_comment(line))
}

/// The values of a key of a unit file.
fn values<'t>(unit: &'t str, key: &'t str) -> Vec<&'t str> {
    let pairs = lines(unit).filter_map(|line| line.split_once('='));
    pairs
        .filter(|(found, _)| *found == key)
        .map(|(_, value)| value)
        .collect()
}

/// The lines of the crontab: times and command.
fn crontab() -> Vec<(String, String)> {
    let text = text("crontab");
    let line = Regex::new(r"^((?:[\d*,/-]+\s+){5})(\S.*)$").unwrap();
    let is_setting = Regex::new("^[A-Z_]+=").unwrap();
    let lines = lines(&text).filter(|line| !is_setting.is_match(line));
    let parts = lines.map(|text| line.captures(text).unwrap_or_else(|| panic!("{text}")));
    parts
        .map(|parts| (parts[1].to_owned(), parts[2].to_owned()))
        .collect()
}

/// A server with the files that the samples name, below the directory of the world. The account already has the
/// contacts.
pub(crate) fn server() -> World {
    let world = World::with(Options::default());
    let contacts = world.write("srv/crm/contacts.csv", many(3));
    let import = ["import", "-q", contacts.to_str().unwrap()];
    world.run(import).ends_with(0);
    for job in ["main", "simplified"] {
        for directory in ["srv/crm", "data"] {
            let source = format!("{directory}/inbox/{job}-2026-11-22.csv");
            world.write(&source, many(3));
        }
    }
    for name in ["wazzup.toml", "jobs.toml"] {
        let text = fs::read_to_string(sample(name)).unwrap();
        world.write(&format!("etc/wazzup-contacts/{name}"), moved(&world, &text));
    }
    world.write("etc/wazzup-contacts/wazzup.token", world.sandbox.token());
    world.write("var/lib/prometheus/node-exporter/other.prom", "");
    world
}

/// The text with the paths of a server below the directory of the world.
pub(crate) fn moved(world: &World, text: &str) -> String {
    let path = Regex::new(r"/(srv/crm|etc/wazzup|var/lib|run/secrets|data|state)\b").unwrap();
    let moved = format!("{}/$1", world.dir().display());
    path.replace_all(text, moved).into_owned()
}

/// The call without a token in the environment.
pub(crate) fn as_partner(world: &World, call: Call, password: &str) -> Call {
    world.write(password, PartnerAccount::default().password);
    call.without("WAZZUP_TOKEN")
}

/// The arguments of each call of the program in lines of a shell.
fn calls(script: &str) -> Vec<Vec<String>> {
    let call = Regex::new(r"wazzup-contacts ([^&>|;#\n]+)").unwrap();
    let script = script.replace("$shell", "bash");
    call.captures_iter(&script)
        .map(|call| words(&call[1]))
        .collect()
}

/// The arguments of each call in a sample for operators.
fn calls_in_sample(name: &str) -> Vec<Vec<String>> {
    let text = text(name).replace("{{ $labels.profile }}", "main");
    let quoted = Regex::new("`(wazzup-contacts [^`]+)`").unwrap();
    let mut found: Vec<_> = quoted
        .captures_iter(&text)
        .flat_map(|it| calls(&it[1]))
        .collect();
    match name {
        "wazzup-contacts.service" => found.extend(calls(values(&text, "ExecStart")[0])),
        "crontab" => found.extend(crontab().iter().flat_map(|(_, command)| calls(command))),
        "cronjob.yaml" | "indexed-job.yaml" => found.push(containers::arguments(name, "3")),
        "Dockerfile" => {
            let image = Regex::new(r"wazzup-contacts:\S+ ([a-z].*)").unwrap();
            found.extend(image.captures_iter(&text).map(|it| words(&it[1])));
        }
        _ => {}
    }
    found
}

/// Console blocks of the README are run by another test.
#[test]
fn every_command_line_is_understood() {
    let mut found = Vec::new();
    for entry in fs::read_dir(sample("operator")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let calls = calls_in_sample(&name);
        assert!(
            !calls.is_empty() || name == "wazzup-contacts.timer",
            "{name}"
        );
        found.extend(calls);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    for block in readme.split("```sh\n").skip(1) {
        found.extend(calls(block.split("```").next().unwrap()));
    }
    let example = Regex::new("(?m)^#   (wazzup-contacts .*)$").unwrap();
    for entry in fs::read_dir(sample("mappings")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let example = example.captures(&text).unwrap();
        found.extend(calls(&example[1]));
    }
    for line in found {
        let words = ["wazzup-contacts".to_owned()].into_iter().chain(line);
        let words: Vec<String> = words.collect();
        if let Err(error) = Cli::command().try_get_matches_from(&words) {
            assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{words:?}: {error}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_lines_of_the_readme_that_call_the_program_run() {
    let world = server();
    let plan = "plan srv/crm/contacts.csv -o contacts.run --mode create -q";
    world.run(plan.split(' ')).ends_with(0);
    let config = moved(&world, "/etc/wazzup-contacts/wazzup.toml");
    let programs = Path::new(env!("CARGO_BIN_EXE_wazzup-contacts")).parent();
    let path = format!("{}:/usr/bin:/bin", programs.unwrap().display());
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let mut printed = String::new();
    for block in readme.unwrap().split("```sh\n").skip(1) {
        let lines = block.split("```").next().unwrap().lines();
        for line in
            lines.filter(|line| line.starts_with("mkdir ") || line.starts_with("wazzup-contacts "))
        {
            let call = world.call_program("sh", ["-c", &line.replace('~', ".")]);
            let call = call.env("PATH", &path).env("WAZZUP_CONFIG", &config);
            printed += &call.run().ends_with(0).stdout;
        }
    }
    assert!(printed.contains(r#""decision":"create""#), "{printed}");
    assert!(printed.contains("contacts.csv"), "{printed}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_crontab_works_through_the_week() {
    let world = server();
    let config = moved(&world, "/etc/wazzup-contacts/wazzup.toml");
    assert!(text("crontab").contains("\nWAZZUP_CONFIG=/etc/wazzup-contacts/wazzup.toml\n"));
    let programs = Path::new(env!("CARGO_BIN_EXE_wazzup-contacts")).parent();
    let path = format!("{}:/usr/bin:/bin", programs.unwrap().display());
    let crontab = crontab();
    assert!(crontab.len() >= 3);
    for (times, command) in crontab {
        let allowed = [59, 23, 31, 12, 7];
        for (time, last) in times.split_whitespace().zip(allowed) {
            let mut numbers = time.split([',', '-', '/', '*']).filter(|it| !it.is_empty());
            assert!(
                numbers.all(|it| it.parse::<u8>().unwrap() <= last),
                "{times}"
            );
        }
        assert!(!command.replace(r"\%", "").contains('%'), "{command}");
        let call = world.call_program("sh", ["-c", &*moved(&world, &command)]);
        let call = call.env("PATH", &path).env("WAZZUP_CONFIG", &config);
        let ran = call.within("/").run().ends_with(0);
        assert_eq!(ran.said(), "", "cron would mail it: {command}");
    }
    let log = world.read("srv/crm/import.log");
    let runs = log.lines().map(|line| serde_json::from_str(line).unwrap());
    let runs: Vec<serde_json::Value> = runs.collect();
    assert_eq!(runs[0]["plan"]["unchanged"], 3);
    assert_eq!(runs[1]["mode"], "mirror");
    let files = fs::read_dir(world.path("srv/crm")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("backup-")).count(), 1);
    check_alerts(
        &world,
        &world.read("var/lib/prometheus/node-exporter/wazzup-main.prom"),
    );
}

/// The rules use metrics and labels that a metrics file has.
fn check_alerts(world: &World, metrics: &str) {
    let rules = &yaml("alerts.yaml")[0]["groups"][0]["rules"];
    let name = Regex::new(r"wazzup_contacts_\w+").unwrap();
    let label = Regex::new(r"\$labels\.(\w+)").unwrap();
    let mut alerts = BTreeSet::new();
    for rule in rules.as_vec().unwrap() {
        assert!(alerts.insert(rule["alert"].as_str().unwrap()));
        let expression = rule["expr"].as_str().unwrap();
        assert!(name.is_match(expression), "{expression}");
        for name in name.find_iter(expression) {
            let series = format!("\n{}{{", name.as_str());
            assert!(metrics.contains(&series), "{} in {metrics}", name.as_str());
        }
        assert!(
            ["critical", "warning", "info"].contains(&rule["labels"]["severity"].as_str().unwrap())
        );
        let summary = rule["annotations"]["summary"].as_str().unwrap();
        for label in label.captures_iter(summary) {
            assert!(metrics.contains(&format!("{}=\"", &label[1])), "{summary}");
        }
    }
    assert!(alerts.len() >= 3);
    if is_installed("promtool") {
        world.write("alerts.yaml", text("alerts.yaml"));
        let check = world.call_program("promtool", ["check", "rules", "alerts.yaml"]);
        check.run().ends_with(0);
        let check = world.call_program("promtool", ["check", "metrics"]);
        check.stdin(metrics).run().ends_with(0);
    }
}

#[test]
fn the_service_knows_which_exit_codes_are_failures_and_which_to_try_again() {
    let unit = text("wazzup-contacts.service");
    let codes = |key: &str| -> BTreeSet<i32> {
        let values = values(&unit, key);
        let codes = values.iter().flat_map(|value| value.split(' '));
        codes.map(|code| code.parse().unwrap()).collect()
    };
    let done: BTreeSet<i32> = DONE_OTHERWISE.iter().map(|code| *code as i32).collect();
    let stopped = BTreeSet::from([ExitCode::Terminated as i32]);
    assert_eq!(codes("SuccessExitStatus"), &done | &stopped);
    assert_eq!(codes("RestartPreventExitStatus"), &final_codes() - &done);
    assert_eq!(values(&unit, "Type"), ["oneshot"]);
    let stop = values(&unit, "TimeoutStopSec")[0].trim_end_matches('s');
    assert!(stop.parse::<u64>().unwrap() > grace_seconds());
}

/// The time limit for requests in flight.
pub(crate) fn grace_seconds() -> u64 {
    let text = fs::read_to_string(sample("wazzup.toml")).unwrap();
    let (_, text) = text.split_once("grace_ms = ").unwrap();
    let (value, _) = text.split_once(' ').unwrap();
    value.parse::<u64>().unwrap() / 1000
}

/// Runs the service's command with its environment and its credentials.
#[cfg(target_os = "linux")]
#[test]
fn the_service_runs_the_jobs() {
    let world = server();
    let unit = text("wazzup-contacts.service");
    let start = values(&unit, "ExecStart")[0];
    let arguments = start.strip_prefix("/usr/bin/wazzup-contacts ").unwrap();
    let mut call = world.call(words(&moved(&world, arguments)));
    for setting in values(&unit, "Environment") {
        let (name, value) = setting.split_once('=').unwrap();
        let value = value.replace("%E", "/etc").replace("%S", "/var/lib");
        call = call.env(name, moved(&world, &value));
    }
    let (credential, _) = values(&unit, "LoadCredential")[0].split_once(':').unwrap();
    let call = call.env("CREDENTIALS_DIRECTORY", world.path("credentials"));
    let call = as_partner(&world, call, &format!("credentials/{credential}"));
    let directory = values(&unit, "WorkingDirectory")[0];
    assert_eq!(values(&unit, "ReadWritePaths")[0], directory);
    let call = call.within(moved(&world, directory));
    let ran = call.run().ends_with(0);
    assert!(
        ran.stdout.contains("simplified-contacts"),
        "{}",
        ran.shown()
    );
    let state = values(&unit, "StateDirectory")[0];
    let runs = world.path("var/lib").join(state).join("runs");
    assert!(runs.is_dir());
}

#[cfg(target_os = "linux")]
#[test]
fn systemd_accepts_the_units_and_finds_them_confined() {
    if !is_installed("systemd-analyze") {
        return;
    }
    let world = World::new();
    let names = ["wazzup-contacts.service", "wazzup-contacts.timer"];
    for name in names {
        let program = env!("CARGO_BIN_EXE_wazzup-contacts");
        world.write(
            name,
            text(name).replace("/usr/bin/wazzup-contacts", program),
        );
    }
    let paths = names.map(|name| world.path(name).display().to_string());
    let analyze = |arguments: &[&str]| {
        let ran = world.call_program("systemd-analyze", arguments).run();
        ran.ends_with(0)
    };
    let verified = analyze(&["verify", "--man=no", &paths[0], &paths[1]]);
    assert_eq!(verified.said(), "");
    // From 0 to 100; that of a service without any of it is 96.
    let confined = ["security", "--offline=true", "--threshold=20", "--no-pager"];
    analyze(&[&confined[..], &[&paths[0]]].concat());
}
