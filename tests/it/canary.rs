//! `--canary`: a few contacts are sent first and read back before the others are sent.

use wazzup_contacts::sandbox::{Options, RequiredField, UriShown};

use crate::{
    harness::{World, faults},
    model::{assert_holds, contact, csv, quick},
    shared::state,
};

const CONTACTS: usize = 300;

/// The plan `x.run`: half of the contacts are to be created, the others to be updated.
fn planned(options: Options, batch_size: &str) -> World {
    let world = quick(options);
    for number in 1..=CONTACTS / 2 {
        world.sandbox.put_contact(&contact(number, "old"));
    }
    world.write(
        "contacts.csv",
        csv((1..=CONTACTS).map(|n| contact(n, "new"))),
    );
    let plan = [
        "plan",
        "contacts.csv",
        "-o",
        "x.run",
        "--batch-size",
        batch_size,
        "-q",
    ];
    world.run(plan).ends_with(0);
    world.sandbox.clear_log();
    world
}

/// Method and number of contacts of each request.
fn requests(world: &World) -> Vec<(String, usize)> {
    let requests = world.sandbox.requests().into_iter();
    requests
        .map(|request| (request.method.to_string(), request.entities))
        .collect()
}

#[test]
fn the_canary_goes_first_and_is_read_back_before_the_others_follow() {
    for (canary, batch_size, first) in [
        ("3", "100", &[("POST", 3), ("PATCH", 3)][..]),
        (
            "100",
            "50",
            &[("POST", 50), ("POST", 50), ("PATCH", 50), ("PATCH", 50)],
        ),
        (
            "120",
            "100",
            &[("POST", 100), ("POST", 20), ("PATCH", 100), ("PATCH", 20)],
        ),
    ] {
        let shown = Options {
            uri: UriShown::ApiPath,
            ..Options::default()
        };
        let world = planned(shown, batch_size);
        let apply = [
            "apply",
            "x.run",
            "--canary",
            canary,
            "--concurrency",
            "1",
            "--json",
        ];
        let ran = world.run(apply).ends_with(0).json();
        assert_eq!(
            (&ran["done"]["created"], &ran["done"]["updated"]),
            (&150.into(), &150.into())
        );
        let requests = requests(&world);
        let (head, others) = requests.split_at(first.len());
        assert!(
            head.iter()
                .map(|(method, count)| (method.as_str(), *count))
                .eq(first.iter().copied()),
            "{requests:?}"
        );
        let reads = others
            .iter()
            .take_while(|(method, _)| method == "GET")
            .count();
        assert_eq!(reads, 2 * canary.parse::<usize>().unwrap());
        assert!(others[reads..].iter().all(|(method, _)| method != "GET"));
        assert_holds(&world.sandbox, (1..=CONTACTS).map(|n| contact(n, "new")));
    }
}

#[test]
fn nothing_follows_a_canary_that_the_account_has_otherwise() {
    for (server, words) in [
        ("truncates", "name: has Клие, sent Клиент 151 new"),
        ("drops chats", "contact_data: has"),
        ("swallows", "151  is missing"),
    ] {
        let world = planned(Options::default(), "100");
        let before = state(&world.sandbox.contacts());
        // The first request is the canary's POST.
        let next = world.sandbox.request_count() + 1;
        world.sandbox.after_request(next, move |account| {
            let mut contact = account.contacts().find(|it| it.id == "151").unwrap();
            match server {
                "truncates" => {
                    contact.name = contact.name.chars().take(4).collect::<String>().into();
                }
                "drops chats" => contact.contact_data.clear(),
                _ => contact.id = "gone".into(),
            }
            account.remove("151");
            account.put(&contact);
        });
        let apply = [
            "apply",
            "x.run",
            "--canary",
            "2",
            "--concurrency",
            "1",
            "--json",
        ];
        let ran = world.run(apply).ends_with(8);
        assert!(ran.stderr.contains(words), "{}", ran.shown());
        assert!(
            ran.stderr.contains(" --concurrency 1 --force\n"),
            "{}",
            ran.shown()
        );
        let summary = ran.json();
        assert_eq!(summary["exit_code"], 8);
        assert_eq!(summary["done"]["not_attempted"], CONTACTS - 4);
        assert_eq!(
            (world.sandbox.count("POST"), world.sandbox.count("PATCH")),
            (1, 1)
        );
        for id in ["153", "3"] {
            assert_eq!(
                world.sandbox.writes(id).created + world.sandbox.writes(id).updated,
                0
            );
        }
        world
            .run(["undo", "x.run", "--force", "--yes", "-q"])
            .ends_with(0);
        let after = state(&world.sandbox.contacts());
        for id in ["1", "2"] {
            assert_eq!(after[id], before[id]);
        }
        assert!(!after.contains_key("151") && !after.contains_key("152"));
    }
}

