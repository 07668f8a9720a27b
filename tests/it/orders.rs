//! Escape sequences in a file or the account are shown, and never executed by the terminal.

use crate::{
    harness::World,
    model::{contact, csv},
};

/// Turns the text red, and sets the window title.
const ORDERS: &str = "\u{1b}[31mRED\u{1b}]0;pwn\u{7}";

/// Looks like a line of its own, and reverses the text after it.
const FORGED: &str = "Ann\nerror: all is lost\u{9b}2J\u{202e}!";

fn is_harmless(said: &str) {
    for line in said.lines() {
        assert!(!line.starts_with("error: all is lost"), "{said}");
        let order = |c: char| c.is_control() && c != '\t' || c == '\u{202e}';
        assert!(!line.contains(order), "{said:?}");
    }
}

#[test]
fn values_of_a_file_and_of_the_account_give_no_orders_to_a_terminal() {
    let world = World::new();
    let named = |number: usize, name: &'static str| {
        let mut named = contact(number, "");
        named.name = name.into();
        named
    };
    for (number, name) in [(1, ORDERS), (2, FORGED), (3, ORDERS), (4, FORGED)] {
        world.sandbox.put_contact(&named(number, name));
    }
    let mut rows = csv([contact(1, "new"), contact(2, "new")]);
    rows += &[
        &format!("{ORDERS},u,Eve,x,79990000009,1\n"),
        &format!("5,u,\"{FORGED}\",x,79990000009,1\n"),
        &format!("6,u,{ORDERS},x,\"{FORGED}\",1\n"),
    ]
    .map(String::as_str)
    .concat();
    let rows = rows.replacen("whatsapp", &format!("whatsapp,{ORDERS}"), 1);
    world.write("contacts.csv", rows);
    for command in [
        "check contacts.csv --show 9",
        "check contacts.csv --json",
        "check contacts.csv --map \u{1b}[1m=id",
        "import contacts.csv --mode mirror --max-delete 100% --dry-run",
        "plan contacts.csv --mode mirror --max-delete 100% -o x.run",
        "runs show x.run",
        "runs show x.run --json",
        "get 1 2 3 \u{1b}[1m",
        "verify contacts.csv",
        "apply x.run --yes",
        "undo x.run --dry-run",
        "import \u{1b}[31m.csv",
        "runs show \u{1b}[31m",
    ] {
        let ran = world.run(command.split(' '));
        is_harmless(&ran.stderr);
        is_harmless(&ran.stdout);
        assert!(!ran.shown().contains("panicked"), "{}", ran.shown());
    }
    let name = world.sandbox.contact("5").unwrap().name;
    assert_eq!(name, FORGED, "what is sent is what the file says");
}
