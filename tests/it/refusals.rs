//! Many refusals, the reasons and columns of rejects, learned size limits, and web pages instead of answers.

use std::fmt::Write as _;

use serde_json::Value;
use strum::VariantArray as _;
use wazzup_contacts::sandbox::{ErrorShape, Options, RequiredField};

use crate::{
    harness::{Ran, World, faults},
    model::{assert_holds, contact, csv, quick},
    odd_server::{OddServer, page},
};

/// A world whose server refuses chats without `chat_id` in this shape, and a file of contacts with telegram names;
/// the `good` ones have a `WhatsApp` number instead.
fn strict(errors: ErrorShape, rows: usize, is_good: impl Fn(usize) -> bool) -> World {
    let world = quick(Options {
        errors,
        required: vec![RequiredField::ChatId],
        ..Options::default()
    });
    let mut text = String::from("id,responsible_user_id,name,uri,whatsapp,Telegram @\n");
    for number in 1..=rows {
        let (phone, name) = if is_good(number) {
            (format!("7999{number:07}"), String::new())
        } else {
            (String::new(), format!("person_{number}"))
        };
        writeln!(
            text,
            "{number},1,Ann {number},https://x.example/{number},{phone},{name}"
        )
        .unwrap();
    }
    world.write("contacts.csv", text);
    world
}

const IMPORT: [&str; 9] = [
    "import",
    "contacts.csv",
    "--mode",
    "create",
    "--map",
    "telegram_username=Telegram @",
    "--run",
    "x.run",
    "--json",
];

fn import(world: &World, more: &[&str]) -> Ran {
    world.run(IMPORT.iter().chain(more))
}

fn message(ran: &Ran) -> (String, String) {
    let error = &ran.json()["error"];
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    (text("message"), text("hint"))
}

#[test]
fn a_server_that_requires_chat_id_stops_the_run_early_and_the_message_says_so() {
    for errors in ErrorShape::VARIANTS {
        let world = strict(*errors, 3_000, |_| false);
        // With all batches in flight at once, nothing might be left.
        let ran = import(&world, &["--concurrency", "8"]).ends_with(8);
        let posts = world.sandbox.count("POST");
        assert!(posts <= 30 + 100 + 30, "{errors:?}: {posts}");
        let (message, hint) = message(&ran);
        assert!(
            hint.contains("the server refuses chats without chat_id"),
            "{errors:?}: {hint}"
        );
        assert!(
            hint.contains("--map 'ignore=Telegram @'"),
            "{errors:?}: {hint}"
        );
        assert!(message.starts_with("stopped: "), "{message}");
        let done = &ran.json()["done"];
        assert_eq!(done["unknown"], 0, "{errors:?}: {}", ran.shown());
        let (failed, left) = (&done["failed"], &done["not_attempted"]);
        assert_eq!(failed.as_u64().unwrap() + left.as_u64().unwrap(), 3_000);
        assert!(ran.json()["resume"].as_str().unwrap().contains("apply"));
        if matches!(errors, ErrorShape::Validator | ErrorShape::Nested) {
            let cause = " × chat_id should not be empty → Telegram @";
            assert!(message.contains(cause), "{message}");
            let cause = &ran.json()["refusals"][0];
            assert_eq!(cause["reason"], "chat_id should not be empty");
            assert_eq!(cause["column"], "Telegram @");
            assert_eq!(&cause["contacts"], failed);
            // Each of the batches in flight proves that it is named rightly.
            assert!(posts <= 60, "{errors:?}: {posts}");
        }
        // A person reads the same.
        let ran = strict(*errors, 300, |_| false).call(&IMPORT[..8]).run();
        // If the answers name all 300, nothing is left that could be stopped.
        assert!(matches!(ran.code, Some(3 | 8)), "{}", ran.shown());
        let stopped = ran.code == Some(8);
        assert_eq!(
            ran.stderr.contains("to continue: wazzup-contacts apply"),
            stopped
        );
        ran.tells("the server refuses chats without chat_id");
    }
}

