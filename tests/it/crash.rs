//! The kill matrix: the real binary is killed at every write of its journal, at every boundary of a request, and
//! at random moments, once and twice in a row. Then `apply` continues, and the account must match the model:
//! nothing lost, nothing wrong, nothing created twice.

use std::time::Duration;

use wazzup_contacts::{
    contact::Contact,
    crash::Point,
    sandbox::{ErrorShape, Faults, Options},
};

use crate::{
    harness::{Ran, World, faults},
    model::{assert_holds, contact, csv, quick},
};

/// Refused by the server without being named.
const POISONED: usize = 77;

/// 1–20 are in the account unchanged, 21–40 differ, 41–100 are new (one of them is refused), 901–915 must be
/// deleted.
struct Trial(World);

impl Trial {
    fn new() -> Self {
        let world = quick(Options {
            errors: ErrorShape::Silent,
            faults: faults([format!("poison={POISONED}")]),
            ..Options::default()
        });
        for number in (1..=20).chain(901..=915) {
            world.sandbox.put_contact(&contact(number, "new"));
        }
        for number in 21..=40 {
            world.sandbox.put_contact(&contact(number, "old"));
        }
        world.write("contacts.csv", csv((1..=100).map(|n| contact(n, "new"))));
        Self(world)
    }

    /// `apply`, or `import` if no plan was sealed, possibly to be killed.
    fn go_on(&self, failpoints: &str) -> Ran {
        let call = |args: &[&str]| self.0.call(args).env("FAILPOINTS", failpoints).run();
        let applied = call(&["apply", "x.run", "--yes"]);
        let nothing_to_apply = applied.stderr.contains("was never completed")
            || applied.stderr.contains("does not exist");
        if !nothing_to_apply {
            return applied;
        }
        let import = "import contacts.csv --run x.run --mode mirror --max-delete 100% --yes \
                      --batch-size 10 --concurrency 2";
        call(&import.split_whitespace().collect::<Vec<_>>())
    }

    /// Continues without a kill, and checks the result.
    fn end(&self, killed: &str) {
        let world = &self.0;
        let ran = self.go_on("").ends_with(3);
        assert!(!ran.stderr.contains("unknown"), "{killed}: {}", ran.shown());
        let expected = (1..=100).filter(|&n| n != POISONED);
        assert_holds(&world.sandbox, expected.map(|n| contact(n, "new")));
        let writes = |n: usize| world.sandbox.writes(&n.to_string());
        for n in (41..=100).filter(|&n| n != POISONED) {
            assert_eq!(
                (writes(n).created, writes(n).updated),
                (1, 0),
                "{killed}: {n}"
            );
        }
        assert!((1..=20).all(|n| writes(n).updated == 0), "{killed}");
        assert!((901..=915).all(|n| writes(n).deleted == 1), "{killed}");
        let rejects = world.read("contacts.rejected.csv");
        assert_eq!(
            rejects.matches("refused_by_server").count(),
            1,
            "{killed}: {rejects}"
        );
        assert!(
            rejects.contains(&contact_line(&contact(POISONED, "new"))),
            "{rejects}"
        );
        let again = world.run(["apply", "x.run"]).ends_with(3);
        assert!(
            again.stderr.contains("nothing is left to send"),
            "{}",
            again.shown()
        );
        assert!(!world.path("x.run-lock").exists() && !world.path("x.run-wal").exists());
    }
}

fn contact_line(contact: &Contact<'_>) -> String {
    format!(
        "{},{},{}",
        contact.id, contact.responsible_user_id, contact.name
    )
}

fn kill_at(point: Point, passing: usize) -> String {
    format!("{}={}*off->return", point.as_str(), passing - 1)
}

#[track_caller]
fn assert_killed(ran: &Ran, killed: &str) {
    assert_eq!(ran.code, None, "{killed} is never reached: {}", ran.shown());
}

/// Kills at every passing of these points, until a run ends without passing them again.
fn at_every_passing(points: &[Point]) {
    for &point in points {
        for passing in 1.. {
            let killed = kill_at(point, passing);
            let trial = Trial::new();
            let ran = trial.go_on(&killed);
            if passing == 1 {
                assert_killed(&ran, &killed);
            }
            trial.end(&killed);
            if ran.code.is_some() {
                break;
            }
        }
    }
}

