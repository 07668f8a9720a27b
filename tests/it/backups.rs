//! Backups of every format: complete while the account changes, complete or not written at all, and restored after
//! a loss.

use std::{collections::BTreeSet, io, path::Path, process::Command};

use serde_json::{Value, json};
use wazzup_contacts::{
    contact::Contact,
    sandbox::{Faults, Options, UriShown},
};

use crate::{
    export::OLD,
    harness::{World, faults},
    shared::make_restless,
};

/// A file of each format, in each layout.
const FILES: [&str; 5] = [
    "all.csv",
    "all.csv.gz --excel --layout columns",
    "all.tsv.zst --layout long",
    "all.xlsx.gz --layout columns",
    "all.jsonl",
];

fn name(arguments: &str) -> &str {
    arguments.split(' ').next().unwrap()
}

fn export(arguments: &str) -> impl Iterator<Item = &str> {
    ["export", "--json", "-o"]
        .into_iter()
        .chain(arguments.split(' '))
}

fn put(world: &World, contact: &Value) {
    let contact = contact.to_string();
    let contact: Contact<'_> = serde_json::from_str(&contact).unwrap();
    world.sandbox.put_contact(&contact);
}

/// The backups and all other files beside them.
fn files(world: &World) -> BTreeSet<String> {
    let entries = std::fs::read_dir(world.dir()).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

/// Removes and adds contacts while pages are read: the first ones are removed, so that all others move by more
/// than a page, and one is removed and appended again.
fn change_while_reading(world: &World) {
    let start = world.sandbox.request_count();
    for round in 0..3 {
        world
            .sandbox
            .after_request(start + 4 + round * 3, move |account| {
                let contacts: Vec<_> = account.contacts().take(30).collect();
                for contact in &contacts[..20] {
                    account.remove(&contact.id);
                }
                account.remove(&contacts[25].id);
                account.put(&contacts[25]);
                account.put(&Contact {
                    id: format!("new-{round}").into(),
                    ..contacts[0].clone()
                });
            });
    }
}

#[test]
fn what_is_there_throughout_is_in_the_backup_although_the_account_changes_and_the_server_fails() {
    for arguments in [FILES[0], FILES[3], FILES[4]] {
        let world = World::with(Options {
            contacts: 250,
            page_max: 10,
            faults: faults(["GET:503@5", "GET:drop-after@14"]),
            ..Options::default()
        });
        let ids = || -> BTreeSet<String> {
            let contacts = world.sandbox.contacts();
            contacts
                .iter()
                .map(|contact| contact.id.to_string())
                .collect()
        };
        let before = ids();
        change_while_reading(&world);
        let ran = world.run(export(arguments)).ends_with(0);
        let after = ids();
        assert_ne!(before, after, "{arguments}: nothing changed");
        assert!(
            ran.json()["passes"].as_u64().unwrap() > 1,
            "{}",
            ran.shown()
        );
        assert!(
            ran.stderr.contains("the account changed while it was read"),
            "{}",
            ran.shown()
        );

        // A mirror would create what has gone, and delete what the backup lacks: at most what came while it was read.
        let mirror =
            "--mode mirror --dry-run --max-delete 100% --json --set uri=https://x.example/{id}";
        let ran = world.run(
            ["import", name(arguments)]
                .into_iter()
                .chain(mirror.split(' ')),
        );
        let plan = &ran.ends_with(0).json()["plan"];
        let constant = before.intersection(&after).count() as u64;
        assert!(
            plan["unchanged"].as_u64().unwrap() >= constant,
            "{arguments} {plan}"
        );
        assert_eq!(plan["update"], 0, "{arguments} {plan}");
        assert!(plan["delete"].as_u64().unwrap() <= 3, "{arguments} {plan}");
        assert_eq!(files(&world), BTreeSet::from([name(arguments).to_owned()]));
    }
}

#[test]
fn a_backup_that_fails_leaves_the_old_file_and_nothing_else() {
    let world = World::with(Options {
        contacts: 40,
        page_max: 10,
        ..Options::default()
    });
    for arguments in FILES {
        let name = name(arguments);
        world.write(name, OLD);
        let is_old = |what| {
            assert_eq!(world.read(name), OLD, "{arguments}: {what}");
            assert_eq!(files(&world), BTreeSet::from([name.to_owned()]), "{what}");
        };
        make_restless(&world.sandbox);
        let ran = world.run(export(arguments)).ends_with(1);
        assert!(ran.stderr.contains("kept changing"), "{}", ran.shown());
        is_old("restless");
        let told = world.when_request(world.sandbox.request_count() + 3);
        let running = world.call(export(arguments)).start();
        told.recv().unwrap();
        running.kill();
        is_old("killed");
        std::fs::remove_file(world.path(name)).unwrap();
    }
    world.sandbox.kill_tokens();
    for arguments in FILES {
        world.write(name(arguments), OLD);
        world.run(export(arguments)).ends_with(4);
        assert_eq!(world.read(name(arguments)), OLD);
    }
}

#[test]
fn a_contact_that_no_workbook_holds_is_an_error_that_names_another_format() {
    let world = World::new();
    let chats = |count, length| {
        let ids = (0..count).map(|number| format!("{number:0length$}"));
        ids.map(|id| json!({"chat_type": "vk", "chat_id": id}))
            .collect::<Vec<_>>()
    };
    let wide = json!({"id": "1", "responsible_user_id": "u1", "name": "A", "contact_data": chats(4_100, 5)});
    put(&world, &wide);
    world.write("all.xlsx", OLD);
    let ran = world.run(["export", "-o", "all.xlsx"]).ends_with(1);
    assert!(ran.stderr.contains("name a .csv file"), "{}", ran.shown());
    let long = json!({"id": "1", "responsible_user_id": "u1", "name": "A", "contact_data": chats(1_000, 40)});
    put(&world, &long);
    let ran = world
        .run(["export", "-o", "all.xlsx", "--layout", "columns"])
        .ends_with(1);
    assert!(
        ran.stderr.contains("contact `1` has a cell"),
        "{}",
        ran.shown()
    );
    assert_eq!(world.read("all.xlsx"), OLD);
    world
        .run(["export", "-o", "all.xlsx", "--layout", "long"])
        .ends_with(0);
    let ran = world.run(["import", "all.xlsx", "--json"]).ends_with(0);
    assert_eq!(ran.json()["plan"]["unchanged"], 1);
}

#[test]
fn after_a_loss_everything_that_the_server_accepts_comes_back_and_the_rest_says_why_not() {
    let chats = |number| json!([{"chat_type": "whatsapp", "chat_id": number}, {"chat_type": "vk", "chat_id": "a;b"}]);
    for arguments in FILES {
        let world = World::with(Options {
            uri: UriShown::Stored,
            ..Options::default()
        });
        let whole = |id: &str| json!({"id": id, "responsible_user_id": "Ann Smith", "name": "нет", "uri": "https://x.example/1", "contact_data": chats("79991112233")});
        put(&world, &whole("whole"));
        for (id, field, value) in [
            ("nameless", "name", json!("")),
            ("without link", "uri", json!("")),
            ("ownerless", "responsible_user_id", json!("")),
            ("chatless", "contact_data", json!([])),
            ("too long", "name", json!("x".repeat(201))),
            ("odd number", "contact_data", chats("call me")),
            (
                "unknown type",
                "contact_data",
                json!([{"chat_type": "pigeon", "chat_id": "1"}]),
            ),
        ] {
            let mut contact = whole(id);
            contact[field] = value;
            put(&world, &contact);
        }
        let before = world.sandbox.contacts();
        world.run(export(arguments)).ends_with(0);
        let name = name(arguments);
        let ran = world.run(["import", name, "--json"]).ends_with(0);
        assert_eq!(
            ran.json()["plan"]["unchanged"],
            before.len(),
            "{}",
            ran.shown()
        );

        for contact in &before {
            world.sandbox.remove_contact(&contact.id);
        }
        let ran = world.run([
            "import",
            name,
            "--max-rejects",
            "100%",
            "--rejects",
            "rest.csv",
            "--json",
        ]);
        ran.ends_with(3);
        let restored = world.sandbox.contacts();
        let mut accepted = before.clone();
        accepted.retain(|contact| ["whole", "unknown type"].contains(&&*contact.id));
        assert_eq!(restored, accepted, "{arguments}");
        let rest = world.read("rest.csv");
        for (id, reason) in [
            ("nameless", "name_missing"),
            ("without link", "uri_missing"),
            ("ownerless", "responsible_user_id_missing"),
            ("chatless", "no_chat"),
            ("too long", "name is longer than 200 characters"),
            ("odd number", "chat_id holds more than digits"),
        ] {
            let lines: Vec<_> = rest.lines().filter(|line| line.contains(id)).collect();
            let has_reason = lines.iter().all(|line| line.contains(reason));
            let has_rows = arguments.contains("long") && id != "chatless";
            let count = if has_rows { 2 } else { 1 };
            assert!(
                has_reason && lines.len() == count,
                "{arguments}: {id}\n{rest}"
            );
        }

        // What was rejected can be completed and imported as it is.
        world
            .run(["import", "rest.csv", "--set", "uri=https://x.example/2"])
            .ends_with(3);
        assert_eq!(
            world.sandbox.contact_count(),
            accepted.len() + 1,
            "{arguments}"
        );
        let completed = world.sandbox.contact("without link").unwrap();
        assert_eq!(completed.contact_data.len(), 2, "{arguments}");
    }
}

#[test]
fn the_rows_of_a_contact_are_joined_in_any_order_but_not_if_they_disagree() {
    let world = World::with(Options {
        contacts: 50,
        ..Options::default()
    });
    world
        .run(["export", "-o", "long.csv", "--layout", "long"])
        .ends_with(0);
    let text = world.read("long.csv");
    let (header, rows) = text.split_once('\n').unwrap();
    let mut rows: Vec<_> = rows.lines().collect();
    assert!(rows.len() > 50);
    // As after sorting by messenger.
    rows.sort_by_key(|row| row.split(',').nth(4).map(str::to_owned));
    let sorted = format!("{header}\n{}\n", rows.join("\n"));
    world.write("sorted.csv", &sorted);
    let ran = world
        .run(["import", "sorted.csv", "--json"])
        .ends_with(0)
        .json();
    assert_eq!(ran["plan"]["unchanged"], 50);
    assert_eq!(ran["rows"]["merged"], rows.len() - 50);
    world.run(["verify", "sorted.csv"]).ends_with(0);
    let ran = world
        .run(["check", "sorted.csv", "--mode", "upsert"])
        .ends_with(0);
    assert!(
        !ran.stdout.contains("rows of the same id"),
        "{}",
        ran.shown()
    );
    assert!(ran.stdout.contains("50 contacts"), "{}", ran.shown());

    // Someone changed the name in one of the rows only.
    let twice = rows
        .iter()
        .filter(|row| row.starts_with("C-000002,"))
        .count();
    assert_eq!(twice, 2);
    let at = sorted.find("C-000002,").unwrap();
    let name = sorted[at..].split(',').nth(2).unwrap();
    let edited = format!(
        "{}{}",
        &sorted[..at],
        sorted[at..].replacen(name, "Other", 1)
    );
    world.write("edited.csv", edited);
    let ran = world
        .run(["import", "edited.csv", "--json", "--rejects", "rest.csv"])
        .ends_with(3)
        .json();
    assert_eq!(
        (&ran["rows"]["rejected"], &ran["plan"]["unchanged"]),
        (&json!(2), &json!(49))
    );
    // The rejects are rows of chats, too: once the name is the same, they are one contact.
    let rest = world.read("rest.csv").replace(name, "Other");
    world.write("rest.csv", rest);
    let ran = world
        .run([
            "import",
            "rest.csv",
            "--json",
            "--set",
            "uri=https://x.example/1",
        ])
        .ends_with(0)
        .json();
    assert_eq!(
        (&ran["plan"]["update"], &ran["rows"]["merged"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        world
            .sandbox
            .contact("C-000002")
            .unwrap()
            .contact_data
            .len(),
        2
    );
}

#[test]
fn names_of_employees_are_for_people_and_not_imported() {
    let world = World::new();
    let chat = json!([{"chat_type": "whatsapp", "chat_id": "79991112233"}]);
    for (id, owner) in [("1", "101"), ("2", "nobody")] {
        put(
            &world,
            &json!({"id": id, "responsible_user_id": owner, "name": "A", "uri": "https://x.example/1", "contact_data": chat}),
        );
    }
    world.write(
        "names.toml",
        "[values.responsible_user_id]\n\"=Zoë\" = \"101\"\n",
    );
    world.write("none.toml", "region = \"ES\"\n");
    for (arguments, cell) in [
        ("all.csv --owner-names users", "101,Zoë Ёлкина,A"),
        (
            "all.csv --owner-names names.toml --excel --delimiter ,",
            "101,'=Zoë,A",
        ),
        (
            "all.jsonl --owner-names users",
            "\"responsible\":\"Zoë Ёлкина\"",
        ),
    ] {
        world.run(export(arguments)).ends_with(0);
        let text = world.read(name(arguments));
        assert!(text.contains(cell), "{text}");
        let ran = world.run(["import", name(arguments)]).ends_with(0);
        assert!(ran.stderr.contains("2 unchanged"), "{}", ran.shown());
        assert!(!ran.stderr.contains("responsible"), "{}", ran.shown());
    }
    let ran = world
        .run(export("all.csv --owner-names none.toml"))
        .ends_with(2);
    assert!(
        ran.stderr.contains("[values.responsible_user_id]"),
        "{}",
        ran.shown()
    );
}

/// The cells that `LibreOffice` displays; `None` if it is not installed.
fn shown_by_libreoffice(world: &World, file: &str, options: &[&str]) -> Option<Vec<Vec<String>>> {
    let profile = format!(
        "-env:UserInstallation=file://{}",
        world.path("profile").display()
    );
    let converted = Command::new("soffice")
        .current_dir(world.dir())
        .args([&profile, "--headless"])
        .args(options)
        .arg("--convert-to")
        .arg("csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false")
        .args(["--outdir", "shown", file])
        .output();
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    if converted.as_ref().is_err_and(is_missing) {
        return None;
    }
    let converted = converted.unwrap();
    assert!(converted.status.success(), "{converted:?}");
    let shown = Path::new("shown").join(file).with_extension("csv");
    let text = world.read(shown);
    let mut rows = csv::ReaderBuilder::new();
    let mut rows = rows.has_headers(false).from_reader(text.as_bytes());
    let rows = rows.records().map(Result::unwrap);
    Some(
        rows.map(|row| row.iter().map(str::to_owned).collect())
            .collect(),
    )
}

/// Values that a spreadsheet program would change.
const TEMPTING: &[&str] = &[
    "=1+1",
    "+79991112233",
    "-1",
    "@x",
    "007",
    "1e5",
    "1.5",
    "1,5",
    "TRUE",
    "ложь",
    "1-2",
    "1/2",
    "10:30",
    "5 мая",
    "MAR1",
    "#N/A",
    "'n Sync",
    "a,b;c\td",
    "\"quoted\"",
    "line\nend",
    " 7 ",
    "120363025246125486",
    "79991112233",
    "5%",
    "$5",
    "Ann",
    "1 000",
    "=A1",
];

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn libreoffice_shows_the_text_of_csv_and_of_a_workbook() {
    let world = World::new();
    for (number, value) in (10..).zip(TEMPTING) {
        put(
            &world,
            &json!({"id": number.to_string(), "responsible_user_id": value, "name": value, "uri": "https://x.example/1",
                "contact_data": [{"chat_type": "vk", "chat_id": value}]}),
        );
    }
    world.run(["export", "-o", "book.xlsx"]).ends_with(0);
    world
        .run(["export", "-o", "text.csv", "--excel"])
        .ends_with(0);
    // The cells of the CSV file are divided by `;`, in UTF-8, and formulas are calculated, as by Excel.
    let csv = ["--infilter=CSV:59,34,76,1,,0,false,true,false,false,false,0,true"];
    for (file, options, is_guarded) in [("book.xlsx", &[][..], false), ("text.csv", &csv, true)] {
        let Some(rows) = shown_by_libreoffice(&world, file, options) else {
            eprintln!("skipped: LibreOffice (soffice) is not installed");
            return;
        };
        assert_eq!(rows.len(), TEMPTING.len() + 1);
        for (row, value) in rows[1..].iter().zip(TEMPTING) {
            let guard = is_guarded && value.starts_with(['=', '+', '-', '@']);
            let text = if guard {
                format!("'{value}")
            } else {
                (*value).to_owned()
            };
            // One apostrophe at the beginning of an id is Excel's, so another one stands before it.
            let code = if value.starts_with('\'') {
                format!("'{value}")
            } else {
                text.clone()
            };
            assert_eq!(
                [&row[1], &row[2], &row[5]],
                [&code, &text, &code],
                "{file} {row:?}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn a_listing_shows_the_size_of_the_last_backup_as_an_estimate() {
    let world = World::with(Options {
        contacts: 3,
        ..Options::default()
    });
    world.run(["export", "-o", "first.csv"]).ends_with(0);
    world.sandbox.set_faults(faults(["slow=3600s@1"]));
    let release = || world.sandbox.set_faults(Faults::default());
    let export = world.call(["export", "-o", "second.csv"]);
    let (code, sent) = export.on_terminal_until(&["listing 0 of ~3 contacts"], release);
    assert_eq!(code, Some(0), "{sent}");
}

#[test]
fn a_chat_that_the_account_shows_twice_is_restored_twice_by_every_layout() {
    let world = World::new();
    let chat = json!({"chat_type": "whatsapp", "chat_id": "79990000001"});
    let contact = json!({"id": "1", "responsible_user_id": "user-1", "name": "Ann", "uri": "https://crm.example.com/1",
        "contact_data": [chat, chat]});
    for layout in ["wide", "columns", "long"] {
        put(&world, &contact);
        let name = format!("{layout}.csv");
        world
            .run(["export", "-o", &name, "--layout", layout])
            .ends_with(0);
        world.run(["plan", &name, "--exit-code"]).ends_with(0);
        world.sandbox.remove_contact("1");
        world
            .run(["import", &name, "--set", "uri=https://crm.example.com/{id}"])
            .ends_with(0);
        let restored = world.sandbox.contact("1").unwrap();
        assert_eq!(
            json!(restored.contact_data),
            contact["contact_data"],
            "{layout}"
        );
    }
    let diff = ["diff", "wide.csv", "long.csv", "--exit-code"];
    world.run(diff).ends_with(0);
}

#[test]
fn a_contact_with_hundreds_of_chats_is_read_back_from_the_widest_layout() {
    let world = World::new();
    let chat = |number| json!({ "chat_type": "whatsapp", "chat_id": format!("7999{number:07}") });
    let chats: Vec<_> = (0..300).map(chat).collect();
    put(
        &world,
        &json!({ "id": "1", "responsible_user_id": "u", "name": "All", "uri": "x", "contact_data": chats }),
    );
    world.run(["export", "-o", "b.csv"]).ends_with(0);
    world.run(["diff", "b.csv", "--exit-code"]).ends_with(0);
}

/// A spreadsheet program that saves a backup writes error values in the place of formulas.
#[test]
fn an_error_value_in_a_backup_is_rejected_and_a_contact_named_so_comes_back() {
    let chat = json!({ "chat_type": "whatsapp", "chat_id": "79990000001" });
    let other = json!({ "chat_type": "vk", "chat_id": "5" });
    for (layout, cells) in [
        ("wide", ["7,u1", ",Ann,", ",vk,5"]),
        ("columns", ["7,u1", ",Ann,", ",5"]),
        ("long", ["7,u1", ",Ann,", ",vk,5"]),
    ] {
        let world = World::new();
        for (id, name) in [("6", "#N/A"), ("7", "Ann"), ("8", "#ССЫЛКА!")] {
            let chats = [&chat, &other];
            put(
                &world,
                &json!({ "id": id, "responsible_user_id": "u1", "name": name, "uri": "x", "contact_data": chats }),
            );
        }
        let account = world.sandbox.contacts();
        world
            .run(["export", "-o", "all.csv", "--layout", layout])
            .ends_with(0);
        let same = world.run(["import", "all.csv", "--json"]).ends_with(0);
        assert_eq!(same.json()["plan"]["unchanged"], 3, "{}", same.shown());
        let text = world.read("all.csv");
        for cell in cells {
            let error = cell.replace(['7', '5'], "#REF!").replace("Ann", "#Н/Д");
            let damaged = text.replacen(cell, &error, 1);
            assert_ne!(damaged, text, "{layout} {cell}");
            world.write("damaged.csv", damaged);
            let import = "import damaged.csv --blank clear --max-rejects 100%";
            let ran = world.run(import.split(' ')).ends_with(3);
            let rejects = world.read("damaged.rejected.csv");
            assert!(rejects.contains(",cell_error,"), "{}", ran.shown());
            assert_eq!(world.sandbox.contacts(), account, "{layout} {cell}");
        }
    }
}

/// Without the row, its contact would lose a chat; if only the corrected row was imported, all others.
#[test]
fn the_contacts_beside_a_row_of_a_chat_without_an_id_are_rejected_with_it() {
    let world = World::new();
    let rows = |id: &str| {
        format!(
            "id,responsible_user_id,name,uri,chat_type,chat_id,username,phone\n\
             1,u1,Ann,x,vk,1,,\n2,u1,Bob,x,vk,2,,\n{id},u1,Bob,x,vk,22,,\n3,u1,Cem,x,vk,3,,\n4,u1,Dan,x,vk,4,,\n"
        )
    };
    world.write("all.csv", rows("2"));
    world.run(["import", "all.csv"]).ends_with(0);
    let account = world.sandbox.contacts();
    for id in ["#VALUE!", "", "1E+17"] {
        world.write("damaged.csv", rows(id));
        world
            .run(["import", "damaged.csv", "--max-rejects", "100%"])
            .tells("duplicate_id                2")
            .ends_with(3);
        assert_eq!(world.sandbox.contacts(), account);
        let rejects = world.read("damaged.rejected.csv");
        world.write("fixed.csv", rejects.replace(&format!("\n{id},"), "\n2,"));
        let ran = world.run(["import", "fixed.csv", "--json"]).ends_with(0);
        assert_eq!(ran.json()["plan"]["unchanged"], 2, "{}", ran.shown());
        let set = ["--set", "uri=x"];
        world
            .run(["check", "damaged.csv"].iter().chain(&set))
            .tells("rejected because one of them is")
            .ends_with(3);
    }
}
