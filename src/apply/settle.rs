//! What came of a parcel: sends it and does not rest until the fate of each contact is known.
//!
//! | the server | then |
//! |---|---|
//! | accepts it, `processed` as sent | all arrived |
//! | accepts it, `processed` smaller | each is looked up; those that are missing are sent alone, and rejected if that is refused too |
//! | refuses it and names the culprits | each is sent alone, then the others; after a name that proves wrong, names are ignored for this batch |
//! | refuses it | it is halved until the culprits are alone: k of n cost about 2·k·log2(n) requests |
//! | forbids it (403) as a firewall does | as if it broke down on it; where nothing is taken after that it is the token after all |
//! | refuses one contact alone | it is rejected with the server's words; an id that exists already is updated instead, and nothing of it erased |
//! | does not answer a create, or says nothing of what it did | each is looked up: there as sent is done, there otherwise is updated likewise, missing is sent again |
//! | breaks down on it every time, or says each time that it is not available | it is halved as well; what is not there in the end while its neighbours are is rejected, see [`Suspects`] |
//!
//! Of a create whose id exists a server that updates it says nothing: it is accepted, and what the account alone had of
//! the contact is replaced. Only a look-up before each create would tell, which is what the mode `upsert` is for.
//!
//! Updates and deletes may be sent twice, so the client has sent those again itself.

mod breakdown;

use crate::{
    api::{ApiError, ApiErrorKind, Client, Refusal, Reply},
    apply::{
        feed::Expected,
        lookup::{Found, Lookup, Standing, id_of},
        parcel::Parcel,
        suspects::{Kind, Since, Suspects},
    },
    contact::Action,
    crash::{self, Point},
    reject::{Problem, RejectCode},
    run::{BatchOutcome, Exception, Fate},
};

/// How often a create without an answer is looked up and sent again before it is left as unknown.
const ROUNDS_MAX: u32 = 4;

/// Settles one batch.
pub(super) struct Settler<'a> {
    client: &'a Client,
    account: Lookup<'a>,
    /// How many contacts the batch holds.
    size: usize,
    /// What a contact's fate is when all goes well.
    expected: Fate,
    outcome: BatchOutcome,
    /// Contacts on which the server breaks down.
    suspects: Suspects,
    /// Contacts that were refused alone.
    refusals: u64,
    /// The server named a contact that it then took.
    misled: bool,
    /// What the server said when it forbade something in the batch.
    forbidden: Option<String>,
    /// How the client gave up on something in the batch.
    gave_up: Option<ApiError>,
    /// A request left and was answered, or may have been carried out all the same.
    has_sent: bool,
    /// No answer came for some contacts, and they could not be looked up either.
    in_doubt: bool,
}

impl<'a> Settler<'a> {
    /// For the batch with that number and action.
    #[must_use]
    pub(super) fn new(client: &'a Client, no: u64, action: Action) -> Self {
        Self {
            client,
            account: Lookup::new(client),
            size: 0,
            expected: Fate::expected(action),
            outcome: BatchOutcome {
                no,
                ..BatchOutcome::default()
            },
            suspects: Suspects::default(),
            refusals: 0,
            misled: false,
            forbidden: None,
            gave_up: None,
            has_sent: false,
            in_doubt: false,
        }
    }

    /// What came of the batch; nothing where some contacts are still in doubt.
    #[must_use]
    pub(super) fn into_outcome(self) -> Option<BatchOutcome> {
        (!self.in_doubt).then_some(self.outcome)
    }

    /// What is known from before: since when the batch has been failing, and whether it is the rest of a run that
    /// has arrived otherwise.
    pub(super) const fn remember(&mut self, since: Since, is_rest: bool) {
        self.suspects.remember(since, is_rest);
    }

    /// Since when the batch has been failing.
    #[must_use]
    pub(super) const fn since(&self) -> Since {
        self.suspects.since()
    }

    /// Was anything sent that might have been done?
    #[must_use]
    pub(super) const fn has_sent(&self) -> bool {
        self.has_sent
    }

    /// Sends a parcel until each contact's fate is known.
    pub(super) fn send(&mut self, parcel: &Parcel) -> Result<(), ApiError> {
        self.size = parcel.len();
        self.send_round(parcel, ROUNDS_MAX)?;
        self.settle_suspects(parcel.action)
    }

