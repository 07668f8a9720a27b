//! Rows of the same id, and phones under different ids.

use serde_json::json;

use crate::{
    csv_files::csv,
    harness::{Ran, World, faults},
};

const TWICE: [(&str, &str); 3] = [("1", "Ann"), ("2", "Bob"), ("1", "Anna")];

fn import(how: &str, code: i32) -> World {
    let world = World::new();
    world.write("new.csv", csv(TWICE));
    world
        .run([
            "import",
            "new.csv",
            "--on-duplicate",
            how,
            "--max-rejects",
            "100%",
            "-q",
        ])
        .ends_with(code);
    world
}

#[test]
fn rows_that_contradict_each_other_all_come_back() {
    let world = import("reject", 3);
    assert!(world.sandbox.contact("1").is_none());
    let rejected = world.read("new.rejected.csv");
    assert_eq!(rejected.matches("duplicate_id").count(), 2, "{rejected}");
}

#[test]
fn the_first_or_the_last_row_counts_where_that_is_asked_for() {
    assert_eq!(import("first", 0).sandbox.contact("1").unwrap().name, "Ann");
    assert_eq!(import("last", 0).sandbox.contact("1").unwrap().name, "Anna");
}

#[test]
fn rows_that_carry_one_chat_each_become_one_contact() {
    let world = import("merge", 0);
    let merged = world.sandbox.contact("1").unwrap();
    assert_eq!((&*merged.name, merged.contact_data.len()), ("Ann", 2));
}

#[test]
fn every_row_of_a_merged_contact_comes_back_where_the_plan_rejects_it() {
    let world = World::new();
    let rows = "id,name,whatsapp\n1,Ann,79990000001\n2,Bob,79990000002\n1,Ann,79990000003\n";
    world.write("new.csv", rows);
    let flags = ["--on-duplicate", "merge", "--mode", "update", "--json"];
    let plan = world
        .run([&["plan", "new.csv", "--max-rejects", "100%"], &flags[..]].concat())
        .ends_with(5)
        .json();
    assert_eq!(plan["rows"]["rejected"], 3, "{plan}");
    assert_eq!(plan["rows"]["merged"], 0, "{plan}");
    assert_eq!(world.read("new.rejected.csv").lines().count(), 4);
}

#[test]
fn the_rows_of_an_id_come_back_together_if_one_of_them_is_rejected() {
    let row = |id: usize, chat: &str| format!("{id},u,Name,https://x.y/{id},{chat}");
    let long = "id,responsible_user_id,name,uri,chat_type,chat_id,username,phone";
    let short = long.trim_end_matches(",username,phone");
    for (head, policy, chats) in [
        (short, "reject", 0),
        (short, "merge", 2),
        (short, "last", 1),
        (long, "first", 2),
    ] {
        let world = World::new();
        let end = ",".repeat(head.split(',').count() - 6);
        let [first, second, other] = [
            row(1, "whatsapp,79990000001"),
            row(1, "whatsapp,7.9991E+10"),
            row(2, "viber,79990000003"),
        ];
        world.write(
            "new.csv",
            format!("{head}\n{first}{end}\n{second}{end}\n{other}{end}\n"),
        );
        let import = |file| {
            let flags = ["--max-rejects", "100%", "--json"];
            world.run([&["import", file, "--on-duplicate", policy], &flags[..]].concat())
        };
        let rejected = |ran: Ran| ran.ends_with(3).json()["rows"]["rejected"].clone();
        assert_eq!(rejected(import("new.csv")), 2, "{policy}");
        assert_eq!(rejected(world.run(["check", "new.csv", "--json"])), 2);
        assert!(world.sandbox.contact("1").is_none());
        let fixed = world.read("new.rejected.csv");
        world.write("fixed.csv", fixed.replace("7.9991E+10", "79990000002"));
        if chats > 0 {
            import("fixed.csv").ends_with(0);
            let contact = world.sandbox.contact("1").unwrap();
            assert_eq!(contact.contact_data.len(), chats, "{policy}");
        }
    }
}

#[test]
fn a_ragged_row_of_a_backup_removes_no_chat() {
    let world = World::new();
    let head = "id,responsible_user_id,name,uri,chat_type,chat_id,username,phone";
    let row = |chat: &str| format!("1,u,Ann,https://x.y/1,whatsapp,{chat},,");
    let [first, second] = ["79990000001", "79990000002"].map(row);
    for (rows, exit) in [
        (format!("{first}\n{second}"), 0),
        (format!("{first}\n{second},surplus"), 3),
    ] {
        world.write(
            "long.csv",
            format!("{head}\n{rows}\n2,u,Bob,https://x.y/2,viber,79990000003,,\n"),
        );
        let import = ["import", "long.csv", "--max-rejects", "100%"];
        world.run(import).ends_with(exit);
        assert_eq!(world.sandbox.contact("1").unwrap().contact_data.len(), 2);
    }
}

