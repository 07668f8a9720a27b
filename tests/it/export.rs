//! `export`: all contacts, whatever the pages look like, and back again.

use std::collections::BTreeSet;

use serde_json::json;
use wazzup_contacts::{
    contact::Contact,
    sandbox::{AcceptedTypes, Options, UriShown},
};

use crate::{harness::World, samples::bring};

fn account(contacts: usize, page_max: usize) -> World {
    World::with(Options {
        contacts,
        page_max,
        ..Options::default()
    })
}

#[test]
fn every_contact_is_exported_once_whatever_the_server_makes_of_limit() {
    for (contacts, page_max) in [(0, 100), (1, 100), (100, 100), (101, 100), (230, 7), (5, 1)] {
        let world = account(contacts, page_max);
        let ran = world
            .run(["export", "-o", "all.csv", "--json"])
            .ends_with(0);
        assert_eq!(ran.json()["contacts"], contacts, "page cap {page_max}");
        let text = world.read("all.csv");
        let mut rows = csv::Reader::from_reader(text.as_bytes());
        let ids: Vec<String> = rows
            .records()
            .map(|row| row.unwrap()[0].to_owned())
            .collect();
        assert_eq!(ids.len(), contacts);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), contacts);
    }
}

#[test]
fn a_name_that_promises_another_kind_of_file_is_refused_and_a_dash_is_standard_output() {
    let world = World::with(Options {
        contacts: 3,
        ..Options::default()
    });
    for name in ["all.xlsx", "all.csv.gz", "all.jsonl", "all.json", "all.PDF"] {
        let ran = world.run(["export", "-o", name]).ends_with(2);
        assert!(ran.stderr.contains(".csv"), "{}", ran.shown());
        assert!(!world.path(name).exists());
    }
    let ran = world.run(["export", "-o", "-"]).ends_with(0);
    assert_eq!(ran.stdout.lines().count(), 4);
    assert!(!world.path("-").exists());
    let ran = world.run(["export", "--delimiter", "ab"]).ends_with(2);
    assert!(ran.stderr.contains("not one character"), "{}", ran.shown());
}

#[test]
fn without_a_file_the_contacts_go_to_standard_output() {
    let world = account(3, 100);
    let ran = world.run(["export"]).ends_with(0);
    assert!(
        ran.stdout
            .starts_with("id,responsible_user_id,name,uri,chat_type_1,")
    );
    assert_eq!(ran.stdout.lines().count(), 4);
    world.run(["export", "-o", "all.csv"]).ends_with(0);
    assert_eq!(ran.stdout, world.read("all.csv"));
}

#[test]
fn what_was_exported_imports_as_no_change() {
    for uri in [UriShown::Stored, UriShown::ApiPath] {
        let world = World::with(Options {
            contacts: 120,
            uri,
            ..Options::default()
        });
        world
            .run(["import", bring(&world, "contacts.csv")])
            .ends_with(0);
        world.run(["export", "-o", "all.csv"]).ends_with(0);
        let ran = world
            .run(["import", "all.csv", "--json"])
            .ends_with(0)
            .json();
        assert_eq!(ran["plan"]["unchanged"], 370, "{uri:?}");
        assert_eq!(ran["plan"]["update"], 0, "{uri:?}");
        assert_eq!(ran["rows"]["rejected"], 0, "{uri:?}");
    }
}

#[test]
fn chat_types_that_the_tool_does_not_know_and_spaces_at_the_ends_come_back() {
    let world = World::with(Options {
        accepted_types: AcceptedTypes::Any,
        ..Options::default()
    });
    for id in [" 7", "'8 ", "9"] {
        let contact = format!(
            r#"{{"id":"{id}","responsible_user_id":"u1","name":" Ann\u00a0","uri":"https://crm/1","contact_data":[
                {{"chat_type":"whatsapp","chat_id":"79991112233"}},{{"chat_type":"tiktok","chat_id":"@5/x"}}]}}"#
        );
        let contact: Contact<'_> = serde_json::from_str(&contact).unwrap();
        world.sandbox.put_contact(&contact);
    }
    let before = world.sandbox.contacts();
    world.run(["export", "-o", "all.csv"]).ends_with(0);
    let ran = world.run(["import", "all.csv", "--json"]).ends_with(0);
    assert_eq!(ran.json()["plan"]["unchanged"], 3, "{}", ran.shown());
    for contact in &before {
        world.sandbox.remove_contact(&contact.id);
    }
    world.run(["import", "all.csv"]).ends_with(0);
    assert_eq!(world.sandbox.contacts(), before);

    // In other files, an unknown chat type is a mistake.
    let other = world.read("all.csv").replace("phone_2", "phone_2,city");
    world.write("other.csv", other);
    world.run(["check", "other.csv"]).ends_with(3);
}

