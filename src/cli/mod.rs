//! The command line as it was typed; nothing is resolved yet.

mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};
use clap_complete::Shell;

use crate::plan::{Mode, duplicates::OnDuplicate, gate::Bound};

const EXAMPLES: &str = "\
Examples:
  wazzup-contacts import contacts.csv --sandbox      try it without an account
  wazzup-contacts check contacts.xlsx                what would be sent, and what is wrong
  wazzup-contacts import contacts.xlsx --set uri='https://crm.example.com/c/{id}'
  wazzup-contacts export -o contacts.csv             save all contacts
  wazzup-contacts apply                              continue the last unfinished run

Pass the token in WAZZUP_TOKEN or --token-file, never as an argument.";

const UNDO_EXAMPLES: &str = "\
Examples:
  wazzup-contacts undo 2026-11-22T0855-contacts --dry-run   what would be put back, and what can't be
  wazzup-contacts undo 2026-11-22T0855-contacts --yes
An undo is a run: it can be continued with `apply`, checked with `verify` and undone.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  wazzup-contacts verify 2026-11-22T0855-contacts
  wazzup-contacts verify contacts.csv --region RU
`~` differs, `-` is missing, `+` still exists although it was to be deleted. Exits with 3 if there are any.";

/// Bulk import and export of Wazzup contacts.
#[derive(Debug, Parser)]
#[command(name = "wazzup-contacts", version, about, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub common: CommonArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read a file, plan, and send what the plan says
    #[command(
        after_help = "Example: wazzup-contacts import contacts.csv --set responsible_user_id=user-1"
    )]
    Import(ImportArgs),
    /// Read a file and plan; send nothing (`apply` does that later)
    #[command(
        after_help = "Example: wazzup-contacts plan contacts.csv -o contacts.run && wazzup-contacts apply contacts.run"
    )]
    Plan(PlanArgs),
    /// Read and check a file without any network
    #[command(after_help = "Example: wazzup-contacts check contacts.xlsx --region RU")]
    Check(CheckArgs),
    /// Save all contacts to a file
    #[command(after_help = "Example: wazzup-contacts export -o contacts.csv")]
    Export(ExportArgs),
    /// Show contacts by id, as JSON lines
    #[command(after_help = "Example: wazzup-contacts get 1042 'a/b?c'")]
    Get(IdArgs),
    /// Delete contacts by id
    #[command(after_help = "Example: wazzup-contacts delete 1042 --yes")]
    Delete(DeleteArgs),
    /// Send what is left of a run (default: the last unfinished one)
    #[command(after_help = "Example: wazzup-contacts apply 2026-11-22T0855-contacts")]
    Apply(ApplyArgs),
    /// Put back what a run changed, except contacts that changed since
    #[command(after_help = UNDO_EXAMPLES)]
    Undo(UndoArgs),
    /// Compare the account with a run or a file, field by field
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// List past runs, show one, remove old ones
    #[command(after_help = "Example: wazzup-contacts runs show 2026-11-22T0855-contacts")]
    Runs(RunsArgs),
    /// Show whether the token works, where it comes from and when it expires
    #[command(after_help = "Example: wazzup-contacts auth --refresh")]
    Auth(AuthArgs),
    /// Run a local Wazzup API for rehearsals
    #[cfg(feature = "sandbox")]
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
    /// Print the manual page
    #[command(after_help = "Example: wazzup-contacts man | man -l -")]
    Man,
}

