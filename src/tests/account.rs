//! Reading the account: the number of requests, and the detection of changes.

use std::collections::BTreeMap;

use crate::{
    api::LookUp,
    contact::Contact,
    plan::{Mode, PlanOptions},
    run::RunFile,
    sandbox::{Faults, Options, people},
};

use super::{
    laboratory::{Laboratory, OPEN},
    shared::{make_restless, state},
};

fn account_of(contacts: usize) -> Laboratory {
    Laboratory::with(Options {
        contacts,
        ..Options::default()
    })
}

#[test]
fn twenty_contacts_are_looked_up_in_a_large_account() {
    let laboratory = account_of(20_000);
    let local = state(
        &(1..=20)
            .map(|number| people::contact(number * 900))
            .collect::<Vec<_>>(),
    );
    let (_, plan) = laboratory.plan("few.run", &local, &PlanOptions::default(), 4);
    assert_eq!(plan.tally.plan.unchanged, 20);
    assert_eq!(
        laboratory.sandbox.count("GET"),
        21,
        "one probe, and one for each"
    );
}

#[test]
fn where_the_server_refuses_to_look_up_an_id_the_account_is_listed() {
    let laboratory = account_of(400);
    laboratory
        .sandbox
        .set_faults(Faults::new(&["GET:400@2".to_owned()]).unwrap());
    let local = state(&(1..=3).map(people::contact).collect::<Vec<_>>());
    let (run, plan) = laboratory.plan("odd.run", &local, &PlanOptions::default(), 1);
    assert_eq!(plan.tally.plan.unchanged, 3);
    assert_eq!(snapshot_count(&run), 400);
}

#[test]
fn an_id_that_no_path_can_name_is_looked_up_in_the_list() {
    let laboratory = account_of(150);
    laboratory.sandbox.put_contact(&Contact {
        id: "..".into(),
        ..people::contact(1)
    });
    let ids = [".", "..", "C-000007"].map(String::from);
    let found = laboratory.reader(2).contacts(&ids).unwrap();
    let found: Vec<_> = found
        .into_iter()
        .map(|answer| match answer {
            LookUp::Found(contact) => contact.id.into_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(found, ["Absent", "..", "C-000007"]);
}

#[test]
fn a_listing_takes_little_more_than_its_pages() {
    let laboratory = account_of(20_000);
    let mut contacts = 0;
    let pass = laboratory
        .reader(8)
        .list(
            |_| (),
            |page| {
                contacts += page.len();
                Ok::<_, crate::api::ApiError>(())
            },
        )
        .unwrap();
    assert_eq!(
        (contacts, pass.contacts, pass.steady),
        (20_000, 20_000, true)
    );
    let requests = laboratory.sandbox.count("GET");
    assert!((205..225).contains(&requests), "{requests}");
}

#[test]
fn an_account_that_changes_while_it_is_read_is_read_again() {
    let laboratory = account_of(2_000);
    // In the middle of the first pass another client deletes more contacts than a page has, so all later ones move.
    laboratory.sandbox.after_request(18, |account| {
        for number in 1..=150 {
            account.remove(&people::contact(number).id);
        }
    });
    let local = state(&(151..=2_000).map(people::contact).collect::<Vec<_>>());
    let options = PlanOptions {
        mode: Mode::Mirror,
        bounds: OPEN,
        ..PlanOptions::default()
    };
    let (run, plan) = laboratory.plan("mirror.run", &local, &options, 2);
    assert_eq!(plan.tally.plan.unchanged, 1_850);
    assert_eq!((plan.tally.plan.create, plan.tally.plan.delete), (0, 0));
    assert_eq!(snapshot_count(&run), 1_850);
}

#[test]
fn what_moves_by_a_few_places_while_it_is_read_is_found_where_it_went() {
    for threads in [1, 4] {
        let laboratory = account_of(2_000);
        for (number, request) in (1..=10).zip(13..) {
            laboratory.sandbox.after_request(request, move |account| {
                account.remove(&people::contact(number).id);
            });
        }
        let mut ids = std::collections::BTreeSet::new();
        let pass = laboratory
            .reader(threads)
            .list(
                |contact| contact.id.into_owned(),
                |page| {
                    ids.extend(page);
                    Ok::<_, crate::api::ApiError>(())
                },
            )
            .unwrap();
        assert!(pass.steady);
        let stayed = laboratory.state();
        assert_eq!(stayed.len(), 1_990);
        let missed: Vec<_> = stayed.keys().filter(|id| !ids.contains(*id)).collect();
        assert!(missed.is_empty(), "{missed:?} with {threads} threads");
    }
}

#[test]
fn in_an_account_that_never_stands_still_what_the_list_missed_is_looked_up() {
    let laboratory = account_of(250);
    make_restless(&laboratory.sandbox);
    let local = laboratory.state();
    let (run, plan) = laboratory.plan("restless.run", &local, &PlanOptions::default(), 2);
    assert_eq!(plan.tally.plan.unchanged, 250);
    assert_eq!(plan.tally.plan.create, 0);
    assert_eq!(snapshot_count(&run), 250, "each id once");
}

#[test]
fn a_small_account_takes_a_few_requests_and_is_read_to_its_end() {
    for (contacts, requests) in [
        (0, 2),
        (1, 2),
        (99, 2),
        (100, 4),
        (101, 4),
        (199, 6),
        (250, 6),
    ] {
        let laboratory = account_of(contacts);
        let mut ids = std::collections::BTreeSet::new();
        let pass = laboratory
            .reader(8)
            .list(
                |contact| contact.id.into_owned(),
                |page| {
                    ids.extend(page);
                    Ok::<_, crate::api::ApiError>(())
                },
            )
            .unwrap();
        assert_eq!((ids.len(), pass.steady), (contacts, true));
        let sent = laboratory.sandbox.count("GET");
        assert!(sent <= requests, "{contacts} contacts took {sent} requests");
    }
}

#[test]
fn a_server_that_gives_short_pages_is_read_to_the_end() {
    for page_max in [1, 2, 7, 33] {
        let laboratory = Laboratory::with(Options {
            contacts: 70,
            page_max,
            ..Options::default()
        });
        let mut contacts = 0;
        laboratory
            .reader(4)
            .list(
                |_| (),
                |page| {
                    contacts += page.len();
                    Ok::<_, crate::api::ApiError>(())
                },
            )
            .unwrap();
        assert_eq!(contacts, 70, "pages of {page_max}");
    }
}

#[test]
fn an_account_that_grows_beyond_its_end_while_it_is_read_is_followed() {
    let laboratory = account_of(150);
    laboratory.sandbox.after_request(3, |account| {
        for number in 151..=900 {
            account.put(&people::contact(number));
        }
    });
    let mut contacts = 0;
    laboratory
        .reader(2)
        .list(
            |_| (),
            |page| {
                contacts += page.len();
                Ok::<_, crate::api::ApiError>(())
            },
        )
        .unwrap();
    assert_eq!(contacts, 900);
}

fn snapshot_count(run: &RunFile) -> u64 {
    let owners: BTreeMap<String, u64> = run.fact("owners_before").unwrap();
    owners.values().sum()
}
