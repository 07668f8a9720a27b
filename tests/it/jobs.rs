//! `jobs`: many accounts concurrently, one job per account at a time, and no effects of a job on others.

use std::{fmt::Write as _, time::Duration};

use serde_json::Value;
use wazzup_contacts::sandbox::{Faults, Options, Sandbox};

use crate::{
    harness::{Call, Ran, World, faults},
    model::{assert_holds, contact, csv},
};

/// Accounts `a0`, `a1` and so on, each a profile with a sandbox, and a file `a0.csv` with one contact of its own.
struct Accounts {
    world: World,
    sandboxes: Vec<Sandbox>,
    jobs: String,
}

impl Accounts {
    fn new(count: usize) -> Self {
        let world = World::new();
        let mut config = String::new();
        let mut sandboxes = Vec::new();
        for number in 0..count {
            let sandbox = Sandbox::start(Options::default()).unwrap();
            let (url, name) = (sandbox.base_url(), format!("a{number}"));
            world.write(&format!("{name}.token"), sandbox.token());
            world.write(&format!("{name}.csv"), csv([contact(number, "new")]));
            writeln!(
                config,
                "[profiles.{name}]\nbase_url = \"{url}\"\ntoken_file = \"{name}.token\"\npatience = {{ tries = 2, base_ms = 1, hold_ms = 50, grace_ms = 1000 }}"
            )
            .unwrap();
            sandboxes.push(sandbox);
        }
        world.write("wazzup.toml", config);
        Self {
            world,
            sandboxes,
            jobs: String::new(),
        }
    }

    /// Like [`Self::new`], with a job for each account that imports its file.
    fn with_imports(count: usize) -> Self {
        let mut accounts = Self::new(count);
        for number in 0..count {
            accounts.job(
                &format!("a{number}"),
                number,
                "import",
                &format!("source = \"a{number}.csv\""),
            );
        }
        accounts
    }

    fn job(&mut self, name: &str, account: usize, command: &str, options: &str) {
        write!(
            self.jobs,
            "[[job]]\nname = \"{name}\"\nprofile = \"a{account}\"\ncommand = \"{command}\"\n{options}\n\n"
        )
        .unwrap();
    }

    fn call(&self, line: &str) -> Call {
        if !self.world.path("jobs.toml").exists() || self.world.read("jobs.toml") != self.jobs {
            self.world.write("jobs.toml", &self.jobs);
        }
        self.world
            .call(line.split_whitespace())
            .without("WAZZUP_BASE_URL")
            .without("WAZZUP_TOKEN")
    }

    fn run(&self, line: &str) -> Ran {
        self.call(line).run()
    }
}

/// The exit code of each job of a summary object.
fn codes(summary: &Value) -> Vec<(&str, u64)> {
    let jobs = summary["jobs"].as_array().unwrap().iter();
    jobs.map(|job| {
        (
            job["job"].as_str().unwrap(),
            job["exit_code"].as_u64().unwrap(),
        )
    })
    .collect()
}

#[test]
fn a_failing_job_leaves_the_others_alone_and_the_worst_exit_code_counts() {
    let mut accounts = Accounts::with_imports(3);
    accounts.world.write("a1.csv", "id,responsible_user_id,name,uri,whatsapp\n1,107,Ann,https://x.example/1,12\n2,107,Bob,https://x.example/2,34600123456\n");
    accounts.job("missing", 0, "import", "source = \"inbox/*.csv\"");
    accounts.job("saved", 2, "export", "output = \"backup.csv\"");
    let ran = accounts
        .run("jobs jobs.toml --json --parallel 2")
        .ends_with(1);
    let summary = ran.json();
    assert_eq!(
        codes(&summary),
        [
            ("a0", 0),
            ("a1", 3),
            ("a2", 0),
            ("missing", 1),
            ("saved", 0)
        ]
    );
    assert_eq!(summary["exit_code"], 1);
    let jobs = &summary["jobs"];
    assert_eq!(jobs[0]["summary"]["done"]["created"], 1);
    assert_eq!(jobs[1]["outcome"], "with rejects");
    assert_eq!(jobs[1]["summary"]["files"]["rejects"], "a1.rejected.csv");
    assert_eq!(
        jobs[3]["summary"]["error"]["message"],
        "no file matches inbox/*.csv: check the pattern, and whether the file was delivered"
    );
    assert_eq!(jobs[4]["summary"]["contacts"], 1, "{}", ran.shown());
    insta::assert_snapshot!(
        accounts
            .run("jobs jobs.toml --parallel 1")
            .ends_with(1)
            .shown()
    );
    let failed = accounts
        .run("runs --failed --profile a0 --json")
        .ends_with(0);
    let lines: Vec<Value> = failed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{}", failed.shown());
    assert_eq!(
        (&lines[0]["source"], &lines[0]["exit_code"]),
        (&"inbox/*.csv".into(), &1.into())
    );
}

