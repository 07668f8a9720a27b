//! Turns the cells of a row into a contact, or into the list of all its problems.
//!
//! Pure: no file, no network, no clock, so it runs on every core and is covered by property tests. Unchanged cells are
//! borrowed from the record, so a typical row allocates nothing and never calls libphonenumber.

mod cells;
mod chats;
mod country;
mod damage;
mod edits;
mod fields;
mod owner;
mod owner_notes;
mod phone;
mod problems;
mod row;
mod rules;
mod template;
mod text;
mod unmapped;

pub(crate) use self::{
    cells::is_error_value,
    country::LackingCountry,
    edits::{CellChange, Edit, Edits},
    fields::missing,
    phone::{NationalNumbers, NumberRules, has_lost_digits, whole_id},
    row::read_row,
    rules::{FileRules, Required},
    template::LinkById,
};

#[cfg(test)]
mod tests;
