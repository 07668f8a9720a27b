//! The number of threads does not change what is staged.

use super::shared::{csv_of, source_rows};
use crate::{
    employees::OwnerRule,
    error::Error,
    mapping::{self, MappingOptions},
    normalize::{NationalNumbers, NumberRules},
    plan::Mode,
    progress::silent,
    run::Position,
    source::{Limits, ReadOptions},
    stage::{Keep, ReadRequest, Stager},
};
use proptest::prelude::*;

fn staged(path: &std::path::Path, threads: u16) -> Vec<String> {
    let options = ReadOptions {
        limits: Limits {
            block_bytes: 200,
            ..Limits::default()
        },
        ..ReadOptions::new(&silent(), &mapping::recognize)
    };
    let table = crate::source::open(path, &options).unwrap().remove(0);
    let mapping = mapping::resolve(&table.columns, &MappingOptions::default()).unwrap();
    let reading = ReadRequest {
        workers: Some(threads),
        numbers: NumberRules {
            national: NationalNumbers::AsWritten,
            ..NumberRules::default()
        },
        ..ReadRequest::new([path])
    };
    let monitor = silent();
    let mut stager = Stager::new(
        &reading,
        Mode::Create,
        Keep::Everything,
        &OwnerRule::Guard,
        &monitor,
    );
    stager.hash_seed = 7;
    let mut kept = Vec::new();
    let each = |at, block| {
        kept.push(format!("{at:?} {block:?}"));
        Ok::<_, Error>(())
    };
    let at = &mut Position::default();
    stager.read(table, mapping, at, each).unwrap();
    kept
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
