//! Shows a plan: the first changes in full, the number of requests, and the gate's verdict.

use crate::{
    console::Console,
    error::Error,
    plan::{
        gate::{Bounds, bounds_for, is_part_of_a_source},
        planned_changes::{self, PlannedDeletion},
    },
    report::summary::Forecast,
    run::{RunError, RunFile, rejects},
    wording::{code_line, counted, duration, grouped},
    workflow::{PlannedRun, Session},
};

/// Updates and deletes shown in full.
const SHOWN: u32 = 20;

pub(super) struct Preview<'a> {
    pub planned: &'a PlannedRun,
    /// The command that shows all changes, if there is one.
    pub all_with: Option<String>,
}

impl Preview<'_> {
    pub(super) fn show(&self, console: &Console, session: &Session) -> Result<(), Error> {
        console.section("rejected rows", &self.rejects()?);
        console.section("updates", &self.updates()?);
        console.section("deletes", &self.deletes()?);
        if let Some(line) = requests(self.planned.forecast(session)?) {
            console.report(&line);
        }
        // An undo has no limits.
        if !self.planned.is_undo() && self.planned.refusal().is_none() {
            let bounds = self.planned.sealed.meta.options.bounds;
            let bounds = bounds_for(is_part_of_a_source(self.run())?, bounds);
            console.report(&self.gate(bounds));
        }
        Ok(())
    }

    const fn run(&self) -> &RunFile {
        &self.planned.sealed.run
    }

    /// The number of problems of each kind. The rows themselves are in the rejects file.
    fn rejects(&self) -> Result<Vec<String>, RunError> {
        let codes = rejects::codes(self.run())?;
        let line = |(code, count): &(String, u64)| code_line(code, *count);
        Ok(codes.iter().map(line).collect())
    }

    /// `id  field: old → new` for the first updates.
    fn updates(&self) -> Result<Vec<String>, RunError> {
        let mut lines = Vec::new();
        let mut shown = 0;
        planned_changes::for_each_update(self.run(), SHOWN, |id, fields| {
            shown += 1;
            for field in fields {
                lines.push(format!("{id}  {field}"));
            }
            Ok::<_, RunError>(())
        })?;
        self.add_more(&mut lines, self.planned.plan.tally.plan.update - shown);
        Ok(lines)
    }

    /// `id  name  chats` for the first deletes.
    fn deletes(&self) -> Result<Vec<String>, RunError> {
        let line = |deletion: PlannedDeletion| match deletion.name_and_chats {
            Some((name, chats)) => format!("{}  {name}  {chats}", deletion.id),
            None => deletion.id,
        };
        let deletions = planned_changes::deletions(self.run(), SHOWN)?;
        let mut lines: Vec<_> = deletions.into_iter().map(line).collect();
        let more = self.planned.plan.tally.plan.delete - lines.len() as u64;
        self.add_more(&mut lines, more);
        Ok(lines)
    }

    fn add_more(&self, lines: &mut Vec<String>, more: u64) {
        if more > 0 {
            let all_with = self.all_with.as_ref();
            let all_with = all_with.map_or_else(String::new, |command| format!(": {command}"));
            lines.push(format!("… and {} more{all_with}", grouped(more)));
        }
    }

    /// The line about the passed gate, with its limits.
    fn gate(&self, bounds: Bounds) -> String {
        let plan = &self.planned.plan;
        let tally = &plan.tally;
        let deletes = if tally.plan.delete > 0 {
            format!(
                "; {} of the account's {} contacts to delete (limit {})",
                grouped(tally.plan.delete),
                grouped(plan.snapshot),
                bounds.max_delete
            )
        } else {
            String::new()
        };
        format!(
            "checks    passed: {} of {} rows rejected (limit {}){deletes}",
            grouped(tally.rows.rejected),
            grouped(tally.rows.wanted()),
            bounds.max_rejects
        )
    }
}

/// The number of requests, and the time they take.
fn requests(Forecast { requests, seconds }: Forecast) -> Option<String> {
    if requests == 0 {
        return None;
    }
    let time = seconds.map(|seconds| {
        if seconds <= 1.0 {
            ", less than a second at the allowed rate".to_owned()
        } else {
            format!(", about {} at the allowed rate", duration(seconds))
        }
    });
    Some(format!(
        "to send   {}{}",
        counted(requests, "request"),
        time.unwrap_or_default()
    ))
}