#[test]
fn two_profiles_of_one_account_take_turns_and_keep_its_limit_together() {
    let world = World::new();
    let (url, mut config, mut jobs) = (world.sandbox.base_url(), String::new(), String::new());
    world.write("token", world.sandbox.token());
    for number in 0..3 {
        let contacts = (0..12).map(|at| contact(10_usize.pow(number + 2) + at, "new"));
        world.write(&format!("{number}.csv"), csv(contacts));
        writeln!(config, "[profiles.p{number}]\nbase_url = \"{url}\"\ntoken_file = \"token\"\nrate = \"18/500ms\"\npatience = {{ tries = 2 }}").unwrap();
        writeln!(jobs, "[[job]]\nname = \"j{number}\"\nprofile = \"p{number}\"\ncommand = \"import\"\nsource = \"{number}.csv\"\nbatch-size = 1\nmode = \"create\"").unwrap();
    }
    world.write("wazzup.toml", config);
    world.write("jobs.toml", jobs);
    let call = world.call(["jobs", "jobs.toml"]);
    let ran = call
        .without("WAZZUP_BASE_URL")
        .without("WAZZUP_TOKEN")
        .run()
        .ends_with(0);
    assert_eq!(world.sandbox.contact_count(), 36, "{}", ran.shown());
    // One job's contacts after the other's, in the order of the file.
    let requests = world.sandbox.requests();
    let writes = requests.iter().filter(|request| request.method == "POST");
    let mut jobs: Vec<_> = writes.map(|request| request.ids[0].len()).collect();
    jobs.dedup();
    assert_eq!(jobs, [3, 4, 5], "{requests:?}");
    assert!(peak_per_window(&world.sandbox, Duration::from_millis(500)) <= 20);
}

#[test]
fn only_the_jobs_that_are_named_run_and_a_dry_run_runs_none() {
    let accounts = Accounts::with_imports(3);
    let ran = accounts.run("jobs jobs.toml --dry-run").ends_with(0);
    insta::assert_snapshot!(ran.shown());
    accounts
        .run("jobs jobs.toml --job a2 --job a0")
        .ends_with(0);
    let counts: Vec<_> = accounts
        .sandboxes
        .iter()
        .map(Sandbox::contact_count)
        .collect();
    assert_eq!(counts, [1, 0, 1]);
    accounts
        .run("jobs jobs.toml --job a5")
        .ends_with(2)
        .tells("no job `a5`");
}

/// The largest number of requests in a window, as a server with this window would count them.
fn peak_per_window(sandbox: &Sandbox, window: Duration) -> usize {
    let requests = sandbox.requests();
    let numbers: Vec<u128> = requests
        .iter()
        .map(|request| request.at.as_nanos() / window.as_nanos())
        .collect();
    let windows = numbers.chunk_by(u128::eq);
    windows.map(<[_]>::len).max().unwrap_or_default()
}

/// Every job once and within its account's limit, in one process and then, with changed files, in four concurrent
/// shards. Prints the cost of each run.
#[expect(clippy::print_stdout, reason = "the proof prints its figures")]
fn prove(count: usize, contacts: usize, parallel: usize) {
    let mut accounts = Accounts::new(count);
    // Below the limit of 20, because requests arrive less evenly than they leave.
    let options = "batch-size = 1\nrate = \"18/1s\"\nmode = \"mirror\"";
    for number in 0..count {
        let source = format!("source = \"a{number}.csv\"\n{options}");
        accounts.job(&format!("a{number}"), number, "import", &source);
    }
    for (word, shards) in [("new", vec![0]), ("newer", vec![0, 1, 2, 3])] {
        for number in 0..count {
            let rows = (0..contacts).map(|at| contact(number * contacts + at, word));
            accounts.world.write(&format!("a{number}.csv"), csv(rows));
        }
        for sandbox in &accounts.sandboxes {
            sandbox.clear_log();
        }
        let shard = |shard: &usize| {
            let options = format!(
                "jobs jobs.toml --parallel {parallel} --shard {shard}/{} --json",
                shards.len()
            );
            accounts.call(&options).start()
        };
        let running: Vec<_> = shards.iter().map(shard).collect();
        let costs: Vec<_> = running
            .iter()
            .map(|running| Cost::watch(running.id()))
            .collect();
        let mut ended = 0;
        for (running, cost) in running.into_iter().zip(costs) {
            let ran = running.wait().ends_with(0);
            let summary = ran.json();
            ended += codes(&summary).len();
            println!(
                "{} jobs in {} s: {}",
                codes(&summary).len(),
                summary["seconds"],
                cost.join().unwrap()
            );
        }
        assert_eq!(ended, count, "each job is of one shard");
        for (number, sandbox) in accounts.sandboxes.iter().enumerate() {
            let method = if word == "new" { "POST" } else { "PATCH" };
            let requests = sandbox.requests();
            assert_eq!(
                sandbox.count(method),
                contacts as u64,
                "account {number}: {requests:#?}"
            );
            let peak = peak_per_window(sandbox, Duration::from_secs(1));
            assert!(peak <= 20, "account {number}: {peak}");
            let rows = (0..contacts).map(|at| contact(number * contacts + at, word));
            assert_holds(sandbox, rows);
        }
    }
}

