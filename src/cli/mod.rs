//! The command line as typed, before settings are resolved.

mod choices;
mod commands;
mod groups;
mod job;
mod mistakes;
mod parser;
mod run_commands;
mod same_file;
mod values;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;

pub(crate) use commands::{
    AuthArgs, CheckArgs, DeleteArgs, DiffArgs, ExportArgs, IdArgs, JobsArgs, SandboxArgs,
    UsersArgs, VerifyArgs,
};
pub(crate) use groups::{AccountArgs, CommonArgs, PlanningArgs, ReadArgs, SourceArgs, WatchArgs};
pub(crate) use job::{JobLine, JobLineError, without_ping_url};
pub use parser::{ParserAnswer, parse_command_line};
pub(crate) use run_commands::{
    ApplyArgs, ImportArgs, PlanArgs, ReportArgs, RunsAction, RunsArgs, UndoArgs,
};
pub(crate) use same_file::WRITTEN;
pub(crate) use values::{Blank, ChangedOnly, ColorWhen, LogFormat, Shard};

use crate::plan::Mode;

const EXAMPLES: &str = "\
Examples:
  wazzup-contacts import contacts.csv --sandbox      try it without an account
  wazzup-contacts check contacts.xlsx                what would be sent, and what is wrong
  wazzup-contacts import contacts.xlsx --set uri='https://crm.example.com/c/{id}'
  wazzup-contacts export -o contacts.csv             save all contacts
  wazzup-contacts apply                              continue the last unfinished run

Exit codes:
  0 done, 1 failed, 2 wrong arguments, 3 done with rejects or differences,
  4 token missing or refused, 5 stopped by a guard, 6 changes (plan --exit-code),
  7 another run uses the account, 8 stopped because of refusals or the canary,
  70 internal error, 129 hung up, 130 interrupted (Ctrl-C), 143 terminated

Pass the token in WAZZUP_TOKEN or --token-file, never as an argument.";

const UNDO_EXAMPLES: &str = "\
Examples:
  wazzup-contacts undo 2026-11-22T0855-contacts --dry-run   what would be restored, and what can't be
  wazzup-contacts undo 2026-11-22T0855-contacts --yes
An undo is a run: it can be continued with `apply`, checked with `verify` and undone.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  wazzup-contacts verify 2026-11-22T0855-contacts
  wazzup-contacts verify contacts.csv --region RU
`~` differs, `-` is missing, `+` still exists although it should have been deleted. Exits with 3 if there are any.";

const DIFF_EXAMPLES: &str = "\
Examples:
  wazzup-contacts diff monday.csv friday.csv           changes between two backups
  wazzup-contacts diff friday.csv -o changes.xlsx      changes in the account since then";

const MAN_EXAMPLES: &str = "\
Examples:
  wazzup-contacts man | man -l -
  wazzup-contacts man --dir ~/.local/share/man/man1    then: man wazzup-contacts-import";

