//! Tests of the core as a whole, in this process: files, plans and accounts without the binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod account;
mod backups;
mod fuzz;
mod laboratory;
mod plan_model;
mod properties;
mod refusals;
mod rotation;
#[path = "../../tests/it/shared.rs"]
mod shared;