#[test]
fn every_row_of_a_merged_contact_comes_back_where_the_server_refuses_it() {
    let world = World::new();
    world.write("new.csv", csv(TWICE));
    world.sandbox.set_faults(faults(["poison=1"]));
    let flags = ["--on-duplicate", "merge", "--json"];
    let done = world
        .run([&["import", "new.csv"], &flags[..]].concat())
        .ends_with(3)
        .json();
    assert_eq!(done["rows"]["merged"], 1, "{done}");
    assert_eq!(done["done"]["failed"], 1, "{done}");
    let rejected = world.read("new.rejected.csv");
    assert_eq!(
        rejected.matches("refused_by_server").count(),
        2,
        "{rejected}"
    );
}

#[test]
fn check_shows_the_groups_and_the_shared_phones_with_their_rows() {
    let world = World::new();
    let rows = csv(TWICE) + "3,user-1,Cid,https://crm.example.com/3,79990000001\n";
    world.write("new.csv", rows);
    insta::assert_snapshot!(world.run(["check", "new.csv"]).ends_with(3).shown());
    let checked = world
        .run(["check", "new.csv", "--json"])
        .ends_with(3)
        .json();
    assert_eq!(checked["tables"][0]["shared_phones"], json!([[3, 5]]));
}

/// `check` predicts the result of `import`, row by row.
#[test]
fn check_counts_rows_of_one_id_as_import_does() {
    let world = World::new();
    let ann = "1,user-1,Ann,https://crm.example.com/1,79990000001\n";
    let other = ann.replace("Ann", "Anna");
    let shifted = ann.replace("user-1,Ann", "user-1A,nn");
    let chats = ann.replace("0001\n", "0001;79990000002\n");
    let empty = String::new();
    let bob = "2,user-1,Bob,https://crm.example.com/2,no\n";
    for (case, first, second) in [
        ("the same twice", format!("{bob}\n{ann}{ann}"), &empty),
        ("contradicting", format!("{ann}{other}{bob}"), &empty),
        (
            "two of three the same",
            format!("{ann}{other}{ann}"),
            &empty,
        ),
        ("one more chat", format!("{ann}{chats}"), &empty),
        ("the same letters", format!("{ann}{shifted}"), &empty),
        (
            "the same in two files",
            format!("{bob}{ann}"),
            &ann.to_owned(),
        ),
        ("contradicting in two files", ann.to_owned(), &other),
    ] {
        world.write("a.csv", csv([]) + &first);
        world.write("b.csv", csv([("9", "Zoe")]) + second);
        let files = ["a.csv", "b.csv"];
        let checked = world.run(["check", "--json"].iter().chain(&files));
        let flags = "import --json --dry-run --mode create --max-rejects 100%";
        let import: Vec<_> = flags.split(' ').chain(files).collect();
        let imported = world.run(&import).json();
        let object = checked.json();
        for key in ["rows", "source", "exit_code"] {
            assert_eq!(object[key], imported[key], "{case}: {key}");
        }
        let rejected = object["rows"]["rejected"] != 0;
        assert_eq!(checked.code, Some(if rejected { 3 } else { 0 }), "{case}");
    }
}

#[test]
fn check_shows_what_several_files_repeat_and_no_contact_that_is_not_sent() {
    let world = World::new();
    world.write("a.csv", csv([("1", "Ann"), ("2", "Bob"), ("3", "Cid")]));
    let cid = "3,user-1,Cid,https://crm.example.com/3,79990000002\n";
    world.write("b.csv", csv([("2", "Boris")]) + cid);
    let ran = world.run(["check", "a.csv", "b.csv"]).ends_with(3);
    insta::assert_snapshot!(ran.shown());
}

#[test]
fn an_import_warns_of_phones_under_different_ids() {
    let world = World::new();
    let rows = csv([("1", "Ann")]) + "2,user-1,Bob,https://crm.example.com/2,79990000000\n";
    world.write("new.csv", rows);
    let ran = world.run(["import", "new.csv"]).ends_with(0);
    assert!(
        ran.said()
            .contains("the same phone under different ids\n  rows 2, 3\n"),
        "{}",
        ran.shown()
    );
}