impl Command {
    /// The name of the command as it is typed.
    #[must_use]
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Import(_) => "import",
            Self::Plan(_) => "plan",
            Self::Check(_) => "check",
            Self::Export(_) => "export",
            Self::Get(_) => "get",
            Self::Delete(_) => "delete",
            Self::Apply(_) => "apply",
            Self::Undo(_) => "undo",
            Self::Verify(_) => "verify",
            Self::Runs(_) => "runs",
            Self::Auth(_) => "auth",
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => "sandbox",
            Self::Completions { .. } => "completions",
            Self::Man => "man",
        }
    }

    /// The account options, if the command talks to an account.
    #[must_use]
    pub(crate) const fn account(&self) -> Option<&AccountArgs> {
        match self {
            Self::Import(args) => Some(&args.turn.account),
            Self::Plan(args) => Some(&args.turn.account),
            Self::Export(args) => Some(&args.turn.account),
            Self::Get(args) => Some(&args.account),
            Self::Delete(args) => Some(&args.turn.account),
            Self::Apply(args) => Some(&args.turn.account),
            Self::Undo(args) => Some(&args.turn.account),
            Self::Verify(args) => Some(&args.turn.account),
            Self::Auth(args) => Some(&args.account),
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => None,
            Self::Check(_) | Self::Runs(_) | Self::Completions { .. } | Self::Man => None,
        }
    }
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Common options")]
pub struct CommonArgs {
    /// Profile of the configuration file
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "WAZZUP_PROFILE",
        hide_env_values = true
    )]
    pub profile: Option<String>,
    /// Configuration file [default: wazzup.toml here, then in the configuration directory]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "WAZZUP_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,
    /// Print one JSON summary object on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress and no summary; errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Verbose output; -vv logs every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColorWhen::Auto)]
    pub color: ColorWhen,
    /// Format of the log that --verbose prints
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// The account, and limits on requests.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Account")]
pub struct AccountArgs {
    /// Base URL of the API; https, except for loopback
    #[arg(
        long,
        value_name = "URL",
        env = "WAZZUP_BASE_URL",
        hide_env_values = true
    )]
    pub base_url: Option<String>,
    /// File whose first line is the token
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Start a local API for this command and use it instead of Wazzup
    #[cfg(feature = "sandbox")]
    #[arg(long)]
    pub sandbox: bool,
    /// Requests allowed, as N/Ts or `unlimited` [default: 490/5s]
    #[arg(long, value_name = "N/Ts")]
    pub rate: Option<String>,
    /// Maximum number of requests in flight [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub concurrency: Option<u16>,
}

/// An account that is locked while the command runs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Account")]
pub struct TurnArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub account: AccountArgs,
    /// Wait while another run uses the same account
    #[arg(long)]
    pub wait: bool,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the words say it")]
pub enum ColorWhen {
    Auto,
    Always,
    Never,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the words say it")]
pub enum LogFormat {
    Text,
    Json,
}

/// How to read a file and which column becomes which field.
#[derive(Clone, Debug, Args)]
pub struct ReadArgs {
    /// Files to read; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Take a field from a column, overriding the header
    #[arg(long, value_name = "FIELD=COLUMN", help_heading = "Reading")]
    pub map: Vec<String>,
    /// Fill a field if the row has no value for it; `{column}` is a column of the row
    #[arg(long, value_name = "FIELD=TEMPLATE", help_heading = "Reading")]
    pub set: Vec<String>,
    /// Mapping file (TOML)
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    pub mapping: Option<PathBuf>,
    /// Country of phone numbers without a country code, such as RU
    #[arg(long, value_name = "CC", help_heading = "Reading")]
    pub region: Option<String>,
    /// Chat types for which phone columns are used, or `none` [default: whatsapp]
    #[arg(
        long,
        value_name = "TYPES",
        value_delimiter = ',',
        help_heading = "Reading"
    )]
    pub phone_as: Option<Vec<String>>,
    /// Sheet of a workbook: name, number or `all` [default: the first visible with known columns]
    #[arg(long, value_name = "NAME|N|all", help_heading = "Reading")]
    pub sheet: Option<String>,
    /// Row of the header [default: found by its column names]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Reading")]
    pub header_row: Option<u32>,
    /// Delimiter of a text file, one character or `tab` [default: auto-detected]
    #[arg(long, value_name = "C", help_heading = "Reading")]
    pub delimiter: Option<String>,
    /// Encoding of a text file, such as windows-1251 [default: auto-detected]
    #[arg(long, value_name = "NAME", help_heading = "Reading")]
    pub encoding: Option<String>,
    /// Worker threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Reading")]
    pub threads: Option<u16>,
}

