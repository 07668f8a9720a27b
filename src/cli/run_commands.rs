//! The arguments of the commands that make, send, list, show and undo runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    groups::{SendArgs, SourceArgs},
    values::{number, parse_duration, parse_since},
};
use crate::{normalize::LinkById, plan::gate::Bound};

#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArgs {
    /// Show the plan and send nothing
    #[arg(long, conflicts_with_all = ["metrics", "ping"])]
    pub(crate) dry_run: bool,
    /// Run file to create [default: in the state directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) run: Option<PathBuf>,
    /// Delete without asking for confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Send the first N contacts of each kind, read them back, and stop if they differ in the account
    #[arg(long, value_name = "N", value_parser = number::<u16>(1..=1000))]
    pub(crate) canary: Option<u16>,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct PlanArgs {
    /// Run file to create [default: in the state directory]
    #[arg(long, short, visible_alias = "run", value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Exit with 6 if there are changes
    #[arg(long)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Run, by name or file [default: the last unfinished]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// File with the ids of the contacts of the run to send, one per line; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "canary")]
    pub(crate) ids: Option<PathBuf>,
    /// Send updates even for contacts that changed in the account since the plan, and the rest of a run that was undone
    #[arg(long)]
    pub(crate) force: bool,
    /// Stop if the server refuses more contacts than this [default: as planned]
    #[arg(long, value_name = "N|P%")]
    pub(crate) max_refused: Option<Bound>,
    /// Look up contacts before updating them if the plan is older than this
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub(crate) stale_after: std::time::Duration,
    /// File for rejected rows [default: as planned on this machine, or else FILE.rejected.csv]
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Send the first N contacts of each kind, read them back, and stop if they differ in the account
    #[arg(long, value_name = "N", value_parser = number::<u16>(1..=1000))]
    pub(crate) canary: Option<u16>,
    /// Delete without asking for confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) send: SendArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct UndoArgs {
    /// Run to undo, by name or file
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Also restore contacts that changed since
    #[arg(long)]
    pub(crate) force: bool,
    /// Link of restored contacts whose own is unknown; `{id}` inserts the id
    #[arg(long, value_name = "uri=TEMPLATE")]
    pub(crate) set: Option<LinkById>,
    /// Show the plan and send nothing
    #[arg(long, conflicts_with_all = ["metrics", "ping"])]
    pub(crate) dry_run: bool,
    /// Stop if the server refuses more contacts than this; P% of those sent, or of 1,000 if fewer were sent
    #[arg(long, value_name = "N|P%", default_value_t = Bound::Percent(10.0))]
    pub(crate) max_refused: Bound,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// File for the contacts that were left alone [default: RUN.rejected.csv]
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) send: SendArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RunsArgs {
    /// Action [default: list]
    #[command(subcommand)]
    pub(crate) action: Option<RunsAction>,
    /// Only runs of accounts whose fingerprints begin with this
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// Only runs since this date (2026-11-22) or within this time (7d, 12h)
    #[arg(long, value_name = "DATE|TIME", value_parser = parse_since)]
    pub(crate) since: Option<jiff::Timestamp>,
    /// Only runs that were killed or ended with an exit code other than 0, 3 or 6
    #[arg(long)]
    pub(crate) failed: bool,
}

/// An action on past runs.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum RunsAction {
    /// Show a run: counts, changes, failures and unsent contacts
    Show {
        /// Run, by name or file
        run: String,
        /// Show every unsent contact, not only the first 20
        #[arg(long)]
        all: bool,
        /// List the contacts of the source instead, with row, decision and content
        #[arg(long)]
        contacts: bool,
    },
    /// Remove the run files of finished runs
    Prune {
        /// Runs with changes whose run files are kept, for each account [default: `keep_runs` of the profile, or
        /// else 30]
        #[arg(long, value_name = "N", value_parser = number::<usize>(0..=u64::MAX))]
        keep: Option<usize>,
    },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    /// Run, by name or file
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE.html")]
    pub(crate) output: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::{Cli, Command};

    #[test]
    fn the_default_of_stale_after_is_the_constant() {
        let Ok(Command::Apply(args)) =
            Cli::try_parse_from(["wazzup-contacts", "apply"]).map(|cli| cli.command)
        else {
            panic!("`apply` needs nothing else")
        };
        assert_eq!(args.stale_after, crate::workflow::STALE_AFTER);
    }
}
