//! Text that shows nothing: white space, control characters and invisible marks. A row of nothing else is blank, and
//! neither is the 0x1A with which DOS programs end a file.

/// Characters that show nothing: directional marks, joiners, soft hyphens, byte order marks. Spaces that do
/// not break are handled as white space.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// Does the character show nothing, so that it may be taken off the ends of a cell?
pub(crate) fn is_margin(c: char) -> bool {
    if c.is_ascii_graphic() {
        return false;
    }
    c.is_whitespace() || c.is_control() || is_invisible(c)
}

/// Is there nothing to see?
pub(crate) fn is_blank(cell: &str) -> bool {
    cell.chars().all(is_margin)
}
