//! Nests tags as a browser does: assigns rows to tables and finds hidden text.
//!
//! A table in a cell belongs to the cell; a table anywhere else inside a table ends the outer one. End tags of
//! rows and cells are optional. Each piece takes constant time, however deep tables are nested.

use html5ever::{
    LocalName,
    tokenizer::{Tag, TagKind},
};

use super::pieces::HtmlPiece;

/// A step through the tables of a page. Start tags carry their tag.
pub(super) enum HtmlStep<'a> {
    Table(Option<&'a Tag>),
    /// A `tbody` or the like, or a caption.
    Group(Option<&'a Tag>),
    Row(Option<&'a Tag>),
    Cell(Option<&'a Tag>),
    Break,
    Link(&'a Tag),
    Text(&'a str),
    HiddenText,
}

/// The open tables at a position in a page.
#[derive(Default)]
pub(super) struct Nesting {
    /// For each open table, whether a table that starts now belongs to one of its cells.
    open: Vec<bool>,
    hidden: Option<Hidden>,
    /// The depth of the table being read. Its rows are read even if they are hidden.
    pub(super) read_depth: usize,
}

/// A hidden element.
struct Hidden {
    name: LocalName,
    /// Open elements of the same name inside it, including itself.
    same: usize,
    /// The number of tables around its content.
    depth: usize,
    rank: usize,
}

/// A table's hidden parts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HiddenCounts {
    pub(super) rows: u64,
    /// Cells with hidden text.
    pub(super) cells: u64,
}

impl HiddenCounts {
    pub(super) fn notes(self) -> Vec<String> {
        let rows = (self.rows > 0).then(|| format!("hidden rows, also read: {}", self.rows));
        let cells = (self.cells > 0)
            .then(|| format!("cells with hidden text, which was left out: {}", self.cells));
        rows.into_iter().chain(cells).collect()
    }
}

impl Nesting {
    /// The number of tables that are open.
    pub(super) const fn depth(&self) -> usize {
        self.open.len()
    }

    pub(super) const fn is_hidden(&self) -> bool {
        self.hidden.is_some()
    }

    /// Marks the table that has just started as the one to read, even if it is hidden.
    pub(super) fn read_table(&mut self) {
        self.read_depth = self.depth();
        self.hidden = None;
    }

    /// The step that a piece causes, if any.
    pub(super) fn step<'a>(&mut self, piece: &'a HtmlPiece) -> Option<HtmlStep<'a>> {
        match piece {
            HtmlPiece::Text(text) if self.hidden.is_none() => Some(HtmlStep::Text(text)),
            HtmlPiece::Text(text) => (!text.trim().is_empty()).then_some(HtmlStep::HiddenText),
            HtmlPiece::Tag(tag) => {
                let start = (tag.kind == TagKind::StartTag).then_some(tag);
                let rank = rank_of(&tag.name);
                if rank > 0 {
                    return self.structure(rank, start);
                }
                self.element(tag, start.is_some());
                if self.hidden.is_some() {
                    return None;
                }
                match &*tag.name {
                    "a" => start.map(HtmlStep::Link),
                    "br" => Some(HtmlStep::Break),
                    _ => is_block(&tag.name).then_some(HtmlStep::Break),
                }
            }
        }
    }

    /// A tag of a table, a row or a cell.
    fn structure<'a>(&mut self, rank: usize, start: Option<&'a Tag>) -> Option<HtmlStep<'a>> {
        if rank == TABLE {
            return self.table(start);
        }
        // Browsers ignore such tags outside tables.
        if self.open.is_empty() {
            return None;
        }
        self.end_hidden(rank);
        self.start_hidden(rank, start);
        let is_caption = start.is_some_and(|tag| &*tag.name == "caption");
        if let Some(holds_tables) = self.open.last_mut() {
            *holds_tables = start.is_some() && (rank == CELL || is_caption);
        }
        Some(match rank {
            CELL => HtmlStep::Cell(start),
            ROW => HtmlStep::Row(start),
            _ => HtmlStep::Group(start),
        })
    }

    fn table<'a>(&mut self, start: Option<&'a Tag>) -> Option<HtmlStep<'a>> {
        let ends = start.is_none() || self.open.last() == Some(&false);
        if ends {
            self.end_hidden(TABLE);
            let ended = self.open.pop();
            if start.is_none() {
                return ended.map(|_| HtmlStep::Table(None));
            }
        }
        self.open.push(false);
        self.start_hidden(TABLE, start);
        Some(HtmlStep::Table(start))
    }

    /// Counts elements with the name of the hidden one, and finds hidden elements.
    fn element(&mut self, tag: &Tag, starts: bool) {
        let Some(hidden) = &mut self.hidden else {
            if !is_void(&tag.name) {
                self.start_hidden(0, starts.then_some(tag));
            }
            return;
        };
        if hidden.rank > 0 || hidden.depth != self.open.len() {
            return;
        }
        if &*hidden.name == "p" && starts && is_block(&tag.name) {
            // The end tag of a paragraph is optional.
            self.hidden = None;
            self.start_hidden(0, Some(tag));
        } else if hidden.name == tag.name {
            hidden.same = if starts {
                hidden.same + 1
            } else {
                hidden.same - 1
            };
            if hidden.same == 0 {
                self.hidden = None;
            }
        }
    }

    fn start_hidden(&mut self, rank: usize, start: Option<&Tag>) {
        let depth = self.depth();
        let is_read = matches!(rank, ROW | GROUP) && depth <= self.read_depth;
        if let Some(tag) = start
            && self.hidden.is_none()
            && !is_read
            && is_hidden(tag)
        {
            self.hidden = Some(Hidden {
                name: tag.name.clone(),
                same: 1,
                depth,
                rank,
            });
        }
    }

    /// A cell ends hidden elements inside it, a row ends its cells, and so on.
    fn end_hidden(&mut self, rank: usize) {
        let ends = |hidden: &mut Hidden| hidden.depth >= self.open.len() && rank >= hidden.rank;
        self.hidden.take_if(ends);
    }
}

