//! Selects the jobs of a file that `--job` and `--shard` name.

use super::Job;
use crate::{cli::Shard, nearest::remark, settings::SettingsError};

/// The jobs with these names, or all, whose accounts are of the shard.
pub(crate) fn select(
    mut jobs: Vec<Job>,
    names: &[String],
    shard: Option<Shard>,
) -> Result<Vec<Job>, SettingsError> {
    for name in names {
        if !jobs.iter().any(|job| job.name == *name) {
            let known = jobs.iter().map(|job| &*job.name);
            return Err(SettingsError::wrong(
                format!(
                    "there is no job `{name}` in the jobs file{}",
                    remark(name, known)
                ),
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
