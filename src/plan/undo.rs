//! Plans to restore what a run changed: created contacts are deleted, and updated and deleted ones are restored
//! from the run's snapshot.
//!
//! The new run is an ordinary one: its snapshot is the current account, so it can be undone too, and `apply`
//! continues it. Contacts that others changed since the old run are left alone and rejected.

use crate::{
    contact::Contact,
    normalize::LinkById,
    plan::{
        Plan, PlanContext, PlanError,
        decision_notes::unreadable_warnings,
        diff::{self, is_as_before, is_as_sent},
        finder::{ContactFinder, FoundContact},
        finish,
        links::Links,
        snapshot::read_account,
    },
    reject::{Fault, RejectCode, RejectedRow},
    run::{
        self, Change, Decision, Deletion, EarlierValue, Outcome, Position, RunError, RunFile,
        SentBatches, SentContact, SnapshotContact, StagedBlock, StagedSource, blocks, changes,
        sent, snapshot, sources,
    },
};

/// The known state of a contact before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before<'a> {
    /// The account did not have it.
    Absent,
    /// The account had this contact.
    Present(&'a Contact<'a>),
    /// The run created it without reading the account, so it may have existed.
    Assumed,
    /// The run updated it without reading the account, and no earlier run contains it.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// No change: the contact is gone, as before.
    Nothing,
    Delete,
    Restore,
    /// The contact is left alone, for this reason.
    Leave(RejectCode, &'static str),
}

/// The number of contacts that can't be restored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Left alone: changed by others since, or written without reading the account.
    pub left_alone: u64,
    /// Links (`uri`) that the API never returned, so the old value is unknown.
    pub links: u64,
    /// Updated without reading the account, and restored from an earlier run.
    pub remembered: u64,
    /// Contacts with undocumented members, which can't be sent.
    pub unknown_fields: u64,
}

/// Decides on one contact from its state before the run, the contact that the run sent (`None` for a deletion),
/// and its current state.
fn decide(
    before: Before<'_>,
    sent: Option<&Contact<'_>>,
    now: Option<&Contact<'_>>,
    force: bool,
) -> Step {
    let is_ours = match (sent, now) {
        (Some(sent), Some(now)) => is_as_sent(sent, now),
        (sent, now) => sent.is_none() && now.is_none(),
    };
    match (before, now) {
        (Before::Absent | Before::Assumed, None) => Step::Nothing,
        (Before::Unknown, _) => Step::Leave(
            RejectCode::NotRead,
            "the run updated it without reading it first, and no earlier run recorded its old content",
        ),
        (Before::Present(before), Some(now)) if is_as_before(before, now) => Step::Restore,
        (Before::Assumed, Some(_)) if !force => Step::Leave(
            RejectCode::NotRead,
            "the run created it without reading the account first, so it may have existed before: delete it anyway with --force",
        ),
        (Before::Absent | Before::Assumed, Some(_)) if is_ours || force => Step::Delete,
        (Before::Present(_), _) if is_ours || force => Step::Restore,
        (_, None) => Step::Leave(
            RejectCode::ChangedSince,
            "it was deleted by others since the run: restore it anyway with --force",
        ),
        (_, Some(_)) => Step::Leave(
            RejectCode::ChangedSince,
            "it was changed by others since the run: restore it anyway with --force",
        ),
    }
}

/// Plans to restore what the run `of` changed, in the empty run file of the context, and seals the plan. `link`: the
/// links of contacts whose own are unknown.
pub(crate) fn undo(
    context: &PlanContext<'_>,
    of: &RunFile,
    force: bool,
    link: Option<&LinkById>,
) -> Result<(Plan, Losses), PlanError> {
    let run = context.run;
    sources::set(run, 0, &source(of))?;
    read_sent_contacts(context, of)?;
    context.earlier_runs.find_contacts(run, of)?;
    let links = Links::before(run, of, &context.earlier_runs)?;
    let mut planner = UndoPlanner {
        run,
        links,
        link,
        finder: ContactFinder::new(run, context.account)?,
        has_looked: snapshot::exists(of)?,
        force,
        at: Position {
            first_row: 1,
            ..Position::default()
        },
        deletions: 0,
        losses: Losses::default(),
        without_link: 0,
    };
    for sent in SentBatches::new(of) {
        planner.block(&sent?)?;
    }
    let (losses, without_link) = (planner.losses, planner.without_link);
    let (tally, snapshot) = finish(run, context.options.batch_size)?;
    run.seal()?;
    let plan = Plan {
        tally,
        snapshot,
        without_link,
        verdict: None,
        warnings: unreadable_warnings(&run::snapshot::unreadable(run)?),
    };
    Ok((plan, losses))
}

/// The run, as a source whose only column is the id.
fn source(of: &RunFile) -> StagedSource {
    StagedSource {
        path: of.path().display().to_string(),
        columns: vec!["id".to_owned()],
        delimiter: b',',
        mapping: "{}".to_owned(),
        ..StagedSource::default()
    }
}

