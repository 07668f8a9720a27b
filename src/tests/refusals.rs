//! Refused contacts: exactly the invalid ones fail, for any shape of answers, within the promised number of requests.

use std::collections::BTreeSet;

use proptest::prelude::*;
use strum::VariantArray as _;

use super::{
    laboratory::{Laboratory, OPEN},
    shared::State,
};
use crate::{
    apply::ApplyError,
    contact::{Chat, ChatType, Contact},
    plan::{Mode, PlanOptions, gate::Bound},
    run::{RunError, Tally, batches, integrity, journal, sent},
    sandbox::{ErrorShape, Faults, Options, RequiredField},
};

const OPTIONS: PlanOptions = PlanOptions {
    mode: Mode::Create,
    on_duplicate: crate::plan::duplicates::OnDuplicate::Reject,
    cleared: Vec::new(),
    bounds: OPEN,
    batch_size: 100,
};

/// A contact that every server accepts, or one without a `chat_id`.
fn contact(number: usize, has_chat_id: bool) -> Contact<'static> {
    let chat = if has_chat_id {
        Chat::by_id(ChatType::Whatsapp, format!("7999{number:07}"))
    } else {
        Chat {
            username: format!("person_{number}").into(),
            ..Chat::empty(ChatType::Telegram)
        }
    };
    Contact {
        id: format!("C-{number:03}").into(),
        responsible_user_id: "1".into(),
        name: "Ann".into(),
        contact_data: vec![chat],
        uri: "https://crm.example.com".into(),
        ..Contact::default()
    }
}

/// A server that refuses these contacts: some are poisoned, the others have no `chat_id`.
fn server(
    errors: ErrorShape,
    bad: &BTreeSet<usize>,
    count: usize,
    is_poisoned: fn(usize) -> bool,
) -> (Laboratory, State) {
    let poison = bad.iter().filter(|number| is_poisoned(**number));
    let poison = poison.map(|number| format!("poison=C-{number:03}"));
    let laboratory = Laboratory::with(Options {
        errors,
        required: vec![RequiredField::ChatId],
        faults: Faults::new(poison).unwrap(),
        ..Options::default()
    });
    let has_chat_id = |number| !bad.contains(&number) || is_poisoned(number);
    let contacts = (0..count).map(|number| contact(number, has_chat_id(number)));
    let state = contacts.map(|contact| (contact.id.to_string(), contact));
    (laboratory, state.collect())
}