#[test]
fn rejects_name_the_column_of_the_source_and_quote_the_server() {
    for (errors, reason) in [
        (ErrorShape::Classic, "chat_id should not be empty"),
        (ErrorShape::Id, "chat_id should not be empty"),
        (ErrorShape::FromOne, "chat_id should not be empty"),
        (ErrorShape::Validator, "chat_id should not be empty"),
        (ErrorShape::Nested, "chat_id should not be empty"),
        (ErrorShape::Index, "some contacts are invalid"),
        (ErrorShape::Silent, "400: INVALID_CONTACTS_DATA"),
    ] {
        let world = strict(errors, 250, |number| number != 77);
        import(&world, &[]).ends_with(3);
        assert_eq!(world.sandbox.contact_count(), 249);
        let rejects = world.read("contacts.rejected.csv");
        let column = if errors == ErrorShape::Silent {
            ""
        } else {
            "Telegram @"
        };
        let line = format!("person_77,78,{column},refused_by_server,{reason}\n");
        assert!(rejects.ends_with(&line), "{errors:?}: {rejects}");
        assert_eq!(rejects.lines().count(), 2, "{rejects}");
    }
}

#[test]
fn the_column_of_a_refused_chat_is_the_one_whose_cell_has_its_value() {
    let world = quick(Options {
        required: vec![RequiredField::ChatId],
        ..Options::default()
    });
    let header = "id,responsible_user_id,name,uri,chat_type_1,chat_id_1,username_1,chat_type_2,chat_id_2,username_2,TG,TG 2";
    world.write(
        "contacts.csv",
        format!(
            "{header}\n\
             1,u,Ann,https://x.example/1,,,,telegram,,@Ann_Lee,,\n\
             2,u,Bob,https://x.example/2,telegram,,bob_lee,,,,,\n\
             3,u,Cid,https://x.example/3,,,,,,,,https://t.me/Cid_Lee\n"
        ),
    );
    let import = "import contacts.csv --mode create --map telegram_username=TG";
    let import = import.split(' ').chain(["--map", "telegram_username=TG 2"]);
    world.run(import).ends_with(3);
    let rejects = world.read("contacts.rejected.csv");
    let columns: Vec<_> = rejects
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth_back(2).unwrap())
        .collect();
    assert_eq!(columns, ["username_2", "username_1", "TG 2"], "{rejects}");
}

/// Imports with this bound, which may stop it; then `apply` without a bound sends the rest.
fn bounded(bound: &str, rows: usize, bad: std::ops::Range<usize>, code: i32) {
    let world = strict(ErrorShape::Validator, rows, |number| !bad.contains(&number));
    let ran = import(&world, &["--concurrency", "1", "--max-refused", bound]);
    let shown = format!("{bound} {bad:?}: {}", ran.shown());
    assert_eq!(ran.code, Some(code), "{shown}");
    let left = ran.json()["done"]["not_attempted"].as_u64().unwrap();
    assert_eq!(left > 0, code == 8, "{shown}");
    if code == 8 {
        let again = ["apply", "x.run", "--max-refused", "100%", "--json"];
        world.run(again).ends_with(3);
    }
    assert_eq!(world.sandbox.contact_count(), rows - bad.len(), "{shown}");
    for number in (1..=rows).filter(|number| !bad.contains(number)) {
        let writes = world.sandbox.writes(&number.to_string());
        assert_eq!((writes.created, writes.updated), (1, 0), "{number} {shown}");
    }
    let rejects = world.read("contacts.rejected.csv");
    assert_eq!(rejects.lines().count(), 1 + bad.len(), "{shown}");
}

#[test]
fn as_many_refusals_as_allowed_pass_and_one_more_stops_the_run() {
    bounded("7", 300, 1..7, 3);
    bounded("7", 300, 1..8, 3);
    bounded("7", 300, 1..9, 8);
    // 10 % of 2,000 that were sent; the last contact is left.
    bounded("10%", 2_000, 1_800..1_999, 3);
    bounded("10%", 2_000, 1_800..2_000, 3);
    bounded("10%", 2_000, 1_799..2_000, 8);
    // A percentage is one of 1,000 at least.
    bounded("1%", 300, 1..11, 3);
    bounded("1%", 300, 1..12, 8);
}

#[test]
fn refusals_that_exceed_the_bound_with_the_last_contact_stop_nothing_and_are_reported() {
    for concurrency in ["1", "8"] {
        let world = strict(ErrorShape::Validator, 20, |_| false);
        let bound = ["--max-refused", "7", "--concurrency", concurrency];
        let ran = import(&world, &bound).ends_with(3);
        assert_eq!(ran.json()["done"]["not_attempted"], 0);
        assert_eq!(ran.json()["resume"], serde_json::Value::Null);
        let excess = "the server refused 20 contacts of 20 sent (limit 7, --max-refused); everything had already been sent";
        let warning = ran.json()["warnings"].to_string();
        assert!(warning.contains(excess), "{warning}");
        ran.tells(excess);
    }
}

