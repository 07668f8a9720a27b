//! `import` from end to end: requests, output and remaining files.

use serde_json::{Value, json};
use wazzup_contacts::sandbox::{Options, UriShown};

use crate::{
    csv_files,
    harness::{Ran, World},
    people,
    samples::bring,
};

/// Two complete contacts.
const TWO: &str = "id,responsible_user_id,name,uri,whatsapp\n\
    1,user-1,Ann,https://crm.example.com/1,79990000001\n\
    2,user-2,Борис,https://crm.example.com/2,79990000002\n";

/// An account that returns what the documentation's examples show.
fn as_documented() -> World {
    World::with(Options {
        uri: UriShown::ApiPath,
        ..Options::default()
    })
}

fn import(world: &World, args: &[&str]) -> Ran {
    world.run(["import", "--json"].iter().chain(args))
}

#[test]
fn contacts_leave_in_hundreds_and_the_second_import_writes_nothing() {
    let world = as_documented();
    world.write("people.csv", csv_files::many(2345));
    let first = import(&world, &["people.csv"]).ends_with(0).json();
    assert_eq!(world.sandbox.count("POST"), 24);
    assert_eq!(world.sandbox.count("PATCH"), 0);
    assert_eq!(world.sandbox.contact_count(), 2345);
    assert_eq!(first["plan"]["create"], 2345);
    assert_eq!(first["done"]["created"], 2345);
    world.sandbox.clear_log();
    let second = import(&world, &["people.csv"]).ends_with(0).json();
    assert_eq!(second["plan"]["unchanged"], 2345);
    assert_eq!(second["plan"]["create"], 0);
    assert_eq!(second["plan"]["update"], 0);
    for method in ["POST", "PATCH", "DELETE"] {
        assert_eq!(world.sandbox.count(method), 0, "{method}");
    }
}

#[test]
fn create_and_update_do_not_list() {
    let world = as_documented();
    world.write("two.csv", TWO);
    import(&world, &["two.csv", "--mode", "create"]).ends_with(0);
    assert_eq!(world.sandbox.count("GET"), 0);
    assert_eq!(world.sandbox.count("POST"), 1);
    let ran = import(&world, &["two.csv", "--mode", "update"]).ends_with(0);
    assert_eq!(ran.json()["done"]["updated"], 2);
    assert_eq!(world.sandbox.count("GET"), 0);
    assert_eq!(world.sandbox.count("PATCH"), 1);
}

#[test]
fn the_api_gets_each_contact_as_the_file_has_it() {
    let world = World::new();
    bring(&world, "contacts.csv");
    import(&world, &["contacts.csv"]).ends_with(0);
    let second = world.sandbox.contact("C-0007").unwrap();
    assert_eq!(
        json!(second),
        json!({
            "id": "C-0007", "responsible_user_id": "user-3", "name": people::person(7)[2],
            "uri": "https://crm.example.com/contacts/C-0007",
            "contact_data": [
                { "chat_type": "whatsapp", "chat_id": "77010000007" },
                { "chat_type": "instagram", "chat_id": people::person(7)[6].trim_start_matches('@') },
                { "chat_type": "avito", "chat_id": "u2i-example-0007" },
            ],
        })
    );
}

#[test]
fn a_changed_row_is_an_update_and_says_what_changed() {
    let world = as_documented();
    world.write("two.csv", TWO);
    import(&world, &["two.csv"]).ends_with(0);
    world.write("two.csv", TWO.replace("Борис", "Борис Петров"));
    let ran = world.run(["import", "two.csv"]).ends_with(0);
    assert!(
        ran.stderr.contains("2  name: Борис → Борис Петров"),
        "{}",
        ran.shown()
    );
    assert_eq!(world.sandbox.contact("2").unwrap().name, "Борис Петров");
    assert_eq!(world.sandbox.writes("1").updated, 0);
}

