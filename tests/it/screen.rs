//! The appearance on a terminal: widths, colours, prompts and waits.

use std::net::TcpListener;

use regex::Regex;
use rusqlite::Connection;

use crate::{
    csv_files::csv,
    harness::{Call, World},
};

const WIDTHS: [usize; 4] = [40, 60, 80, 120];

/// Rows with several mistakes, with wide and combining characters, and with long values.
const MISTAKES: &str = "\
id,responsible_user_id,name,uri,Телефон,Комментарий менеджера
1,user-1,日本語の名前 日本語の名前 日本語の名前,https://crm.example.com/contacts/1,+34 600 123 456,好
2,user-2,E\u{301}lodie 👩\u{200d}🦰 García Muñoz de la Vega,,12,
,user-3,Ann,https://crm.example.com/contacts/a-rather-long-path-that-no-terminal-shows-in-one-line/3,+34600123457,
1,user-1,Another,https://crm.example.com/contacts/1,+34600123458,
";

/// The run file of [`world`], in the working directory, because paths into the state directory vary in length.
const RUN: &str = "sent.run";

/// A world in which a run was sent and the account changed since.
fn world() -> World {
    let world = World::new();
    world.write("mistakes.csv", MISTAKES);
    world.write(
        "new.csv",
        csv([
            ("1042", "Ann"),
            ("contact-with-a-rather-long-id", "日本語"),
            ("3", "Cid"),
        ]),
    );
    world.write("less.csv", csv([("1042", "Anna"), ("4", "Dora")]));
    world
        .run(["import", "new.csv", "--run", RUN, "-q"])
        .ends_with(0);
    let mut long = world
        .sandbox
        .contact("contact-with-a-rather-long-id")
        .unwrap();
    long.name = "Robert Oppenheimer the Second".into();
    world.sandbox.put_contact(&long);
    world.sandbox.remove_contact("3");
    world
}

/// An import that deletes a contact.
const MIRROR: [&str; 6] = [
    "import",
    "less.csv",
    "--mode",
    "mirror",
    "--max-delete",
    "90%",
];

/// Every report and some of the messages.
fn screens() -> Vec<Vec<&'static str>> {
    vec![
        vec!["check", "mistakes.csv", "--map", "phone=Телефон"],
        vec!["plan", "new.csv", "-o", "next.run"],
        MIRROR.to_vec(),
        vec!["import", "less.csv", "--mode", "mirror"],
        vec!["verify", RUN],
        vec!["diff", "new.csv", "less.csv"],
        vec!["runs", "show", RUN],
        vec!["undo", RUN, "--dry-run"],
        vec!["undo", RUN],
        vec!["users"],
        vec!["auth"],
        vec!["get", "nosuch"],
        vec!["delete", "nosuch", "1042"],
        vec!["check", "new.csv", "--map", "phone=Telefon"],
        vec!["check", "nosuch.csv"],
        vec!["check"],
        vec!["sandbox", "--help"],
    ]
}

#[test]
fn every_report_and_message_fits_terminals_from_40_columns_on() {
    let world = world();
    let fingerprint = Regex::new(r"\b[0-9a-f]{16}\b").unwrap();
    // Where this line breaks depends on the digits of the latency.
    let requests = Regex::new(r"(?m)^requests  .*(\n {10}.*)*").unwrap();
    for width in WIDTHS {
        let mut shown = String::new();
        for args in std::iter::once(vec!["runs"]).chain(screens()) {
            if args == ["runs"] {
                set_history(&world);
            }
            let call = world.call(&args).env("COLUMNS", width.to_string());
            let narrow = call.run();
            assert_fits(&narrow.said(), width);
            let _ = std::fs::remove_file(world.path("next.run"));
            let said = narrow.shown();
            let said = requests.replace_all(&said, "requests  [REQUESTS]");
            shown.extend(["$ ", &args.join(" "), "\n", &said, "\n"]);
        }
        let shown = fingerprint.replace_all(&shown, "[FINGERPRINT]");
        insta::assert_snapshot!(format!("width-{width}"), shown);
    }
}

/// Creates runs in the history that are the same each time, including their widths.
fn set_history(world: &World) {
    let accounts = world.path("home/state/wazzup-contacts/accounts");
    let ledger = accounts.read_dir().unwrap().next().unwrap().unwrap();
    let ledger = Connection::open(ledger.path()).unwrap();
    let sql = "DELETE FROM history WHERE number > 1;
        UPDATE history SET started_at = 1795337700000, seconds = 2.5;
        INSERT INTO history SELECT 2, 'refused', NULL, started_at + 90000, 75, 'shop', 'plan', 'mirror',
            'contacts of all customers.csv', directory, 'stopped', 5, 'refused', tally FROM history";
    ledger.execute_batch(sql).unwrap();
}

