//! Splits a page into tags and text.
//!
//! html5ever's tokenizer reads the page like a browser: tags in any case, entities, comments, scripts.

use std::cell::RefCell;

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
        states::RawKind,
    },
};

use crate::source::{SourceErrorKind, file::SourceFile};

const PIECE_BYTES: usize = 1 << 14;

/// A tag, or the text between two tags.
pub(super) enum HtmlPiece {
    Tag(Tag),
    Text(StrTendril),
}

/// Calls `each` for the tags and texts of a page in order, until it returns an error or a stop is requested. Comments,
/// scripts and styles are skipped.
pub(super) fn each_piece<E: From<SourceErrorKind>>(
    file: &SourceFile,
    page: &str,
    each: impl FnMut(HtmlPiece) -> Result<(), E>,
) -> Result<(), E> {
    let pieces = Pieces(RefCell::new(PieceState {
        each,
        result: Ok(()),
        is_skipped: false,
    }));
    let tokenizer = Tokenizer::new(pieces, TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = page;
    while !rest.is_empty() && tokenizer.sink.0.borrow().result.is_ok() {
        file.check_stop()?;
        let (piece, more) = rest.split_at(piece_end(rest));
        queue.push_back(StrTendril::from(piece));
        // Scripts are not run, so feeding never suspends.
        let _ = tokenizer.feed(&queue);
        rest = more;
    }
    tokenizer.end();
    let state = tokenizer.sink.0.into_inner();
    state.result?;
    if state.is_skipped {
        // It would swallow the rows after it.
        return Err(E::from(SourceErrorKind::Damaged {
            what: "web page",
            why: "a script or a style is never closed".to_owned(),
        }));
    }
    Ok(())
}

/// The end of the first piece: the next character after [`PIECE_BYTES`].
fn piece_end(text: &str) -> usize {
    let is_end = |at: &usize| text.is_char_boundary(*at);
    (PIECE_BYTES..text.len()).find(is_end).unwrap_or(text.len())
}

struct Pieces<F, E>(RefCell<PieceState<F, E>>);

struct PieceState<F, E> {
    each: F,
    result: Result<(), E>,
    /// True in a script or a style.
    is_skipped: bool,
}

impl<E, F: FnMut(HtmlPiece) -> Result<(), E>> PieceState<F, E> {
    fn piece(&mut self, piece: HtmlPiece) {
        if self.result.is_ok() {
            self.result = (self.each)(piece);
        }
    }

    fn tag(&mut self, tag: Tag) -> TokenSinkResult<()> {
        let kind = match &*tag.name {
            "script" => RawKind::ScriptData,
            "style" => RawKind::Rawtext,
            _ => {
                self.piece(HtmlPiece::Tag(tag));
                return TokenSinkResult::Continue;
            }
        };
        self.is_skipped = tag.kind == TagKind::StartTag;
        if self.is_skipped {
            TokenSinkResult::RawData(kind)
        } else {
            TokenSinkResult::Continue
        }
    }
}

impl<E, F: FnMut(HtmlPiece) -> Result<(), E>> TokenSink for Pieces<F, E> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => return state.tag(tag),
            Token::CharacterTokens(text) if !state.is_skipped => {
                state.piece(HtmlPiece::Text(text));
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}