#[test]
fn a_file_of_ids_and_names_renames_and_erases_nothing() {
    let world = World::new();
    world.write("two.csv", TWO);
    import(&world, &["two.csv"]).ends_with(0);
    world.write("names.csv", "id,name\n1,Anna\n");
    for mode in ["update", "upsert"] {
        import(&world, &["names.csv", "--mode", mode]).ends_with(0);
        let renamed = world.sandbox.contact("1").unwrap();
        assert_eq!(renamed.name, "Anna");
        assert_eq!(renamed.responsible_user_id, "user-1");
        assert_eq!(renamed.uri, "https://crm.example.com/1");
        assert_eq!(renamed.contact_data.len(), 1);
    }
}

#[test]
fn rejects_can_be_mended_and_imported() {
    let world = World::new();
    world.write(
        "list.csv",
        "id;name;responsible_user_id;uri;whatsapp\n1;\"Ann; A\";u;x;79990000001\n2;Bob;u;x;7999\n",
    );
    let ran = import(&world, &["list.csv"]).ends_with(3).json();
    assert_eq!(
        ran["rows"],
        json!({ "read": 2, "blank": 0, "merged": 0, "rejected": 1, "not_selected": 0, "contacts": 1 })
    );
    assert_eq!(ran["files"]["rejects"], "list.rejected.csv");
    assert_eq!(ran["exit_code"], 3);
    let rejects = world.read("list.rejected.csv");
    let lines: Vec<&str> = rejects.lines().collect();
    assert_eq!(
        lines[0].trim_start_matches('\u{feff}'),
        "id;name;responsible_user_id;uri;whatsapp;_row;_column;_code;_reason"
    );
    assert!(
        lines[1].starts_with("2;Bob;u;x;7999;3;whatsapp;phone_invalid;"),
        "{rejects}"
    );
    assert_eq!(lines.len(), 2);
    world.write("mended.csv", rejects.replace("7999;3", "79990000002;3"));
    let ran = import(&world, &["mended.csv"]).ends_with(0).json();
    assert_eq!(ran["done"]["created"], 1);
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn where_rejects_go_can_be_said_and_no_rejects_make_no_file() {
    let world = World::new();
    world.write("two.csv", TWO);
    import(&world, &["two.csv", "--rejects", "out/no.csv"]).ends_with(1);
    import(&world, &["two.csv", "--rejects", "no.csv"]).ends_with(0);
    assert!(!world.path("no.csv").exists() && !world.path("two.rejected.csv").exists());
    world.write("bad.csv", format!("{TWO},,,,\n3,,,,1\n"));
    let bad = ["bad.csv", "--rejects", "bad.out.csv"];
    import(&world, &bad).ends_with(3);
    let quiet = import(&world, &[&bad[..], &["-q"]].concat()).ends_with(3);
    assert_eq!(quiet.stderr, "1 row was rejected: see bad.out.csv\n");
    assert_eq!(world.read("bad.out.csv").lines().count(), 2);
}

#[test]
fn columns_are_taken_from_where_the_user_says() {
    let world = World::new();
    world.write("crm.csv", "Nr,Kunde,Kontakt\n7,Ann,79990000001\n");
    let flags = [
        "crm.csv",
        "--map",
        "id=Nr",
        "--map",
        "name=Kunde",
        "--map",
        "whatsapp=Kontakt",
        "--set",
        "uri=https://crm.example.com/{Nr}",
        "--set",
        "responsible_user_id=user-1",
    ];
    import(&world, &flags).ends_with(0);
    let by_flags = world.sandbox.contact("7").unwrap();
    assert_eq!(by_flags.uri, "https://crm.example.com/7");
    world.write(
        "crm.toml",
        "[columns]\nid = \"Nr\"\nname = \"Kunde\"\nwhatsapp = \"Kontakt\"\n[set]\nuri = \"https://crm.example.com/{Nr}\"\nresponsible_user_id = \"user-1\"\n",
    );
    let ran = import(&world, &["crm.csv", "--mapping", "crm.toml"]).ends_with(0);
    assert_eq!(ran.json()["plan"]["unchanged"], 1);
}

#[test]
fn standard_input_and_several_files_are_read() {
    let world = World::new();
    let ran = world
        .call(["import", "-", "--json"])
        .stdin(TWO)
        .run()
        .ends_with(0)
        .json();
    assert_eq!(ran["rows"]["contacts"], 2);
    assert_eq!(ran["source"]["path"], "-");
    world.write("a.csv", TWO);
    world.write("b.tsv", TWO.replace(',', "\t").replace("\n1", "\n11"));
    let ran = import(&world, &["a.csv", "b.tsv"]).ends_with(0).json();
    // 2 stands in both files, the same, and is merged; 11 is new.
    assert_eq!(ran["rows"]["read"], 4);
    assert_eq!(ran["rows"]["merged"], 1);
    assert_eq!(ran["source"]["path"], "a.csv, b.tsv");
}

#[test]
fn the_summary_object_has_the_documented_keys() {
    let world = World::new();
    world.write("two.csv", TWO);
    let summary = import(&world, &["two.csv"]).ends_with(0).json();
    let documented: Value = serde_json::from_str(
        r#"{"run":"2026-11-22T0855-contacts","command":"import","mode":"upsert","exit_code":0,
         "source":{"path":"contacts.csv","bytes":0,"blake3":"…"},
         "rows":{"read":0,"blank":0,"merged":0,"rejected":0,"not_selected":0,"contacts":0},
         "plan":{"create":0,"update":0,"unchanged":0,"delete":0},
         "done":{"created":0,"updated":0,"deleted":0,"failed":0,"unknown":0,"not_attempted":0},
         "requests":{"sent":0,"retried":0,"status":{"200":0},"latency_ms":{"p50":0,"p99":0},"peak_per_5s":0,"concurrency":0},
         "files":{"run":"…","rejects":null,"report":null},
         "started_at":"2026-11-22T08:55:20Z","seconds":0.0}"#,
    )
    .unwrap();
    has_keys_of(&summary, &documented, "");
    assert_eq!(summary["source"]["bytes"], TWO.len());
    assert_eq!(
        summary["source"]["blake3"],
        blake3::hash(TWO.as_bytes()).to_hex().to_string()
    );
    assert!(summary["requests"]["status"]["200"].as_u64().unwrap() >= 2);
}

