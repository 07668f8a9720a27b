//! The individual stages of a row, for `benches/stages`.

use std::{env, path::Path, sync::Arc};

use crate::{
    apply,
    contact::BATCH_MAX,
    employees::OwnerRule,
    error::Error,
    normalize::{Edits, FileRules, Required, read_row},
    plan::Mode,
    progress::{Monitor, Silent},
    run::{Decision, RunFile, batches, blocks, contacts},
    source::Table,
    stage::{ReadRequest, stage_files},
};

/// The last stage of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The file is cut into blocks.
    Cut,
    /// Blocks are parsed into cells.
    Parse,
    /// Cells become a contact.
    Normalize,
    /// Contacts are stored in a run file.
    Stage,
    /// The bodies of the create requests are built.
    Bodies,
}

/// Processes each row of a file up to the stage `last`. Returns the resulting number of bytes, cells, contacts or
/// bodies.
#[doc(hidden)]
pub fn pass(file: &Path, last: Stage) -> Result<u64, Error> {
    let reading = ReadRequest::new([file]);
    let monitor: Arc<dyn Monitor> = Arc::new(Silent);
    if matches!(last, Stage::Stage | Stage::Bodies) {
        return stage(&reading, last, &monitor);
    }
    let mut count = 0;
    for table in reading.open(file, &monitor)? {
        count += read(table, &reading, last)?;
    }
    Ok(count)
}

fn read(mut table: Table, reading: &ReadRequest, last: Stage) -> Result<u64, Error> {
    let mapping = reading.map(&table)?;
    let owners = OwnerRule::default();
    let rules = FileRules::new(mapping, reading.numbers, Required::All, owners);
    let (mut count, mut edits) = (0, Edits::default());
    while let Some(block) = table.next_block()? {
        if last == Stage::Cut {
            count += block.text.len() as u64;
            continue;
        }
        block.rows(table.delimiter, table.widths(), |row| {
            count += match last {
                Stage::Parse => row.cells.len() as u64,
                _ => u64::from(matches!(
                    read_row(&rules, row, Vec::new(), &mut edits),
                    Some(Ok(_))
                )),
            };
        });
    }
    Ok(count)
}

fn stage(reading: &ReadRequest, last: Stage, monitor: &Arc<dyn Monitor>) -> Result<u64, Error> {
    let scratch = tempfile::tempdir().map_err(Error::io(env::temp_dir()))?;
    let run = RunFile::create_in(scratch)?;
    let owners = OwnerRule::default();
    stage_files(&run, reading, Mode::Create, &owners, None, monitor)?;
    let mut count = 0;
    for block in 0..blocks::count(&run)? {
        let (_, mut decisions) = contacts::decisions(&run, block)?;
        count += decisions.len() as u64;
        decisions.fill(Decision::Create);
        contacts::set_decisions(&run, block, &decisions)?;
    }
    if last == Stage::Stage {
        return Ok(count);
    }
    batches::make(&run, BATCH_MAX)?;
    count = 0;
    apply::each_body(&run, |_| count += 1)?;
    Ok(count)
}