#[test]
fn an_undo_and_a_delete_that_were_stopped_go_on_with_a_higher_bound() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=9).map(|n| contact(n, "new"))));
    world
        .run(["import", "contacts.csv", "--run", "x.run"])
        .ends_with(0);
    world
        .sandbox
        .set_faults(faults(["poison-400=3", "poison-400=5"]));
    let undo = "undo x.run --yes --json --max-refused 0";
    let ran = world.run(undo.split(' ')).ends_with(8);
    let (message, hint) = message(&ran);
    assert!(message.contains("(limit 0, --max-refused)"), "{message}");
    assert!(
        hint.ends_with("continue with a higher --max-refused, such as 50%"),
        "{hint}"
    );
    assert!(ran.json()["done"]["not_attempted"].as_u64() > Some(0));
    world
        .run(["apply", "--yes", "--max-refused", "50%"])
        .ends_with(3);
    assert_eq!(world.sandbox.contact_count(), 2);

    let delete = "delete 3 5 6 --yes --max-refused";
    let with = |bound| world.run(delete.split(' ').chain([bound]));
    with("0")
        .tells("continue with a higher --max-refused")
        .ends_with(8);
    with("2").ends_with(3);
}

#[test]
fn each_process_counts_refusals_from_zero() {
    let world = strict(ErrorShape::Validator, 500, |number| number % 100 > 3);
    // Four of each hundred are refused.
    let mut ran = import(&world, &["--concurrency", "1", "--max-refused", "5"]).ends_with(8);
    let mut failed = vec![ran.json()["done"]["failed"].as_u64().unwrap()];
    while ran.code == Some(8) {
        ran = world.run(["apply", "x.run", "--concurrency", "1", "--json"]);
        failed.push(ran.json()["done"]["failed"].as_u64().unwrap());
    }
    ran.ends_with(3);
    assert_eq!(failed, [8, 16, 20], "the bound of the import is kept");
    assert_eq!(world.sandbox.contact_count(), 480);
}

#[test]
fn a_run_that_was_stopped_can_be_undone() {
    let world = strict(ErrorShape::Silent, 300, |number| number % 5 > 0);
    let args = IMPORT.map(|word| if word == "create" { "upsert" } else { word });
    let ran = world
        .run(args.iter().chain(&["--concurrency", "1"]))
        .ends_with(8);
    let arrived = ran.json()["done"]["created"].as_u64().unwrap();
    assert_eq!(world.sandbox.contact_count() as u64, arrived);
    assert!(arrived > 20, "{}", ran.shown());
    let ran = world.run(["runs", "show", "x.run", "--all"]).ends_with(0);
    assert!(ran.stdout.contains("not attempted") || ran.stderr.contains("not attempted"));
    world.run(["verify", "x.run"]);
    let ran = world.run(["undo", "x.run", "--yes", "--json"]).ends_with(0);
    assert_eq!(ran.json()["done"]["deleted"], arrived, "{}", ran.shown());
    assert_eq!(world.sandbox.contact_count(), 0);
}

