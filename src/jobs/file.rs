//! Reads a jobs file and selects its jobs. Each job is a `[[job]]` table whose keys are the options of its
//! command.
//!
//! Every job is parsed as a command line before the first one starts, so a wrong key or value is an error of the
//! file. The source is only looked up when the job starts, because an earlier job may write it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Value;

use super::{JobError, NAME_MAX, source};
use crate::{
    cli::{Command, CommonArgs, JobLine, Shard, WRITTEN, WatchArgs},
    error::Error,
    nearest::remark,
    output::unlinked,
    paths::{absolute, advice, read_fault},
    ping::PingUrl,
    plan::Mode,
    report::rejects::dropped_beside,
    settings::{self, Configuration, Settings, SettingsError},
    streams::is_special,
    wording::toml_fault,
};

/// Maximum number of listed mistakes.
const LISTED: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobsFile {
    #[serde(default, rename = "job")]
    jobs: Vec<JobTable>,
}

#[derive(Debug, Deserialize)]
struct JobTable {
    name: String,
    command: String,
    profile: Option<String>,
    source: Option<Value>,
    #[serde(flatten)]
    options: BTreeMap<String, Value>,
}

#[derive(Debug)]
pub(crate) struct Job {
    /// Its unique name.
    pub(crate) name: String,
    pub(crate) command: String,
    pub(crate) settings: Settings,
    /// The configured account, which determines the shard.
    pub(crate) account: String,
    /// The names of its account: jobs that share one run one after the other.
    pub(crate) turns: Vec<String>,
    pub(crate) watch: WatchArgs,
    /// The mode of the run that the history records, if the command makes one.
    pub(crate) recorded_mode: Option<Mode>,
    /// The command line without sources.
    line: JobLine,
    /// The command with its patterns in place of the sources.
    parsed: Option<Command>,
    pub(crate) patterns: Vec<String>,
}

/// Reads a jobs file and checks all jobs. `common` are the options for all of them.
pub(crate) fn read(path: &Path, common: &CommonArgs) -> Result<Vec<Job>, SettingsError> {
    let text = settings::text(path).map_err(|error| {
        let fault = read_fault(&error);
        SettingsError::wrong(
            format!("jobs file {} {fault}", path.display()),
            advice(path, &error),
        )
    })?;
    let file: JobsFile =
        toml::from_str(&text).map_err(|error| wrong(path, toml_fault(&text, &error)))?;
    if file.jobs.is_empty() {
        return Err(wrong(path, "it has no [[job]]"));
    }
    let configuration = Configuration::read(common.config.as_deref())?;
    let mut faults = same_names(&file.jobs);
    let mut jobs = Vec::with_capacity(file.jobs.len());
    for table in file.jobs {
        let name = table.name.clone();
        match Job::of(table, common, &configuration) {
            Ok(job) => jobs.push(job),
            Err(fault) => faults.push(format!("job `{name}`: {fault}")),
        }
    }
    faults.extend(wrong_files(&jobs));
    match faults.len() {
        0 => Ok(jobs),
        1 => Err(wrong(path, faults.concat())),
        count => {
            faults.truncate(LISTED);
            Err(wrong(
                path,
                format!("{count} mistakes\n{}", faults.join("\n")),
            ))
        }
    }
}

fn wrong(path: &Path, fault: impl AsRef<str>) -> SettingsError {
    SettingsError::wrong(
        format!("jobs file {}: {}", path.display(), fault.as_ref()),
        Some("samples/jobs.toml is an example; no job was started".to_owned()),
    )
}

/// Names of more than one job.
fn same_names(jobs: &[JobTable]) -> Vec<String> {
    let mut names = HashSet::new();
    let again = jobs.iter().filter(|job| !names.insert(&job.name));
    again
        .map(|job| format!("two jobs have the name `{}`", job.name))
        .collect()
}

/// Files written by several jobs, and files that no job can write.
fn wrong_files(jobs: &[Job]) -> Vec<String> {
    let mut files = HashMap::new();
    let mut faults = Vec::new();
    for job in jobs {
        let name = &job.name;
        for (key, file) in job.outputs() {
            let path = Path::new(&*file);
            if is_special(path) && path != Path::new("/dev/null") {
                // A pipe without a reader would block the job and with it the whole command.
                faults.push(format!(
                    "job `{name}`: `{key}` is a pipe or a device, and jobs write files: {file}"
                ));
            } else if let Some(other) = files.insert(job.written(key, &file), name)
                && !is_special(path)
            {
                faults.push(if other == name {
                    format!("job `{name}` writes {file} twice")
                } else {
                    format!("the jobs `{other}` and `{name}` both write {file}")
                });
            }
        }
    }
    faults
}

