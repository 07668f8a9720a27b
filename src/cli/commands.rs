//! The arguments of the commands that neither make nor show runs.

use std::{num::NonZeroU32, path::PathBuf};

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{
    groups::{AccountArgs, LockedAccountArgs, ReadArgs, ReportFlag, WatchArgs},
    values::{Shard, number, parse_percentage, words},
};
use crate::{
    employees::Owners,
    mapping::BackupLayout,
    plan::{Mode, duplicates::OnDuplicate, gate::Bound},
    sandbox::{ErrorShape, Existing, RequiredField, UriShown},
};

#[derive(Clone, Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Check as for this mode: `update` and `upsert` accept rows without all required fields
    #[arg(long, value_enum, default_value_t = Mode::Create)]
    pub(crate) mode: Mode,
    /// Number of contacts to show in the form in which they would be sent
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = number::<usize>(0..=u64::MAX))]
    pub(crate) show: usize,
    /// Write the mapping of a single table to a file, ready to edit
    #[arg(long, value_name = "FILE")]
    pub(crate) write_mapping: Option<PathBuf>,
    /// Write the rejected rows to a file (.csv or .xlsx), ready to correct and import
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Write rejects in CSV that spreadsheet programs open correctly with a double click; import reverts the
    /// changes
    #[arg(long, requires = "rejects")]
    pub(crate) excel: bool,
    #[command(flatten)]
    pub(crate) report: ReportFlag,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArgs {
    /// File to write; its extension selects csv, tsv, xlsx or jsonl, optionally followed by .gz or .zst; {date},
    /// {time}, {account} and {profile} in its name are replaced [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Format of standard output, such as xlsx or csv.gz [default: csv]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Layout of the chats [default: wide]
    #[arg(long, value_name = "LAYOUT", value_enum)]
    pub(crate) layout: Option<BackupLayout>,
    /// Add a column `responsible` with the employee's name, from a mapping file or, with `users`, from the account
    #[arg(long, value_name = "MAPPING|users")]
    pub(crate) owner_names: Option<PathBuf>,
    /// Write cells that spreadsheet programs open correctly with a double click; import reverts the changes
    #[arg(long)]
    pub(crate) excel: bool,
    /// Delimiter of CSV: `,`, `;`, `|` or `tab` [default: `,`, with --excel `;`]
    #[arg(long, value_name = "CHAR")]
    pub(crate) delimiter: Option<String>,
    /// Keep the last N backups whose names differ only in {date} and {time}, including this one, and remove older
    /// ones
    #[arg(long, value_name = "N", value_parser = number::<NonZeroU32>(1..=u32::MAX.into()))]
    pub(crate) keep: Option<NonZeroU32>,
    /// Refuse to write if more than P% of the contacts in the file to be replaced, or else in the last backup, are
    /// missing
    #[arg(long, value_name = "P%", default_value_t = Bound::Percent(50.0), value_parser = parse_percentage)]
    pub(crate) max_shrink: Bound,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    #[command(flatten)]
    pub(crate) locked: LockedAccountArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct IdArgs {
    /// Ids of contacts
    #[arg(required = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Ids of contacts
    #[arg(required = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) ids: Vec<String>,
    /// Stop if the server refuses more contacts than this; P% of those sent, or of 1,000 if fewer were sent
    #[arg(long, value_name = "N|P%", default_value_t = Bound::Percent(10.0))]
    pub(crate) max_refused: Bound,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) locked: LockedAccountArgs,
}

/// `verify`.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("files", |files| files.value_name("RUN|FILE").help(
    "A run, by name or file, or files to read as `import` would; `-` is standard input"
)))]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Treatment of rows with the same id and different values
    #[arg(long, value_name = "HOW", value_enum, default_value_t = OnDuplicate::Reject, help_heading = "Reading")]
    pub(crate) on_duplicate: OnDuplicate,
    /// Treatment of employees' names in the place of their ids; `guard` only warns of them
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Owners::Guard, help_heading = "Reading")]
    pub(crate) owners: Owners,
    #[command(flatten)]
    pub(crate) watch: WatchArgs,
    #[command(flatten)]
    pub(crate) locked: LockedAccountArgs,
}

/// `diff`.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("files", |files| files.value_name("FILE").num_args(1..=2).help(
    "The older backup, and the newer one [default: the account]; other files are read as `import` would"
)))]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Treatment of rows with the same id and different values
    #[arg(long, value_name = "HOW", value_enum, default_value_t = OnDuplicate::Reject, help_heading = "Reading")]
    pub(crate) on_duplicate: OnDuplicate,
    /// Write all changes to a file (.csv, .tsv, .xlsx or .jsonl)
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write CSV that spreadsheet programs open correctly with a double click
    #[arg(long, requires = "output")]
    pub(crate) excel: bool,
    /// Exit with 3 if there are differences
    #[arg(long)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) locked: LockedAccountArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct JobsArgs {
    /// Jobs file
    #[arg(value_name = "JOBS.toml")]
    pub(crate) file: PathBuf,
    /// Only the job of this name; may be given several times
    #[arg(long = "job", value_name = "NAME")]
    pub(crate) jobs: Vec<String>,
    /// Only the jobs of every N-th account, starting with the I-th (from 0)
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// Maximum number of jobs at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = number::<u16>(1..=256))]
    pub(crate) parallel: u16,
    /// Check the jobs and show their commands without running them
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct AuthArgs {
    /// Renew the token
    #[arg(long)]
    pub(crate) refresh: bool,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct UsersArgs {
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) account: AccountArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SandboxArgs {
    /// Port on loopback; 0 picks a free one
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<u16>(0..=u16::MAX.into()))]
    pub(crate) port: u16,
    /// Number of generated contacts at the start
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<usize>(0..=u64::MAX))]
    pub(crate) contacts: usize,
    /// Response to a POST of an existing id
    #[arg(long, value_name = "HOW", default_value = "update", value_parser = words::<Existing>())]
    pub(crate) existing: Existing,
    /// The uri that a read returns
    #[arg(long, value_name = "HOW", default_value = "api-path", value_parser = words::<UriShown>())]
    pub(crate) uri: UriShown,
    /// Shape of error answers, and the way they identify invalid contacts
    #[arg(long, value_name = "SHAPE", default_value = "classic", value_parser = words::<ErrorShape>())]
    pub(crate) errors: ErrorShape,
    /// Require more of a written contact: a `chat_id` in every chat, a link in every update
    #[arg(long, value_name = "FIELD", value_delimiter = ',', value_parser = words::<RequiredField>())]
    pub(crate) require: Vec<RequiredField>,
    /// Maximum number of contacts per page
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = number::<usize>(1..=u64::MAX))]
    pub(crate) page_cap: usize,
    /// Fault to inject, such as 503@10 (the tenth request) or drop-after%2 (2 % of requests)
    ///
    /// A status, NNN-after, drop-before, drop-after, truncate, slow=200ms, partial, token-dies, poison=ID or
    /// unstored=ID; then nothing (each request), @10, @10-20, @10+ or %2. The prefix GET:, POST:, PATCH:, DELETE:,
    /// token: or any: selects the requests. May be given several times.
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<String>,
    /// Seed of random faults
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}
