//! `--set` templates: text with `{columns}` in it.
//!
//! `https://crm.example.com/c/{id}` takes the value of the column or field `id`; `{{` and `}}` are braces.
//! A value that goes into a `uri` is percent-encoded, because an id may hold `/`, `?`, `#` or a space,
//! and would otherwise make another address; in every other field it is put in as it is.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Text with places to fill in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Template {
    pieces: Vec<Piece<String>>,
}

/// Text as it stands, or a value to put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<S> {
    /// Text as it stands.
    Text(String),
    /// The value of something.
    Value(S),
}

impl Template {
    /// The text and the names in it, in order.
    #[must_use]
    pub(crate) fn pieces(&self) -> &[Piece<String>] {
        &self.pieces
    }
}

/// Why a template can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{` without `}`.
    #[error("`{0}`: a `{{` is not closed; write `{{{{` for a brace")]
    Open(String),
    /// `}` without `{`.
    #[error("`{0}`: a `}}` closes nothing; write `}}}}` for a brace")]
    Close(String),
    /// `{}`.
    #[error("`{0}`: `{{}}` names no column; write `{{id}}` or like")]
    Nameless(String),
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(source: &str) -> Result<Self, Self::Err> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            text.push_str(before);
            if from.starts_with("{{") || from.starts_with("}}") {
                text.push_str(&from[..1]);
                rest = &from[2..];
            } else if from.starts_with('}') {
                return Err(TemplateError::Close(source.to_owned()));
            } else {
                let (name, after) = from[1..]
                    .split_once('}')
                    .ok_or_else(|| TemplateError::Open(source.to_owned()))?;
                if name.trim().is_empty() {
                    return Err(TemplateError::Nameless(source.to_owned()));
                }
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Value(name.trim().to_owned()));
                rest = after;
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        Ok(Self { pieces })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => {
                    f.write_str(&text.replace('{', "{{").replace('}', "}}"))?;
                }
                Piece::Value(name) => write!(f, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, Self::Error> {
        source.parse()
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.to_string()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn names_and_text_alternate_and_doubled_braces_are_braces() {
        let template: Template = "a{{b}}{ID контакта}/{x}".parse().unwrap();
        assert_eq!(
            template.pieces(),
            [
                Piece::Text("a{b}".into()),
                Piece::Value("ID контакта".into()),
                Piece::Text("/".into()),
                Piece::Value("x".into()),
            ]
        );
        assert_eq!(template.to_string(), "a{{b}}{ID контакта}/{x}");
    }

    #[test]
    fn a_brace_that_is_alone_is_an_error() {
        for wrong in ["{id", "id}", "{}", "{ }", "a{b}c}"] {
            wrong.parse::<Template>().unwrap_err();
        }
    }
}
