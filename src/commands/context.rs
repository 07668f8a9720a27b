//! The settings, console and signals that every command gets.

use super::{console::Console, signals::Signals};
use crate::settings::Settings;

/// The surroundings of a command.
pub(super) struct Context {
    pub(super) settings: Settings,
    pub(super) console: Console,
    pub(super) signals: Signals,
}