fn has_keys_of(value: &Value, documented: &Value, path: &str) {
    for (key, inner) in documented.as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        let found = value.get(key).unwrap_or_else(|| panic!("no {path}"));
        if inner.is_number() {
            assert!(found.is_number(), "{path} is {found}");
        }
        has_keys_of(found, inner, &path);
    }
}

#[test]
fn a_dry_run_plans_and_leaves_nothing() {
    let world = World::new();
    world.write("two.csv", TWO);
    let ran = world.run(["import", "two.csv", "--dry-run", "--json"]);
    let summary = ran.ends_with(0).json();
    assert_eq!(summary["plan"]["create"], 2);
    assert_eq!(summary["done"]["created"], 0);
    assert_eq!(summary["done"]["not_attempted"], 0);
    assert_eq!(summary["files"]["run"], Value::Null);
    assert_eq!(world.sandbox.count("POST"), 0);
    assert_eq!(world.run(["runs"]).ends_with(0).stdout, "");
}

#[test]
fn a_source_that_is_mostly_wrong_is_stopped_at_the_gate() {
    let world = World::new();
    let bad = format!("{TWO}3,u,N,x,1\n4,u,N,x,2\n5,u,N,x,3\n");
    world.write("bad.csv", bad);
    let ran = import(&world, &["bad.csv"]).ends_with(5);
    assert!(ran.stderr.contains("--max-rejects"), "{}", ran.shown());
    assert_eq!(world.sandbox.count("POST"), 0);
    assert!(world.path("bad.rejected.csv").exists());
    for enough in ["3", "60%"] {
        import(&world, &["bad.csv", "--max-rejects", enough]).ends_with(3);
    }
    assert_eq!(world.sandbox.contact_count(), 2);
}

