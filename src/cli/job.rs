//! The command line of a job in a jobs file, parsed as if it had been typed.

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use parking_lot::{Mutex, MutexGuard};

use super::{
    Cli,
    parser::{command_line, parse},
};
use crate::{nearest::remark, wording::shell_word};

/// The commands that may run unattended.
const COMMANDS: [&str; 8] = [
    "import", "plan", "check", "export", "verify", "diff", "apply", "auth",
];

/// Options that `jobs` sets for all jobs, or that are keys of their own.
const SHARED: [&str; 8] = [
    "json",
    "quiet",
    "verbose",
    "color",
    "log-format",
    "profile",
    "config",
    "help",
];

/// The values of each option by its long name; `None` for a flag.
type OptionValues = BTreeMap<String, Vec<Option<String>>>;

/// The mistake in the table of a job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobLineError {
    #[error("`{command}` is not a command for jobs{}; the commands are {}", remark(command, COMMANDS), COMMANDS.join(", "))]
    NoJobCommand { command: String },
    #[error("`{key}` is an option of `jobs` itself and applies to all jobs")]
    SharedOption { key: String },
    /// `meant`: a remark about the option that was probably meant.
    #[error("`{command}` has no option `{key}`{meant}")]
    UnknownOption {
        command: String,
        key: String,
        meant: String,
    },
    #[error("an export needs `output`: jobs share standard output")]
    NoOutput,
    #[error("`source` is missing: the pattern of the file to read")]
    NoSource,
    /// The parser's sentence.
    #[error("{sentence}")]
    Unparsable { sentence: String },
}

/// A command line without its sources.
#[derive(Clone, Debug)]
pub(crate) struct JobLine {
    command: String,
    options: Vec<String>,
}

/// The parser of command lines. Building or copying it takes longer than parsing, and there may be hundreds of jobs.
fn parser() -> MutexGuard<'static, clap::Command> {
    static PARSER: LazyLock<Mutex<clap::Command>> = LazyLock::new(|| Mutex::new(command_line()));
    PARSER.lock()
}

impl JobLine {
    /// `shared`: profile and configuration file.
    pub(crate) fn new(
        job: &str,
        command: &str,
        mut options: OptionValues,
        shared: [Option<String>; 2],
    ) -> Result<Self, JobLineError> {
        if !COMMANDS.contains(&command) {
            let command = command.to_owned();
            return Err(JobLineError::NoJobCommand { command });
        }
        let parser = parser();
        let arguments = parser.find_subcommand(command).into_iter();
        let flags = arguments.flat_map(clap::Command::get_arguments);
        let known: Vec<_> = flags.filter_map(clap::Arg::get_long).collect();
        for key in options.keys() {
            if SHARED.contains(&&**key) {
                return Err(JobLineError::SharedOption { key: key.clone() });
            }
            if !known.contains(&&**key) {
                return Err(JobLineError::UnknownOption {
                    command: command.to_owned(),
                    key: key.clone(),
                    meant: remark(key, &known),
                });
            }
        }
        if command == "export" && !options.contains_key("output") {
            return Err(JobLineError::NoOutput);
        }
        if matches!(command, "import" | "plan") {
            // Sources of several accounts may have the same name.
            let rejects = vec![Some(format!("{job}.rejected.csv"))];
            options.entry("rejects".to_owned()).or_insert(rejects);
        }
        for (key, value) in ["profile", "config"].into_iter().zip(shared) {
            options.extend(value.map(|value| (key.to_owned(), vec![Some(value)])));
        }
        let words = options.iter().flat_map(|(key, values)| {
            values.iter().map(move |value| match value {
                Some(value) => format!("--{key}={value}"),
                None => format!("--{key}"),
            })
        });
        Ok(Self {
            command: command.to_owned(),
            options: words.collect(),
        })
    }

    /// The arguments as if they had been typed.
    pub(crate) fn parse(&self, sources: &[String]) -> Result<Cli, JobLineError> {
        let program = ["wazzup-contacts", &self.command].map(str::to_owned);
        let options = self.options.iter().cloned();
        let sources = (!sources.is_empty()).then_some(sources);
        let sources = sources.map(|sources| [&["--".to_owned()], sources].concat());
        let words = program
            .into_iter()
            .chain(options)
            .chain(sources.into_iter().flatten());
        let matches = parser().try_get_matches_from_mut(words);
        let parsed = matches.and_then(|matches| parse(&matches));
        parsed.map_err(|error| refusal(&error))
    }