/// Bulk import and export of Wazzup contacts.
#[derive(Debug, Parser)]
#[command(name = "wazzup-contacts", version, long_version = long_version(), about, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The command.
#[derive(Debug, Subcommand, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Command {
    /// Read a file, plan, and send the plan
    #[command(
        after_help = "Example: wazzup-contacts import contacts.csv --set responsible_user_id=user-1"
    )]
    Import(ImportArgs),
    /// Read a file and plan without sending (`apply` sends the plan later)
    #[command(
        after_help = "Example: wazzup-contacts plan contacts.csv -o contacts.run && wazzup-contacts apply contacts.run"
    )]
    Plan(PlanArgs),
    /// Read and check a file offline
    #[command(after_help = "Example: wazzup-contacts check contacts.xlsx --region RU")]
    Check(CheckArgs),
    /// Save all contacts to a file
    #[command(after_help = "Example: wazzup-contacts export -o contacts.csv")]
    Export(ExportArgs),
    /// Show contacts by id, as JSON lines
    #[command(after_help = "Example: wazzup-contacts get 1042 'a/b?c'")]
    Get(IdArgs),
    /// Delete contacts by id
    #[command(
        after_help = "`runs` does not list deletions, and `undo` can't revert them: export the account first.\n\nExample: wazzup-contacts delete 1042 --yes"
    )]
    Delete(DeleteArgs),
    /// Send the rest of a run (default: the last unfinished one)
    #[command(after_help = "Example: wazzup-contacts apply 2026-11-22T0855-contacts")]
    Apply(ApplyArgs),
    /// Revert the changes of a run, except for contacts that changed since
    #[command(after_help = UNDO_EXAMPLES)]
    Undo(UndoArgs),
    /// Compare the account with a run or a file, field by field
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Compare two backups, or a backup and the account
    #[command(
        after_help = DIFF_EXAMPLES,
        override_usage = "wazzup-contacts diff [OPTIONS] <OLD> [NEW]"
    )]
    Diff(DiffArgs),
    /// List past runs, show one, remove old ones
    #[command(
        after_help = "The name of a run begins with its start in UTC; the list shows the local time.\n\nExample: wazzup-contacts runs show 2026-11-22T0855-contacts"
    )]
    Runs(RunsArgs),
    /// Write the report of a past run as an HTML page
    #[command(
        after_help = "Example: wazzup-contacts report 2026-11-22T0855-contacts -o report.html"
    )]
    Report(ReportArgs),
    /// Run the jobs of a file for many accounts concurrently
    #[command(after_help = "Example: wazzup-contacts jobs jobs.toml --parallel 16 --json")]
    Jobs(JobsArgs),
    /// Show whether the token works, where it comes from and when it expires
    #[command(after_help = "Example: wazzup-contacts auth --refresh")]
    Auth(AuthArgs),
    /// List the account's employees and their ids
    #[command(after_help = "Example: wazzup-contacts users --csv > users.csv")]
    Users(UsersArgs),
    /// Run a local Wazzup API for rehearsals
    #[command(after_help = "Example: wazzup-contacts sandbox --contacts 1000 --fault 503%2")]
    Sandbox(SandboxArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example: wazzup-contacts completions bash > /etc/bash_completion.d/wazzup-contacts"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write one page per command
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Write a page for each command into this directory, which is created if it is missing
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// The version with the commit and its date, for `--version`; `-V` shows only the version.
fn long_version() -> String {
    describe_build(
        option_env!("WAZZUP_CONTACTS_COMMIT"),
        option_env!("WAZZUP_CONTACTS_EPOCH"),
    )
}

/// The version, followed by the commit and the UTC date of an epoch in parentheses, as far as known.
fn describe_build(commit: Option<&str>, epoch: Option<&str>) -> String {
    let seconds = epoch.and_then(|epoch| epoch.parse().ok());
    let date = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let date = date.map(|date| date.strftime("%F").to_string());
    // An external build may set the variable without a value.
    let commit = commit.filter(|commit| !commit.is_empty());
    let known: Vec<&str> = commit.into_iter().chain(date.as_deref()).collect();
    let build = match &known[..] {
        [] if cfg!(debug_assertions) => "debug build".to_owned(),
        known => known.join(" "),
    };
    let version = env!("CARGO_PKG_VERSION");
    if build.is_empty() {
        version.to_owned()
    } else {
        format!("{version} ({build})")
    }
}

impl Command {
    pub(crate) fn watch(&self) -> WatchArgs {
        let (watch, uses_profile) = match self {
            Self::Import(args) => (&args.sources.watch, !args.dry_run),
            Self::Apply(args) => (&args.send.watch, true),
            Self::Plan(args) => (&args.sources.watch, false),
            Self::Export(args) => (&args.watch, false),
            Self::Undo(args) => (&args.send.watch, false),
            Self::Verify(args) => (&args.watch, false),
            _ => return WatchArgs::default(),
        };
        WatchArgs {
            uses_profile,
            ..watch.clone()
        }
    }

    /// The mode of the run that the history records, if the command makes one from files.
    pub(crate) const fn recorded_mode(&self) -> Option<Mode> {
        match self {
            Self::Import(args) if !args.dry_run => Some(args.sources.planning.mode),
            Self::Plan(args) => Some(args.sources.planning.mode),
            _ => None,
        }
    }

    /// The account options, if the command talks to an account.
    pub(crate) const fn account(&self) -> Option<&AccountArgs> {
        match self {
            Self::Import(args) => Some(&args.sources.locked.account),
            Self::Plan(args) => Some(&args.sources.locked.account),
            Self::Export(args) => Some(&args.locked.account),
            Self::Get(args) => Some(&args.account),
            Self::Delete(args) => Some(&args.locked.account),
            Self::Apply(args) => Some(&args.send.locked.account),
            Self::Undo(args) => Some(&args.send.locked.account),
            Self::Verify(args) => Some(&args.locked.account),
            Self::Diff(args) => Some(&args.locked.account),
            Self::Auth(args) => Some(&args.account),
            Self::Users(args) => Some(&args.account),
            Self::Check(_)
            | Self::Runs(_)
            | Self::Report(_)
            | Self::Jobs(_)
            | Self::Sandbox(_)
            | Self::Completions { .. }
            | Self::Man { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::describe_build;

    #[test]
    fn the_version_has_the_commit_and_the_date_that_are_known() {
        let version = env!("CARGO_PKG_VERSION");
        for (commit, epoch, build) in [
            (None, None, "debug build"),
            (Some("a1b2c3d4e5"), None, "a1b2c3d4e5"),
            (None, Some("1764288000"), "2025-11-28"),
            (
                Some("a1b2c3d4e5"),
                Some("1764374399"),
                "a1b2c3d4e5 2025-11-28",
            ),
            (Some("a1b2c3d4e5"), Some("soon"), "a1b2c3d4e5"),
            (Some(""), Some(""), "debug build"),
        ] {
            let expected = format!("{version} ({build})");
            assert_eq!(describe_build(commit, epoch), expected);
        }
    }
}