/// A server with these limits of a request, which also refuses the contact with the id 60 if `is_strict`.
fn small(contacts_max: usize, bytes_max: usize, is_strict: bool) -> OddServer {
    OddServer::start(Vec::new(), move |request, _| {
        let refusal = |body: &str| Some((400, "application/json", body.to_owned()));
        let ids = ids(&request.body);
        if request.body.len() > bytes_max {
            Some(page(413))
        } else if ids.len() > contacts_max {
            refusal(r#"{"error":"TOO_MANY_ENTITIES","description":"fewer, please"}"#)
        } else if is_strict && ids.iter().any(|id| id == "60") {
            refusal(r#"{"error":"INVALID_CONTACTS_DATA","description":"odd","data":{"id":"60"}}"#)
        } else {
            None
        }
    })
}

/// The ids of the contacts in a request.
fn ids(body: &str) -> Vec<String> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let contacts = body["contacts"].as_array().into_iter().flatten();
    contacts
        .map(|it| it["id"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_largest_request_that_the_server_takes_is_learned_and_shown() {
    let import = |contacts_max, bytes_max| {
        let world = quick(Options::default());
        world.write("contacts.csv", csv((1..=600).map(|n| contact(n, "new"))));
        let server = small(contacts_max, bytes_max, false);
        let import = "import contacts.csv --mode create --json";
        let ran = server.call(&world, import).run().ends_with(0);
        assert_eq!(server.contacts().len(), 600);
        let is_refused = |body: &&String| body.len() > bytes_max || ids(body).len() > contacts_max;
        let refused = server.bodies("POST").iter().filter(is_refused).count();
        (ran.json()["limits"].clone(), refused)
    };
    let (limits, refused) = import(30, usize::MAX);
    assert_eq!(limits["contacts"], 25);
    // Each of the 6 batches in flight at first, whole and halved.
    assert!((2..=12).contains(&refused), "{refused}");
    let (limits, refused) = import(100, 5_000);
    assert!(
        (2_000..=5_000).contains(&limits["bytes"].as_u64().unwrap()),
        "{limits}"
    );
    assert!((2..=40).contains(&refused), "{refused}");
    assert!(import(100, usize::MAX).0.is_null());
}

#[test]
fn what_a_process_learned_about_sizes_is_kept_by_the_next() {
    let world = quick(Options::default());
    let server = small(30, usize::MAX, true);
    world.write("contacts.csv", csv((1..=300).map(|n| contact(n, "new"))));
    let import = "import contacts.csv --mode create --max-refused 0 --concurrency 1 --run x.run";
    let ran = server.call(&world, import).run().ends_with(8);
    let learned = "limits    at most 25 contacts in a request";
    assert!(ran.stderr.contains(learned), "{}", ran.shown());
    let too_large = || {
        let bodies = server.bodies("POST");
        bodies.iter().filter(|body| ids(body).len() > 30).count()
    };
    let before = too_large();
    server.call(&world, "apply x.run").run().ends_with(3);
    assert_eq!(server.contacts().len(), 299);
    assert_eq!(too_large(), before);
}

#[test]
fn a_web_page_in_the_place_of_a_refusal_stops_the_run_and_rejects_nothing() {
    for status in [400, 409, 422] {
        for method in ["POST", "PATCH", "DELETE"] {
            let world = quick(Options::default());
            // A create of a contact that exists becomes an update, which passes.
            let existing = if method == "POST" { 0 } else { 300 };
            for number in 1..=existing {
                world.sandbox.put_contact(&contact(number, "old"));
            }
            world.write("contacts.csv", csv((1..=300).map(|n| contact(n, "new"))));
            world
                .sandbox
                .set_faults(faults([format!("{method}:{status}=html")]));
            let mut args = vec![
                "import",
                "contacts.csv",
                "--run",
                "x.run",
                "--yes",
                "--json",
            ];
            match method {
                "POST" => args.extend(["--mode", "create"]),
                "PATCH" => args.extend(["--mode", "update"]),
                _ => {
                    world.write("contacts.csv", csv([contact(301, "new")]));
                    args.extend(["--mode", "mirror", "--max-delete", "100%"]);
                }
            }
            let ran = world.run(&args).ends_with(1);
            let (message, hint) = message(&ran);
            assert!(message.contains(&status.to_string()), "{message}");
            assert!(hint.contains("proxy or firewall"), "{hint}");
            assert_eq!(ran.json()["done"]["failed"], 0, "{}", ran.shown());
            assert!(!world.path("contacts.rejected.csv").exists());
            // A second attempt of one batch finds out that it is not about a contact.
            let requests = world.sandbox.count(method);
            assert!(requests <= 3 + 15, "{method} {status}: {requests}");
            world.sandbox.set_faults(faults::<&str>([]));
            world.run(["apply", "x.run", "--yes"]).ends_with(0);
        }
    }
}

#[test]
fn a_contact_to_which_a_firewall_objects_with_a_400_is_rejected_alone() {
    let world = quick(Options::default());
    world.sandbox.set_faults(faults(["poison-400-html=37"]));
    world.write("contacts.csv", csv((1..=250).map(|n| contact(n, "new"))));
    let args = ["import", "contacts.csv", "--mode", "create"];
    world.run(args).ends_with(3);
    let kept = (1..=250).filter(|n| *n != 37);
    assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
    let rejects = world.read("contacts.rejected.csv");
    assert_eq!(rejects.lines().count(), 2, "{rejects}");
}
