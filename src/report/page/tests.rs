//! Pages of generated run files, also opened in a browser.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod browser;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{NextStep, ReportPage, ReportedFailure, ReportedPhase};
use crate::{
    normalize::CellChange,
    reject::{Problem, RejectCode, RejectedRow},
    report::notes::{Invocation, SharedGroups, SourceNotes},
    report::summary::{Files, SourceSummary, Summary},
    run::{
        Done, Planned, Position, Rows, RunFile, StagedBlock, StagedSource, blocks, rejects, sources,
    },
    source::SourceForm,
};

/// Text that would do harm in a page without escaping.
const HOSTILE: &str = "<script>window.harmed=1</script>\"'><img src=x onerror=window.harmed=2>\
    </script></td></table><a href=\"javascript:window.harmed=3\">x</a>\u{202e}evil\u{200f}&amp;";

/// A run file with rejects, and the numbers that describe it.
struct Sample {
    directory: TempDir,
    run: RunFile,
    summary: Summary,
    notes: SourceNotes,
    /// Represents all foreign text.
    word: String,
}

impl Sample {
    fn new(rejected: u64, word: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let run = RunFile::create(&directory.path().join("sample.run")).unwrap();
        let column = |field: &str| serde_json::json!({ "column": word, "fields": [field, word], "how": word });
        let mapping =
            serde_json::json!({ "columns": [column("id"), { "column": word, "left_out": word }] });
        let source = StagedSource {
            path: word.to_owned(),
            sheet: Some(word.to_owned()),
            bytes: 1_234_567,
            blake3: "0123456789abcdef".repeat(4),
            columns: vec![word.to_owned(); 2],
            delimiter: b',',
            form: SourceForm::default(),
            mapping: mapping.to_string(),
        };
        sources::set(&run, 0, &source).unwrap();
        let mut cells = csv::Writer::from_writer(Vec::new());
        for number in 0..4 {
            cells.write_record([word, &number.to_string()]).unwrap();
        }
        let mut block = StagedBlock {
            row_count: 4,
            ..StagedBlock::default()
        };
        block.close();
        block.cells = cells.into_inner().unwrap();
        let at = Position {
            first_row: 2,
            ..Position::default()
        };
        blocks::add(&run, at, block).unwrap();
        for row in 0..rejected {
            let problem = Problem {
                column: Some(word.to_owned()),
                code: RejectCode::ALL[usize::try_from(row).unwrap() % RejectCode::ALL.len()],
                reason: format!("`{word}` is wrong, number{row}"),
            };
            let id = format!("{word}{row}");
            let rejected = RejectedRow::of_block(0, Some(&id), vec![problem]);
            rejects::add(&run, &rejected.located(0, row + 2)).unwrap();
        }
        run.commit().unwrap();
        Self {
            summary: summary(rejected, word),
            notes: notes(word),
            directory,
            run,
            word: word.to_owned(),
        }
    }

    fn page(&self) -> String {
        let word = &self.word;
        let invocation = Invocation {
            command_line: format!("wazzup-contacts import {word}"),
            profile: word.clone(),
            account_name: word.clone(),
            base_url: word.clone(),
        };
        let page = ReportPage {
            phase: ReportedPhase::Sent,
            summary: &self.summary,
            run: &self.run,
            invocations: [Some(invocation), None],
            notes: self.notes.clone(),
            failure: Some(ReportedFailure {
                message: word.clone(),
                hint: Some(word.clone()),
            }),
            undone: Some(word.clone()),
            next: vec![NextStep {
                words: word.clone(),
                command: Some(word.clone()),
            }],
        };
        let mut out = Vec::new();
        super::write(&page, &mut out, Path::new("page")).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn summary(rejected: u64, word: &str) -> Summary {
    Summary {
        run: Some(word.to_owned()),
        command: "import".to_owned(),
        mode: "mirror".to_owned(),
        source: SourceSummary {
            path: word.to_owned(),
            ..SourceSummary::default()
        },
        rows: Rows {
            read: 1_000_000 + rejected,
            rejected,
            contacts: 1_000_000,
            ..Rows::default()
        },
        plan: Planned {
            create: 900_000,
            update: 60_000,
            unchanged: 40_000,
            delete: 12_345,
        },
        done: Done {
            created: 899_990,
            updated: 60_000,
            deleted: 12_345,
            failed: 10,
            ..Done::default()
        },
        files: Files {
            rejects: Some(word.to_owned()),
            ..Files::default()
        },
        warnings: vec![word.to_owned()],
        started_at: "2026-11-22T08:55:20Z".to_owned(),
        seconds: 130.0,
        contacts_per_second: Some(77.6),
        ..Summary::default()
    }
}

fn notes(word: &str) -> SourceNotes {
    let change = |count| CellChange {
        count,
        noun: word.to_owned(),
        change: word.to_owned(),
        example: word.to_owned(),
    };
    let shared = SharedGroups {
        groups: vec![(vec![(0, 2), (0, 5)], 70)],
        count: 1_500,
    };
    SourceNotes {
        changes: vec![change(1_200), change(99)],
        hints: vec![word.to_owned()],
        shared_phones: shared.clone(),
        respelt_phones: shared.clone(),
        shared_accounts: shared,
    }
}

#[test]
fn text_of_others_is_escaped_everywhere() {
    let page = Sample::new(40, HOSTILE).page();
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    for harm in [
        "<img",
        "<a ",
        "href=\"",
        "onerror=window.harmed=2>",
        "\u{202e}",
    ] {
        assert!(!page.contains(harm), "{harm:?}");
    }
    assert!(page.contains("&lt;script&gt;window.harmed=1&lt;/script&gt;&quot;"));
    assert!(page.contains("\\u202eevil"));
}

#[test]
fn the_speed_is_that_of_the_json_summary() {
    assert!(
        Sample::new(1, "x")
            .page()
            .contains("78 contacts per second")
    );
}

#[test]
fn the_list_ends_at_its_limit_and_says_where_the_rest_is() {
    let sample = Sample::new(10_003, "x");
    let page = sample.page();
    let list = page.split("class=\"sortable list cards\"").nth(1).unwrap();
    let list = list.split("</tbody>").next().unwrap();
    assert_eq!(list.matches("<tr><td").count(), 10_000);
    assert!(page.contains("… and 3 more problems. All rejected rows are in <code>x</code>."));
    assert!(page.contains("… and 1,499 more groups"));
    assert!(page.contains("and 68 more</td>"));
}
