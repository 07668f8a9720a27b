//! Numbers without a country code: a column of such numbers stops every command that would send them, and
//! `--region` resolves it.

use wazzup_contacts::contact::Contact;

use crate::harness::World;

/// A file of one contact for each number.
fn file(numbers: &[&str]) -> String {
    let rows = (1..)
        .zip(numbers)
        .map(|(id, number)| format!("{id},Ana,user-1,https://crm.example.com/{id},{number}\n"));
    let header = "id,name,responsible_user_id,uri,Celular\n".to_owned();
    header + &rows.collect::<String>()
}

const BRAZILIAN: [&str; 3] = ["19987654321", "19991234567", "+55 11 98765-4321"];

#[test]
fn a_column_of_national_numbers_stops_check_plan_and_import_alike() {
    let world = World::new();
    world.write("br.csv", file(&BRAZILIAN));
    for command in ["check", "plan", "import"] {
        world
            .run([command, "br.csv"])
            .tells("2 of the 3 numbers in `Celular` are not valid international numbers, but national ones of BR")
            .tells("(such as 19987654321)")
            .tells("--region BR")
            .tells("--region none")
            .ends_with(5);
    }
    assert_eq!(world.sandbox.count("POST"), 0);
}

#[test]
fn the_region_settles_it_and_none_sends_the_numbers_as_written() {
    let world = World::new();
    world.write("br.csv", file(&BRAZILIAN));
    let sent = |world: &World| {
        let ran = world.run(["get", "1", "--json"]).ends_with(0);
        ran.shown()
    };
    world
        .run(["import", "br.csv", "--region", "none"])
        .tells("2 numbers in `Celular` are not valid in the country of their digits, and are sent as written (such as 19987654321)")
        .ends_with(0);
    assert!(sent(&world).contains("\"19987654321\""), "{}", sent(&world));
    world
        .run(["import", "br.csv", "--region", "BR"])
        .ends_with(0);
    assert!(
        sent(&world).contains("\"5519987654321\""),
        "{}",
        sent(&world)
    );
}

#[test]
fn rejected_national_numbers_count_and_few_numbers_only_warn() {
    let world = World::new();
    let numbers = ["19987654321", "(11) 98765-4321", "79161234569"];
    world.write("br.csv", file(&numbers));
    world
        .run(["check", "br.csv"])
        .tells("2 of the 3 numbers in `Celular`")
        .ends_with(5);
    // None of them would be sent.
    world.write("ru.csv", file(&["8 916 123-45-67", "8 916 123-45-68"]));
    world.run(["check", "ru.csv"]).ends_with(3);
    let numbers = ["19987654321", "79161234567", "79161234568"];
    world.write("few.csv", file(&numbers));
    world
        .run(["check", "few.csv"])
        .tells("1 number in `Celular` is not valid in the country of its digits")
        .ends_with(0);
    let ran = world.run(["check", "few.csv", "--json"]).ends_with(0);
    let warning = ran.json()["tables"][0]["warnings"][0].to_string();
    assert!(warning.contains("1 number in `Celular`"), "{warning}");
}