/// Imports, and continues whenever the budget stops the run. Returns the number of processes.
fn import_to_the_end(laboratory: &Laboratory, local: &State, max_refused: Bound) -> usize {
    let (run, _) = laboratory.plan("x.run", local, &OPTIONS, 2);
    for process in 1..1_000 {
        match laboratory.try_apply(&run, max_refused) {
            Ok(tally) => {
                assert!(tally.left() == 0);
                return process;
            }
            Err(ApplyError::Budget(_)) => {
                let tally = Tally::of(&run).unwrap();
                assert!(
                    tally.done.not_attempted > 0,
                    "stopped although nothing is left"
                );
                assert_eq!(tally.contradiction(), None);
                integrity::check(&run).unwrap();
                let is_there = |json: &[u8]| {
                    let id = run.contact(json)?.id;
                    assert!(laboratory.sandbox.contact(&id).is_some(), "{id}");
                    Ok::<_, RunError>(())
                };
                sent::for_each_written(&run, is_there).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it never ends");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_bad_contacts_fail(
        errors in proptest::sample::select(ErrorShape::VARIANTS),
        bad in prop_oneof![
            prop::collection::btree_set(0..250_usize, 0..12),
            (0..250_usize, 0..120_usize).prop_map(|(from, len)| (from..(from + len).min(250)).collect()),
        ],
        max_refused in prop_oneof![Just(Bound::Percent(100.0)), (0..40_u64).prop_map(Bound::Count)],
    ) {
        let (laboratory, local) = server(errors, &bad, 250, |number| number.is_multiple_of(2));
        import_to_the_end(&laboratory, &local, max_refused);
        let failed = laboratory.rows("x.run", "SELECT id FROM outcome WHERE outcome = 'failed' ORDER BY id");
        let expected: Vec<_> = bad.iter().map(|number| format!("[Text([67, 45, {}])]", digits(*number))).collect();
        prop_assert_eq!(failed, expected);
        let good: Vec<_> = (0..250).filter(|number| !bad.contains(number)).collect();
        prop_assert_eq!(laboratory.sandbox.contact_count(), good.len());
        for number in good {
            let writes = laboratory.sandbox.writes(&format!("C-{number:03}"));
            prop_assert_eq!((writes.created, writes.updated), (1, 0), "{}", number);
        }
        let rejected = laboratory.rows("x.run", "SELECT DISTINCT row FROM reject");
        prop_assert_eq!(rejected.len(), bad.len());
    }
}

/// The bytes of an id's digits, as the rows of a query show them.
fn digits(number: usize) -> String {
    let bytes: Vec<_> = format!("{number:03}")
        .bytes()
        .map(|byte| byte.to_string())
        .collect();
    bytes.join(", ")
}

#[test]
fn four_bad_rows_of_300_cost_few_requests_if_the_answer_names_them() {
    for bad in [
        [0, 1, 2, 3],
        [0, 100, 200, 299],
        [5, 105, 205, 206],
        [50, 51, 148, 149],
        [49, 99, 199, 299],
        [296, 297, 298, 299],
    ] {
        for errors in ErrorShape::VARIANTS {
            let (laboratory, local) = server(*errors, &bad.into(), 300, |_| true);
            assert_eq!(import_to_the_end(&laboratory, &local, OPEN.max_refused), 1);
            let posts = laboratory.sandbox.count("POST");
            let most = match errors {
                ErrorShape::Validator | ErrorShape::Index | ErrorShape::Nested => 3 + 7,
                // One name in each answer.
                ErrorShape::Classic | ErrorShape::Id => 3 + 8,
                ErrorShape::Silent => 55,
                // Plus a wrong name and the rest without it, in each batch.
                ErrorShape::FromOne => 55 + 3 * 2,
            };
            assert!(posts <= most, "{errors:?} {bad:?}: {posts}");
        }
    }
}

#[test]
fn a_batch_of_bad_contacts_is_rejected_without_a_request_for_each() {
    for errors in [ErrorShape::Validator, ErrorShape::Index, ErrorShape::Nested] {
        let (laboratory, local) = server(errors, &(0..300).collect(), 300, |_| false);
        import_to_the_end(&laboratory, &local, OPEN.max_refused);
        let posts = laboratory.sandbox.count("POST");
        assert!(posts <= 3 + 2 * 4, "{errors:?}: {posts}");
    }
}

#[test]
fn isolating_costs_what_the_plan_costs_and_100_requests_more_at_most() {
    let (laboratory, local) = server(ErrorShape::Silent, &(0..300).collect(), 300, |_| true);
    let (run, _) = laboratory.plan("x.run", &local, &OPTIONS, 2);
    let stopped = laboratory.try_apply(&run, OPEN.max_refused);
    assert!(matches!(stopped, Err(ApplyError::Budget(_))));
    let posts = laboratory.sandbox.count("POST");
    assert!((100..=3 + 3 + 100).contains(&posts), "{posts}");
    let done = Tally::of(&run).unwrap().done;
    assert_eq!(done.unknown, 0);
    assert_eq!(done.failed + done.not_attempted, 300);
    assert!(done.failed > 40, "{done:?}");
}

#[test]
fn the_others_of_a_batch_without_an_answer_stay_unknown_until_they_are_looked_up() {
    let (laboratory, local) = server(ErrorShape::Classic, &BTreeSet::new(), 3, |_| false);
    let (run, _) = laboratory.plan("x.run", &local, &OPTIONS, 1);
    // Killed after the batch was sent and before the answer; the server carried out a part.
    let sent = batches::open(&run, 0, 1).unwrap();
    journal::record(&run, &[], &[], &sent).unwrap();
    laboratory.sandbox.put_contact(&contact(2, true));

    let done = laboratory.apply_only(&run, &["C-001"]).done;
    assert_eq!((done.created, done.unknown, done.not_attempted), (1, 2, 0));
    integrity::check(&run).unwrap();

    let done = laboratory.apply(&run).done;
    assert_eq!((done.created, done.unknown, done.not_attempted), (3, 0, 0));
    let writes = |id| laboratory.sandbox.writes(id).created;
    assert_eq!(["C-000", "C-001", "C-002"].map(writes), [1, 1, 0]);
}
