//! Counts the instructions of whole commands and compares them with `benches/instructions.txt`.
//!
//! Times depend on the machine and its load; these counts vary by a thousandth. They are counts of a `dev` build,
//! which the tests need anyway, with one worker thread. A count more than 5 % above the recorded one fails. `cargo
//! bench --profile dev --bench instructions -- --save` records new counts.
//!
//! Without valgrind, or with another compiler than the recorded one, nothing is compared.

#![expect(clippy::expect_used, reason = "a bench fails by panicking")]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use wazzup_contacts::sandbox::{Options, Sandbox};

const RECORD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");
const WORKBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/contacts.xlsx");
const ROWS: usize = 2_000;
/// Allowed excess over the recorded count, in percent.
const TOLERANCE: u64 = 5;

fn main() -> ExitCode {
    let Some(compiler) = version_of("rustc").filter(|_| version_of("valgrind").is_some()) else {
        println!("skipped: valgrind or rustc was not found");
        return ExitCode::SUCCESS;
    };
    let record = fs::read_to_string(RECORD).unwrap_or_default();
    let is_saved = std::env::args().any(|argument| argument == "--save");
    if !is_saved && record.lines().next() != Some(&*compiler) {
        println!("skipped: the counts were recorded with another compiler than {compiler}");
        return ExitCode::SUCCESS;
    }
    let counts = counts();
    if is_saved {
        let lines = counts.iter().fold(compiler, |mut text, (name, count)| {
            write!(text, "\n{count} {name}").expect("memory has room");
            text
        });
        fs::write(RECORD, lines + "\n").expect("the record can be written");
        return ExitCode::SUCCESS;
    }
    let recorded: BTreeMap<&str, u64> = record.lines().skip(1).filter_map(entry).collect();
    let mut is_more = false;
    for (name, count) in counts {
        let before = recorded.get(name).copied().unwrap_or_default();
        let is_over = count * 100 > before * (100 + TOLERANCE);
        is_more |= is_over;
        let verdict = if is_over { "MORE" } else { "ok" };
        println!("{verdict:4} {count:>13}, recorded {before:>13}: {name}");
    }
    if is_more {
        println!(
            "make it cheaper, or record it with --save and say in the commit why it is worth it"
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn entry(line: &str) -> Option<(&str, u64)> {
    let (count, name) = line.split_once(' ')?;
    Some((name, count.parse().ok()?))
}

fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}

/// The number of instructions of each command.
fn counts() -> [(&'static str, u64); 4] {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut text = String::from("id,responsible_user_id,name,uri,whatsapp,telegram_username\n");
    for row in 0..ROWS {
        writeln!(
            text,
            "C-{row:07},user-{},\"Пётр \"\"Анна\"\", {row}\",https://crm.example.com/{row},+7 (999) {:03}-00-{:02},@anna_{row}",
            row % 9,
            row / 100,
            row % 100
        )
        .expect("memory has room");
    }
    fs::write(directory.path().join("contacts.csv"), text).expect("a file");
    fs::copy(WORKBOOK, directory.path().join("contacts.xlsx")).expect("the sample is there");
    let sandbox = Sandbox::start(Options::default()).expect("a free port");
    [
        "check contacts.csv",
        "check contacts.xlsx",
        "import contacts.csv --mode create",
        "export -o all.csv",
    ]
    .map(|line| (line, count(line, directory.path(), &sandbox)))
}

fn count(line: &str, directory: &Path, sandbox: &Sandbox) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env!("CARGO_BIN_EXE_wazzup-contacts"))
        .args(line.split(' '))
        .arg("--quiet")
        .current_dir(directory)
        .env("RAYON_NUM_THREADS", "1")
        .env("XDG_STATE_HOME", directory.join("state"))
        .env("WAZZUP_BASE_URL", sandbox.base_url())
        .env("WAZZUP_TOKEN", sandbox.token())
        .output()
        .expect("valgrind starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{line}: {words}");
    let collected = words
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, count) = collected.expect("callgrind prints the count");
    count.trim().parse().expect("the count is a number")
}