/// Options of a plan.
#[derive(Clone, Debug, Args)]
pub struct PlanningArgs {
    /// Which changes are allowed
    #[arg(long, value_enum, default_value_t = Mode::Upsert, help_heading = "Planning")]
    pub mode: Mode,
    /// How to handle rows with the same id and different values
    #[arg(long, value_name = "HOW", value_enum, default_value_t = OnDuplicate::Reject, help_heading = "Planning")]
    pub on_duplicate: OnDuplicate,
    /// Whether an empty cell keeps or clears the chat of that type
    #[arg(long, value_enum, default_value_t = Blank::Keep, help_heading = "Planning")]
    pub blank: Blank,
    /// Maximum number of rejected rows
    #[arg(long, value_name = "N|P%", default_value_t = Bound::Percent(50.0), help_heading = "Planning")]
    pub max_rejects: Bound,
    /// Maximum number of deletes (mirror)
    #[arg(long, value_name = "N|P%", default_value_t = Bound::Percent(5.0), help_heading = "Planning")]
    pub max_delete: Bound,
    /// Where to write the rejected rows [default: FILE.rejected.csv here]
    #[arg(long, value_name = "FILE", help_heading = "Planning")]
    pub rejects: Option<PathBuf>,
    /// Compare with the result of the last run instead of the account; `reset` discards that result
    #[arg(long, value_name = "reset", num_args = 0..=1, require_equals = true, default_missing_value = "on", help_heading = "Planning")]
    pub changed_only: Option<ChangedOnly>,
    /// With --changed-only: compare with the account itself every N-th run
    #[arg(long, value_name = "N", requires = "changed_only", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Planning")]
    pub full_every: Option<u32>,
    /// Mirror even if this profile used another account last time
    #[arg(long, help_heading = "Planning")]
    pub other_account: bool,
    /// Contacts per request
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Planning")]
    pub batch_size: u16,
}

/// The value of `--changed-only`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChangedOnly {
    /// Compare with the result of the last run.
    #[value(hide = true)]
    On,
    /// Discard the result of the last runs.
    Reset,
}

/// The value of `--blank`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Blank {
    Keep,
    Clear,
}

/// `import`.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub read: ReadArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub planning: PlanningArgs,
    /// Show the plan and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Run file to create [default: in the state directory]
    #[arg(long, value_name = "FILE")]
    pub run: Option<PathBuf>,
    /// Delete without asking for confirmation
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub turn: TurnArgs,
}

/// `plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub read: ReadArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub planning: PlanningArgs,
    /// Run file to create [default: in the state directory]
    #[arg(long, short, visible_alias = "run", value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Exit with 6 if there are changes
    #[arg(long)]
    pub exit_code: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub turn: TurnArgs,
}

/// `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub read: ReadArgs,
    /// Check as this mode would: `update` and `upsert` accept rows without all required fields
    #[arg(long, value_enum, default_value_t = Mode::Create)]
    pub mode: Mode,
    /// Number of contacts to show as they would be sent
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub show: usize,
    /// Write the mapping to a file, ready to edit
    #[arg(long, value_name = "FILE")]
    pub write_mapping: Option<PathBuf>,
}

/// `export`.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// File to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub turn: TurnArgs,
}

/// `get`.
#[derive(Clone, Debug, Args)]
pub struct IdArgs {
    /// Ids of contacts
    #[arg(required = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub ids: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub account: AccountArgs,
}

/// `delete`.
#[derive(Clone, Debug, Args)]
pub struct DeleteArgs {
    /// Ids of contacts
    #[arg(required = true, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub ids: Vec<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub turn: TurnArgs,
}

/// The default of `--stale-after`.
pub(crate) const STALE_AFTER: std::time::Duration = std::time::Duration::from_secs(10 * 60);