/// Only a line that is a single word, possibly with a label, may be wider.
pub(crate) fn assert_fits(text: &str, width: usize) {
    for line in text.lines() {
        let columns = textwrap::core::display_width(line);
        let longest = line.split(' ').map(textwrap::core::display_width).max();
        assert!(
            columns <= width.max(longest.unwrap_or_default()),
            "{line:?} in {text}"
        );
    }
}

#[test]
fn nothing_is_wrapped_without_a_terminal() {
    let world = world();
    let reason = "the second line would begin here";
    for args in screens().iter().take(4) {
        let ran = world.run(args);
        assert!(
            ran.said().lines().any(|line| line.len() > 80),
            "{reason}: {}",
            ran.shown()
        );
        let _ = std::fs::remove_file(world.path("next.run"));
    }
}

#[test]
fn changes_and_rejects_have_colours_that_can_be_switched_off() {
    let world = world();
    let (green, yellow, red, magenta) = ("[32m", "[33m", "[31m", "[35m");
    let mirror = ["import", "less.csv", "--mode", "mirror", "--dry-run"];
    for (args, codes) in [
        (&["check", "mistakes.csv"][..], &[magenta][..]),
        (&["plan", "less.csv"], &[green, yellow]),
        (&mirror, &[green, yellow, red]),
        (&["verify", RUN], &[yellow, red]),
        (&["diff", "new.csv", "less.csv"], &[green, yellow, red]),
        (&["runs", "show", RUN], &[green]),
        (&["runs"], &[green]),
    ] {
        let call = || world.call(args);
        let coloured = call().env("CLICOLOR_FORCE", "1").run().said();
        for code in codes {
            assert!(coloured.contains(code), "{args:?} {code} {coloured}");
        }
        assert!(!call().run().said().contains('\u{1b}'), "{args:?}");
    }
    let always = world.run(["verify", RUN, "--color", "always"]).said();
    assert!(always.contains(red), "{always}");
}

#[cfg(unix)]
#[test]
fn a_terminal_shows_colours_unless_it_or_the_user_can_not_have_them() {
    let world = world();
    let verify = || world.call(["verify", RUN]);
    let on_terminal = |call: Call| call.on_terminal(40, "").1;
    assert!(on_terminal(verify()).contains("\u{1b}[31m"));
    assert!(!on_terminal(verify().env("NO_COLOR", "1")).contains("\u{1b}[3"));
    for line in on_terminal(verify().env("NO_COLOR", "1")).lines() {
        let shown = line.rsplit(['\r', '\u{1b}']).next().unwrap();
        assert!(textwrap::core::display_width(shown) <= 40, "{shown}");
    }
}

#[cfg(unix)]
#[test]
fn contacts_are_deleted_once_their_number_is_typed() {
    let world = world();
    let delete = |typed: &str| {
        let ids = ["delete", "1042", "contact-with-a-rather-long-id"];
        world.call(ids).on_terminal(80, typed)
    };
    for wrong in ["y\n", "yes\n", "3\n", "\n", "2 contacts\n"] {
        let (code, said) = delete(wrong);
        assert_eq!(code, Some(5), "{said}");
        assert!(
            said.contains("Type 2 to delete 2 contacts from account "),
            "{said}"
        );
    }
    assert_eq!(world.sandbox.contact_count(), 2);
    let undo = world.call(["undo", RUN, "--force"]).on_terminal(120, "y\n");
    assert!(
        undo.1.contains("Type 2 to delete 2 contacts from account"),
        "{}",
        undo.1
    );
    let (code, said) = world.call(MIRROR).on_terminal(80, "y\n");
    assert!(
        code == Some(5) && said.contains("Type 1 to delete 1 contact from"),
        "{said}"
    );
    let (code, said) = delete("2\n");
    assert_eq!(
        (code, world.sandbox.contact_count()),
        (Some(0), 0),
        "{said}"
    );
}

#[test]
fn without_a_terminal_a_prompt_names_yes_and_the_account() {
    let world = world();
    world
        .run(["delete", "1042"])
        .ends_with(2)
        .tells("Delete 1 contact from account ")
        .tells("--yes");
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn commands_say_that_they_wait_for_a_server_that_is_down() {
    let world = world();
    // A port on which nothing listens.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    // Only one of them has the lock of the account.
    let commands = [
        &["auth"][..],
        &["users"],
        &["get", "1"],
        &["plan", "new.csv"],
    ];
    let running = commands.map(|args| {
        let url = format!("http://{port}");
        world.call(args).env("WAZZUP_BASE_URL", url).start()
    });
    for mut running in running {
        let line = running.says("waiting for the server: connection refused, try ");
        assert!(
            line.trim_end().ends_with(" of 8") || line.contains(" of 8 in "),
            "{line}"
        );
        running.kill();
    }
}