#[test]
fn bad_numbers_are_dropped_and_listed_if_the_contact_has_another_chat() {
    let world = World::new();
    let rows = [
        "1,Ana,user-1,https://crm.example.com/1,+7 999 123,@ana_lima",
        "2,Bia,user-1,https://crm.example.com/2,=12,",
        "3,Caio,user-1,https://crm.example.com/3,+55 11 98765-4321,@caio_s",
        "4,Dora,user-1,https://crm.example.com/4,+55 11 98765-4322,",
    ];
    let header = "id,name,responsible_user_id,uri,whatsapp,telegram";
    world.write("br.csv", format!("{header}\n{}\n", rows.join("\n")));
    let ran = world.run(["import", "br.csv", "--json"]).ends_with(3);
    assert_eq!(ran.json()["rows"]["rejected"], 2);
    assert!(!world.path("br.dropped.csv").exists());
    let ran = world
        .run(["import", "br.csv", "--bad-numbers", "drop", "--json"])
        .ends_with(3);
    let rows = &ran.json()["rows"];
    assert_eq!(
        (&rows["contacts"], &rows["rejected"]),
        (&3.into(), &1.into())
    );
    assert!(ran.shown().contains("1 number left out"), "{}", ran.shown());
    // The mapping file may say so, and the flag goes before it.
    world.write("map.toml", "bad_numbers = \"drop\"\n");
    let by_file = ["import", "br.csv", "--mapping", "map.toml", "--json"];
    let ran = world.run(by_file).ends_with(3);
    assert_eq!(ran.json()["rows"]["rejected"], 1, "{}", ran.shown());
    let ran = world.run(by_file.iter().chain(&["--bad-numbers", "reject"]));
    assert_eq!(ran.json()["rows"]["rejected"], 2, "{}", ran.shown());
    let dropped = world.read("br.dropped.csv");
    let lines: Vec<&str> = dropped.lines().collect();
    assert_eq!(lines.len(), 2, "{dropped}");
    assert_eq!(lines[0], "file,row,id,column,value,code,reason");
    assert!(
        lines[1].starts_with("br.csv,2,1,whatsapp,'+7 999 123,phone_invalid,"),
        "{dropped}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = world.path("br.dropped.csv").metadata().unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }
    let drop = [
        "check",
        "br.csv",
        "--bad-numbers",
        "drop",
        "--write-mapping",
    ];
    world.run(drop.iter().chain(&["new.toml"])).ends_with(3);
    assert!(world.read("new.toml").contains("bad_numbers = \"drop\""));
    let ran = world.run(["check", "br.csv", "--mapping", "new.toml", "--json"]);
    assert_eq!(ran.json()["rows"]["rejected"], 1, "{}", ran.shown());
    // The list of an earlier run is replaced, a file of the user's is not.
    world
        .run(["import", "br.csv", "--bad-numbers", "drop"])
        .ends_with(3);
    assert!(!world.path("br.dropped-2.csv").exists());
    world.write("br.dropped.csv", "mine");
    world
        .run(["check", "br.csv", "--bad-numbers", "drop"])
        .ends_with(3);
    world
        .run(["plan", "br.csv", "--bad-numbers", "drop"])
        .tells("br.dropped-2.csv")
        .ends_with(3);
    assert_eq!(world.read("br.dropped.csv"), "mine");
    // Runs of sources with the same name, such as two jobs, have lists of their own.
    let drop = ["import", "br.csv", "--bad-numbers", "drop", "--rejects"];
    world
        .run(drop.iter().chain(&["acme.rejected.csv"]))
        .ends_with(3);
    assert_eq!(world.read("acme.dropped.csv"), dropped);
}

#[test]
fn a_bad_number_of_a_numbered_group_is_dropped_too() {
    let world = World::new();
    let header = "id,name,responsible_user_id,uri,note,chat_type_1,chat_id_1,chat_type_2,chat_id_2";
    let rows = [
        "1,Ana,u1,https://crm.example.com/1,,whatsapp,12,viber,79990000001",
        "2,Bia,u1,https://crm.example.com/2,,whatsapp,12,viber,",
    ];
    world.write("groups.csv", format!("{header}\n{}\n", rows.join("\n")));
    let import = ["import", "groups.csv", "--max-rejects", "100%"];
    world.run(import);
    assert_eq!(world.sandbox.contact_count(), 0);
    world
        .run(import.iter().chain(&["--bad-numbers", "drop"]))
        .ends_with(3);
    let contact = world.sandbox.contact("1").unwrap();
    assert_eq!(contact.contact_data.len(), 1);
    assert!(world.sandbox.contact("2").is_none());
    let dropped = world.read("groups.dropped.csv");
    assert!(
        dropped.contains("groups.csv,2,1,chat_id_1,12,phone_invalid,"),
        "{dropped}"
    );
    let row = "1,Ana,u1,https://crm.example.com/1,+79990001122; 2121212";
    let header = "id,name,responsible_user_id,uri,whatsapp";
    world.write("two.csv", format!("{header}\n{row}\n"));
    world
        .run(["import", "two.csv", "--bad-numbers", "drop"])
        .ends_with(0);
    let dropped = world.read("two.dropped.csv");
    assert!(
        dropped.contains("two.csv,2,1,whatsapp,2121212,"),
        "{dropped}"
    );
}

/// In a column of numbers, text with few digits is a remark that rejects no contact, but it is left out all the same.
#[test]
fn a_number_beside_a_valid_one_is_dropped_whatever_separates_them() {
    let world = World::new();
    let rows = [
        "1,Ana,u1,https://crm.example.com/1,+7 900 111-22-31; 12345",
        "2,Bia,u1,https://crm.example.com/2,\"+7 900 111-22-32, 12345\"",
        "3,Caio,u1,https://crm.example.com/3,\"79001112233123456, +7 900 111-22-33\"",
        "4,Dora,u1,https://crm.example.com/4,+7 900 111-22-34; later",
        "5,Eva,u1,https://crm.example.com/5,12345",
    ];
    for column in ["Телефон", "whatsapp"] {
        let header = format!("id,name,responsible_user_id,uri,{column}");
        world.write("two.csv", format!("{header}\n{}\n", rows.join("\n")));
        world
            .run(["import", "two.csv", "--bad-numbers", "drop"])
            .tells("4 numbers left out")
            .ends_with(3);
        let dropped = world.read("two.dropped.csv");
        for (row, value) in [
            (2, "12345"),
            (3, "12345"),
            (4, "79001112233123456"),
            (5, "later"),
        ] {
            let line = format!("two.csv,{row},{},{column},{value},phone_invalid,", row - 1);
            assert!(dropped.contains(&line), "{line}: {dropped}");
        }
        for id in 1..5 {
            let contact = world.sandbox.contact(&id.to_string()).unwrap();
            assert_eq!(*contact.contact_data[0].chat_id, *format!("7900111223{id}"));
        }
    }
}

/// A row that is rejected for a duplicate id keeps its number: it is not listed as a dropped number of a contact.
#[test]
fn a_number_of_a_row_that_is_rejected_later_is_not_listed() {
    let world = World::new();
    let rows = "1,107,Ann,https://x.y/1,12,79991112233\n1,107,Bob,https://x.y/1,12,79991112234\n\
                2,107,Cid,https://x.y/2,13,79991112235\n";
    let header = "id,responsible_user_id,name,uri,whatsapp,viber\n";
    world.write("twice.csv", format!("{header}{rows}"));
    let import = [
        "import",
        "twice.csv",
        "--bad-numbers",
        "drop",
        "--max-rejects",
        "100%",
    ];
    let ran = world.run(import).ends_with(3);
    let listed = world.read("twice.dropped.csv");
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert!(listed.contains(",4,2,whatsapp,13,"), "{listed}");
    ran.tells("1 number left out");
    assert_eq!(world.read("twice.rejected.csv").lines().count(), 3);
}

/// What can't be read is not empty, and may be any of the account's chats.
#[test]
fn a_cell_that_cannot_be_read_removes_no_chat() {
    let world = World::new();
    world.write(
        "all.csv",
        "id,name,responsible_user_id,uri,whatsapp,viber\n\
         1,Ann,u1,https://x.io/1,79990000001;79990000002,79990000003\n",
    );
    world.run(["import", "all.csv"]).ends_with(0);
    let account = world.sandbox.contacts();
    for (whatsapp, mode) in [
        ("12-34", "upsert"),
        ("79990000001; 12-34", "upsert"),
        ("да", "upsert"),
        ("#N/A", "upsert"),
        ("12-34", "update"),
        ("79990000002; 12-34", "update"),
        ("12-34", "mirror"),
    ] {
        let row = format!("1,Ann,u1,https://x.io/1,{whatsapp},79990000003\n");
        for rows in [row.clone(), format!("{row}{row}")] {
            world.write(
                "bad.csv",
                format!("id,name,responsible_user_id,uri,whatsapp,viber\n{rows}"),
            );
            let flags = format!("--bad-numbers drop --blank clear --mode {mode} --json");
            let ran = world.run(["import", "bad.csv"].into_iter().chain(flags.split(' ')));
            let run = ran.ends_with(0).json()["run"].as_str().unwrap().to_owned();
            let chats = |contacts: &[Contact<'static>]| {
                let mut chats = contacts[0].contact_data.clone();
                chats.sort();
                chats
            };
            assert_eq!(
                chats(&world.sandbox.contacts()),
                chats(&account),
                "{whatsapp} {mode}"
            );
            world.run(["verify", &run]).ends_with(0);
            let verify = ["verify", "bad.csv", "--bad-numbers", "drop"];
            world.run(verify).ends_with(0);
        }
    }
    world.write("empty.csv", "id,whatsapp,viber\n1,нет,79990000003\n");
    let import = "import empty.csv --bad-numbers drop --blank clear";
    world.run(import.split(' ')).ends_with(0);
    assert_eq!(world.sandbox.contacts()[0].contact_data.len(), 1);
}
