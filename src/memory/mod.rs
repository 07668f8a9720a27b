//! What is remembered from one run to the next, in the state directory: which account each profile used
//! last and who wrote to it ([`Accounts`]), what the runs of an account left there ([`Digests`]), and what is in the
//! rejects files ([`RejectsFiles`]).
//!
//! A file that is missing or damaged is an empty one. Then the account itself is asked instead of the digests, a
//! rejects file is another's, and a mirror and a plan of some minutes ago go without a guard that they had.

mod accounts;
mod digests;
mod rejects;

pub use accounts::Accounts;
pub use digests::{Digests, Known};
pub use rejects::{RejectsFiles, digest};
