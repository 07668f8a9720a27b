//! Bad contacts are isolated within the promised number of requests, and other contacts are not affected.

use strum::VariantArray as _;
use wazzup_contacts::sandbox::{ErrorShape, Options};

use crate::{
    harness::faults,
    model::{assert_holds, contact, csv, quick},
};

/// Imports 100 contacts as one batch of creates, some of which are refused. Returns the number of POSTs.
fn posts(errors: ErrorShape, status: u16, poisoned: &[usize]) -> u64 {
    let world = quick(Options {
        errors,
        ..Options::default()
    });
    let poison = poisoned.iter().map(|id| format!("poison-{status}={id}"));
    world.sandbox.set_faults(faults(poison));
    world.write("contacts.csv", csv((1..=100).map(|n| contact(n, "new"))));
    let import = ["import", "contacts.csv", "--mode", "create", "--json"];
    let ran = world.run(import).ends_with(3);
    let kept = (1..=100).filter(|n| !poisoned.contains(n));
    assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
    assert_eq!(ran.json()["done"]["failed"], poisoned.len());
    let rejects = world.read("contacts.rejected.csv");
    for number in poisoned {
        let line = format!("\n{number},user-");
        assert_eq!(rejects.matches(&line).count(), 1, "{number}: {rejects}");
    }
    assert_eq!(rejects.matches("refused_by_server").count(), poisoned.len());
    assert_eq!(rejects.lines().count(), 1 + poisoned.len(), "{rejects}");
    world.sandbox.count("POST")
}

#[test]
fn a_named_contact_is_sent_alone_and_costs_two_more_requests() {
    for shape in [ErrorShape::Classic, ErrorShape::Id] {
        for status in [400, 422, 413] {
            assert_eq!(posts(shape, status, &[50]), 1 + 2, "{shape:?} {status}");
        }
        // Once the server proved that it names the right ones, each costs one more request.
        let posts = posts(shape, 400, &[1, 50, 51, 100]);
        assert!((6..=8).contains(&posts), "{shape:?}: {posts}");
    }
}

/// Maximum number of additional requests to find this many bad contacts among a hundred.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]
pub(crate) fn most(poisoned: &[usize]) -> u64 {
    (2.0 * poisoned.len() as f64 * 100_f64.log2()).ceil() as u64
}

const POISONED: [&[usize]; 5] = [
    &[1],
    &[100],
    &[50, 51],
    &[3, 33, 66, 99],
    &[10, 11, 12, 13, 14],
];

#[test]
fn an_invalid_contact_that_is_not_named_is_found_by_halving() {
    for poisoned in POISONED {
        let (posts, most) = (posts(ErrorShape::Silent, 400, poisoned), most(poisoned));
        assert!(
            posts - 1 <= most,
            "{poisoned:?}: {posts} requests, {most} more are allowed"
        );
    }
}

#[test]
fn a_contact_that_is_named_by_mistake_is_not_rejected() {
    for poisoned in POISONED {
        // The one that is named instead, and the rest without it, come on top of the halving.
        let (posts, most) = (
            posts(ErrorShape::FromOne, 400, poisoned),
            most(poisoned) + 2,
        );
        assert!(
            posts - 1 <= most,
            "{poisoned:?}: {posts} requests, {most} more are allowed"
        );
    }
}

#[test]
fn an_update_of_a_contact_that_is_gone_is_rejected_and_the_others_arrive() {
    for errors in ErrorShape::VARIANTS {
        let world = quick(Options {
            errors: *errors,
            ..Options::default()
        });
        for number in (1..=50).filter(|&n| n != 20) {
            world.sandbox.put_contact(&contact(number, "old"));
        }
        world.write("contacts.csv", csv((1..=50).map(|n| contact(n, "new"))));
        world
            .run(["import", "contacts.csv", "--mode", "update"])
            .ends_with(3);
        let kept = (1..=50).filter(|&n| n != 20);
        assert_holds(&world.sandbox, kept.map(|n| contact(n, "new")));
        assert!(world.read("contacts.rejected.csv").contains("not_found"));
    }
}