fn read_sent_contacts(context: &PlanContext<'_>, of: &RunFile) -> Result<(), PlanError> {
    let mut batches = SentBatches::new(of);
    read_account(context.account, context.run, sent::count(of)?, |portion| {
        if portion == 0 {
            batches = SentBatches::new(of);
        }
        let sent = batches.next().transpose()?;
        Ok(sent.map(|sent| sent.into_iter().map(|sent| sent.id).collect()))
    })
}

/// Fills the new run, with one block for each batch of the old one.
struct UndoPlanner<'a> {
    run: &'a RunFile,
    links: Links<'a>,
    link: Option<&'a LinkById>,
    finder: ContactFinder<'a>,
    has_looked: bool,
    force: bool,
    at: Position,
    deletions: u64,
    losses: Losses,
    /// Number of updates without a link.
    without_link: u64,
}

impl UndoPlanner<'_> {
    fn block(&mut self, sent: &[SentContact]) -> Result<(), PlanError> {
        let mut block = BlockBuilder::default();
        for sent in sent {
            if let Some(outcome) = sent.outcome {
                self.contact(&mut block, sent, outcome)?;
            }
        }
        let block = block.finish();
        Ok(blocks::add(self.run, self.at.pass(&block), block)?)
    }

    fn contact(
        &mut self,
        block: &mut BlockBuilder,
        sent: &SentContact,
        outcome: Outcome,
    ) -> Result<(), PlanError> {
        let run = self.run;
        let remembered = match (&sent.before, outcome) {
            (None, Outcome::Updated) => EarlierValue::Contact.find(run, &sent.id)?,
            _ => None,
        };
        let is_remembered = remembered.is_some();
        let was = self.parse(sent.before.as_deref().or(remembered.as_deref()))?;
        let after = self.parse(sent.after.as_deref())?;
        let before = match (&was, outcome) {
            (Some(was), _) => Before::Present(was),
            (None, Outcome::Created) if self.has_looked => Before::Absent,
            (None, Outcome::Created) => Before::Assumed,
            (None, _) => Before::Unknown,
        };
        let found = self.finder.find(&sent.id)?;
        if let FoundContact::Unreadable(_) = found {
            let reason = "the account's contact can't be read, so it is left alone";
            self.leave(block, &sent.id, RejectCode::ContactUnreadable, reason);
            return Ok(());
        }
        let found = found.contact();
        let now = self.parse(found.as_ref().map(|found| found.json.as_str()))?;
        let step = decide(before, after.as_ref(), now.as_ref(), self.force);
        match (step, was) {
            (Step::Delete, _) => {
                // The server may spell the id differently.
                let id = now.as_ref().map_or(&*sent.id, |now| &now.id);
                self.delete(id, found.as_ref())?;
            }
            (Step::Restore, Some(was)) => {
                self.losses.remembered += u64::from(is_remembered);
                let has_sent_link = after.is_some_and(|after| !after.uri.is_empty());
                self.restore(block, was, found.as_ref().zip(now.as_ref()), has_sent_link)?;
            }
            (Step::Leave(code, reason), _) => self.leave(block, &sent.id, code, reason),
            (Step::Nothing | Step::Restore, _) => {}
        }
        Ok(())
    }

    fn leave(&mut self, block: &mut BlockBuilder, id: &str, code: RejectCode, reason: &str) {
        self.losses.left_alone += 1;
        block.reject(id, code, reason);
    }

    fn parse(&self, json: Option<&str>) -> Result<Option<Contact<'static>>, RunError> {
        json.map(|json| self.run.contact(json.as_bytes()).map(Contact::into_owned))
            .transpose()
    }

    fn delete(&mut self, id: &str, found: Option<&SnapshotContact>) -> Result<(), RunError> {
        let deletion = Deletion {
            seq: self.deletions,
            id: id.to_owned(),
            snapshot: found.map(|found| found.seq),
        };
        self.deletions += 1;
        changes::add_deletion(self.run, &deletion)
    }

    /// The link of a contact whose link the account does not show, and whether its old link is lost.
    fn hidden_link(&mut self, was: &Contact<'_>) -> Result<(Option<String>, bool), RunError> {
        if !was.uri_is_unknown() {
            return Ok((None, false));
        }
        Ok(match (self.links.find(&was.id)?, self.link) {
            (Some(old), _) => (Some(old), false),
            (None, Some(link)) => (Some(link.link(&was.id)), false),
            (None, None) => (self.links.find_later(&was.id)?, true),
        })
    }

    /// If the old link is unknown, the contact gets the requested one. Without it, an update carries the link that the
    /// run wrote, and a created contact gets the address that the API returned instead.
    fn restore(
        &mut self,
        block: &mut BlockBuilder,
        mut was: Contact<'static>,
        now: Option<(&SnapshotContact, &Contact<'_>)>,
        has_sent_link: bool,
    ) -> Result<(), RunError> {
        let is_link_hidden = was.uri_is_unknown();
        let (link, is_link_lost) = self.hidden_link(&was)?;
        let unknown = was.unknown_names();
        let has_lost_fields = !unknown.is_empty()
            && now.is_none_or(|(_, now)| !now.unknown_names().is_superset(&unknown));
        self.losses.unknown_fields += u64::from(has_lost_fields);
        was = was.without_unknown();
        let Some((found, now)) = now else {
            if let Some(link) = link {
                was.uri = link.into();
            }
            self.losses.links += u64::from(is_link_lost);
            block.add(&was.id, &self.run.json(&was)?, Decision::Create);
            return Ok(());
        };
        let fields = diff::to_restore(&was, now);
        if is_link_hidden {
            was.uri = link.unwrap_or_default().into();
        }
        let json = self.run.json(&was)?;
        if fields.is_empty() {
            block.add(&was.id, &json, Decision::Unchanged);
            return Ok(());
        }
        self.losses.links += u64::from(is_link_lost && has_sent_link);
        self.without_link += u64::from(was.uri.is_empty());
        block.add(&was.id, &json, Decision::Update);
        let seq = self.at.first_seq + block.0.decisions.len() as u64 - 1;
        let change = Change {
            snapshot: Some(found.seq),
            fields,
            json: Some(json),
        };
        changes::set(self.run, seq, &change)
    }
}