#[test]
fn a_kill_at_any_write_of_the_plan_and_the_journal_loses_nothing() {
    let is_request = |point: &Point| matches!(point, Point::Request | Point::Answer);
    let points: Vec<_> = Point::ALL
        .iter()
        .copied()
        .filter(|it| !is_request(it))
        .collect();
    at_every_passing(&points);
}

#[test]
fn a_kill_before_any_request_loses_nothing() {
    at_every_passing(&[Point::Request]);
}

#[test]
fn a_kill_after_any_answer_loses_nothing() {
    at_every_passing(&[Point::Answer]);
}

#[test]
fn two_kills_in_a_row_lose_nothing() {
    use Point::{Answer, Commit, Done, Record, Recorded, Rejects, Settled};
    let seconds = [Record, Commit, Recorded, Answer, Settled];
    for (place, first) in Point::ALL.iter().copied().enumerate() {
        let second = match first {
            Rejects => Rejects,
            Done => Done,
            _ => seconds[place % seconds.len()],
        };
        let killed = [kill_at(first, 1), kill_at(second, 1)];
        let trial = Trial::new();
        for killed in &killed {
            assert_killed(&trial.go_on(killed), killed);
        }
        trial.end(&killed.join(" and "));
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing() {
    for number in 2..=13 {
        let trial = Trial::new();
        let told = trial.0.when_request(number);
        let import = "import contacts.csv --run x.run --mode mirror --max-delete 100% --yes \
                      --batch-size 10 --concurrency 4";
        let running = trial.0.call(import.split_whitespace()).start();
        told.recv_timeout(Duration::from_secs(60)).unwrap();
        running.kill();
        trial.end(&format!("killed after request {number}"));
    }
}

#[test]
fn two_kills_at_any_moments_lose_nothing() {
    for number in 2..=9 {
        let trial = Trial::new();
        let import = "import contacts.csv --run x.run --mode mirror --max-delete 100% --yes \
                      --batch-size 10 --concurrency 4";
        let told = trial.0.when_request(number);
        let running = trial.0.call(import.split_whitespace()).start();
        told.recv_timeout(Duration::from_secs(60)).unwrap();
        running.kill();
        let next = trial.0.sandbox.request_count() + 1 + number % 3;
        let told = trial.0.when_request(next);
        let again = if trial.0.path("x.run").exists() {
            "apply x.run --yes"
        } else {
            import
        };
        let running = trial.0.call(again.split_whitespace()).start();
        // Where less than that was left, it ends by itself.
        let _ = told.recv_timeout(Duration::from_secs(2));
        running.kill();
        trial.end(&format!("killed after request {number} and {next}"));
    }
}

#[test]
fn a_batch_that_was_not_looked_up_stays_unknown() {
    for fault in ["GET:403", "GET:302", "GET:drop-before"] {
        let world = quick(Options::default());
        world.write("contacts.csv", csv((1..=3).map(|n| contact(n, "new"))));
        let import = "import contacts.csv --mode create --run x.run";
        let killed = world.call(import.split(' '));
        let killed = killed.env("FAILPOINTS", "answer=return").run();
        assert_killed(&killed, "answer");
        world.sandbox.set_faults(faults([fault]));
        let ran = world.run(["apply", "x.run", "--json"]);
        assert_eq!(ran.json()["done"]["unknown"], 3, "{}", ran.shown());
        world.sandbox.set_faults(Faults::default());
        world.run(["apply", "x.run"]).ends_with(0);
        for n in 1..=3 {
            let writes = world.sandbox.writes(&n.to_string());
            assert_eq!((writes.created, writes.updated), (1, 0), "{n}");
        }
    }
}

#[test]
fn a_sender_that_panics_is_one_error_and_no_lost_batch() {
    let trial = Trial::new();
    let ran = trial.go_on("settled=1*panic").ends_with(70);
    assert!(
        ran.stderr.contains("a sender thread panicked"),
        "{}",
        ran.shown()
    );
    assert!(
        ran.stderr
            .contains("to continue: wazzup-contacts apply x.run"),
        "{}",
        ran.shown()
    );
    trial.end("panicked");
}
