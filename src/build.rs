//! The build script: gives a release build the commit and the date that `--version` shows.
//!
//! They come from git, if the package is the root of a clone; otherwise the date is `SOURCE_DATE_EPOCH`, if set.
//! The clock is never read, so the same commit yields the same binary. A debug build has neither, because a new
//! commit would recompile everything.
#![allow(
    clippy::print_stdout,
    reason = "cargo reads standard output of a build script"
)]

use std::{env, path::Path, process::Command};

/// The inputs of the binary.
const INPUTS: [&str; 4] = ["src", "samples/mappings", "Cargo.toml", "Cargo.lock"];

fn main() {
    if env::var("PROFILE").as_deref() != Ok("release") {
        println!("cargo::rerun-if-changed=src/build.rs");
        return;
    }
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let root = env::current_dir().unwrap_or_default();
    for instruction in instructions(&root, env::var("SOURCE_DATE_EPOCH").ok()) {
        println!("cargo::{instruction}");
    }
}

/// The instructions for cargo about the package in `root`.
pub(crate) fn instructions(root: &Path, epoch: Option<String>) -> Vec<String> {
    let mut found: Vec<String> = INPUTS
        .map(|input| format!("rerun-if-changed={input}"))
        .into();
    let commit = commit(root);
    if let Some((name, _)) = &commit {
        found.push(format!("rustc-env=WAZZUP_CONTACTS_COMMIT={name}"));
        // HEAD changes with the branch, its log with every commit. If a file is missing, Cargo runs the script
        // each time.
        let files = ["HEAD", "logs/HEAD"].map(|file| git(root, &["rev-parse", "--git-path", file]));
        let files = files.into_iter().flatten();
        let files = files.filter(|file| root.join(file).exists());
        found.extend(files.map(|file| format!("rerun-if-changed={file}")));
    }
    if let Some(epoch) = commit.map(|(_, epoch)| epoch).or(epoch) {
        found.push(format!("rustc-env=WAZZUP_CONTACTS_EPOCH={epoch}"));
    }
    found
}

/// The short hash and the time of the commit checked out in `root`. A directory inside another repository has
/// none.
fn commit(root: &Path) -> Option<(String, String)> {
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    let log = [
        "-c",
        "log.showSignature=false",
        "log",
        "-1",
        "--format=%H %ct",
    ];
    let log = git(root, &log)?;
    let (name, epoch) = log.split_once(' ')?;
    let status = [
        "--no-optional-locks",
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
    ];
    let is_modified = git(root, &[&status[..], &INPUTS].concat()).is_some();
    let modified = if is_modified { "-modified" } else { "" };
    Some((format!("{}{modified}", name.get(..10)?), epoch.to_owned()))
}

/// The output of a git command; `None` if it fails or is empty.
fn git(root: &Path, args: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    // In a git hook, the variable points to the repository of the hook.
    let output = git.env_remove("GIT_DIR").arg("-C").arg(root).args(args);
    let output = output
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