/// A block with one row for each contact.
#[derive(Default)]
struct BlockBuilder(StagedBlock);

impl BlockBuilder {
    fn add(&mut self, id: &str, json: &str, decision: Decision) {
        self.0.next_json().extend_from_slice(json.as_bytes());
        self.0.add(self.0.row_count, decision);
        self.row(id);
    }

    fn reject(&mut self, id: &str, code: RejectCode, reason: &str) {
        let problem = Fault::new(code, reason).at(None);
        let rejected = RejectedRow::of_block(self.0.row_count, Some(id), vec![problem]);
        self.0.rejects.push(rejected.into_owned());
        self.row(id);
    }

    fn row(&mut self, id: &str) {
        self.0.row_count += 1;
        let cell = format!("\"{}\"\n", id.replace('"', "\"\""));
        self.0.cells.extend_from_slice(cell.as_bytes());
    }

    fn finish(mut self) -> StagedBlock {
        self.0.close();
        self.0.pack();
        self.0
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

    fn is_left(step: Step) -> bool {
        matches!(step, Step::Leave(..))
    }

    #[test]
    fn a_created_contact_goes_unless_others_changed_it() {
        let (ours, theirs) = (named("ours"), named("theirs"));
        let step = |now, force| decide(Before::Absent, Some(&ours), now, force);
        assert_eq!(step(Some(&ours), false), Step::Delete);
        assert_eq!(step(None, false), Step::Nothing);
        assert!(is_left(step(Some(&theirs), false)));
        assert_eq!(step(Some(&theirs), true), Step::Delete);
    }

    #[test]
    fn an_updated_contact_becomes_what_it_was_unless_others_changed_it() {
        let (was, ours, theirs) = (named("was"), named("ours"), named("theirs"));
        let step = |now, force| decide(Before::Present(&was), Some(&ours), now, force);
        assert_eq!(step(Some(&ours), false), Step::Restore);
        assert_eq!(step(Some(&was), false), Step::Restore);
        assert!(is_left(step(Some(&theirs), false)));
        assert!(is_left(step(None, false)));
        assert_eq!(step(Some(&theirs), true), Step::Restore);
        assert_eq!(step(None, true), Step::Restore);
    }

    #[test]
    fn a_deleted_contact_comes_back_unless_others_made_another() {
        let (was, theirs) = (named("was"), named("theirs"));
        let step = |now, force| decide(Before::Present(&was), None, now, force);
        assert_eq!(step(None, false), Step::Restore);
        assert!(is_left(step(Some(&theirs), false)));
        assert_eq!(step(Some(&theirs), true), Step::Restore);
    }

    #[test]
    fn contacts_written_without_reading_the_account_are_left_alone() {
        let ours = named("ours");
        for force in [false, true] {
            assert!(is_left(decide(
                Before::Unknown,
                Some(&ours),
                Some(&ours),
                force
            )));
        }
        assert!(is_left(decide(
            Before::Assumed,
            Some(&ours),
            Some(&ours),
            false
        )));
        assert_eq!(
            decide(Before::Assumed, Some(&ours), Some(&ours), true),
            Step::Delete
        );
    }

    #[test]
    fn a_chat_that_others_added_since_is_a_change() {
        let mut theirs = named("ours");
        theirs.contact_data = vec![crate::contact::Chat::by_id(
            crate::contact::ChatType::Vk,
            "7",
        )];
        let step = decide(Before::Absent, Some(&named("ours")), Some(&theirs), false);
        assert!(is_left(step));
    }

    #[test]
    fn a_block_of_left_alone_contacts_is_an_empty_list_of_contacts() {
        let mut builder = BlockBuilder::default();
        builder.reject("a\"b", RejectCode::ChangedSince, "changed");
        let block = builder.finish();
        let unpacked = |packed: &[u8]| zstd::decode_all(packed).unwrap();
        assert_eq!(unpacked(&block.contacts), b"[]");
        assert_eq!(block.row_count, 1);
        assert_eq!(unpacked(&block.cells), b"\"a\"\"b\"\n");
    }
}
