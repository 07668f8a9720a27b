//! Groups of options that several commands share.

use std::path::PathBuf;

use clap::Args;

use super::values::{Blank, ChangedOnly, ColorWhen, LogFormat, number, parse_percentage, words};
use crate::{
    api::Concurrency,
    employees::Owners,
    mapping::BadNumbers,
    plan::{Mode, duplicates::OnDuplicate, gate::Bound},
};

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct CommonArgs {
    /// Profile of the configuration file
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "WAZZUP_PROFILE",
        hide_env_values = true
    )]
    pub(crate) profile: Option<String>,
    /// Configuration file [default: wazzup.toml in the working directory, if it is safe, then in the configuration
    /// directory]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "WAZZUP_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// Print a JSON summary on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print errors only, without progress and summary
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Verbose output; -vv logs every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorWhen::Auto)]
    pub(crate) color: ColorWhen,
    /// Format of the log that --verbose prints
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

/// The account, and limits on requests.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Account")]
pub(crate) struct AccountArgs {
    /// Base URL of the API; https, except for loopback
    #[arg(
        long,
        value_name = "URL",
        env = "WAZZUP_BASE_URL",
        hide_env_values = true
    )]
    pub(crate) base_url: Option<String>,
    /// File whose first line is the token
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Start a local API for this command and use it instead of Wazzup
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// Requests allowed, as N/Ts or `unlimited` [default: 490/5s]
    #[arg(long, value_name = "N/Ts")]
    pub(crate) rate: Option<String>,
    /// Maximum number of requests in flight [default: auto]
    #[arg(long, value_name = "auto|N")]
    pub(crate) concurrency: Option<Concurrency>,
}

/// An account that is locked while the command runs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Account")]
pub(crate) struct LockedAccountArgs {
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    /// Wait while another run uses the account
    #[arg(long)]
    pub(crate) wait: bool,
}

/// The report.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReportFlag {
    /// Also write an HTML report
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
}

/// The monitoring systems to which the end of the command is reported.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Monitoring")]
pub(crate) struct WatchArgs {
    /// Write exit code, duration and counts as metrics for the Prometheus textfile collector
    #[arg(long, value_name = "FILE.prom")]
    pub(crate) metrics: Option<PathBuf>,
    /// Ping URL/start, then URL/EXIT-CODE, as healthchecks.io expects
    #[arg(long, value_name = "URL")]
    pub(crate) ping: Option<String>,
    /// True if the ping of the profile is for the command.
    #[arg(skip)]
    pub(crate) uses_profile: bool,
}

/// The options of commands that send what a run holds.
#[derive(Clone, Debug, Args)]
pub(crate) struct SendArgs {
    /// Write rejects in CSV that spreadsheet programs open correctly with a double click; import reverts the
    /// changes
    #[arg(long)]
    pub(crate) excel: bool,
    #[command(flatten)]
    pub(crate) report: ReportFlag,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    #[command(flatten)]
    pub(crate) locked: LockedAccountArgs,
}

/// The options for reading files and mapping their columns.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReadArgs {
    /// Files to read; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Take a field from a column, overriding the header
    #[arg(long, value_name = "FIELD=COLUMN", help_heading = "Reading")]
    pub(crate) map: Vec<String>,
    /// Value of a field for rows without one; `{column}` inserts a column of the row
    #[arg(long, value_name = "FIELD=TEMPLATE", help_heading = "Reading")]
    pub(crate) set: Vec<String>,
    /// Mapping file (TOML), or the name of a built-in one such as bitrix24
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    pub(crate) mapping: Option<PathBuf>,
    /// Country of phone numbers without a country code, such as RU; `none` sends them as written
    #[arg(long, value_name = "CC|none", help_heading = "Reading")]
    pub(crate) region: Option<String>,
    /// Reject rows with an invalid number, or drop the number from rows with another chat and list it in
    /// FILE.dropped.csv [default: reject]
    #[arg(long, value_name = "HOW", value_parser = words::<BadNumbers>(), help_heading = "Reading")]
    pub(crate) bad_numbers: Option<BadNumbers>,
    /// Chat types to create from phone columns, or `none` [default: whatsapp]
    #[arg(
        long,
        value_name = "TYPES",
        value_delimiter = ',',
        help_heading = "Reading"
    )]
    pub(crate) phone_as: Option<Vec<String>>,
    /// Sheet of a workbook: name, number or `all` visible ones [default: the first visible one with known columns]
    #[arg(long, value_name = "NAME|N|all", help_heading = "Reading")]
    pub(crate) sheet: Option<String>,
    /// Row of the column names [default: auto-detected]
    #[arg(long, value_name = "N", value_parser = number::<u32>(1..=u32::MAX.into()), help_heading = "Reading")]
    pub(crate) header_row: Option<u32>,
    /// Delimiter of a text file, one character or `tab` [default: auto-detected]
    #[arg(long, value_name = "C", help_heading = "Reading")]
    pub(crate) delimiter: Option<String>,
    /// Encoding of a text file, such as windows-1251 [default: auto-detected]
    #[arg(long, value_name = "NAME", help_heading = "Reading")]
    pub(crate) encoding: Option<String>,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = number::<u16>(1..=256), help_heading = "Reading")]
    pub(crate) threads: Option<u16>,
}