/// The memory and time of a process, as far as they can be measured, sampled until it ends.
struct Cost;

impl Cost {
    fn watch(process: u32) -> std::thread::JoinHandle<String> {
        std::thread::spawn(move || {
            let mut last = String::new();
            while let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) {
                let Some(peak) = status.lines().find(|line| line.starts_with("VmHWM")) else {
                    break;
                };
                let times =
                    std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
                let ticks = times.split_whitespace().skip(13).take(2);
                let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
                last = format!(
                    "peak {}, {} ms of CPU",
                    peak.split_whitespace()
                        .skip(1)
                        .collect::<Vec<_>>()
                        .join(" "),
                    ticks * 10
                );
                std::thread::sleep(Duration::from_millis(20));
            }
            last
        })
    }
}

#[test]
fn every_job_runs_once_and_keeps_its_limit_in_one_process_and_in_shards() {
    prove(12, 3, 8);
    let accounts = Accounts::with_imports(1);
    accounts
        .run("jobs jobs.toml --shard 4/4")
        .ends_with(2)
        .tells("I/N");
}

/// `cargo test --test it -- --ignored --nocapture five_hundred_jobs`
#[test]
#[ignore = "it takes minutes"]
fn five_hundred_jobs_run_once_and_keep_their_limits() {
    prove(500, 30, 32);
}

#[test]
fn a_job_that_panics_is_a_defect_of_its_own() {
    let accounts = Accounts::with_imports(3);
    let call = accounts.call("jobs jobs.toml --json --parallel 1");
    let ran = call.env("FAILPOINTS", "sealed=1*panic").run().ends_with(70);
    assert_eq!(codes(&ran.json()), [("a0", 70), ("a1", 0), ("a2", 0)]);
    assert!(
        ran.stderr.contains("a0: error: internal error"),
        "{}",
        ran.shown()
    );
}

#[cfg(unix)]
#[test]
fn a_signal_ends_all_jobs_in_order_and_apply_continues() {
    let mut accounts = Accounts::with_imports(3);
    accounts.job("again", 0, "apply", "");
    accounts.jobs = accounts
        .jobs
        .replace("a2.csv\"", "a2.csv\"\nbatch-size = 1");
    accounts
        .world
        .write("a2.csv", csv((0..50).map(|at| contact(at, "new"))));
    // The fifth request is the second POST.
    accounts.sandboxes[2].set_faults(faults(["POST:slow=3600s@2+"]));
    let (tell, told) = std::sync::mpsc::channel();
    accounts.sandboxes[2].after_request(5, move |_| tell.send(()).unwrap());
    let mut running = accounts
        .call("jobs jobs.toml --json --parallel 2 --job a2 --job a1 --job a0")
        .start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    running.signal("TERM");
    running.says("a2: stopping: requests in flight");
    // Sends the answers that were held.
    accounts.sandboxes[2].set_faults(Faults::default());
    let ran = running.wait().ends_with(143);
    let summary = ran.json();
    let a2 = &summary["jobs"][2];
    assert_eq!(a2["exit_code"], 143, "{}", ran.shown());
    let sent = a2["summary"]["done"]["created"].as_u64().unwrap();
    assert!((1..50).contains(&sent), "{}", ran.shown());
    assert!(
        ran.stderr
            .contains("a2: to continue: wazzup-contacts apply"),
        "{}",
        ran.shown()
    );
    accounts.jobs = accounts.jobs.replace(
        "profile = \"a0\"\ncommand = \"apply\"",
        "profile = \"a2\"\ncommand = \"apply\"",
    );
    accounts.run("jobs jobs.toml --job again").ends_with(0);
    assert_eq!(accounts.sandboxes[2].contact_count(), 50);
}

