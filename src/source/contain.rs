//! Turns a panic in a reader of foreign formats into an error about the file.

use std::{
    cell::Cell as Flag,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use super::SourceErrorKind;

/// The message for a reader that panicked.
pub(super) const GAVE_UP: &str = "the reader for its format gave up";

/// Runs a reader of a foreign format; a panic in it becomes an error about the file.
pub(super) fn contain<T>(
    work: impl FnOnce() -> Result<T, SourceErrorKind>,
) -> Result<T, SourceErrorKind> {
    thread_local! {
        static CONTAINED: Flag<bool> = const { Flag::new(false) };
    }
    static QUIET: Once = Once::new();
    // A panic that is caught here is not shown; all others are.
    QUIET.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CONTAINED.get() {
                hook(panic);
            }
        }));
    });
    let before = CONTAINED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(before);
    result.unwrap_or_else(|_| {
        Err(SourceErrorKind::Damaged {
            what: "file",
            why: GAVE_UP.to_owned(),
        })
    })
}
