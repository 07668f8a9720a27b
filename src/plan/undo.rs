//! A plan that puts back what a run changed: created contacts go, updated and deleted ones become what the
//! run's snapshot says they were.
//!
//! ```text
//!   old run: before, written ─┐
//!                             ├─► take_back ─► new run: contacts, removals, rejects ─► batches ─► seal
//!   account: now ─────────────┘
//! ```
//!
//! The new run is one like any other: its snapshot is the account as it is now, so it can be undone as well,
//! and `apply` goes on with it. What others changed since the old run is left alone and becomes a reject.

use crate::{
    contact::Contact,
    plan::{
        Plan, PlanContext, PlanError, counted,
        diff::{self, is_as_before, is_as_sent},
        snapshot,
    },
    reject::{Problem, RejectCode},
    run::{
        BatchReader, Change, Fate, Position, RemoteContact, Removal, RunError, RunFile,
        StagedBlock, StagedReject, StagedSource, TextForm, Written, letter,
    },
};

/// What is known of a contact before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before<'a> {
    /// It was not there.
    Absent,
    /// It was like this.
    Was(&'a Contact<'a>),
    /// The run created it without looking, so it may have been there.
    Assumed,
    /// The run updated it without looking.
    Unknown,
}

/// What is to be done with a contact that the run wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing: it is gone, as it was before.
    Nothing,
    /// It is to go.
    Remove,
    /// It is to become what it was.
    Restore,
    /// It is left alone, and this is why.
    Leave(&'static str),
}

/// What can't be put back, in contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Left alone: changed by others since, or never looked at before they were written.
    pub left_alone: u64,
    /// Links (`uri`) that the API never showed, so nobody knows what they were.
    pub links: u64,
}

/// Decides on one contact from what it was, what the run wrote (nothing where it deleted), and what it is now.
#[must_use]
pub(crate) fn take_back(
    before: Before<'_>,
    written: Option<&Contact<'_>>,
    now: Option<&Contact<'_>>,
    force: bool,
) -> Step {
    let ours = match (written, now) {
        (Some(written), Some(now)) => is_as_sent(written, now),
        (written, now) => written.is_none() && now.is_none(),
    };
    match (before, now) {
        (Before::Absent | Before::Assumed, None) => Step::Nothing,
        (Before::Unknown, _) => Step::Leave(
            "the run updated it without looking at it first, so nobody knows what it was",
        ),
        (Before::Was(before), Some(now)) if is_as_before(before, now) => Step::Restore,
        (Before::Assumed, Some(_)) if !force => Step::Leave(
            "the run created it without looking first, so it may have been there before: delete it all the same with --force",
        ),
        (Before::Absent | Before::Assumed, Some(_)) if ours || force => Step::Remove,
        (Before::Was(_), _) if ours || force => Step::Restore,
        (_, None) => Step::Leave(
            "it was deleted by others since the run: bring it back all the same with --force",
        ),
        (_, Some(_)) => Step::Leave(
            "it was changed by others since the run: put it back all the same with --force",
        ),
    }
}

/// Plans to put back what `of` changed, in the empty run file of the context, and seals the plan.
///
/// # Errors
/// As [`super::plan`].
pub fn undo(
    context: &PlanContext<'_>,
    of: &RunFile,
    force: bool,
) -> Result<(Plan, Losses), PlanError> {
    let run = context.run;
    run.begin()?;
    run.set_source(0, &source(of))?;
    run.set_meta("blank_rows", &0)?;
    read_present(context, of)?;
    let mut undoing = Undoing {
        run,
        looked: of.has_snapshot()?,
        force,
        at: Position {
            first_row: 1,
            ..Position::default()
        },
        removals: 0,
        losses: Losses::default(),
    };
    let (mut next, mut reader) = (0, BatchReader::new(of));
    while let Some((no, written)) = of.written(&mut reader, next)? {
        undoing.block(&written)?;
        next = no + 1;
    }
    run.make_batches(context.options.batch_size)?;
    run.commit()?;
    let plan = Plan {
        tally: counted(run)?,
        remote: run.remote_count()?,
        verdict: None,
    };
    run.seal()?;
    Ok((plan, undoing.losses))
}

