//! The cost of each stage of a row and of whole runs, compared with a minimal program (the floor).
//!
//! Stages overlap, so they are measured in CPU time of this process, which adds up: a stage is the difference of
//! two commands that run in it. Whole runs are separate processes, measured in wall time. All commands alternate,
//! so that a slower machine affects all of them; the table has medians.

#![expect(clippy::expect_used, reason = "a bench fails by panicking")]
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod floor;
mod sink;

use std::{
    env, fs, iter,
    net::SocketAddr,
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use clap::Parser as _;
use rust_xlsxwriter::Workbook;
use sink::Account;
use wazzup_contacts::{
    cli::Cli,
    commands,
    error::ExitCode as Code,
    signals::Signals,
    stages::{self, Stage},
};

const ROWS: u32 = 100_000;
/// Number of measurements.
const ROUNDS: usize = 7;

const CSV: &str = "contacts.csv";
const HEADER: [&str; 5] = ["id", "responsible_user_id", "name", "uri", "whatsapp"];

const CHECK: &str = "check contacts.csv";
const CHECK_BOOK: &str = "check contacts.xlsx";
const PLAN: &str = "import contacts.csv --mode create --dry-run";
const COMPARE: &str = "import contacts.csv --dry-run";
/// With a profile of its own, because every later import of a profile with records updates them.
const RECORD: &str = "import contacts.csv --changed-only=reset --profile recorded";
const CREATE: &str = "import contacts.csv --mode create";
const UPSERT: &str = "import contacts.csv";
const EXPORT: &str = "export -o all.csv";

/// Rows that are processed up to a stage, without a command.
const PASSES: [(&str, Stage); 5] = [
    ("cut", Stage::Cut),
    ("parse", Stage::Parse),
    ("normalize", Stage::Normalize),
    ("stage", Stage::Stage),
    ("bodies", Stage::Bodies),
];

/// Commands that are run in this process.
const COMMANDS: [&str; 8] = [
    CHECK, CHECK_BOOK, PLAN, COMPARE, RECORD, CREATE, UPSERT, EXPORT,
];

/// Work whose times are added.
type Sum = &'static [&'static str];

/// Each stage: work with it and without it, and the same of its floor.
const STAGES: [(&str, [Sum; 2], [Sum; 2]); 11] = [
    ("cut", [&["cut"], &[]], [&["lines"], &[]]),
    ("parse", [&["parse"], &["cut"]], [&["records"], &["lines"]]),
    (
        "normalize",
        [&["normalize"], &["parse"]],
        [&["json"], &["records"]],
    ),
    ("xlsx", [&[CHECK_BOOK], &[CHECK]], [&["cells"], &[]]),
    ("stage", [&["stage"], &["normalize"]], [&[], &[]]),
    ("plan", [&[PLAN], &["stage"]], [&[], &[]]),
    (
        "list the account, compare",
        [&[COMPARE], &[PLAN]],
        [&["list"], &[]],
    ),
    ("bodies", [&["bodies"], &["stage"]], [&[], &[]]),
    (
        "send",
        [&[CREATE, "stage"], &[PLAN, "bodies"]],
        [&["send"], &["json"]],
    ),
    ("ledger", [&[RECORD], &[UPSERT]], [&[], &[]]),
    ("export", [&[EXPORT], &[]], [&["export"], &[]]),
];

/// Commands in separate processes, with their floors.
const RUNS: [[&str; 2]; 9] = [
    [CHECK, "json"],
    [CHECK_BOOK, "cells"],
    [CREATE, "send"],
    ["import contacts.xlsx --mode create", "cells"],
    [UPSERT, "list"],
    ["import changed.csv", "list"],
    [EXPORT, "export"],
    ["import few.csv --mode create", ""],
    ["runs --json", ""],
];

fn main() -> ExitCode {
    if env::var_os("BENCHED").is_none() {
        return with_settings();
    }
    write_sources();
    let mut account = Account::default();
    floor::records(Path::new(CSV), |record| {
        floor::write_contact(record, &mut account.json);
        account.ends.push(account.json.len());
        account.json.push(b',');
    });
    let address = sink::start(account).expect("a free port");
    let mut works = works(address);
    for _ in 0..ROUNDS {
        works.iter_mut().for_each(Work::measure);
    }
    print_tables(&works);
    ExitCode::SUCCESS
}

