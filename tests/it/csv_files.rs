//! Files of contacts for tests, with one line per contact, all columns and valid numbers.

/// A file of these contacts: id and name.
pub(crate) fn csv<'a>(contacts: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::from("id,responsible_user_id,name,uri,whatsapp\n");
    for (number, (id, name)) in contacts.into_iter().enumerate() {
        text.push_str(&row(id, name, number));
    }
    text
}

/// A file of this number of contacts, with the ids and names `1`, `Name 1` and so on.
pub(crate) fn many(count: usize) -> String {
    let mut text = csv([]);
    for number in 1..=count {
        text.push_str(&row(&number.to_string(), &format!("Name {number}"), number));
    }
    text
}

fn row(id: &str, name: &str, number: usize) -> String {
    format!(
        "{id},user-1,{name},https://crm.example.com/{id},{}\n",
        79_990_000_000 + number as u64
    )
}