/// The run stands in for a file, with its contacts' ids as the only column.
fn source(of: &RunFile) -> StagedSource {
    StagedSource {
        path: of.path().display().to_string(),
        sheet: None,
        bytes: 0,
        blake3: String::new(),
        columns: vec!["id".to_owned()],
        delimiter: ',',
        file_delimiter: ',',
        encoding: "UTF-8".to_owned(),
        form: TextForm::default(),
        mapping: "{}".to_owned(),
    }
}

/// The snapshot: what the contacts that the run wrote are now.
fn read_present(context: &PlanContext<'_>, of: &RunFile) -> Result<(), PlanError> {
    let (mut next, mut reader) = (0, BatchReader::new(of));
    snapshot::read(
        context.account,
        context.run,
        of.written_count()?,
        |portion| {
            if portion == 0 {
                next = 0;
            }
            let Some((no, written)) = of.written(&mut reader, next)? else {
                return Ok(None);
            };
            next = no + 1;
            Ok(Some(
                written.into_iter().map(|written| written.id).collect(),
            ))
        },
    )
}

/// The new run while it is filled: one block for each batch of the old one.
struct Undoing<'a> {
    run: &'a RunFile,
    looked: bool,
    force: bool,
    at: Position,
    removals: u64,
    losses: Losses,
}

impl Undoing<'_> {
    fn block(&mut self, written: &[Written]) -> Result<(), PlanError> {
        let mut block = Rows::default();
        for written in written {
            if let Some(fate) = written.fate {
                self.contact(&mut block, written, fate)?;
            }
        }
        let block = block.finish();
        Ok(self.run.add_block(self.at.pass(&block), &block)?)
    }

    fn contact(&mut self, block: &mut Rows, written: &Written, fate: Fate) -> Result<(), RunError> {
        let run = self.run;
        let parse = |json: &'_ Option<String>| {
            json.as_ref()
                .map(|json| run.contact(json.as_bytes()).map(Contact::into_owned))
                .transpose()
        };
        let (was, after) = (parse(&written.before)?, parse(&written.after)?);
        let before = match (&was, fate) {
            (Some(was), _) => Before::Was(was),
            (None, Fate::Created) if self.looked => Before::Absent,
            (None, Fate::Created) => Before::Assumed,
            (None, _) => Before::Unknown,
        };
        let remote = run.remote(&written.id)?;
        let now = remote
            .as_ref()
            .map(|remote| run.contact(remote.json.as_bytes()))
            .transpose()?;
        match (
            take_back(before, after.as_ref(), now.as_ref(), self.force),
            was,
        ) {
            (Step::Remove, _) => self.remove(written, remote.as_ref()),
            (Step::Restore, Some(was)) => {
                let link_sent = after.is_some_and(|after| !after.uri.is_empty());
                self.restore(block, was, remote.as_ref().zip(now.as_ref()), link_sent)
            }
            (Step::Leave(reason), _) => {
                self.losses.left_alone += 1;
                block.leave(&written.id, reason);
                Ok(())
            }
            (Step::Nothing | Step::Restore, _) => Ok(()),
        }
    }

    fn remove(
        &mut self,
        written: &Written,
        remote: Option<&RemoteContact>,
    ) -> Result<(), RunError> {
        self.run.add_removal(&Removal {
            seq: self.removals,
            id: written.id.clone(),
            remote: remote.map(|remote| remote.seq),
        })?;
        self.removals += 1;
        Ok(())
    }

    /// Where a link is not known, an update leaves the account's as it is. A contact that is created needs one:
    /// it gets the address that the API showed in its place.
    fn restore(
        &mut self,
        block: &mut Rows,
        mut was: Contact<'static>,
        now: Option<(&RemoteContact, &Contact<'_>)>,
        link_sent: bool,
    ) -> Result<(), RunError> {
        let link_is_lost = was.uri_is_unknown();
        let Some((remote, now)) = now else {
            self.losses.links += u64::from(link_is_lost);
            let json = self.run.json(&was)?;
            block.add(&was.id, &json, letter::CREATE);
            return Ok(());
        };
        if link_is_lost {
            was.uri = "".into();
        }
        let json = self.run.json(&was)?;
        let fields = diff::to_restore(&was, now);
        if fields.is_empty() {
            block.add(&was.id, &json, letter::UNCHANGED);
            return Ok(());
        }
        self.losses.links += u64::from(link_is_lost && link_sent);
        let seq = self.at.first_seq + block.staged.letters.len() as u64;
        let change = Change {
            remote: Some(remote.seq),
            fields,
            json: Some(json.clone()),
        };
        self.run.set_change(seq, &change)?;
        block.add(&was.id, &json, letter::UPDATE);
        Ok(())
    }
}

