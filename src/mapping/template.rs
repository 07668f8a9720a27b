//! Templates (`--set`): text with `{columns}`.
//!
//! `https://crm.example.com/c/{id}` inserts the value of the column or field `id`; `{{` and `}}` are literal
//! braces. Values in a `uri` are percent-encoded, because an id with `/`, `?`, `#` or a space would change the
//! address; in other fields they are inserted unchanged.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Field;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Template {
    pieces: Vec<Piece<String>>,
}

/// Literal text or a value to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece<S> {
    Text(String),
    Value(S),
}

impl Template {
    pub(crate) fn pieces(&self) -> &[Piece<String>] {
        &self.pieces
    }
}

/// A template with its names resolved to columns and fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldTemplate {
    pub(crate) field: Field,
    pub(crate) source: Template,
    pub(crate) pieces: Vec<Piece<Placeholder>>,
}

/// The value that a template inserts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder {
    Column(usize),
    /// The first number in this column, one of several columns with phones.
    Number(usize),
    Field(Field),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{0}`: a `{{` is not closed; write `{{{{` for a literal brace")]
    Open(String),
    #[error("`{0}`: a `}}` has no opening brace; write `}}}}` for a literal brace")]
    Close(String),
    #[error("`{0}`: `{{}}` has no column name; write `{{id}}` or similar")]
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
