//! Files, directories and servers that were made to do harm: one module per kind.

mod config;
mod formulas;
mod modes;
mod rejects;
mod run_file;
mod secrets;
mod signals;
