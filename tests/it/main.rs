//! The real binary against the API on loopback: one test binary, one harness.
//!
//! Each module covers a subject, except for the helpers: `harness` gives every test its own world, `model` defines
//! the expected account, `csv_files` and `people` are generated contacts.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod architecture;
mod attacks;
mod backups;
mod breakdown;
mod canary;
mod cases;
mod changed_only;
mod check;
mod cli;
mod config;
mod containers;
mod crash;
mod csv_files;
mod cut_off;
mod damage;
mod diff;
mod duplicates;
mod export;
mod faults;
mod flags;
mod get_delete;
mod golden;
mod harness;
mod harness_itself;
mod hints;
mod history;
mod hostile;
mod import;
mod isolation;
mod jobs;
mod limits;
mod links;
mod mapping_file;
mod mirror;
mod mistakes;
mod model;
mod monitors;
mod numbers;
mod odd_server;
mod operator;
mod orders;
mod owners;
mod package;
mod people;
mod plan;
mod plans;
mod properties;
mod reading;
mod readme;
mod refusals;
mod rejects;
mod report;
mod report_ends;
mod restore;
mod rotation;
mod samples;
mod sandbox_command;
mod screen;
mod shared;
mod signals;
mod surroundings;
mod tokens;
mod two_processes;
mod unconfirmed;
mod undo;
mod verify;