    /// Settles a batch that may have been sent before, by a run that did not live to see the answer.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(super) fn resume(&mut self, parcel: &Parcel) -> Result<(), ApiError> {
        self.size = parcel.len();
        self.suspects.resume();
        match parcel.action {
            Action::Create => self.unanswered(parcel, ROUNDS_MAX, "the run was interrupted")?,
            Action::Update | Action::Delete => self.send_round(parcel, ROUNDS_MAX)?,
        }
        self.settle_suspects(parcel.action)
    }

    /// Leaves out the contacts that are not at the API any more as the plan saw them, and those that are there as the
    /// plan wants them; gives the others.
    pub(super) fn leave_out_stale(
        &mut self,
        parcel: &Parcel,
        expected: &[Expected],
    ) -> Result<Parcel, ApiError> {
        let mut standings = Vec::with_capacity(parcel.len());
        for ((seq, json), expected) in parcel.items().zip(expected) {
            let standing = self.account.standing(parcel.action, json, expected)?;
            standings.push(standing);
            if let Standing::Stale(reason) = standing {
                let problem = (RejectCode::ChangedSince, reason.to_owned());
                let id = id_of(parcel.action, json);
                self.except(seq, id, Fate::Stale, None, Some(problem));
            }
        }
        let select = |wanted| parcel.select(|index| standings[index] == wanted);
        self.arrived(&select(Standing::AsWanted));
        Ok(select(Standing::AsPlanned))
    }

    fn send_round(&mut self, parcel: &Parcel, rounds: u32) -> Result<(), ApiError> {
        if parcel.is_empty() {
            return Ok(());
        }
        let reply = self
            .client
            .write(parcel.action, parcel.body(), parcel.len());
        self.has_sent |= reply.as_ref().map_or_else(|error| error.sent, |_| true);
        let reply = match reply {
            Err(error) if matches!(error.kind, ApiErrorKind::GaveUp { .. }) => {
                return self.gave_up(parcel, error, rounds);
            }
            reply => reply?,
        };
        self.outcome.attempts += 1;
        match reply {
            Reply::Accepted { processed, status } => {
                self.outcome.status = Some(status);
                self.add_processed(processed);
                if processed.is_some_and(|processed| processed < parcel.len() as u64) {
                    return self.accepted_fewer(parcel, rounds);
                }
                self.arrived(parcel);
                Ok(())
            }
            Reply::Refused(refusal) => {
                self.outcome.status = Some(refusal.status);
                if refusal.status == 403 {
                    self.forbidden(parcel, &refusal);
                    return Ok(());
                }
                self.refused(parcel, &refusal, rounds)
            }
            Reply::Unknown { reason } => {
                self.suspects.failed(Kind::Breakdown, self.client.moment());
                self.unanswered(parcel, rounds, &reason)
            }
        }
    }

    /// All of the parcel went well; worth a word only where that is not what the batch was for.
    fn arrived(&mut self, parcel: &Parcel) {
        if !parcel.is_empty() {
            self.suspects.arrived(self.client.moment());
        }
        let fate = Fate::expected(parcel.action);
        if fate != self.expected {
            for (seq, json) in parcel.items() {
                self.except(seq, id_of(parcel.action, json), fate, None, None);
            }
        }
    }

    /// The parcel left, and nothing that came says what was done.
    fn unanswered(&mut self, parcel: &Parcel, rounds: u32, reason: &str) -> Result<(), ApiError> {
        if rounds == 0 {
            self.suspect(parcel, Kind::Breakdown, reason);
            return Ok(());
        }
        let found = self.account.compare(parcel)?;
        self.arrived(&parcel.select(|index| found[index] == Found::AsSent));
        let otherwise = parcel.select(|index| found[index] == Found::Otherwise);
        let missing = parcel.select(|index| found[index] == Found::Missing);
        match parcel.action {
            Action::Create => self.update_instead(&otherwise, rounds - 1)?,
            Action::Update | Action::Delete => self.send_round(&otherwise, rounds - 1)?,
        }
        self.send_round(&missing, rounds - 1)
    }

    /// Creates whose ids the account has already: what is there gets what was to be created, and loses nothing
    /// that the account alone knows.
    fn update_instead(&mut self, creates: &Parcel, rounds: u32) -> Result<(), ApiError> {
        let mut updates = Parcel::new(Action::Update, creates.len());
        let mut there_already = Parcel::new(Action::Update, 0);
        for (seq, json) in creates.items() {
            match self.account.merged(json)? {
                Some(merged) => updates.push(seq, &merged),
                None => there_already.push(seq, json),
            }
        }
        self.arrived(&there_already);
        self.send_round(&updates, rounds)
    }

    fn halve(&mut self, parcel: &Parcel, rounds: u32) -> Result<(), ApiError> {
        for half in parcel.halves() {
            crash::point(Point::Split);
            self.send_round(&half, rounds)?;
        }
        Ok(())
    }

    /// The server accepted fewer than were sent, and does not say which.
    fn accepted_fewer(&mut self, parcel: &Parcel, rounds: u32) -> Result<(), ApiError> {
        let found = self.account.compare(parcel)?;
        if parcel.len() > 1 {
            self.arrived(&parcel.select(|index| found[index] == Found::AsSent));
            for single in parcel.singles(|index| found[index] != Found::AsSent) {
                crash::point(Point::Split);
                self.send_round(&single, rounds)?;
            }
            return Ok(());
        }
        if found.first() == Some(&Found::Otherwise) && parcel.action == Action::Create && rounds > 0
        {
            return self.update_instead(parcel, rounds - 1);
        }
        if found.first() == Some(&Found::AsSent) {
            self.arrived(parcel);
            return Ok(());
        }
        let nothing = "the server accepted the request and did not carry it out for this contact, and does not say why";
        self.fail(parcel, None, RejectCode::RefusedByServer, nothing);
        Ok(())
    }

    /// The server refused the parcel: finds out because of whom.
    fn refused(&mut self, parcel: &Parcel, refusal: &Refusal, rounds: u32) -> Result<(), ApiError> {
        if parcel.len() == 1 {
            return self.refused_alone(parcel, refusal, rounds);
        }
        let named: Vec<bool> = parcel
            .items()
            .enumerate()
            .map(|(index, (_, json))| {
                refusal.index == Some(index) || refusal.ids.contains(&id_of(parcel.action, json))
            })
            .collect();
        let count = named.iter().filter(|&&named| named).count();
        if self.misled || !(1..parcel.len()).contains(&count) {
            return self.halve(parcel, rounds);
        }
        for single in parcel.singles(|index| named[index]) {
            self.send_named(&single, rounds)?;
        }
        crash::point(Point::Split);
        self.send_round(&parcel.select(|index| !named[index]), rounds)
    }

    /// Sends one contact that the server has named alone. Where it is not refused then, the server counts from
    /// one or means something else, and is not asked for names again in this batch.
    fn send_named(&mut self, named: &Parcel, rounds: u32) -> Result<(), ApiError> {
        let before = self.refusals;
        crash::point(Point::Split);
        self.send_round(named, rounds)?;
        self.misled |= self.refusals == before;
        Ok(())
    }

    /// One contact was refused alone.
    fn refused_alone(
        &mut self,
        parcel: &Parcel,
        refusal: &Refusal,
        rounds: u32,
    ) -> Result<(), ApiError> {
        self.refusals += 1;
        let (code, reason) = match parcel.action {
            Action::Create if refusal.says_exists() && rounds > 0 => {
                if self.account.compare(parcel)? != [Found::Missing] {
                    return self.update_instead(parcel, rounds - 1);
                }
                (RejectCode::RefusedByServer, refusal.to_string())
            }
            Action::Delete if refusal.says_missing() => return Ok(()),
            Action::Update if refusal.says_missing() => (
                RejectCode::NotFound,
                "the account has no contact with this id: import it with --mode upsert or create"
                    .to_owned(),
            ),
            _ => (RejectCode::RefusedByServer, refusal.to_string()),
        };
        self.fail(parcel, Some(refusal.status), code, &reason);
        Ok(())
    }

    fn add_processed(&mut self, processed: Option<u64>) {
        if let Some(processed) = processed {
            *self.outcome.processed.get_or_insert(0) += processed;
        }
    }

    /// The contacts of a parcel are not done, and this is why.
    fn fail(&mut self, parcel: &Parcel, status: Option<u16>, code: RejectCode, reason: &str) {
        for (seq, json) in parcel.items() {
            let id = id_of(parcel.action, json);
            let problem = Some((code, reason.to_owned()));
            self.except(seq, id, Fate::Failed, status, problem);
        }
    }

    fn except(
        &mut self,
        seq: u64,
        id: String,
        fate: Fate,
        status: Option<u16>,
        problem: Option<(RejectCode, String)>,
    ) {
        let problem = problem.map(|(code, reason)| Problem {
            column: None,
            code,
            reason,
        });
        self.outcome.exceptions.push(Exception {
            seq,
            id,
            fate,
            status,
            problem,
        });
    }
}
