//! Two concurrent processes: one waits or is refused, and no run is damaged.

use std::{sync::mpsc::Receiver, time::Duration};

use wazzup_contacts::sandbox::{Existing, Faults, Options};

use crate::{
    harness::{World, faults},
    model::{assert_holds, contact, csv, quick},
};

/// From the third request on, nothing is answered until the faults are replaced, so the sending process stays
/// busy.
fn hold(world: &World) -> Receiver<()> {
    let forever = "slow=3600s@3+";
    world.sandbox.set_faults(faults([forever]));
    world.when_request(3)
}

#[test]
fn a_second_run_against_the_account_is_refused_or_waits() {
    let world = quick(Options::default());
    world.write("a.csv", csv((1..=1_000).map(|n| contact(n, "new"))));
    world.write("b.csv", csv((1_001..=1_500).map(|n| contact(n, "new"))));
    let told = hold(&world);
    let first = world
        .call(["import", "a.csv", "--mode", "create", "--concurrency", "1"])
        .start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    let refused = world
        .run(["import", "b.csv", "--mode", "create"])
        .ends_with(7);
    assert!(refused.stderr.contains("--wait"), "{}", refused.shown());
    world.run(["apply"]).ends_with(7).tells("in use by another");
    assert!(world.sandbox.contact("1001").is_none());
    let mut waiting = world
        .call(["import", "b.csv", "--mode", "create", "--wait"])
        .start();
    waiting.says("waiting for it to end");
    assert!(world.sandbox.contact("1001").is_none());
    world.sandbox.set_faults(Faults::default());
    first.wait().ends_with(0);
    waiting.wait().ends_with(0);
    assert_holds(&world.sandbox, (1..=1_500).map(|n| contact(n, "new")));
}

#[test]
fn the_same_run_is_never_sent_by_two_at_once() {
    let world = quick(Options::default());
    world.write("a.csv", csv((1..=1_000).map(|n| contact(n, "new"))));
    world
        .run(["plan", "a.csv", "--mode", "create", "-o", "a.run"])
        .ends_with(0);
    let told = hold(&world);
    let first = world.call(["apply", "a.run", "--concurrency", "1"]).start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    let second = world.run(["apply", "a.run", "--wait"]).ends_with(7);
    assert!(
        second.stderr.contains("in use by another"),
        "{}",
        second.shown()
    );
    let shown = world.run(["runs", "show", "a.run"]).ends_with(0);
    assert!(
        shown.stdout.contains("create"),
        "it can be looked at: {}",
        shown.shown()
    );
    world.sandbox.set_faults(Faults::default());
    first.wait().ends_with(0);
    for number in 1..=1_000 {
        let writes = world.sandbox.writes(&number.to_string());
        assert_eq!((writes.created, writes.updated), (1, 0), "{number}");
    }
}

#[test]
fn apply_waits_for_another_run_of_the_account_as_well() {
    let world = quick(Options::default());
    world.write("a.csv", csv((1..=1_000).map(|n| contact(n, "new"))));
    world.write("b.csv", csv((1_001..=1_010).map(|n| contact(n, "new"))));
    let plan = "plan b.csv --mode create -o b.run";
    world.run(plan.split(' ')).ends_with(0);
    let told = hold(&world);
    let import = "import a.csv --mode create --concurrency 1";
    let first = world.call(import.split(' ')).start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    let refused = world.run(["apply", "b.run"]).ends_with(7);
    assert!(refused.stderr.contains("--wait"), "{}", refused.shown());
    assert!(world.sandbox.contact("1001").is_none());
    let mut waiting = world.call(["apply", "b.run", "--wait"]).start();
    waiting.says("waiting for it to end");
    world.sandbox.set_faults(Faults::default());
    first.wait().ends_with(0);
    waiting.wait().ends_with(0);
    assert_holds(&world.sandbox, (1..=1_010).map(|n| contact(n, "new")));
}

