//! Text fields in JSON: borrowed if they have no escapes, absent if they are empty or `null`.

use std::borrow::Cow;

use serde::Deserialize;

#[expect(clippy::ptr_arg, reason = "serde calls it with the field as it is")]
pub(super) fn is_blank(text: &Cow<'_, str>) -> bool {
    text.is_empty()
}

/// JSON text, borrowed if it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// Text that the API may also give as `null`.
pub(super) mod text {
    use std::borrow::Cow;

    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::contact::json::Text;

    pub(in crate::contact) fn serialize<S: Serializer>(
        text: &str,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub(in crate::contact) fn deserialize<'de: 'a, 'a, D>(
        deserializer: D,
    ) -> Result<Cow<'a, str>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let text = Option::<Text<'de>>::deserialize(deserializer)?;
        Ok(text.map_or(Cow::Borrowed(""), |text| text.0))
    }
}