/// Starts this program again in a temporary directory, with the settings for the measured commands.
fn with_settings() -> ExitCode {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let itself = env::current_exe().expect("a path");
    let status = Command::new(itself)
        .current_dir(directory.path())
        .envs(["BENCHED", "HOME", "XDG_STATE_HOME"].map(|name| (name, directory.path())))
        .env("WAZZUP_TOKEN", "token")
        .status();
    let is_done = status.is_ok_and(|status| status.success());
    if is_done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// All rows; rows of which one in a hundred differs; a few; and all in a workbook. The configuration as well.
fn write_sources() {
    fs::write("wazzup.toml", "[profiles.recorded]\n").expect("a file");
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let sources = [CSV, "changed.csv", "few.csv"];
    let mut writers = sources.map(|file| csv::Writer::from_path(file).expect("a file"));
    for number in 0..=ROWS {
        let row = match number {
            0 => HEADER.map(str::to_owned),
            _ => row(number, "ООО \"Ромашка\", филиал"),
        };
        sheet.write_row(number, 0, &row).expect("a row");
        let changed = if number % 100 == 1 {
            self::row(number, "Анна")
        } else {
            row.clone()
        };
        let few = (number <= 10).then(|| row.clone());
        let rows = [Some(row), Some(changed), few];
        for (writer, row) in writers.iter_mut().zip(rows) {
            let written = row.map(|row| writer.write_record(row));
            written.transpose().expect("room on the disk");
        }
    }
    book.save("contacts.xlsx").expect("a file");
}

fn row(number: u32, name: &str) -> [String; 5] {
    [
        format!("C-{number:07}"),
        format!("user-{}", number % 9),
        format!("{name} {number}"),
        format!("https://crm.example.com/contacts/{number}"),
        format!("7999{number:07}"),
    ]
}

/// A measured command or floor.
struct Work {
    name: &'static str,
    is_process: bool,
    run: Box<dyn FnMut()>,
    /// Wall time, and CPU time of this process.
    times: [Vec<Duration>; 2],
}

impl Work {
    fn new(name: &'static str, is_process: bool, run: impl FnMut() + 'static) -> Self {
        let (run, times) = (Box::new(run), Default::default());
        Self {
            name,
            is_process,
            run,
            times,
        }
    }

    fn measure(&mut self) {
        let before = [wall(), cpu()];
        (self.run)();
        for ((times, before), after) in self.times.iter_mut().zip(before).zip([wall(), cpu()]) {
            times.push(after.saturating_sub(before));
        }
    }
}

fn wall() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(unix)]
fn cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    now.try_into().expect("time does not run backwards")
}

#[cfg(not(unix))]
use wall as cpu;

fn works(address: SocketAddr) -> Vec<Work> {
    let floor = |name, run: fn(SocketAddr)| Work::new(name, false, move || run(address));
    let floors = [
        floor("lines", |_| floor::lines(Path::new(CSV))),
        floor("records", |_| floor::records(Path::new(CSV), |_| ())),
        floor("json", |_| floor::bodies(Path::new(CSV), |_| ())),
        floor("cells", |_| floor::cells(Path::new("contacts.xlsx"))),
        floor("list", |address| floor::list(address, |_| ())),
        floor("send", |address| floor::send(Path::new(CSV), address)),
        floor("export", |address| {
            floor::export(address, Path::new("floor.csv"));
        }),
    ];
    let passes = PASSES.map(|(name, last)| {
        let run = move || assert!(stages::pass(Path::new(CSV), last).expect("contacts") > 0);
        Work::new(name, false, run)
    });
    let here = COMMANDS.map(|command| {
        let arguments = arguments(command, address);
        Work::new(command, false, move || run_here(&arguments))
    });
    let processes = RUNS.map(|[command, _]| {
        let arguments = arguments(command, address);
        Work::new(command, true, move || run_process(&arguments))
    });
    let works = floors.into_iter().chain(passes);
    works.chain(here).chain(processes).collect()
}

fn arguments(command: &str, address: SocketAddr) -> Vec<String> {
    let is_offline = command.starts_with("check") || command.starts_with("runs");
    let server = format!(" --base-url http://{address} --rate unlimited");
    let server = if is_offline { "" } else { &server };
    let line = format!("{command} --quiet{server}");
    line.split(' ').map(str::to_owned).collect()
}

fn run_here(arguments: &[String]) {
    let words = iter::once("wazzup-contacts").chain(arguments.iter().map(String::as_str));
    let cli = Cli::try_parse_from(words).expect("a command");
    let code = commands::run(cli, Signals::default()).expect("the command succeeds");
    assert_eq!(code, Code::Done, "{arguments:?}");
}

fn run_process(arguments: &[String]) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_wazzup-contacts"));
    let status = program.args(arguments).stdout(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "{arguments:?}");
}

fn print_tables(works: &[Work]) {
    let median = |name: &str, is_process: bool, clock: usize| {
        let mut works = works.iter();
        let work = works.find(|work| work.name == name && work.is_process == is_process);
        let mut times = work.map_or(Vec::new(), |work| work.times[clock].clone());
        times.sort();
        times.get(ROUNDS / 2).map_or(0.0, Duration::as_secs_f64)
    };
    println!("| stage | µs of CPU a row | floor | ÷ floor |\n|---|---|---|---|");
    let a_row = 1e6 / f64::from(ROWS);
    let sum = |works: Sum| works.iter().map(|name| median(name, false, 1)).sum::<f64>();
    let difference = |[with, without]: [Sum; 2]| (sum(with) - sum(without)) * a_row;
    for (stage, time, floor) in STAGES {
        println!(
            "| {stage} | {} |",
            cells(difference(time), difference(floor))
        );
    }
    println!("\n| run | ms | floor | ÷ floor |\n|---|---|---|---|");
    for [command, floor] in RUNS {
        let (time, least) = (median(command, true, 0), median(floor, false, 0));
        println!("| `{command}` | {} |", cells(time * 1e3, least * 1e3));
    }
}

fn cells(time: f64, floor: f64) -> String {
    match floor {
        0.0 => format!("{time:.2} | – | –"),
        _ => format!("{time:.2} | {floor:.2} | {:.2}", time / floor),
    }
}