#[cfg(unix)]
#[test]
fn who_waits_for_another_run_can_be_told_to_stop() {
    let world = quick(Options::default());
    world.write("a.csv", csv((1..=1_000).map(|n| contact(n, "new"))));
    let told = hold(&world);
    let first = world
        .call(["import", "a.csv", "--mode", "create", "--concurrency", "1"])
        .start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    let mut second = world
        .call(["import", "a.csv", "--mode", "create", "--wait"])
        .start();
    second.says("waiting for it to end");
    second.signal("TERM");
    second.wait().ends_with(143);
    world.sandbox.set_faults(Faults::default());
    first.wait().ends_with(0);
}

#[test]
fn an_export_shares_no_limit_with_an_import_that_knows_nothing_of_it() {
    let world = quick(Options::default());
    world.write("a.csv", csv((1..=1_000).map(|n| contact(n, "new"))));
    let told = hold(&world);
    let first = world
        .call(["import", "a.csv", "--mode", "create", "--concurrency", "1"])
        .start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    let refused = world.run(["export", "-o", "all.csv"]).ends_with(7);
    assert!(refused.stderr.contains("--wait"), "{}", refused.shown());
    let mut waiting = world.call(["export", "-o", "all.csv", "--wait"]).start();
    waiting.says("waiting for it to end");
    world.sandbox.set_faults(Faults::default());
    first.wait().ends_with(0);
    waiting.wait().ends_with(0);
    assert_eq!(world.read("all.csv").lines().count(), 1_001);
}

#[cfg(unix)]
#[test]
fn a_run_is_not_sent_through_a_link_and_another_state_directory_at_once() {
    let world = quick(Options::default());
    world.write("a.csv", csv((1..=1_000).map(|n| contact(n, "new"))));
    world
        .run(["plan", "a.csv", "--mode", "create", "-o", "a.run"])
        .ends_with(0);
    std::os::unix::fs::symlink("a.run", world.path("link.run")).unwrap();
    let told = hold(&world);
    let first = world.call(["apply", "a.run", "--concurrency", "1"]).start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    let second = world
        .call(["apply", "link.run"])
        .env("XDG_STATE_HOME", world.path("other"));
    let second = second.run().ends_with(7);
    assert!(second.stderr.contains("run link.run"), "{}", second.shown());
    world.sandbox.set_faults(Faults::default());
    first.wait().ends_with(0);
}

/// Locks don't cover another computer, but the account shows that it was written meanwhile.
#[test]
fn a_contact_that_another_computer_created_meanwhile_is_warned_of() {
    let warning = "1 contact missing from the account when the plan was made existed";
    for (stale_after, code) in [("10m", 0), ("0s", 3)] {
        let world = quick(Options {
            existing: Existing::Conflict,
            ..Options::default()
        });
        world.write("a.csv", csv((1..=9).map(|n| contact(n, "new"))));
        world.run(["plan", "a.csv", "-o", "a.run"]).ends_with(0);
        world.sandbox.put_contact(&contact(3, "theirs"));
        let apply = ["apply", "a.run", "--json", "--stale-after", stale_after];
        let ran = world.run(apply).ends_with(code);
        let said = ran.json()["warnings"].to_string();
        assert!(said.contains(warning), "{stale_after}: {}", ran.shown());
        assert!(
            ran.stderr.contains(warning),
            "{stale_after}: {}",
            ran.shown()
        );
        assert_eq!(world.sandbox.contact_count(), 9);
    }
}

#[test]
fn a_contact_that_may_have_existed_before_is_not_warned_of() {
    let world = quick(Options {
        existing: Existing::Conflict,
        ..Options::default()
    });
    world.write("a.csv", csv((1..=9).map(|n| contact(n, "new"))));
    world.sandbox.put_contact(&contact(3, "old"));
    let import = ["import", "a.csv", "--mode", "create", "--json"];
    let ran = world.run(import).ends_with(0);
    assert_eq!(ran.json().get("warnings"), None, "{}", ran.shown());
}
