//! Fields of contacts and chats in JSON.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

#[expect(clippy::ptr_arg, reason = "serde passes a reference to the field")]
pub(super) fn is_blank(text: &Cow<'_, str>) -> bool {
    text.is_empty()
}

/// Undocumented members of a contact or a chat. They are shown and stored but never sent, because the API refuses
/// requests with unknown fields. \[seen\]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnknownFields {
    /// The JSON text of an object.
    members: Option<Box<str>>,
}

impl UnknownFields {
    pub(super) fn new(members: Map<String, Value>) -> Self {
        let has_some = !members.is_empty();
        Self {
            members: has_some.then(|| Value::Object(members).to_string().into()),
        }
    }

    fn members(&self) -> Map<String, Value> {
        let members = self.members.as_deref();
        // Can't fail: it was written by `new`.
        members.map_or_else(Map::new, |text| {
            serde_json::from_str(text).unwrap_or_default()
        })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.members.is_none()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.members().into_iter().map(|(name, _)| name)
    }
}

impl Serialize for UnknownFields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.members())
    }
}
