//! The report: its numbers, its escaping, and the commands that write it.

use std::{collections::BTreeMap, fs};

use wazzup_contacts::sandbox::Options;

use crate::harness::{World, faults, sample};

/// The report in a file, without its tags.
pub(crate) fn text(world: &World, name: &str) -> String {
    let page = world.read(name);
    let body = &page[page.find("<body>").expect("it has a body")..];
    let tags = regex::Regex::new("<[^>]*>").unwrap();
    let text = tags.replace_all(body, " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
pub(crate) fn holds(text: &str, words: &str) {
    assert!(text.contains(words), "`{words}` is not in:\n{text}");
}

#[test]
fn the_numbers_of_the_page_are_those_of_the_summary() {
    let world = World::new();
    let mistakes = sample("contacts-with-mistakes.csv");
    let mapping = sample("mapping.toml");
    let args = [
        "import",
        mistakes.to_str().unwrap(),
        "--mapping",
        mapping.to_str().unwrap(),
        "--json",
        "--report",
        "report.html",
    ];
    let summary = world.run(args).ends_with(3).json();
    assert_eq!(summary["files"]["report"], "report.html");
    let page = text(&world, "report.html");
    let [read, rejected] = ["read", "rejected"].map(|key| &summary["rows"][key]);
    let created = &summary["done"]["created"];
    holds(
        &page,
        &format!("{read} rows: {created} contacts created, {rejected} rows rejected Done, with"),
    );
    for (count, word) in [(read, "rows"), (created, "created"), (rejected, "rejected")] {
        holds(&page, &format!("{count} {word}"));
    }
    holds(&page, summary["source"]["blake3"].as_str().unwrap());
    holds(&page, "contacts-with-mistakes.rejected.csv");

    let run = summary["run"].as_str().unwrap();
    let written = ["report", run, "-o", "later.html", "--json"];
    let written = world.run(written).ends_with(0).json();
    assert_eq!(written["files"]["report"], "later.html");
    let printed = world.run(["report", run]).ends_with(0).stdout;
    let nonce = regex::Regex::new("nonce[-=]\"?[0-9a-f]+").unwrap();
    let same = |page: &str| nonce.replace_all(page, "").into_owned();
    assert_eq!(same(&printed), same(&world.read("later.html")));
    let url = format!(" --base-url {}", world.sandbox.base_url());
    holds(&page, &format!("wazzup-contacts undo {run}{url}"));
    assert_eq!(text(&world, "later.html"), page);
}

#[test]
fn the_requests_of_the_page_are_those_that_the_server_counted() {
    let options = Options {
        contacts: 500,
        faults: faults(["GET:503@2", "GET:slow=600ms", "POST:503@9", "POST:413@10"]),
        ..Options::default()
    };
    let world = World::with(options);
    let contacts = sample("contacts.csv");
    let contacts = contacts.to_str().unwrap();
    let args = ["import", contacts, "--json", "--report", "report.html"];
    let summary = world.run(args).json();
    let requests = world.sandbox.requests();
    let mut counted = BTreeMap::<_, u64>::new();
    for request in &requests {
        *counted.entry(request.status.unwrap()).or_default() += 1;
    }
    assert!(counted[&503] > 0, "{counted:?}");
    let page = text(&world, "report.html");
    let mut words = Vec::new();
    for (at, (status, count)) in counted.iter().enumerate() {
        assert_eq!(summary["requests"]["status"][status.to_string()], *count);
        let answered = if at == 0 { "answered " } else { "" };
        words.push(format!("{count} {answered}with {status}"));
    }
    let retried = &summary["requests"]["retried"];
    let sent = requests.len();
    holds(
        &page,
        &format!(
            "{sent} requests, {retried} of them retries: {}.",
            words.join(", ")
        ),
    );
    let created = &summary["done"]["created"];
    holds(
        &page,
        &format!(" and {created} contacts sent and confirmed"),
    );
    let drawn = world.read("report.html");
    assert_eq!(drawn.matches("<svg class=\"chart wide\"").count(), 4);
}

#[test]
#[cfg(unix)]
fn a_report_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let contacts = sample("contacts.csv");
    let contacts = contacts.to_str().unwrap();
    world
        .run(["plan", contacts, "--report", "plan.html"])
        .ends_with(0);
    let mode = fs::metadata(world.path("plan.html")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    holds(
        &text(&world, "plan.html"),
        "250 rows: 250 contacts to create Preview",
    );
}

#[test]
fn a_path_that_can_not_be_written_is_found_before_anything_is_sent() {
    let world = World::new();
    world.write("contacts.html", "<table><tr><td>id</td></tr></table>");
    for (path, words, code) in [
        ("missing/report.html", "can't write the report to", 1),
        ("report.xlsx", "its name must end in .html", 2),
        ("contacts.html", "would overwrite the source", 2),
    ] {
        world
            .run(["import", "contacts.html", "--report", path])
            .ends_with(code)
            .tells(words);
    }
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn a_report_replaces_only_another_report() {
    let world = World::new();
    world.write("a.csv", rows(&[("1", "Anna")]));
    world.write("ids.html", "1\n");
    for args in ["import a.csv", "check a.csv", "plan a.csv"] {
        let args = args.split(' ').chain(["--report", "ids.html"]);
        let ran = world.run(args).ends_with(2);
        ran.tells("exists and does not hold a report of this tool");
    }
    assert_eq!(world.read("ids.html"), "1\n");
    assert_eq!(world.sandbox.request_count(), 0);

    world.write("new.html", "");
    for _ in 0..2 {
        let check = "check a.csv --report new.html";
        world.run(check.split(' ')).ends_with(0);
        holds(&text(&world, "new.html"), "1 row");
    }
}

#[test]
fn check_writes_a_report_without_an_account() {
    let world = World::new();
    let mistakes = sample("contacts-with-mistakes.csv");
    let mistakes = mistakes.to_str().unwrap();
    let args = ["check", mistakes, "--report", "check.html", "--json"];
    let summary = world.run(args).ends_with(3).json();
    assert_eq!(summary["files"]["report"], "check.html");
    let page = text(&world, "check.html");
    let [read, rejected, contacts] =
        ["read", "rejected", "contacts"].map(|key| &summary["rows"][key]);
    holds(
        &page,
        &format!("{read} rows: {contacts} contacts, {rejected} rows rejected Some rows would"),
    );
    let codes = summary["tables"][0]["codes"].as_object().unwrap();
    for (code, count) in codes {
        holds(&page, &format!("{code} {count} row"));
    }
    assert_eq!(world.sandbox.request_count(), 0);
}

const HEADER: &str = "id,responsible_user_id,name,uri,whatsapp\n";

pub(crate) fn rows(names: &[(&str, &str)]) -> String {
    let row = |(id, name): &(&str, &str)| {
        format!("{id},user-1,{name},https://crm.example.com/{id},7999000000{id}\n")
    };
    names
        .iter()
        .map(row)
        .fold(HEADER.to_owned(), |text, row| text + &row)
}

#[test]
fn every_command_that_plans_or_sends_writes_its_report() {
    let world = World::new();
    world.write(
        "a.csv",
        rows(&[("1", "Anna"), ("2", "Boris"), ("3", "Clara")]),
    );
    world.write("b.csv", rows(&[("1", "Anna"), ("2", "Berta")]));
    let plan = ["plan", "a.csv", "-o", "a.run", "--report", "a.html"];
    world.run(plan).ends_with(0);
    let page = text(&world, "a.html");
    holds(
        &page,
        "3 rows: 3 contacts to create Preview: nothing was sent",
    );
    holds(&page, "To send it: wazzup-contacts apply a.run");
    let later = ["report", "a.run", "-o", "later.html"];
    world.run(later).ends_with(0);
    holds(
        &text(&world, "later.html"),
        "Nothing was sent. To send it: wazzup-contacts apply a.run",
    );
    world
        .run(["apply", "a.run", "--report", "a.html"])
        .ends_with(0);
    let page = text(&world, "a.html");
    holds(&page, "3 rows: 3 contacts created Done");
    holds(
        &page,
        "Sent with wazzup-contacts apply a.run --report a.html",
    );

    let mirror = "import b.csv --mode mirror --max-delete 1 --yes --run b.run --report b.html";
    world.run(mirror.split(' ')).ends_with(0);
    let page = text(&world, "b.html");
    holds(
        &page,
        "2 rows: 1 contact updated, 1 deleted, 1 unchanged Done",
    );
    holds(&page, "2 name Boris Berta");
    holds(&page, "Deleted contacts Id Name Chats 3 Clara whatsapp");

    let undo = ["undo", "b.run", "--yes", "--report", "undo.html"];
    world.run(undo).ends_with(0);
    let page = text(&world, "undo.html");
    holds(&page, "Undo of b.run");
    holds(&page, "1 contact created, 1 updated Done");
    holds(&page, "2 name Berta Boris");
}

#[test]
fn a_refused_plan_has_a_report_that_says_why() {
    let world = World::new();
    world.write("a.csv", format!("{HEADER}1,user-1,Anna,,\n"));
    world
        .run(["import", "a.csv", "--report", "a.html"])
        .ends_with(5);
    let page = text(&world, "a.html");
    holds(
        &page,
        "1 row: no contacts, 1 row rejected Refused: nothing was sent",
    );
    holds(&page, "Why nothing was sent");
    assert_eq!(world.sandbox.contact_count(), 0);
}

#[test]
fn contacts_that_the_server_refuses_are_in_the_report() {
    let world = World::new();
    world.write("a.csv", rows(&[("1", "Anna")]));
    world
        .sandbox
        .set_faults(crate::harness::faults(["POST:400"]));
    world
        .run(["import", "a.csv", "--run", "a.run", "--report", "a.html"])
        .ends_with(3);
    let page = text(&world, "a.html");
    holds(
        &page,
        "1 row: 1 contact refused by the server Done, with rejects",
    );
    holds(
        &page,
        "1 contact refused or left alone while sending. They are in a.rejected.csv",
    );
    holds(&page, "row 2: a fault injected by the sandbox");
}

#[test]
fn owners_are_counted_before_and_after_a_run_in_two_parts() {
    let world = World::new();
    world.write(
        "a.csv",
        rows(&[("1", "Anna"), ("2", "Boris"), ("3", "Clara")]),
    );
    world.run(["import", "a.csv"]).ends_with(0);
    let moved = rows(&[("1", "Anna"), ("2", "Berta"), ("4", "Dora")]);
    let moved = moved
        .replace("1,user-1", "1,101")
        .replace("4,user-1", "4,Zoë Ёлкина");
    world.write("b.csv", moved);
    let plan = "plan b.csv -o b.run --mode mirror --max-delete 1 --owners match --report plan.html";
    world.run(plan.split(' ')).ends_with(0);
    let owners = "Contacts by owner Counts the contacts that this run has read or written. \
                  Owner Before After Change user-1 3 1 −2 101 Zoë Ёлкина 0 2 +2";
    holds(&text(&world, "plan.html"), owners);
    world
        .run(["apply", "b.run", "--yes", "--report", "applied.html"])
        .ends_with(0);
    let page = text(&world, "applied.html");
    holds(&page, owners);
    holds(&page, "name in 1 contact, responsible_user_id in 1 contact");
    holds(&page, "The run was made in 2 parts");
}

#[test]
fn a_run_that_stopped_has_a_report_with_the_reason_and_the_command_that_continues() {
    let world = World::new();
    world.write("a.csv", rows(&[("1", "Anna")]));
    world
        .sandbox
        .set_faults(crate::harness::faults(["POST:401"]));
    world
        .run(["import", "a.csv", "--run", "a.run", "--report", "a.html"])
        .ends_with(4);
    let page = text(&world, "a.html");
    holds(&page, "Not finished Why it stopped");
    holds(&page, "To continue: wazzup-contacts apply ");
}