#[test]
fn an_empty_cell_clears_a_messenger_only_when_asked_to() {
    let world = World::new();
    let chats = "id,responsible_user_id,name,uri,whatsapp,viber\n1,u,Ann,x,79990000001,";
    world.write("a.csv", format!("{chats}79990000001\n"));
    import(&world, &["a.csv"]).ends_with(0);
    world.write("a.csv", format!("{chats}\n"));
    let kept = import(&world, &["a.csv"]).ends_with(0).json();
    assert_eq!(kept["plan"]["unchanged"], 1);
    let cleared = import(&world, &["a.csv", "--blank", "clear"]).ends_with(0);
    assert_eq!(cleared.json()["done"]["updated"], 1);
    assert_eq!(world.sandbox.contact("1").unwrap().contact_data.len(), 1);
}

#[test]
fn a_batch_and_the_limit_are_as_large_as_asked() {
    let world = World::new();
    world.write("people.csv", csv_files::many(25));
    let args = ["people.csv", "--batch-size", "10", "--mode", "create"];
    import(&world, &args).ends_with(0);
    assert_eq!(world.sandbox.count("POST"), 3);
    // Five requests at two a second: the last leaves two seconds after the first.
    world.write("people.csv", csv_files::many(5));
    let slow = ["people.csv", "--batch-size", "1", "--rate", "2/1s"];
    let ran = import(&world, &slow).ends_with(0).json();
    assert_eq!(ran["plan"]["unchanged"], 5);
    let args = ["--mode", "create", "--concurrency", "1"];
    let ran = import(&world, &[&slow[..], &args].concat()).ends_with(0);
    assert!(ran.json()["seconds"].as_f64().unwrap() > 1.4);
}

#[test]
fn what_is_wrong_with_the_file_ends_with_its_name() {
    let world = World::new();
    for file in ["missing.csv", "."] {
        let ran = import(&world, &[file]).ends_with(1);
        assert!(ran.stderr.contains(&format!("`{file}`")), "{}", ran.shown());
    }
    world.write("empty.csv", "");
    let ran = import(&world, &["empty.csv"]).ends_with(1);
    assert!(
        ran.stderr.contains("`empty.csv`: is empty"),
        "{}",
        ran.shown()
    );
    assert_eq!(world.sandbox.request_count(), 0);
    assert!(!world.run(["runs", "--json"]).stdout.contains(".run"));
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_ends_with_its_name() {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
    };
    let world = World::new();
    let secret = world.write("secret.csv", TWO);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    symlink("loop.csv", world.path("loop.csv")).unwrap();
    let root_can_read_everything = fs::File::open(&secret).is_ok();
    for file in ["secret.csv", "loop.csv"] {
        if file == "secret.csv" && root_can_read_everything {
            continue;
        }
        let ran = import(&world, &[file]).ends_with(1);
        let words = format!("`{file}`: can't be read: ");
        assert!(ran.stderr.contains(&words), "{}", ran.shown());
        assert!(!world.run(["runs", "--json"]).stdout.contains(".run"));
    }
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn what_people_read_after_an_import() {
    let world = World::new();
    bring(&world, "contacts.csv");
    let ran = world.run(["import", "contacts.csv"]).ends_with(0);
    insta::assert_snapshot!(ran.shown());
}

#[test]
fn what_people_read_after_an_import_with_rejects() {
    let world = World::new();
    bring(&world, "contacts-with-mistakes.csv");
    let as_written = ["--owners", "as-written"];
    let ran = world.run(
        ["import", "contacts-with-mistakes.csv"]
            .iter()
            .chain(&as_written),
    );
    insta::assert_snapshot!(ran.ends_with(3).shown());
}