#[test]
fn the_same_account_of_a_messenger_under_different_ids_is_reported() {
    let world = World::new();
    let row =
        |id: u8, chats: &str| format!("{id},Ann,user-1,https://crm.example.com/{id},{chats}\n");
    let rows = [
        row(1, "anna_lee,"),
        row(2, "@Anna_Lee,"),
        row(3, "other_one,anna_lee"),
        row(4, ",other_one"),
        row(5, ",Anna_lee"),
    ];
    let head = "id,name,responsible_user_id,uri,telegram,instagram\n";
    world.write("new.csv", head.to_owned() + &rows.concat());
    let checked = world.run(["check", "new.csv", "--json"]).ends_with(0);
    let object = checked.json();
    assert_eq!(object["shared_phones"], json!([]));
    assert_eq!(
        object["shared_accounts"],
        json!([[[0, 2], [0, 3]], [[0, 4], [0, 6]]])
    );
    assert_eq!(
        object["tables"][0]["shared_accounts"],
        json!([[2, 3], [4, 6]])
    );
    let heading = "the same account of a messenger under different ids\n  rows 2, 3\n  rows 4, 6\n";
    world.run(["check", "new.csv"]).ends_with(0).tells(heading);
    let imported = world.run(["import", "new.csv"]).ends_with(0).tells(heading);
    imported.tells("2 accounts under different ids: messages may reach the wrong contact");
}

fn whatsapp_rows(numbers: &[(u8, &str)]) -> String {
    let row = |(id, number): &(u8, &str)| {
        format!("{id},user-1,N{id},https://crm.example.com/{id},{number}\n")
    };
    let rows: String = numbers.iter().map(row).collect();
    format!("id,responsible_user_id,name,uri,whatsapp\n{rows}")
}

#[test]
fn the_same_whatsapp_in_two_spellings_is_reported() {
    let world = World::new();
    let rows = whatsapp_rows(&[
        (1, "525512345678"),
        (2, "5215512345678"),
        (3, "5491123456789;541123456789"),
        (4, "5511987654321"),
        (5, "551187654321"),
        // A landline and a mobile that never had eight digits.
        (6, "5511923456789"),
        (7, "551123456789"),
    ]);
    world.write("new.csv", rows);
    let checked = world.run(["check", "new.csv", "--json"]).ends_with(0);
    let object = checked.json();
    assert_eq!(object["shared_phones"], json!([]));
    let groups = json!([[[0, 2], [0, 3]], [[0, 5], [0, 6]]]);
    assert_eq!(object["respelt_phones"], groups);
    let groups = json!([[2, 3], [5, 6]]);
    assert_eq!(object["tables"][0]["respelt_phones"], groups);
    let imported = world.run(["import", "new.csv"]).ends_with(0);
    imported
        .tells("54/549, or 55 without the ninth digit)\n  rows 2, 3\n  rows 5, 6\n")
        .tells("2 phones in two spellings under different ids")
        .tells("1 number: in two spellings in the same row, both sent (such as `5491123456789 and 541123456789` in row 4)");
    assert_eq!(world.sandbox.contact("3").unwrap().contact_data.len(), 2);
}

#[test]
fn an_upsert_leaves_the_account_s_spelling_of_a_whatsapp_number() {
    let world = World::new();
    let number = || {
        world.sandbox.contact("1").unwrap().contact_data[0]
            .chat_id
            .clone()
    };
    world.write("long.csv", whatsapp_rows(&[(1, "5215512345678")]));
    world.run(["import", "long.csv"]).ends_with(0);
    world.write("short.csv", whatsapp_rows(&[(1, "525512345678")]));
    world.run(["verify", "short.csv"]).ends_with(0);
    let warning = "1 contact with another spelling of the same WhatsApp number than in the account";
    world
        .run(["plan", "short.csv", "--exit-code"])
        .ends_with(0)
        .tells(warning);
    let renamed = whatsapp_rows(&[(1, "525512345678")]).replace("N1", "Ann");
    world.write("renamed.csv", renamed);
    world
        .run(["import", "renamed.csv"])
        .ends_with(0)
        .tells(warning);
    assert_eq!(world.sandbox.contact("1").unwrap().name, "Ann");
    assert_eq!(number(), "5215512345678");
    // As the warning says, both for complete rows and for those compared with the account.
    world.write("partial.csv", "id,whatsapp\n1,525512345678\n");
    world
        .run(["import", "partial.csv", "--mode", "update"])
        .ends_with(0);
    assert_eq!(number(), "525512345678");
    world
        .run(["import", "long.csv", "--mode", "update"])
        .ends_with(0);
    assert_eq!(number(), "5215512345678");
}

#[test]
fn rows_of_several_files_are_named_with_their_file_and_its_own_column() {
    let world = World::new();
    let named = |rows: &str| rows.replacen("id,", "Record ID,", 1);
    world.write("a.csv", named(&csv([("1", "Ann")])));
    world.write("b.csv", named(&csv([("1", "Anna")])));
    let import = ["import", "a.csv", "b.csv", "--max-rejects", "100%"];
    world.run(import).ends_with(5);
    let rejected = world.read("a.rejected.csv");
    let reason = "Record ID,duplicate_id,\"the id `1` is in rows 2 of a.csv, 2 of b.csv,";
    assert_eq!(rejected.matches(reason).count(), 2, "{rejected}");
}
