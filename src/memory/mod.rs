//! What is remembered from one run to the next, in the state directory: which account each profile used
//! last and who wrote to it ([`Accounts`]), what the runs of an account left there ([`Digests`]), and what is in the
//! rejects files ([`RejectsFiles`]).
//!
//! A file that is missing or damaged is an empty one: the account itself is asked instead of the digests, and a rejects
//! file is another's. Only where the accounts can't be read is that said, because they guard a mirror and an older plan.

mod accounts;
mod digests;
mod rejects;

pub(crate) use accounts::Accounts;
pub use digests::{Digests, Known};
pub(crate) use rejects::{RejectsFiles, digest};
