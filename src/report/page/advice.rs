//! A title for each reject code, and advice.

use crate::reject::RejectCode;

/// A title, and advice.
pub(super) const fn advice(code: RejectCode) -> (&'static str, &'static str) {
    match code {
        RejectCode::IdMissing => (
            "No id",
            "Fill in the id column: without it, a contact can't be found again.",
        ),
        RejectCode::IdTooLong => ("Id too long", "Shorten the id to 100 characters."),
        RejectCode::NameMissing => ("No name", "Fill in the name."),
        RejectCode::NameTooLong => ("Name too long", "Shorten the name to 200 characters."),
        RejectCode::ResponsibleUserIdMissing => (
            "No responsible employee",
            "Fill in the column, or set one employee for all such rows with --set responsible_user_id=ID.",
        ),
        RejectCode::ResponsibleUserIdTooLong => (
            "Employee id too long",
            "Write the employee's id of at most 100 characters.",
        ),
        RejectCode::ResponsibleUnknown => (
            "Unknown employee",
            "Write the employee's id, or add the name to the mapping file; `wazzup-contacts users` lists the ids.",
        ),
        RejectCode::UriMissing => (
            "No link",
            "Fill in the link, or build it for all rows with --set uri='https://…/{id}'.",
        ),
        RejectCode::UriTooLong => ("Link too long", "Shorten the link to 200 characters."),
        RejectCode::NoChat => (
            "No phone and no account",
            "Add a phone number or an account of a messenger, or leave the row out.",
        ),
        RejectCode::ChatTypeUnknown => (
            "Unknown messenger",
            "Write one of the messengers that Wazzup supports, such as whatsapp or telegram.",
        ),
        RejectCode::ChatIdMissing => (
            "Chat without an address",
            "Fill in the number or the account of the chat.",
        ),
        RejectCode::PhoneInvalid => (
            "Not a phone number",
            "Correct the number and its country code; for numbers without a country code, add --region with the country's two letters.",
        ),
        RejectCode::PhoneTruncated => (
            "Number cut off by a spreadsheet",
            "Format the column as text, and copy the numbers from the original again.",
        ),
        RejectCode::DigitsLost => (
            "Digits lost in a spreadsheet",
            "Format the column as text, and copy the values from the original again.",
        ),
        RejectCode::UsernameInvalid => (
            "Not an account name",
            "Write the name as the messenger shows it, without spaces.",
        ),
        RejectCode::ContactDataInvalid => (
            "Chats can't be read",
            "Correct the JSON in contact_data, or use columns for the chats.",
        ),
        RejectCode::DuplicateId => (
            "Same id, different values",
            "Keep one of the rows, or choose with --on-duplicate first, last or merge.",
        ),
        RejectCode::RowRagged => (
            "Too many cells in the row",
            "Put cells that contain the delimiter in quotes.",
        ),
        RejectCode::BytesUndecodable => (
            "Unreadable letters",
            "Save the file as UTF-8, or name its encoding with --encoding.",
        ),
        RejectCode::CellError => (
            "Formula error",
            "Correct the formula, or replace it with its value.",
        ),
        RejectCode::JsonInvalid => ("Line is not valid JSON", "Correct the line."),
        RejectCode::RefusedByServer => (
            "Refused by the server",
            "The reason is the server's message; correct the value and import the row again.",
        ),
        RejectCode::NotFound => (
            "Not in the account",
            "The contact does not exist: import the row with --mode upsert to create it.",
        ),
        RejectCode::ChangedSince => (
            "Changed since the plan",
            "The contact was changed by others, so it was left alone. The next steps overwrite it.",
        ),
        RejectCode::ContactUnreadable => (
            "Contact can't be read",
            "The account's contact can't be read, so it was left alone: check it in Wazzup.",
        ),
    }
}
