//! The number of threads does not change what is staged.

use super::shared::{csv_of, source_rows};
use crate::{
    error::Error,
    mapping::{self, MappingOptions},
    normalize::{Normalizer, Required, RowRules},
    progress::Silent,
    run::{Position, StagedBlock},
    source::{Limits, ReadOptions},
    stage::{Keep, Sink, StageOptions, stage},
};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

/// All that was handed on, in order.
#[derive(Default)]
struct Kept(Vec<String>);

impl Sink for Kept {
    type Error = Error;

    fn take(&mut self, at: Position, block: StagedBlock) -> Result<(), Error> {
        self.0.push(format!("{at:?} {block:?}"));
        Ok(())
    }
}

fn staged(path: &std::path::Path, threads: usize) -> Vec<String> {
    let options = ReadOptions {
        limits: Limits {
            block_bytes: 200,
            ..Limits::default()
        },
        ..ReadOptions::new(&mapping::recognise)
    };
    let table = crate::source::open(path, &options).unwrap().remove(0);
    let mapping = mapping::resolve(&table.columns, &MappingOptions::default()).unwrap();
    let rules = RowRules {
        region: None,
        required: Required::All,
    };
    let normalizer = Normalizer::new(mapping, rules);
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let options = StageOptions {
        hash_seed: 7,
        ..StageOptions::new(Keep::Everything, Some(&pool))
    };
    let mut kept = Kept::default();
    stage(
        table,
        &normalizer,
        options,
        &mut Position::default(),
        &Silent,
        &mut kept,
    )
    .unwrap();
    kept.0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn blocks_come_out_the_same_whatever_the_number_of_threads(rows in source_rows()) {
        let file = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
        std::fs::write(file.path(), csv_of(&rows)).unwrap();
        let one = staged(file.path(), 1);
        for threads in [2, 5] {
            prop_assert_eq!(&staged(file.path(), threads), &one);
        }
    }
}