impl Job {
    fn of(
        table: JobTable,
        common: &CommonArgs,
        configuration: &Configuration,
    ) -> Result<Self, JobError> {
        let name = table.name;
        if !is_name(&name) {
            return Err(JobError::Name);
        }
        let mut patterns = Vec::new();
        if let Some(source) = &table.source {
            for word in words("source", source)? {
                patterns.push(word.ok_or(JobError::NoPattern)?);
            }
        }
        patterns.iter().try_for_each(|it| source::check(it))?;
        let mut options = BTreeMap::new();
        for (key, value) in table.options {
            options.insert(key.clone(), words(&key, &value)?);
        }
        let profile = table.profile.or_else(|| common.profile.clone());
        let config = common
            .config
            .as_ref()
            .map(|path| path.display().to_string());
        let line = JobLine::new(&name, &table.command, options, [profile, config])?;
        let cli = line.parse(&patterns)?;
        let account = cli.command.account().cloned();
        let is_online = account.is_some();
        let watch = cli.command.watch();
        let url = watch.ping.as_deref().map(str::parse::<PingUrl>);
        url.transpose()?;
        let settings = configuration.settings(cli.common, account.unwrap_or_default())?;
        let account = settings.account_key();
        let token = is_online.then(|| settings.token_key()).flatten();
        Ok(Self {
            name,
            command: table.command,
            turns: token.into_iter().chain([account.clone()]).collect(),
            account,
            settings,
            watch,
            recorded_mode: cli.command.recorded_mode(),
            line,
            parsed: Some(cli.command),
            patterns,
        })
    }

    /// The options that name output files, each with the file. The list of left-out numbers is beside the rejects.
    fn outputs(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let value = |name| self.line.values().find(|(key, _)| *key == name);
        let drops = match value("bad-numbers") {
            Some((_, how)) => how == "drop",
            // The mapping file may say so.
            None => value("mapping").is_some(),
        };
        let rejects = value("rejects").filter(|(_, file)| drops && !is_special(Path::new(file)));
        let dropped = rejects.map(|(key, file)| {
            let dropped = dropped_beside(Path::new(file));
            (key, Cow::from(dropped.to_string_lossy().into_owned()))
        });
        let named = self.line.values();
        let named = named.filter(|(key, _)| WRITTEN.contains(key));
        named.map(|(key, file)| (key, file.into())).chain(dropped)
    }

    /// The path of an output file, the same for all jobs that write the same file. Jobs may run at the same time,
    /// so placeholders for times do not distinguish them.
    fn written(&self, key: &str, file: &str) -> PathBuf {
        let profile = self.settings.profile_name.as_deref().unwrap_or_default();
        let file = match key {
            "output" => file
                .replace("{account}", &self.account)
                .replace("{profile}", profile),
            _ => file.to_owned(),
        };
        let path = Path::new(&file);
        unlinked(&absolute(path))
    }

    pub(crate) fn sources(&self) -> Result<Vec<String>, Error> {
        let newest = |pattern: &String| {
            let path = source::newest(pattern)?;
            Ok(path.to_string_lossy().into_owned())
        };
        self.patterns.iter().map(newest).collect()
    }

    /// The command with these sources, and its command line.
    pub(crate) fn command(&mut self, sources: &[String]) -> Result<(Command, String), Error> {
        let shown = self.line.shown(sources);
        if let Some(parsed) = self.parsed.take_if(|_| *sources == *self.patterns) {
            return Ok((parsed, shown));
        }
        let cli = self.line.parse(sources);
        let cli =
            cli.map_err(|fault| Error::usage(format!("job `{}`: {fault}", self.name), None))?;
        Ok((cli.command, shown))
    }

    /// The command line, with a pattern in place of a missing source.
    pub(crate) fn shown(&self) -> String {
        let newest = |pattern: &String| {
            let path = source::newest(pattern);
            path.map_or_else(
                |_| pattern.clone(),
                |path| path.to_string_lossy().into_owned(),
            )
        };
        let sources: Vec<_> = self.patterns.iter().map(newest).collect();
        self.line.shown(&sources)
    }
}

fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.starts_with(char::is_alphanumeric)
        && name.chars().all(is_plain)
        && name.chars().count() <= NAME_MAX
}

/// The values of an option: `None` for a flag, and nothing for `false`.
fn words(key: &str, value: &Value) -> Result<Vec<Option<String>>, JobError> {
    let word = match value {
        Value::Boolean(false) => return Ok(Vec::new()),
        Value::Boolean(true) => None,
        Value::String(text) if text == "-" => {
            return Err(JobError::SharedStream {
                key: key.to_owned(),
            });
        }
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Datetime(time) => Some(time.to_string()),
        Value::Array(list) => {
            let all: Result<Vec<_>, _> = list.iter().map(|value| words(key, value)).collect();
            return Ok(all?.concat());
        }
        Value::Table(_) => {
            return Err(JobError::Table {
                key: key.to_owned(),
            });
        }
    };
    Ok(vec![word])
}

/// The jobs with these names, or all, whose accounts belong to the shard.
pub(crate) fn select(
    mut jobs: Vec<Job>,
    names: &[String],
    shard: Option<Shard>,
) -> Result<Vec<Job>, SettingsError> {
    for name in names {
        if !jobs.iter().any(|job| job.name == *name) {
            let known = jobs.iter().map(|job| &*job.name);
            return Err(SettingsError::wrong(
                format!("the jobs file has no job `{name}`{}", remark(name, known)),
                "--dry-run lists the jobs".to_owned(),
            ));
        }
    }
    jobs.retain(|job| {
        (names.is_empty() || names.contains(&job.name))
            && shard.is_none_or(|shard| shard.holds(&job.account))
    });
    Ok(jobs)
}