#[test]
fn a_job_that_continues_a_run_does_not_name_those_of_others() {
    let mut accounts = Accounts::new(2);
    accounts.job("plan", 1, "plan", "source = \"a1.csv\"");
    accounts.job("plan-0", 0, "plan", "source = \"a0.csv\"");
    accounts.run("jobs jobs.toml").ends_with(0);
    accounts.job("again", 0, "apply", "");
    let ran = accounts.run("jobs jobs.toml --job again").ends_with(0);
    assert!(!ran.said().contains("a1"), "{}", ran.shown());
    assert_eq!(accounts.sandboxes[0].contact_count(), 1);
    // The plan of the other account is superseded.
    accounts.job("import", 1, "import", "source = \"a1.csv\"");
    accounts.run("jobs jobs.toml --job import").ends_with(0);
    let ran = accounts.run("jobs jobs.toml --job again").ends_with(0);
    ran.tells("nothing is left to send");
    let applied = accounts.run("apply --profile a1").ends_with(0);
    applied.tells("not continued");
    let ran = accounts.run("jobs jobs.toml --job again").ends_with(0);
    assert!(!ran.said().contains("not continued"), "{}", ran.shown());
}

/// Root can read every directory.
#[cfg(unix)]
#[test]
fn a_directory_that_can_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut accounts = Accounts::new(1);
    let inbox = accounts.world.path("inbox");
    std::fs::create_dir(&inbox).unwrap();
    std::fs::set_permissions(&inbox, std::fs::Permissions::from_mode(0o300)).unwrap();
    let is_readable = inbox.read_dir().is_ok();
    accounts.job("a", 0, "import", "source = \"inbox/*.csv\"");
    let ran = accounts.run("jobs jobs.toml").ends_with(1);
    let reason = if is_readable {
        "check the pattern"
    } else {
        "inbox can't be read"
    };
    ran.tells(&format!("no file matches inbox/*.csv: {reason}"));
}

#[test]
fn the_newest_file_that_matches_is_sent() {
    let mut accounts = Accounts::new(1);
    for (number, age) in [(1, 60), (2, 30), (3, 90)] {
        let path = accounts
            .world
            .write(&format!("in/{number}.csv"), csv([contact(number, "new")]));
        let time = std::time::SystemTime::now() - Duration::from_secs(age);
        std::fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(time)
            .unwrap();
    }
    accounts.job("newest", 0, "import", "source = \"in/*.csv\"");
    accounts.run("jobs jobs.toml").ends_with(0);
    assert!(accounts.sandboxes[0].contact("2").is_some());
    assert_eq!(accounts.sandboxes[0].contact_count(), 1);
}

#[test]
fn a_mistake_in_the_file_stops_all_jobs_before_the_first_one() {
    let mut accounts = Accounts::with_imports(1);
    accounts.job("a0", 0, "imprt", "");
    accounts.job("b", 7, "verify", "source = \"a0.csv\"");
    accounts.job("c", 0, "import", "source = \"a0.csv\"\nmax_delete = \"5%\"");
    accounts.job("d", 0, "import", "source = \"[\"\nmode = \"miror\"");
    accounts.job("e", 0, "import", "source = \"a0.csv\"\nmode = \"miror\"");
    accounts.job("f", 0, "export", "output = \"x.csv\"\nkeep = { last = 3 }");
    accounts.job("g/h", 0, "export", "output = \"x.csv\"");
    accounts.job("i", 0, "export", "output = \"-\"");
    insta::assert_snapshot!(accounts.run("jobs jobs.toml").ends_with(2).shown());
    assert_eq!(accounts.sandboxes[0].request_count(), 0);
    let many: String = (10..40).fold(String::new(), |text, n| {
        text + &format!("[profiles.p{n}]\n")
    });
    accounts.world.write("many.toml", many);
    accounts.jobs = "[[job]]\nname = \"a\"\nprofile = \"a\"\ncommand = \"auth\"\n".to_owned();
    let ran = accounts.run("jobs jobs.toml --config many.toml");
    ran.ends_with(2).tells("p18, p19 and 20 more)");
    accounts.jobs = "[[job]]\nname = 3\n".to_owned();
    accounts.run("jobs jobs.toml").ends_with(2).tells("line 2");
    accounts.jobs = "[[jobs]]\nname = 3\n".to_owned();
    accounts
        .run("jobs jobs.toml")
        .ends_with(2)
        .tells("unknown field");
    accounts.jobs = String::new();
    accounts
        .run("jobs jobs.toml")
        .ends_with(2)
        .tells("no [[job]]");
}