#[test]
fn a_canary_of_which_nothing_arrives_stops_the_import() {
    let world = quick(Options {
        required: vec![RequiredField::ChatId],
        ..Options::default()
    });
    let rows = (1..=20).map(|n| format!("{n},u,Name {n},https://crm.example.com/{n},name_{n}\n"));
    let header = "id,responsible_user_id,name,uri,telegram_username\n".to_owned();
    world.write("contacts.csv", header + &rows.collect::<String>());
    let ran = world
        .run(["import", "contacts.csv", "--canary", "5", "--json"])
        .ends_with(8);
    assert!(
        ran.stderr
            .contains("none of the first contacts was accepted"),
        "{}",
        ran.shown()
    );
    let done = &ran.json()["done"];
    assert_eq!(
        (&done["failed"], &done["not_attempted"]),
        (&5.into(), &15.into())
    );
    assert_eq!(world.sandbox.contact_count(), 0);
    assert!(!ran.stderr.contains("undo"), "{}", ran.shown());
}

#[test]
fn one_contact_of_the_canary_that_does_not_arrive_stops_the_import() {
    for (fault, reason) in [
        ("unstored=2", "did not carry it out"),
        ("poison=2", "refused by an injected fault"),
    ] {
        let world = quick(Options::default());
        world.sandbox.set_faults(faults([fault]));
        world.write("contacts.csv", csv((1..=20).map(|n| contact(n, "new"))));
        let import = ["import", "contacts.csv", "--canary", "3", "--json"];
        let ran = world.run(import).ends_with(8);
        let words = "of the first 3 contacts sent, 1 did not arrive in the account\n  2  ";
        assert!(ran.stderr.contains(words), "{}", ran.shown());
        assert!(ran.stderr.contains(reason), "{}", ran.shown());
        assert!(ran.stderr.contains("undo"), "{}", ran.shown());
        let done = &ran.json()["done"];
        assert_eq!(
            (&done["created"], &done["failed"], &done["not_attempted"]),
            (&2.into(), &1.into(), &17.into())
        );
        // The rest of the batch has a canary of its own.
        world.sandbox.set_faults(faults(["poison=5"]));
        let apply = world.run(["apply", "--canary", "3"]).ends_with(8);
        apply.tells("of the first 3 contacts sent, 1 did not arrive in the account\n  5  ");
    }
}

#[test]
fn the_advice_never_deletes_what_may_have_existed_before() {
    let world = quick(Options::default());
    world.sandbox.put_contact(&contact(1, "old"));
    world.write("contacts.csv", csv((1..=9).map(|n| contact(n, "new"))));
    let next = world.sandbox.request_count() + 1;
    world.sandbox.after_request(next, |account| {
        account.remove("2");
    });
    let import = "import contacts.csv --mode create --canary 2 --run x.run";
    let ran = world.run(import.split(' ')).ends_with(8);
    assert!(ran.stderr.contains("undo x.run"), "{}", ran.shown());
    assert!(!ran.stderr.contains("--force"), "{}", ran.shown());
    world.run(["undo", "x.run", "--yes", "-q"]).ends_with(3);
    assert!(world.sandbox.contact("1").is_some());
}
