//! The account's employees: `users`, and names instead of ids in `responsible_user_id`.

use serde_json::json;

use crate::{
    harness::{Ran, World},
    odd_server::{Answer, OddServer, Request, listed, page},
};

const HEADER: &str = "id,name,responsible_user_id,uri,whatsapp\n";

/// A file with one contact for each owner, in a world with the employees of the sandbox.
fn world(owners: &[&str]) -> World {
    let world = World::new();
    world.write("contacts.csv", file(owners));
    world
}

fn file(owners: &[&str]) -> String {
    let rows = (1..).zip(owners).map(|(id, owner)| {
        format!("{id},N{id},\"{owner}\",https://crm.example.com/{id},7999000000{id}\n")
    });
    HEADER.to_owned() + &rows.collect::<String>()
}

fn import(world: &World, options: &str) -> Ran {
    let options = options.split_whitespace();
    world.run(["import", "contacts.csv"].into_iter().chain(options))
}

/// The owner of a contact of the sandbox.
fn owner(world: &World, id: &str) -> String {
    let contact = world.sandbox.contact(id).unwrap();
    contact.responsible_user_id.to_string()
}

#[test]
fn the_employees_are_listed_as_text_csv_and_json() {
    let world = World::new();
    let text = world.run(["users"]).ends_with(0).stdout;
    assert!(
        text.starts_with("101  Zoë Ёлкина\n102  Мария Шевченко\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 9);
    let csv = world.run(["users", "--csv"]).ends_with(0).stdout;
    assert!(csv.starts_with("id,name,email\n101,Zoë Ёлкина,\n"), "{csv}");
    let object = world.run(["users", "--json"]).ends_with(0).json();
    assert_eq!(object["users"].as_array().unwrap().len(), 9);
    assert_eq!(
        object["users"][0],
        json!({ "id": "101", "name": "Zoë Ёлкина", "email": "" })
    );
}

#[test]
fn most_owners_that_are_names_stop_an_import() {
    let world = world(&["Ivan Petrov", "Olga Ray", "105"]);
    let stopped = import(&world, "")
        .ends_with(5)
        .tells("2 of the 3 owners to be sent look like names (such as `Ivan Petrov`)")
        .tells("--owners match")
        .tells("--owners as-written");
    assert_eq!(world.sandbox.contact_count(), 0, "{}", stopped.shown());
    let object = import(&world, "--json").ends_with(5).json();
    assert_eq!(object["gate"]["reason"], "owners_are_names");
    world.run(["plan", "contacts.csv"]).ends_with(5);
    import(&world, "--mode create").ends_with(5);
    import(&world, "--owners as-written").ends_with(0);
    assert_eq!(owner(&world, "1"), "Ivan Petrov");
    // They are the account's now, so nothing changes.
    import(&world, "").ends_with(0).tells("3 unchanged");
    import(&world, "--mode update").ends_with(5);
}

/// The guard stops nothing that only reads.
#[test]
fn verify_says_that_owners_are_names() {
    let world = world(&["Ivan Petrov", "105"]);
    world
        .run(["verify", "contacts.csv"])
        .ends_with(3)
        .tells("\"Ivan Petrov\" (1); look up their ids with --owners match");
    let silent = world.run(["verify", "contacts.csv", "--owners", "as-written"]);
    assert!(!silent.stderr.contains("warnings"), "{}", silent.shown());
}

#[test]
fn the_list_of_employees_is_only_read_to_match_names() {
    let world = world(&["105"]);
    for (options, users) in [("", 0), (" --owners as-written", 0), (" --owners match", 2)] {
        let server = employer(|_, _| listed(&[json!({ "id": "105" })]));
        server
            .call(&world, &format!("import contacts.csv{options}"))
            .run()
            .ends_with(0);
        assert_eq!(server.count("GET") - users, 1, "{options}");
    }
}

/// A backup is read literally, but people edit backups.
#[test]
fn names_typed_into_a_backup_are_guarded_and_matched() {
    let world = world(&["101", "105", "105"]);
    import(&world, "").ends_with(0);
    world.run(["export", "-o", "all.csv"]).ends_with(0);
    let edited = world.read("all.csv").replace("105", "Zoë Ёлкина");
    world.write("edited.csv", &edited);
    let edited = |options: &[&str]| world.run(["import", "edited.csv"].iter().chain(options));
    edited(&[]).ends_with(5).tells("2 of the 2 owners");
    edited(&["--owners", "match"])
        .ends_with(0)
        .tells("2 updated");
    assert_eq!(owner(&world, "2"), "101");
    // Names that the account has are restored.
    edited(&["--owners", "as-written"]).ends_with(0);
    world.run(["export", "-o", "named.csv"]).ends_with(0);
    world.run(["delete", "1", "2", "3", "-y"]).ends_with(0);
    let set = ["--set", "uri=https://crm.example.com/{id}"];
    world
        .run(["import", "named.csv"].iter().chain(&set))
        .ends_with(0)
        .tells("3 created");
    assert_eq!(owner(&world, "2"), "Zoë Ёлкина");
}

#[test]
fn half_of_the_owners_or_names_of_one_word_stop_nothing() {
    for owners in [
        &["Ivan Petrov", "105"][..],
        &["Anna", "Boris"],
        &["user 1", "user 2"],
    ] {
        import(&world(owners), "").ends_with(0);
    }
    let unsure = "2 values in responsible_user_id that look like names rather than ids: \"Ana\" (1), \"Luis\" (1)";
    import(&world(&["Ana", "Luis", "admin2", "ana", "VIP"]), "")
        .ends_with(0)
        .tells(unsure);
}

#[test]
fn only_owners_that_an_update_changes_count() {
    let world = world(&["Ivan Petrov", "Olga Ray", "Sam Tor"]);
    import(&world, "--owners as-written").ends_with(0);
    let renamed = file(&["Ivan Petrov", "Olga Ray", "Sam Tor"]).replace(",N", ",M");
    world.write("contacts.csv", renamed);
    import(&world, "").ends_with(0).tells("3 updated");
    world.write("contacts.csv", file(&["Ivan Petrov", "Ann Ray", "Sam Tor"]));
    import(&world, "").ends_with(5).tells("1 of the 1 owners");
    let one = format!("{HEADER}9,New,,https://crm.example.com/9,79990000009\n");
    world.write("contacts.csv", one);
    import(&world, "--set responsible_user_id={name}").ends_with(0);
    let named = "responsible_user_id={name} Ray";
    world
        .run(["import", "contacts.csv", "--mode", "create", "--set", named])
        .ends_with(5);
}

#[test]
fn names_become_the_ids_of_employees() {
    let world = world(&[
        "Zoë Ёлкина",
        "елкина  ZOE",
        "Жукова, Алексей",
        "105",
        "user-9",
        "Íñigo",
        "Анна Кузмин",
    ]);
    let ran = import(&world, "--owners match")
        .ends_with(3)
        .tells("3 owners: replaced by the id of the employee (Zoë Ёлкина → 101)")
        .tells("1 owner not among the account's employees: \"user-9\" (1)")
        .tells("2 names in responsible_user_id not found among the account's employees");
    let found = ["1", "2", "3", "4", "5"].map(|id| owner(&world, id));
    assert_eq!(found, ["101", "101", "104", "105", "user-9"]);
    assert_eq!(world.sandbox.contact_count(), 5, "{}", ran.shown());
    let rejects = world.read("contacts.rejected.csv");
    for words in [
        "responsible_user_id,responsible_unknown,\"`Íñigo` is not an employee of the account: the nearest are `Íñigo Muñoz` (106), `Íñigo Núñez` (107);",
        "the nearest are `Анна Кузьмин` (108),",
    ] {
        assert!(rejects.contains(words), "{rejects}");
    }
    world.write(
        "contacts.csv",
        file(&["Nobody Known", "Nobody Known", "101"]),
    );
    import(&world, "--owners match --rejects all.csv")
        .ends_with(5)
        .tells("the rejects file has the reasons");
    assert!(
        world.read("all.csv").contains("is not an employee"),
        "`check` does not know the employees"
    );
    let mut corrected = rejects.replacen("Íñigo", "Íñigo Núñez", 1);
    corrected = corrected.replacen("Анна Кузмин", "Анна Кузьмин", 1);
    world.write("contacts.csv", corrected);
    import(&world, "--owners match").ends_with(0);
    assert_eq!([owner(&world, "6"), owner(&world, "7")], ["107", "108"]);
}

#[test]
fn the_mapping_file_decides_before_the_account_and_templates_are_matched_too() {
    let world = world(&["Zoë Ёлкина", "Ivan Petrov", ""]);
    world.write(
        "map.toml",
        "[set]\nresponsible_user_id = \"Мария Ёлкина\"\n[values.responsible_user_id]\n\"Zoë Ёлкина\" = \"u-1\"\n\"Ivan Petrov\" = \"\"\n",
    );
    import(&world, "--owners match --mapping map.toml")
        .ends_with(3)
        .tells("1 owner not among the account's employees: \"u-1\" (1)");
    assert_eq!([owner(&world, "1"), owner(&world, "3")], ["u-1", "109"]);
    assert!(world.sandbox.contact("2").is_none());
}

#[test]
fn check_writes_the_names_of_the_file_into_the_mapping_file() {
    let owners = ["Ivan Petrov", "Olga \"\"O\"\" Ray", "Ivan Petrov"];
    let world = world(&owners);
    let check = ["check", "contacts.csv", "--write-mapping", "map.toml"];
    world.run(check).ends_with(0);
    let written = world.read("map.toml");
    let table = "[values.responsible_user_id]\n\"Ivan Petrov\" = \"\"\n'Olga \"O\" Ray' = \"\"\n";
    assert!(written.ends_with(table), "{written}");
    import(&world, "--mapping map.toml").ends_with(5);
    let half = written.replace("Petrov\" = \"\"", "Petrov\" = \"101\"");
    world.write("map.toml", &half);
    import(&world, "--mapping map.toml").ends_with(3);
    assert_eq!(owner(&world, "3"), "101");
    let whole = half.replace("Ray' = \"\"", "Ray' = \"102\"");
    world.write("map.toml", whole);
    import(&world, "--mapping map.toml").ends_with(0);
    assert_eq!(owner(&world, "2"), "102");
}

#[test]
fn a_mapping_file_in_which_no_id_is_filled_in_sends_no_name_as_an_id() {
    // Names that look like ids, which the guard can't recognize.
    let world = world(&["Eva", "Uwe", "101"]);
    let check = ["check", "contacts.csv", "--write-mapping", "map.toml"];
    world.run(check).ends_with(0);
    let unfilled = world.read("map.toml");
    assert!(unfilled.ends_with("Eva = \"\"\nUwe = \"\"\n"), "{unfilled}");
    let mapped = "--mapping map.toml --max-rejects 100%";
    let refused = import(&world, mapped);
    refused.tells("responsible_unknown         2");
    assert_eq!(owner(&world, "3"), "101", "an id");
    assert_eq!(world.sandbox.contact_count(), 1);
    world.write("map.toml", unfilled.replace("Uwe = \"\"", "Uwe = \"102\""));
    import(&world, mapped).ends_with(3);
    assert_eq!(owner(&world, "2"), "102");
    assert_eq!(world.sandbox.contact_count(), 2);
    // What is written again still has the names to be filled in.
    let again = ["--mapping", "map.toml", "--write-mapping", "again.toml"];
    world
        .run(["check", "contacts.csv"].iter().chain(&again))
        .ends_with(3);
    assert!(world.read("again.toml").contains("Eva = \"\"\n"));
    // A table without names decides nothing.
    world.write("map.toml", "[values.responsible_user_id]\n");
    import(&world, "--mapping map.toml").ends_with(0);
    assert_eq!(owner(&world, "1"), "Eva");
}

/// A server that answers `/v2/users` like this, given the offset and the limit.
fn employer(answer: impl Fn(usize, usize) -> Answer + Send + Sync + 'static) -> OddServer {
    OddServer::start(Vec::new(), move |request, _| {
        let query = request.target.strip_prefix("/v2/users?")?;
        let target = format!("/v2/contacts?{query}");
        let (offset, limit) = Request {
            target,
            ..request.clone()
        }
        .page()?;
        Some(answer(offset, limit))
    })
}

#[test]
fn without_a_list_of_employees_all_works_as_before_and_the_message_says_how_to_map_by_hand() {
    let world = world(&["Ivan Petrov", "105", "106"]);
    for status in [403, 404] {
        let server = employer(move |_, _| page(status));
        server
            .call(&world, "users")
            .run()
            .ends_with(if status == 403 { 4 } else { 1 })
            .tells("does not provide a list of its employees")
            .tells(
                "hint: map names by hand: `wazzup-contacts check FILE --write-mapping NEW.toml`",
            );
        server
            .call(&world, "import contacts.csv --owners match")
            .run()
            .ends_with(0)
            .tells(&format!("GET /v2/users was answered with {status}"))
            .tells("--write-mapping NEW.toml");
        assert_eq!(server.contacts().len(), 3);
        world.write("names.csv", file(&["Ann Ray"]));
        let refused = server
            .call(&world, "import names.csv --owners match --mode create")
            .run()
            .ends_with(5);
        assert!(!refused.stderr.contains("look up"), "{}", refused.shown());
    }
}

#[test]
fn the_list_of_employees_is_read_to_its_end_however_it_is_paged() {
    let world = World::new();
    let staff = |ids: std::ops::Range<usize>| {
        let staff = ids.map(|id| json!({ "id": id, "name": format!("E {id}") }));
        listed(&staff.collect::<Vec<_>>())
    };
    for (kind, server, expected) in [
        (
            "documented",
            employer(move |at, limit| staff(at..250.min(at + limit).max(at))),
            250,
        ),
        (
            "short pages",
            employer(move |at, _| staff(at..25.min(at + 7).max(at))),
            25,
        ),
        ("no pages", employer(move |_, _| staff(0..130)), 130),
        ("none", employer(move |_, _| staff(0..0)), 0),
    ] {
        let object = server
            .call(&world, "users --json")
            .run()
            .ends_with(0)
            .json();
        assert_eq!(
            object["users"].as_array().unwrap().len(),
            expected,
            "{kind}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_name_with_control_characters_is_passed_to_a_file_and_not_to_a_terminal() {
    let world = World::new();
    let name = "\u{1b}[2JAnn\u{9b}31m\u{202e}";
    let server = employer(move |at, _| {
        let entry = json!({ "id": "1", "name": name });
        listed(&[entry][at.min(1)..])
    });
    let csv = server.call(&world, "users --csv").run().ends_with(0).stdout;
    assert!(csv.contains(name), "{csv:?}");
    let shown = server.call(&world, "users --csv").on_terminal(80, "").1;
    assert!(
        shown.contains("\\u001b[2JAnn\\u009b31m\\u202e"),
        "{shown:?}"
    );
}

#[test]
fn a_hostile_list_of_employees_ends_in_words() {
    let world = world(&["Ivan Petrov"]);
    let endless = employer(|at, _| {
        let staff = (at..at + 5_000).map(|id| json!({ "id": id.to_string() }));
        listed(&staff.collect::<Vec<_>>())
    });
    let unreadable = employer(|_, _| listed(&[json!({ "name": "no id" })]));
    for server in [endless, unreadable] {
        for command in ["users", "import contacts.csv --owners match"] {
            server
                .call(&world, &format!("{command} --rate unlimited"))
                .run()
                .ends_with(1)
                .tells("the list of employees never ends")
                .tells("hint: map names by hand");
        }
    }
    let huge = employer(|_, _| (200, "application/json", " ".repeat(17 << 20)));
    let no_list = employer(|_, _| (200, "application/json", r#"{"data":{"id":"1"}}"#.into()));
    huge.call(&world, "users")
        .run()
        .ends_with(1)
        .tells("16 MiB");
    no_list
        .call(&world, "users")
        .run()
        .ends_with(1)
        .tells("`data` is not a list");
    let odd = employer(|at, _| {
        let token = json!({ "id": "2", "name": "sandbox-token" });
        let entries = [
            json!({ "id": 7, "name": "A\u{1b}[31m\nB" }),
            json!(null),
            json!({ "id": [] }),
            token,
        ];
        listed(if at == 0 { &entries } else { &[] })
    });
    let ran = odd.call(&world, "users").run().ends_with(0);
    assert!(
        !ran.stdout.contains('\u{1b}') && ran.stdout.lines().count() == 1,
        "{}",
        ran.shown()
    );
    ran.tells("unreadable entries of the list of employees, left out: 3");
}

#[test]
fn a_file_with_names_is_compared_by_the_ids_of_the_employees() {
    let world = world(&["Мария Шевченко", "102"]);
    import(&world, "--owners match").ends_with(0);
    let verify = ["verify", "contacts.csv"];
    world.run(verify).ends_with(3);
    let matched = ["--owners", "match"];
    world.run(verify.iter().chain(&matched)).ends_with(0);
    world.write("contacts.csv", file(&["Зоя Ёлкина-Нет", "102"]));
    let ran = world.run(verify.iter().chain(&matched)).ends_with(3);
    ran.tells("not an employee of the account");
}
