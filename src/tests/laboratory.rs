//! An account and a client in this process, for tests that plan and apply through the library.

use std::{path::PathBuf, sync::Arc};

use super::shared::{State, rows, state};
use crate::{
    account::Reader,
    api::{Client, ClientOptions, Rate, TokenSource},
    apply::{self, ApplyError, ApplyOptions, SenderState},
    ledger::{ContactRecords, SharedLedger},
    plan::{
        self, Plan, PlanContext, PlanOptions,
        earlier_runs::EarlierRuns,
        gate::{Bound, Bounds},
        incremental,
        undo::{Losses, undo},
    },
    progress::{Monitor, Silent},
    run::{
        ChosenContacts, Decision, Position, RunFile, StagedBlock, StagedSource, Tally, blocks,
        sources, store::Store,
    },
    sandbox::{Options, Sandbox},
    source::SourceForm,
};

/// A sandbox, a client for it, and a directory for run files.
pub(crate) struct Laboratory {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Arc<Client>,
    dir: tempfile::TempDir,
    monitor: Arc<dyn Monitor>,
}

impl Laboratory {
    pub(crate) fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(Options {
            is_limited: false,
            log_requests: false,
            ..options
        })
        .unwrap();
        let monitor: Arc<dyn Monitor> = Arc::new(Silent);
        let client_options = ClientOptions {
            base_url: sandbox.base_url().parse().unwrap(),
            rate: "unlimited".parse::<Rate>().unwrap(),
            ..ClientOptions::default()
        };
        let token = TokenSource::Static {
            token: sandbox.token().into(),
            origin: "the test".to_owned(),
        };
        let client = Client::new(client_options, token, Arc::clone(&monitor)).unwrap();
        Self {
            sandbox,
            client: Arc::new(client),
            dir: tempfile::tempdir().unwrap(),
            monitor,
        }
    }

    /// The contacts of the account.
    pub(crate) fn state(&self) -> State {
        state(&self.sandbox.contacts())
    }

    /// The contacts of the account, with their chats in its order.
    pub(crate) fn contacts(&self) -> State {
        let contacts = self.sandbox.contacts().into_iter();
        contacts
            .map(|contact| (contact.id.to_string(), contact))
            .collect()
    }

    /// Sets the contacts of the account.
    pub(crate) fn set_state(&self, state: &State) {
        for contact in self.sandbox.contacts() {
            self.sandbox.remove_contact(&contact.id);
        }
        for contact in state.values() {
            self.sandbox.put_contact(contact);
        }
    }

    /// The rows of a query on a run file of this laboratory.
    pub(crate) fn rows(&self, run: &str, query: &str) -> Vec<String> {
        rows(&self.dir.path().join(run), query)
    }

    /// An empty run file.
    pub(crate) fn run_file(&self, name: &str) -> RunFile {
        let path: PathBuf = self.dir.path().join(name);
        // Cases of a property use the same names.
        let _ = std::fs::remove_file(&path);
        RunFile::create(&path).unwrap()
    }

    pub(crate) fn reader(&self, threads: usize) -> Reader<'_> {
        self.client.fix_concurrency(threads);
        Reader {
            client: &self.client,
            monitor: &Silent,
            expected: None,
            wanted: None,
        }
    }

    pub(crate) fn context<'a>(
        &'a self,
        run: &'a RunFile,
        options: &'a PlanOptions,
        threads: usize,
    ) -> PlanContext<'a> {
        PlanContext {
            run,
            account: self.reader(threads),
            options,
            owners: None,
            records: None::<&ContactRecords>,
            earlier_runs: EarlierRuns {
                store: Store::open(self.dir.path()).unwrap(),
                account: "",
                ledger: SharedLedger::open(self.dir.path(), "account"),
            },
            shrink: None,
        }
    }

    /// Plans contacts like those of a file.
    pub(crate) fn plan(
        &self,
        name: &str,
        local: &State,
        options: &PlanOptions,
        threads: usize,
    ) -> (RunFile, Plan) {
        let run = self.staged(name, local);
        let plan = plan::plan(&self.context(&run, options, threads), Vec::new()).unwrap();
        (run, plan)
    }

    /// Contacts like those of a file.
    fn staged(&self, name: &str, local: &State) -> RunFile {
        let run = self.run_file(name);
        sources::set(&run, 0, &source()).unwrap();
        blocks::add(&run, first(), block(local)).unwrap();
        run
    }

    /// A night with `--changed-only`: plans with the records, applies, records.
    pub(crate) fn night(&self, local: &State, options: &PlanOptions) {
        let run = self.staged("night.run", local);
        let mut records = ContactRecords::open(self.dir.path(), "account", "profile");
        let context = PlanContext {
            records: records.is_found().then_some(&records),
            ..self.context(&run, options, 2)
        };
        let plan = plan::plan(&context, Vec::new()).unwrap();
        if plan.verdict.is_some() {
            return;
        }
        incremental::forget_written(&mut records, &run).unwrap();
        self.apply(&run);
        incremental::record(&mut records, &run, options, true).unwrap();
    }

    /// Discards the results of earlier nights.
    pub(crate) fn forget(&self) {
        let mut records = ContactRecords::open(self.dir.path(), "account", "profile");
        records.reset().unwrap();
    }

    pub(crate) fn undo(&self, name: &str, of: &RunFile) -> (RunFile, Plan, Losses) {
        let run = self.run_file(name);
        let options = PlanOptions {
            mode: plan::Mode::Undo,
            ..PlanOptions::default()
        };
        let (plan, losses) = undo(&self.context(&run, &options, 2), of, false, None).unwrap();
        (run, plan, losses)
    }

    pub(crate) fn apply(&self, run: &RunFile) -> Tally {
        self.try_apply(run, OPEN.max_refused).unwrap()
    }

    /// Sends only these contacts of the run.
    pub(crate) fn apply_only(&self, run: &RunFile, ids: &[&str]) -> Tally {
        let chosen = ChosenContacts::by_id(run, |id| ids.contains(&id)).unwrap();
        let options = Self::sending(run, OPEN.max_refused);
        let options = ApplyOptions {
            chosen: Some(chosen.into()),
            ..options
        };
        apply::apply(run, &self.client, options, &self.monitor).unwrap()
    }

    pub(crate) fn try_apply(&self, run: &RunFile, max_refused: Bound) -> Result<Tally, ApplyError> {
        let options = Self::sending(run, max_refused);
        apply::apply(run, &self.client, options, &self.monitor)
    }

    fn sending(run: &RunFile, max_refused: Bound) -> ApplyOptions {
        ApplyOptions {
            queued: 1,
            check_stale: false,
            grace: std::time::Duration::from_secs(30),
            resume: String::new(),
            state: SenderState::of(run, max_refused).unwrap().into(),
            chosen: None,
        }
    }
}

/// No limits.
pub(crate) const OPEN: Bounds = Bounds {
    max_rejects: Bound::Percent(100.0),
    max_delete: Bound::Percent(100.0),
    max_refused: Bound::Percent(100.0),
};

fn first() -> Position {
    Position {
        first_row: 2,
        ..Position::default()
    }
}

fn source() -> StagedSource {
    StagedSource {
        path: "contacts.csv".to_owned(),
        sheet: None,
        bytes: 0,
        blake3: String::new(),
        columns: vec!["id".to_owned()],
        delimiter: b',',
        form: SourceForm::default(),
        mapping: "{}".to_owned(),
    }
}

fn block(contacts: &State) -> StagedBlock {
    let mut block = StagedBlock::default();
    for contact in contacts.values() {
        serde_json::to_writer(block.next_json(), contact).unwrap();
        block.add(block.row_count, Decision::undecided(contact));
        block.row_count += 1;
    }
    block.close();
    block.pack();
    block
}
