//! `export`: all contacts, with any paging, and importing them again.

use std::collections::BTreeSet;

use serde_json::json;
use wazzup_contacts::{
    contact::Contact,
    sandbox::{Options, UriShown},
};

use crate::{harness::World, samples::bring};

/// A backup of no contacts.
pub(crate) const OLD: &str = "id,responsible_user_id,name,uri,contact_data\n";

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

/// The files that were written.
fn files(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.dir()).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

/// The first bytes of files.
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

#[test]
fn the_ending_of_the_file_chooses_the_format() {
    let world = account(30, 100);
    for (name, begins) in [
        ("all.csv", &b"id,responsible_user_id,name"[..]),
        ("all.TSV", b"id\tresponsible_user_id\tname"),
        ("all.xlsx", b"PK"),
        ("all.jsonl", b"{\"id\":\""),
        ("all.csv.gz", GZIP),
        ("all.tsv.zst", ZSTD),
        ("all.xlsx.gz", GZIP),
        ("all.xlsx.zst", ZSTD),
        ("all.jsonl.gz", GZIP),
    ] {
        world.run(["export", "-o", name]).ends_with(0);
        let bytes = std::fs::read(world.path(name)).unwrap();
        assert!(bytes.starts_with(begins), "{name}: {:?}", &bytes[..20]);
        let ran = world.run(["import", name, "--json"]).ends_with(0);
        assert_eq!(ran.json()["plan"]["unchanged"], 30, "{}", ran.shown());
    }
    assert_eq!(files(&world).len(), 9, "a temporary file was left");
}

#[test]
fn another_ending_and_flags_that_contradict_it_are_refused() {
    let world = account(3, 100);
    for name in ["all.xls", "all.json", "all.PDF", "all.gz", "all.txt", "all"] {
        let ran = world.run(["export", "-o", name]).ends_with(2);
        assert!(
            ran.stderr.contains("csv, tsv, xlsx and jsonl"),
            "{}",
            ran.shown()
        );
        assert!(!world.path(name).exists());
    }
    for (arguments, says) in [
        (
            "-o all.csv --format xlsx",
            "--format xlsx contradicts the extension of all.csv",
        ),
        ("-o all.csv.gz --format csv", "contradicts"),
        ("--format ods", "`ods` is not a backup format"),
        ("-o all.xlsx --excel", "--excel is for CSV only"),
        ("--format jsonl.gz --excel", "--excel is for CSV only"),
        ("-o all.xlsx --delimiter ;", "--delimiter is for CSV only"),
        ("-o all.tsv --delimiter ;", "contradicts --delimiter"),
        ("-o all.jsonl --layout long", "one layout"),
        ("--delimiter ab", "not one character"),
        ("--delimiter \"", "`\"` can't be a delimiter"),
        ("--delimiter я", "`я` can't be a delimiter"),
        ("--delimiter :", "would not recognize `:`"),
        ("--delimiter a --excel", "would not recognize `a`"),
        ("-o all.xls", "is not a backup format"),
        ("--layout tall", "wide, columns, long"),
        ("--owner-names no.toml", "no.toml"),
    ] {
        let ran = world.run(["export"].into_iter().chain(arguments.split(' ')));
        let ran = ran.ends_with(2);
        assert!(ran.stderr.contains(says), "{}", ran.shown());
    }
    assert_eq!(files(&world), [""; 0]);
    for arguments in [
        "-o all --format csv",
        "-o all.csv --format csv",
        "-o all.tsv --delimiter tab",
    ] {
        world
            .run(["export"].into_iter().chain(arguments.split(' ')))
            .ends_with(0);
    }
    assert!(world.read("all").starts_with("id,"));
}

#[test]
fn standard_output_has_any_format_too() {
    let world = account(3, 100);
    let ran = world.run(["export", "-o", "-"]).ends_with(0);
    assert_eq!(ran.stdout.lines().count(), 4);
    let ran = world.run(["export", "--format", "jsonl"]).ends_with(0);
    assert_eq!(ran.stdout.lines().count(), 3);
    let export = format!(
        "{} export --format XLSX.gz > all.bin",
        env!("CARGO_BIN_EXE_wazzup-contacts")
    );
    world.call_program("sh", ["-c", &export]).run().ends_with(0);
    let ran = world.run(["import", "all.bin", "--json"]).ends_with(0);
    assert_eq!(ran.json()["plan"]["unchanged"], 3);
    assert!(!world.path("-").exists());
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
    let world = World::new();
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
    "\0",
    "a\0b",
    "a; b",
    "5 @ann",
    "id",
    "sep=;",
    "https://crm.example.com/5",
];

fn hostile_account() -> World {
    let world = World::new();
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
fn hostile_values_come_back_from_every_format() {
    let world = hostile_account();
    let account = || {
        let mut contacts = world.sandbox.contacts();
        contacts.sort_by(|a, b| a.id.cmp(&b.id));
        contacts
    };
    let before = account();
    for arguments in [
        "all.csv --delimiter |",
        "all.csv --excel --layout columns",
        "all.tsv.gz --excel --layout long",
        "all.xlsx",
        "all.xlsx.zst --layout long",
        "all.jsonl",
    ] {
        let name = arguments.split(' ').next().unwrap();
        world
            .run(["export", "-o"].into_iter().chain(arguments.split(' ')))
            .ends_with(0);
        let ran = world.run(["import", name, "--json"]).ends_with(0);
        let plan = &ran.json()["plan"];
        assert_eq!(
            plan["unchanged"],
            before.len(),
            "{arguments} {}",
            ran.shown()
        );
        for contact in &before {
            world.sandbox.remove_contact(&contact.id);
        }
        world.run(["import", name]).ends_with(0);
        assert_eq!(account(), before, "{arguments}");
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
    world.write("all.csv", OLD);
    world.sandbox.kill_tokens();
    world.run(["export", "-o", "all.csv"]).ends_with(4);
    assert_eq!(world.read("all.csv"), OLD);
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

    world.write("deep/all.csv", OLD);
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

#[test]
fn only_backups_and_lists_of_changes_are_replaced() {
    let world = account(3, 100);
    let csv = "id,name,whatsapp\n1,Ann,79990000001\n";
    world.write("contacts.csv", csv);
    world.write("empty.csv", "");
    for command in ["export", "diff old.csv"] {
        world.run(["export", "-o", "old.csv"]).ends_with(0);
        let run = |name: &str| world.run(command.split(' ').chain(["-o", name]));
        let ran = run("contacts.csv").ends_with(2);
        assert!(
            ran.stderr.contains("contacts.csv exists"),
            "{}",
            ran.shown()
        );
        assert_eq!(world.read("contacts.csv"), csv);
        for name in ["new.csv", "new.xlsx", "new.jsonl.gz", "empty.csv"] {
            run(name).ends_with(0);
            run(name).ends_with(0);
            std::fs::remove_file(world.path(name)).unwrap();
        }
        world.write("empty.csv", "");
    }
    // Another program saved it, without a change.
    world.write("old.csv", world.read("old.csv").replace('\n', "\r\n"));
    world.run(["export", "-o", "old.csv"]).ends_with(0);
}
