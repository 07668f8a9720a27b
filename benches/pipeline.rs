//! What a row costs on its way: read and checked, written to the run file, compared with the account.
//!
//! The input is made up here and small enough to stay in memory, so what is measured is our work and not the
//! disk's. Numbers are for comparing one commit with another; nothing is asserted about them.

#![expect(clippy::expect_used, reason = "a bench fails by panicking")]
#![allow(
    missing_docs,
    reason = "criterion's macros make functions without a comment"
)]

use std::{fmt::Write as _, hint::black_box, io::Write as _};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tempfile::NamedTempFile;
use wazzup_contacts::{
    contact::Contact,
    error::Error,
    mapping::{self, MappingOptions},
    normalize::{Normalizer, Required, RowRules},
    plan::diff::difference,
    progress::Monitor,
    run::{Position, RunFile, StagedBlock, blocks},
    source::{ReadOptions, Table},
    stage::{Keep, Sink, StageOptions, stage},
};

const ROWS: usize = 50_000;

/// Shows nothing, stops nothing.
struct Silent;

impl Monitor for Silent {
    fn begin(&self, _: wazzup_contacts::progress::Phase, _: Option<u64>) {}
    fn advance(&self, _: u64) {}
    fn end(&self) {}
    fn event(&self, _: wazzup_contacts::progress::Event) {}
    fn stop_requested(&self) -> Option<wazzup_contacts::progress::StopReason> {
        None
    }
}

/// Keeps the blocks for the next step.
#[derive(Default)]
struct Kept(Vec<(Position, StagedBlock)>);

impl Sink for Kept {
    type Error = Error;

    fn take(&mut self, at: Position, block: StagedBlock) -> Result<(), Error> {
        self.0.push((at, block));
        Ok(())
    }
}

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

fn table(file: &NamedTempFile) -> Table {
    let options = ReadOptions::new(&mapping::recognise);
    let mut tables =
        wazzup_contacts::source::open(file.path(), &options).expect("the file is right");
    tables.remove(0)
}

fn normalizer(table: &Table) -> Normalizer {
    let mapping = mapping::resolve(&table.columns, &MappingOptions::default())
        .expect("the columns are known");
    Normalizer::new(
        mapping,
        RowRules {
            region: None,
            required: Required::All,
        },
    )
}

fn staged(file: &NamedTempFile) -> Kept {
    let (table, mut kept) = (table(file), Kept::default());
    let normalizer = normalizer(&table);
    let mut at = Position::default();
    stage(
        table,
        &normalizer,
        StageOptions::new(Keep::Everything, None),
        &mut at,
        &Silent,
        &mut kept,
    )
    .expect("the rows are right");
    kept
}

fn reading(criterion: &mut Criterion) {
    let file = source();
    let mut group = criterion.benchmark_group("stage");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("parse, map, normalise", |bencher| {
        bencher.iter(|| black_box(staged(&file)));
    });
    group.finish();
}

fn writing(criterion: &mut Criterion) {
    let kept = staged(&source());
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("bench.run");
    let mut group = criterion.benchmark_group("run file");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("write blocks", |bencher| {
        bencher.iter_batched(
            || drop(std::fs::remove_file(&path)),
            |()| {
                let run = RunFile::create(&path).expect("a run file");
                run.begin().expect("a transaction");
                for (at, block) in &kept.0 {
                    blocks::add(&run, *at, block).expect("a block");
                }
                run.commit().expect("a transaction");
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn comparing(criterion: &mut Criterion) {
    let local = r#"{"id":"C-1","responsible_user_id":"u","name":"Анна","contact_data":[{"chat_type":"whatsapp","chat_id":"79991112233"}],"uri":"https://crm.example.com/1"}"#;
    let remote = r#"{"id":"C-1","responsible_user_id":"u","name":"Anna","contact_data":[{"chat_type":"whatsapp","chat_id":"79991112233","username":"","phone":""},{"chat_type":"telegram","chat_id":"5","username":"anna"}],"uri":"/api/v2/contacts/C-1"}"#;
    let mut group = criterion.benchmark_group("diff");
    group.sample_size(10).throughput(Throughput::Elements(1));
    group.bench_function("parse both and compare", |bencher| {
        bencher.iter(|| {
            let local: Contact<'_> = serde_json::from_str(black_box(local)).expect("a contact");
            let remote: Contact<'_> = serde_json::from_str(black_box(remote)).expect("a contact");
            black_box(difference(&local, &remote, &[]));
        });
    });
    group.finish();
}

criterion_group!(pipeline, reading, writing, comparing);
criterion_main!(pipeline);