/// Values that a spreadsheet program, our own guards or the rules for other files would change.
const HOSTILE: &[&str] = &[
    "=1+1",
    "+79991112233",
    "-1",
    "@x",
    "007",
    "0",
    "1e5",
    "1.006E+03",
    "1001.0",
    "TRUE",
    "нет",
    "NULL",
    "\\N",
    "-",
    "#N/A",
    "#REF!",
    "1-2",
    "5 мая",
    "'n Sync",
    "'=1",
    "''=1",
    "'7",
    "=\"7\"",
    "=\"a\"b\"",
    "\"",
    "a,b;c\td",
    "line\nend",
    "line\r\nend",
    "\rx",
    "\tx",
    " 7",
    "7 ",
    "120363025246125486",
    "000123",
    "a/b?c#d",
    "_x000D_",
    "=HYPERLINK(\"https://x.example/1\",\"Open\")",
    "'=HYPERLINK(\"https://x.example/1\")",
    "\u{feff}bom",
    "id",
    "sep=;",
    "https://crm.example.com/5",
];

fn hostile_account() -> World {
    let world = World::with(Options {
        accepted_types: AcceptedTypes::Any,
        ..Options::default()
    });
    let put = |contact: serde_json::Value| {
        let contact = contact.to_string();
        let contact: Contact<'_> = serde_json::from_str(&contact).unwrap();
        world.sandbox.put_contact(&contact);
    };
    let plain = |id: &str, name: &str, uri: &str, chat: &str| {
        put(
            json!({"id": id, "responsible_user_id": "u1", "name": name, "uri": uri,
            "contact_data": [{"chat_type": "vk", "chat_id": chat}]}),
        );
    };
    for (number, value) in HOSTILE.iter().enumerate() {
        let (id, uri) = (
            format!("n{number}"),
            format!("https://crm.example.com/{number}"),
        );
        plain(&id, value, &uri, "id5");
        plain(value, "Ann", &uri, "id5");
        plain(&format!("q{number}"), &format!("\"{value} "), &uri, "id5");
        plain(&format!("u{number}"), "Ann", value, "id5");
        put(
            json!({"id": format!("o{number}"), "responsible_user_id": value, "name": "Ann", "uri": uri,
            "contact_data": [{"chat_type": "tiktok", "chat_id": value}]}),
        );
    }
    let seven: Vec<_> = (0..7)
        .map(|number| json!({"chat_type": "whatsapp", "chat_id": format!("7999111223{number}")}))
        .collect();
    put(
        json!({"id": "seven", "responsible_user_id": "u1", "name": "Ann", "uri": "https://crm.example.com/7",
        "contact_data": seven}),
    );
    world
}

#[test]
fn hostile_values_come_back_from_every_dialect() {
    for dialect in [
        &[][..],
        &["--delimiter", "|"],
        &["--excel"],
        &["--excel", "--delimiter", "tab"],
    ] {
        let world = hostile_account();
        let account = || {
            let mut contacts = world.sandbox.contacts();
            contacts.sort_by(|a, b| a.id.cmp(&b.id));
            contacts
        };
        let before = account();
        world
            .run([&["export", "-o", "all.csv"], dialect].concat())
            .ends_with(0);
        let ran = world.run(["import", "all.csv", "--json"]);
        let ran = ran.ends_with(0);
        let plan = &ran.json()["plan"];
        assert_eq!(
            plan["unchanged"],
            before.len(),
            "{dialect:?} {}",
            ran.shown()
        );
        for contact in &before {
            world.sandbox.remove_contact(&contact.id);
        }
        let ran = world.run(["import", "all.csv"]);
        assert!(
            !world.path("all.rejected.csv").exists(),
            "{}",
            world.read("all.rejected.csv")
        );
        ran.ends_with(0);
        assert_eq!(account(), before, "{dialect:?}");
    }
}