/// Options of a plan.
#[derive(Clone, Debug, Args)]
pub(crate) struct PlanningArgs {
    /// The allowed changes
    #[arg(long, value_enum, default_value_t = Mode::Upsert, help_heading = "Planning")]
    pub(crate) mode: Mode,
    /// File with the ids of the contacts to use, one per line; `-` is standard input
    #[arg(long, value_name = "FILE", help_heading = "Planning")]
    pub(crate) ids: Option<PathBuf>,
    /// Treatment of rows with the same id and different values
    #[arg(long, value_name = "HOW", value_enum, default_value_t = OnDuplicate::Reject, help_heading = "Planning")]
    pub(crate) on_duplicate: OnDuplicate,
    /// Treatment of an empty cell: keep or clear the chat of its type; columns for chats of any type describe
    /// all chats of a contact
    #[arg(long, value_enum, default_value_t = Blank::Keep, help_heading = "Planning")]
    pub(crate) blank: Blank,
    /// Treatment of employees' names in the place of their ids
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Owners::Guard, help_heading = "Planning")]
    pub(crate) owners: Owners,
    /// Maximum number of rejected rows
    #[arg(long, value_name = "N|P%", default_value_t = Bound::Percent(50.0), help_heading = "Planning")]
    pub(crate) max_rejects: Bound,
    /// Maximum number of deletes (mirror)
    #[arg(long, value_name = "N|P%", default_value_t = Bound::Percent(5.0), help_heading = "Planning")]
    pub(crate) max_delete: Bound,
    /// Refuse a source if more than P% of the rows of its last run in this profile are missing [default: 100%]
    #[arg(long, value_name = "P%", value_parser = parse_percentage, help_heading = "Planning")]
    pub(crate) max_shrink: Option<Bound>,
    /// Stop if the server refuses more contacts than this; P% of those sent, or of 1,000 if fewer were sent
    #[arg(long, value_name = "N|P%", default_value_t = Bound::Percent(10.0), help_heading = "Planning")]
    pub(crate) max_refused: Bound,
    /// File for rejected rows [default: FILE.rejected.csv]
    #[arg(long, value_name = "FILE", help_heading = "Planning")]
    pub(crate) rejects: Option<PathBuf>,
    /// Write rejects in CSV that spreadsheet programs open correctly with a double click; import reverts the
    /// changes
    #[arg(long, help_heading = "Planning")]
    pub(crate) excel: bool,
    /// Compare with the result of the last run instead of the account; `reset` discards that result
    #[arg(long, value_name = "reset", num_args = 0..=1, require_equals = true, default_missing_value = "on", help_heading = "Planning")]
    pub(crate) changed_only: Option<ChangedOnly>,
    /// With --changed-only: compare with the account every N-th run
    #[arg(long, value_name = "N", requires = "changed_only", value_parser = number::<u32>(1..=u32::MAX.into()), help_heading = "Planning")]
    pub(crate) full_every: Option<u32>,
    /// Mirror even if this profile last used another account
    #[arg(long, help_heading = "Planning")]
    pub(crate) other_account: bool,
    /// Contacts per request
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = number::<u16>(1..=100), help_heading = "Planning")]
    pub(crate) batch_size: u16,
}

/// The sources of a plan, and the options of the plan and its run.
#[derive(Clone, Debug, Args)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    #[command(flatten)]
    pub(crate) planning: PlanningArgs,
    #[command(flatten)]
    pub(crate) report: ReportFlag,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    #[command(flatten)]
    pub(crate) locked: LockedAccountArgs,
}