/// A block that is filled contact by contact, each of which is a row.
#[derive(Default)]
struct Rows {
    staged: StagedBlock,
    cells: Vec<u8>,
}

impl Rows {
    fn add(&mut self, id: &str, json: &str, letter: u8) {
        self.staged.next_json().extend_from_slice(json.as_bytes());
        self.staged.add(self.staged.row_count, letter);
        self.row(id);
    }

    fn leave(&mut self, id: &str, reason: &str) {
        self.staged.rejects.push(StagedReject {
            row: self.staged.row_count,
            id: Some(id.to_owned()),
            problems: vec![Problem {
                column: None,
                code: RejectCode::ChangedSince,
                reason: reason.to_owned(),
            }],
        });
        self.row(id);
    }

    fn row(&mut self, id: &str) {
        self.staged.row_count += 1;
        self.cells.push(b'"');
        self.cells
            .extend_from_slice(id.replace('"', "\"\"").as_bytes());
        self.cells.extend_from_slice(b"\"\n");
    }

    fn finish(mut self) -> StagedBlock {
        self.staged.close();
        self.staged.keep_cells(&self.cells);
        self.staged
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn named(name: &'static str) -> Contact<'static> {
        Contact {
            id: "1".into(),
            name: name.into(),
            ..Contact::default()
        }
    }

    fn left(step: Step) -> bool {
        matches!(step, Step::Leave(_))
    }

    #[test]
    fn a_created_contact_goes_unless_others_changed_it() {
        let (ours, theirs) = (named("ours"), named("theirs"));
        let step = |now, force| take_back(Before::Absent, Some(&ours), now, force);
        assert_eq!(step(Some(&ours), false), Step::Remove);
        assert_eq!(step(None, false), Step::Nothing);
        assert!(left(step(Some(&theirs), false)));
        assert_eq!(step(Some(&theirs), true), Step::Remove);
    }

    #[test]
    fn an_updated_contact_becomes_what_it_was_unless_others_changed_it() {
        let (was, ours, theirs) = (named("was"), named("ours"), named("theirs"));
        let step = |now, force| take_back(Before::Was(&was), Some(&ours), now, force);
        assert_eq!(step(Some(&ours), false), Step::Restore);
        assert_eq!(step(Some(&was), false), Step::Restore);
        assert!(left(step(Some(&theirs), false)));
        assert!(left(step(None, false)));
        assert_eq!(step(Some(&theirs), true), Step::Restore);
        assert_eq!(step(None, true), Step::Restore);
    }

    #[test]
    fn a_deleted_contact_comes_back_unless_others_made_another() {
        let (was, theirs) = (named("was"), named("theirs"));
        let step = |now, force| take_back(Before::Was(&was), None, now, force);
        assert_eq!(step(None, false), Step::Restore);
        assert!(left(step(Some(&theirs), false)));
        assert_eq!(step(Some(&theirs), true), Step::Restore);
    }

    #[test]
    fn what_nobody_looked_at_is_left_alone() {
        let ours = named("ours");
        for force in [false, true] {
            assert!(left(take_back(
                Before::Unknown,
                Some(&ours),
                Some(&ours),
                force
            )));
        }
        assert!(left(take_back(
            Before::Assumed,
            Some(&ours),
            Some(&ours),
            false
        )));
        assert_eq!(
            take_back(Before::Assumed, Some(&ours), Some(&ours), true),
            Step::Remove
        );
    }

    #[test]
    fn a_messenger_that_others_added_since_is_a_change() {
        let mut theirs = named("ours");
        theirs.contact_data = vec![crate::contact::Chat::by_id(
            crate::contact::ChatType::Vk,
            "7",
        )];
        let step = take_back(Before::Absent, Some(&named("ours")), Some(&theirs), false);
        assert!(left(step));
    }

    #[test]
    fn a_block_of_left_alone_contacts_is_an_empty_list_of_contacts() {
        let mut rows = Rows::default();
        rows.leave("a\"b", "why");
        let block = rows.finish();
        assert_eq!(block.contacts, b"[]");
        assert_eq!(block.row_count, 1);
        assert_eq!(
            zstd::decode_all(block.cells.as_slice()).unwrap(),
            b"\"a\"\"b\"\n"
        );
    }
}