#[cfg(unix)]
#[test]
fn no_two_jobs_write_the_same_file_and_none_a_pipe() {
    let mut accounts = Accounts::new(2);
    let dated = "output = \"backup-{date}.csv\"";
    accounts.job("a", 0, "export", dated);
    accounts.job("b", 1, "export", dated);
    let rejects = "source = \"a0.csv\"\nrejects = \"./d.rejected.csv\"";
    accounts.job("c", 0, "import", rejects);
    accounts.job("d", 1, "import", "source = \"a1.csv\"");
    accounts.job("e", 1, "export", "output = \"pipe.csv\"");
    accounts.job(
        "f",
        0,
        "import",
        "source = \"a0.csv\"\nreport = \"/dev/null\"",
    );
    accounts.job(
        "g",
        1,
        "import",
        "source = \"a1.csv\"\nreport = \"/dev/null\"",
    );
    for (account, name) in ["h", "i"].into_iter().enumerate() {
        accounts.job(name, account, "export", "output = \"own-{profile}.csv\"");
    }
    let pipe = accounts.world.path("pipe.csv");
    let made = std::process::Command::new("mkfifo").arg(pipe).status();
    assert!(made.unwrap().success());
    let twice = "source = \"a1.csv\"\nmetrics = \"x.prom\"\nrejects = \"x.prom\"";
    accounts.job("j", 1, "import", twice);
    let drop = "source = \"a1.csv\"\nbad-numbers = \"drop\"";
    accounts.job("k", 1, "import", drop);
    accounts.job("l", 0, "export", "output = \"k.dropped.csv\"");
    let ran = accounts.run("jobs jobs.toml").ends_with(2);
    ran.tells("5 mistakes")
        .tells("the jobs `k` and `l` both write k.dropped.csv")
        .tells("job `j`: `metrics` and `rejects` name the same file, x.prom")
        .tells("the jobs `a` and `b` both write backup-{date}.csv")
        .tells("the jobs `c` and `d` both write d.rejected.csv")
        .tells("job `e`: `output` is a pipe or a device, and jobs write files: pipe.csv");
    assert_eq!(accounts.sandboxes[1].request_count(), 0);
}

#[test]
fn a_shard_without_accounts_has_nothing_to_do() {
    let accounts = Accounts::with_imports(1);
    let ran = accounts.run("jobs jobs.toml --shard 0/999999").ends_with(0);
    assert_eq!(ran.said().trim(), "no job belongs to this shard");
}

#[test]
fn jobs_never_ask() {
    let mut accounts = Accounts::new(1);
    accounts.sandboxes[0].put_contact(&contact(9, "old"));
    let options = "source = \"a0.csv\"\nmode = \"mirror\"\nmax-delete = \"100%\"";
    accounts.job("mirror", 0, "import", options);
    accounts.run("jobs jobs.toml").ends_with(2).tells("--yes");
    assert!(accounts.sandboxes[0].contact("9").is_some());
    accounts.jobs += "yes = true\n";
    accounts.run("jobs jobs.toml").ends_with(0);
    assert!(accounts.sandboxes[0].contact("9").is_none());
}

#[cfg(unix)]
#[test]
fn a_terminal_shows_a_live_line_for_each_job_at_work() {
    let accounts = Accounts::with_imports(2);
    for sandbox in &accounts.sandboxes {
        sandbox.set_faults(faults(["slow=3600s@1"]));
    }
    let release = || {
        for sandbox in &accounts.sandboxes {
            sandbox.set_faults(Faults::default());
        }
    };
    let live = ["a0: [", "a1: [", "] looking up 0 of 1"];
    let (code, sent) = accounts
        .call("jobs jobs.toml")
        .on_terminal_until(&live, release);
    assert_eq!(code, Some(0), "{sent}");
    for line in ["a0: done in", "2 jobs in"] {
        assert!(sent.contains(line), "{sent}");
    }
}

#[test]
fn an_account_that_another_process_uses_ends_its_job_with_7() {
    let accounts = Accounts::with_imports(2);
    accounts.sandboxes[0].set_faults(faults(["slow=3600s@2+"]));
    let (tell, told) = std::sync::mpsc::channel();
    accounts.sandboxes[0].after_request(2, move |_| tell.send(()).unwrap());
    let first = accounts.call("import a0.csv --profile a0").start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    let ran = accounts.run("jobs jobs.toml --json").ends_with(7);
    assert_eq!(codes(&ran.json()), [("a0", 7), ("a1", 0)]);
    assert!(
        ran.stderr.contains("a0: hint:") && ran.stderr.contains("--wait"),
        "{}",
        ran.shown()
    );
    accounts.sandboxes[0].set_faults(Faults::default());
    first.wait().ends_with(0);
}
