//! The cost of a row: checked, and planned into a run file.
//!
//! The input is generated and small enough to stay in memory, so the disk is not measured. Compare the numbers of one
//! commit with those of another; nothing is asserted about them.

#![expect(clippy::expect_used, reason = "a bench fails by panicking")]
#![allow(
    missing_docs,
    reason = "criterion's macros make functions without a comment"
)]

use std::{fmt::Write as _, hint::black_box, io::Write as _, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::NamedTempFile;
use wazzup_contacts::{
    account::AccountOptions,
    api::{ClientOptions, TokenSource},
    check::check,
    plan::{Mode, PlanOptions},
    progress::{Monitor, Silent},
    sandbox::{Options, Sandbox},
    stage::ReadRequest,
    workflow::{PlanRequest, Session},
};

const ROWS: usize = 50_000;

fn source() -> NamedTempFile {
    let mut text = String::from("id,responsible_user_id,name,uri,whatsapp,telegram_username\n");
    for row in 0..ROWS {
        writeln!(
            text,
            "C-{row:07},user-{},Анна Смирнова {row},https://crm.example.com/contacts/C-{row:07},+7 (999) {:03}-{:02}-{:02},@anna_{row}",
            row % 9,
            row / 10_000 % 1000,
            row / 100 % 100,
            row % 100
        )
        .expect("memory has room");
    }
    let mut file = tempfile::Builder::new()
        .suffix(".csv")
        .tempfile()
        .expect("a temporary file");
    file.write_all(text.as_bytes())
        .expect("a temporary file can be written");
    file
}

fn bench(criterion: &mut Criterion, name: &str, mut work: impl FnMut(&ReadRequest)) {
    let file = source();
    let request = ReadRequest::new([file.path()]);
    let mut group = criterion.benchmark_group("rows");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(ROWS as u64));
    group.bench_function(name, |bencher| bencher.iter(|| work(&request)));
    group.finish();
}

fn checking(criterion: &mut Criterion) {
    let monitor: Arc<dyn Monitor> = Arc::new(Silent);
    bench(criterion, "check", |request| {
        let report = check(request, Mode::Create, 0, &monitor).expect("the rows are right");
        assert_eq!(black_box(report).rows().contacts, ROWS as u64);
    });
}

/// Creating everything needs no request, so this measures the run file.
fn planning(criterion: &mut Criterion) {
    let sandbox = Sandbox::start(Options::default()).expect("a free port");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let client = ClientOptions {
        base_url: sandbox.base_url().parse().expect("a URL"),
        ..ClientOptions::default()
    };
    let token = TokenSource::Static {
        token: sandbox.token().into(),
        origin: "the sandbox".to_owned(),
    };
    let account = AccountOptions::new(client, token, directory.path().join("state"));
    let session = Session::connect(account, Arc::new(Silent)).expect("a session");
    let rejects = directory.path().join("rejects.csv");
    bench(criterion, "plan", |request| {
        let request = PlanRequest {
            options: PlanOptions {
                mode: Mode::Create,
                ..PlanOptions::default()
            },
            rejects: Some(&rejects),
            ..PlanRequest::new(request)
        };
        let planned = request.plan(&session).expect("a plan");
        assert_eq!(planned.changes(), ROWS as u64);
        planned.discard().expect("the run file can be removed");
    });
}

criterion_group!(pipeline, checking, planning);
criterion_main!(pipeline);