#[test]
fn for_excel_no_cell_is_a_formula_of_the_account() {
    let world = hostile_account();
    world
        .run(["export", "--excel", "-o", "all.csv"])
        .ends_with(0);
    let text = world.read("all.csv");
    let text = text.strip_prefix('\u{feff}').unwrap();
    let mut rows = csv::ReaderBuilder::new();
    let mut rows = rows.delimiter(b';').from_reader(text.as_bytes());
    let mut wrapped = 0;
    for row in rows.records() {
        for cell in &row.unwrap() {
            // The only formula is a text in quotes.
            let is_text = cell
                .strip_prefix("=\"")
                .and_then(|rest| rest.strip_suffix('"'));
            wrapped += u64::from(is_text.is_some());
            let is_harmless = is_text.is_some_and(|text| !text.replace("\"\"", "").contains('"'));
            let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
            assert!(is_harmless || !is_formula, "{cell:?}");
        }
    }
    assert!(wrapped > 20, "{wrapped}");
}

#[test]
fn the_summary_has_contacts_pages_file_and_requests() {
    let world = account(230, 100);
    let summary = world
        .run(["export", "-o", "all.csv", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(summary["command"], "export");
    assert_eq!(summary["exit_code"], 0);
    assert_eq!(summary["files"]["output"], "all.csv");
    assert!(summary["pages"].as_u64().unwrap() >= 3);
    assert!(summary["requests"]["sent"].as_u64().unwrap() >= 3);
    assert!(summary["started_at"].is_string() && summary["seconds"].is_number());
}

#[test]
fn a_file_that_can_not_be_written_ends_with_its_name_and_leaves_the_old_one() {
    let world = account(3, 100);
    let ran = world.run(["export", "-o", "no/all.csv"]).ends_with(1);
    assert!(ran.stderr.contains("no/all.csv"), "{}", ran.shown());
    world.write("all.csv", "old");
    world.sandbox.kill_tokens();
    world.run(["export", "-o", "all.csv"]).ends_with(4);
    assert_eq!(world.read("all.csv"), "old");
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_gone_is_no_error() {
    let world = account(2_000, 100);
    for command in ["export", "man", "completions bash"] {
        let ran = world.call(command.split(' ')).unread().ends_with(0);
        assert_eq!(ran.stderr, "", "{command}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_stays_a_pipe_and_a_link_a_link() {
    let world = account(3, 100);
    let made = std::process::Command::new("mkfifo")
        .arg(world.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    let export = format!(
        "cat pipe > read.csv & {} export -o pipe && wait",
        env!("CARGO_BIN_EXE_wazzup-contacts")
    );
    world.call_program("sh", ["-c", &export]).run().ends_with(0);
    assert_eq!(world.read("read.csv").lines().count(), 4);

    world.write("deep/all.csv", "old");
    std::os::unix::fs::symlink("deep/all.csv", world.path("link.csv")).unwrap();
    world.run(["export", "-o", "link.csv"]).ends_with(0);
    assert!(world.path("link.csv").is_symlink());
    assert_eq!(world.read("deep/all.csv"), world.read("read.csv"));

    world.write("bad.csv", "id,name,whatsapp\n1,Ann,call\n");
    world.write("deep/rejects.csv", "");
    std::os::unix::fs::symlink("deep/rejects.csv", world.path("rejects.csv")).unwrap();
    let import = "import bad.csv --rejects rejects.csv";
    world.run(import.split(' ')).ends_with(5);
    assert!(world.path("rejects.csv").is_symlink());
    assert!(world.read("deep/rejects.csv").contains("phone_invalid"));
}