const CELL: usize = 1;
const ROW: usize = 2;
const GROUP: usize = 3;
const TABLE: usize = 4;

/// The rank of a part of a table; 0 for other elements.
fn rank_of(name: &LocalName) -> usize {
    match &**name {
        "td" | "th" => CELL,
        "tr" => ROW,
        "tbody" | "thead" | "tfoot" | "caption" => GROUP,
        "table" => TABLE,
        _ => 0,
    }
}

/// True for block-level elements.
fn is_block(name: &LocalName) -> bool {
    ["p", "div", "ul", "ol", "li", "hr"].contains(&&**name)
}

/// True for void elements: no content, no end tag.
fn is_void(name: &LocalName) -> bool {
    const VOID: [&str; 14] = [
        "br", "hr", "img", "input", "col", "meta", "link", "wbr", "area", "base", "embed",
        "source", "track", "param",
    ];
    VOID.contains(&&**name)
}

/// The value of an attribute.
pub(super) fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    let found = tag.attrs.iter().find(|found| &*found.name.local == name);
    found.map(|found| &*found.value)
}

/// The number in an attribute.
pub(super) fn number(tag: &Tag, name: &str) -> Option<usize> {
    let value = attribute(tag, name)?.trim();
    let digits = value.split(|char: char| !char.is_ascii_digit()).next()?;
    if digits.is_empty() {
        return None;
    }
    Some(digits.parse().unwrap_or(usize::MAX))
}

/// True if the tag itself hides the element. Style sheets are not read.
pub(super) fn is_hidden(tag: &Tag) -> bool {
    const HIDING: [&str; 3] = ["display:none", "visibility:hidden", "visibility:collapse"];
    let style = attribute(tag, "style")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let style = style.replace([' ', '\t', '\n', '\r'], "");
    let mut declarations = style.split(';');
    attribute(tag, "hidden").is_some()
        || declarations.any(|it| HIDING.iter().any(|hiding| it.starts_with(hiding)))
}
