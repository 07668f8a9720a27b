//! The texts of the blocks of a small source, in memory until the run is sealed.
//!
//! Compressing and reading them took a sixth of the instructions of a run with nothing to send, as most runs of a night
//! are. Such a run never needs the source text, unless it has rejects.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::params;

use super::{RunError, column};
use crate::sqlite::Database;

#[derive(Debug)]
pub(super) struct BlockTexts {
    pub(super) contacts: Arc<Vec<u8>>,
    pub(super) cells: Vec<u8>,
}

/// Writes the texts to the rows of their blocks. `has_cells`: rows were or may be rejected.
pub(super) fn write(
    held: &BTreeMap<u32, BlockTexts>,
    database: &Database<RunError>,
    has_cells: bool,
) -> Result<(), RunError> {
    for (&block, texts) in held {
        let contacts = column::pack(&texts.contacts);
        let cells = if has_cells {
            column::pack(&texts.cells)
        } else {
            Vec::new()
        };
        database.execute(
            "UPDATE block SET contacts = ?2, cells = ?3, hash = ?4 WHERE no = ?1",
            params![
                block,
                contacts,
                cells,
                column::text_hash(block.into(), &contacts)
            ],
        )?;
    }
    Ok(())
}