    /// The options with values.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        let words = self.options.iter();
        words.filter_map(|word| word.strip_prefix("--")?.split_once('='))
    }

    /// The command line for people.
    pub(crate) fn shown(&self, sources: &[String]) -> String {
        let words = sources.iter().chain(&self.options);
        let words = words.map(|word| shell_word(Path::new(word)));
        let line = ["wazzup-contacts".to_owned(), self.command.clone()];
        without_ping_url(line.into_iter().chain(words)).join(" ")
    }
}

/// The words of a command line without the secret URL of `--ping`.
pub(crate) fn without_ping_url(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for word in words {
        let word = match word.trim_start_matches('\'') {
            _ if shown.last().is_some_and(|last| last == "--ping") => "…",
            quoted if quoted.starts_with("--ping=") => "--ping=…",
            _ => &word,
        };
        shown.push(word.to_owned());
    }
    shown
}

/// The parser's error without the usage.
fn refusal(error: &clap::Error) -> JobLineError {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim);
    let lines = lines.take_while(|line| !line.starts_with("Usage:"));
    let lines: Vec<_> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .collect();
    let sentence = lines.join(" ");
    let sentence = with_keys(sentence.strip_prefix("error: ").unwrap_or(&sentence));
    if sentence.contains("<FILE>") {
        return JobLineError::NoSource;
    }
    JobLineError::Unparsable { sentence }
}

/// The parser's sentence with a key in place of each flag, as in the jobs file.
fn with_keys(sentence: &str) -> String {
    let mut parts = sentence.split("'--");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (flag, rest) = part.split_once('\'').unwrap_or((part, ""));
        let key = flag.split([' ', '=', '[']).next().unwrap_or_default();
        text.extend(["`", key, "`", rest]);
    }
    text
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::cli::Command;

    fn line(command: &str, options: &[(&str, Option<&str>)]) -> Result<JobLine, JobLineError> {
        let options = options.iter();
        let options =
            options.map(|(key, value)| ((*key).to_owned(), vec![value.map(str::to_owned)]));
        JobLine::new(
            "acme",
            command,
            options.collect(),
            [Some("a b".into()), None],
        )
    }

    #[test]
    fn a_job_is_parsed_as_if_it_had_been_typed() {
        let options = [
            ("mode", Some("mirror")),
            ("max-delete", Some("5%")),
            ("yes", None),
        ];
        let line = line("import", &options).unwrap();
        let sources = ["-odd.csv".to_owned()];
        let cli = line.parse(&sources).unwrap();
        assert_eq!(cli.common.profile.as_deref(), Some("a b"));
        let Command::Import(args) = cli.command else {
            panic!("an import")
        };
        assert!(args.yes && args.sources.read.files == [Path::new("-odd.csv")]);
        assert_eq!(
            args.sources.planning.rejects.as_deref(),
            Some(Path::new("acme.rejected.csv"))
        );
        assert_eq!(
            line.shown(&sources),
            "wazzup-contacts import -odd.csv --max-delete=5% --mode=mirror '--profile=a b' \
             --rejects=acme.rejected.csv --yes"
        );
    }

    #[test]
    fn a_mistake_is_named_with_what_is_meant() {
        let fault = |command, options: &[(&str, Option<&str>)]| {
            let line = line(command, options);
            line.and_then(|line| line.parse(&[]))
                .unwrap_err()
                .to_string()
        };
        for (fault, words) in [
            (fault("imprt", &[]), "did you mean `import`?"),
            (
                fault("delete", &[]),
                "not a command for jobs; the commands are",
            ),
            (
                fault("import", &[("max_delete", None)]),
                "did you mean `max-delete`?",
            ),
            (
                fault("import", &[("mode", Some("miror"))]),
                "invalid value 'miror' for `mode`",
            ),
            (fault("import", &[("mode", None)]), "for `mode`"),
            (
                fault("import", &[("json", None)]),
                "option of `jobs` itself",
            ),
            (fault("export", &[]), "needs `output`"),
            (fault("import", &[]), "`source` is missing"),
        ] {
            assert!(fault.contains(words) && !fault.contains('\n'), "{fault}");
        }
    }
}