/// `apply`.
#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    /// Run, by name or file [default: the last unfinished]
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
    /// Send updates even for contacts that changed in the account since the plan
    #[arg(long)]
    pub force: bool,
    /// Look contacts up before updating them if the plan is older than this
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub stale_after: std::time::Duration,
    /// Where to write the rejected rows [default: FILE.rejected.csv here]
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Delete without asking for confirmation
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub turn: TurnArgs,
}

/// `undo`.
#[derive(Clone, Debug, Args)]
pub struct UndoArgs {
    /// Run to undo, by name or file
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Also put back contacts that changed since
    #[arg(long)]
    pub force: bool,
    /// Show the plan and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Where to write the contacts that were left alone [default: RUN.rejected.csv here]
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub turn: TurnArgs,
}

/// `verify`.
#[derive(Clone, Debug, Args)]
#[command(mut_arg("files", |files| files.value_name("RUN|FILE").help(
    "A run, by name or file, or files to read as `import` would; `-` is standard input"
)))]
pub struct VerifyArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub read: ReadArgs,
    /// How to handle rows with the same id and different values
    #[arg(long, value_name = "HOW", value_enum, default_value_t = OnDuplicate::Reject, help_heading = "Reading")]
    pub on_duplicate: OnDuplicate,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub turn: TurnArgs,
}

/// `runs`.
#[derive(Clone, Debug, Args)]
pub struct RunsArgs {
    /// Action [default: list]
    #[command(subcommand)]
    pub action: Option<RunsAction>,
}

/// An action on past runs.
#[derive(Clone, Debug, Subcommand)]
pub enum RunsAction {
    /// Show a run: counts, changes, what failed and what is left
    Show {
        /// Run, by name or file
        run: String,
        /// Show every contact that is left, not only the first 20
        #[arg(long)]
        all: bool,
    },
    /// Remove finished runs
    Prune {
        /// Runs to keep
        #[arg(long, value_name = "N", default_value_t = crate::run::store::KEPT)]
        keep: usize,
    },
}

/// `auth`.
#[derive(Clone, Debug, Args)]
pub struct AuthArgs {
    /// Renew the token
    #[arg(long)]
    pub refresh: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "see the type")]
    pub account: AccountArgs,
}

/// `sandbox`.
#[cfg(feature = "sandbox")]
#[derive(Clone, Debug, Args)]
pub struct SandboxArgs {
    /// Port on loopback; 0 picks a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// Number of generated contacts at the start
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub contacts: usize,
    /// Response to a POST of an existing id: update, conflict or server-error
    #[arg(long, value_name = "HOW", default_value = "update")]
    pub existing: String,
    /// The uri that a read returns: stored or api-path
    #[arg(long, value_name = "HOW", default_value = "api-path")]
    pub uri: String,
    /// Maximum number of contacts per page
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub page_cap: usize,
    /// Fault to inject, such as 503@10 (the tenth request) or drop-after%2 (2 % of requests)
    ///
    /// A status, NNN-after, drop-before, drop-after, truncate, slow=200ms, partial, token-dies, poison=ID or
    /// unstored=ID; behind it nothing (each request), @10, @10-20, @10+ or %2; before it GET:, POST:, PATCH:,
    /// DELETE:, token: or any:, to pick the requests. May be given several times.
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,
    /// Seed of random faults
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// A time such as `10m`, `90s`, `2h`.
fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let span: jiff::Span = text
        .parse()
        .map_err(|_| format!("`{text}` is not a time such as 90s, 10m or 2h"))?;
    let duration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|error| error.to_string())?;
    duration
        .try_into()
        .map_err(|_| format!("`{text}` is before now"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_of_stale_after_is_the_constant() {
        let Ok(Command::Apply(args)) =
            Cli::try_parse_from(["wazzup-contacts", "apply"]).map(|cli| cli.command)
        else {
            panic!("`apply` needs nothing else")
        };
        assert_eq!(args.stale_after, STALE_AFTER);
    }
}
