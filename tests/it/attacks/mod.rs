//! Malicious files, directories and servers, with one module per kind.

mod config;
mod formulas;
mod modes;
mod rejects;
mod run_file;
mod secrets;
mod signals;
