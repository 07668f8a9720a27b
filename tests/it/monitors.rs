//! Monitoring of unattended runs: the metrics file, the pings, the log, the exit codes of crontab lines.

use std::{collections::BTreeMap, path::Path, time::Duration};

use regex::Regex;
use serde_json::Value;
use wazzup_contacts::sandbox::PartnerAccount;

use crate::{
    csv_files::many,
    harness::{PingServer, Ran, World, faults, sample},
};

const SUCCESS: &str = "wazzup_contacts_last_success_timestamp_seconds";

/// Three good rows, and one without an id.
fn world() -> World {
    let world = World::new();
    world.write("wazzup.toml", "[profiles.shop]\n");
    world.write("few.csv", many(3));
    world.write("bad.csv", many(3) + ",Nameless,user-1,,\n");
    world
}

fn run(world: &World, line: &str) -> Ran {
    world.run(line.split_whitespace())
}

/// Parses the text format of Prometheus, version 0.0.4, as far as metrics files may use it: each metric has HELP
/// and TYPE once, directly before its only series. Returns the values by name, without the common prefix.
fn metrics(text: &str, labels: &str) -> BTreeMap<String, String> {
    let name = r"[a-zA-Z_:][a-zA-Z0-9_:]*";
    let label = r#"[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*""#;
    let line = Regex::new(&format!(
        r"^({name})(\{{{label}(?:,{label})*\}})? (-?\d+(?:\.\d+)?)$"
    ));
    let line = line.unwrap();
    let mut found = BTreeMap::new();
    let mut lines = text.lines().peekable();
    assert!(lines.next().unwrap().starts_with("# The last run"));
    while let Some(help) = lines.next() {
        let (name, words) = help
            .strip_prefix("# HELP ")
            .unwrap_or_else(|| panic!("{help}"))
            .split_once(' ')
            .unwrap();
        assert!(words.ends_with('.'), "{help}");
        assert_eq!(lines.next(), Some(&*format!("# TYPE {name} gauge")));
        let series = lines.next().unwrap();
        let parts = line.captures(series).unwrap_or_else(|| panic!("{series}"));
        assert_eq!((&parts[1], &parts[2]), (name, labels), "{text}");
        let short = name.strip_prefix("wazzup_contacts_").unwrap();
        let before = found.insert(short.to_owned(), parts[3].to_owned());
        assert_eq!(before, None, "{name} is there twice");
    }
    assert!(text.ends_with('\n'));
    found
}

/// The metrics of the import of the profile `shop` in `x.prom`.
fn of_shop(world: &World) -> BTreeMap<String, String> {
    let text = world.read("x.prom");
    metrics(&text, "{job_name=\"import\",profile=\"shop\"}")
}

#[test]
fn every_outcome_has_its_metrics_and_a_failure_keeps_the_last_success() {
    let world = world();
    let import = "--profile shop --metrics x.prom -q";
    run(&world, &format!("import bad.csv {import}")).ends_with(3);
    let first = of_shop(&world);
    for (name, value) in [
        ("run_exit_code", "3"),
        ("run_rows", "4"),
        ("run_rejected_rows", "1"),
        ("run_created_contacts", "3"),
        ("run_updated_contacts", "0"),
        ("run_deleted_contacts", "0"),
        ("run_refused_contacts", "0"),
        ("run_unsent_contacts", "0"),
    ] {
        assert_eq!(first[name], value, "{name}: {first:?}");
    }
    let number = |name: &str| first[name].parse::<f64>().unwrap();
    assert!(number("run_requests") > 1.0, "{first:?}");
    assert!(number("run_duration_seconds") > 0.0, "{first:?}");
    let success = &first["last_success_timestamp_seconds"];
    assert!(success.parse::<u32>().unwrap() > 1_700_000_000, "{success}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = world.path("x.prom").metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o644);
    }
    // Before the account is known, after it, and before the configuration is.
    for (line, code) in [
        (format!("import few.csv --token-file none.txt {import}"), 4),
        (format!("import bad.csv --max-rejects 0 {import}"), 5),
        (format!("import missing.csv {import}"), 1),
        (format!("import few.csv --config none.toml {import}"), 2),
    ] {
        run(&world, &line).ends_with(code);
        let failed = of_shop(&world);
        assert_eq!(failed["run_exit_code"], code.to_string());
        assert_eq!(&failed["last_success_timestamp_seconds"], success, "{line}");
    }
    world.sandbox.set_faults(faults(["400"]));
    run(&world, &format!("import few.csv {import}")).ends_with(1);
    assert!(world.read("x.prom").contains(SUCCESS));
}

#[test]
fn every_command_that_can_be_watched_writes_its_metrics() {
    let world = world();
    for (line, count) in [
        ("plan few.csv -o a.run", ("run_rows", "3")),
        ("apply a.run", ("run_created_contacts", "3")),
        ("verify few.csv", ("run_exit_code", "0")),
        ("export -o backup.csv", ("run_exported_contacts", "3")),
        ("undo a.run --yes", ("run_deleted_contacts", "3")),
    ] {
        let ran = run(&world, &format!("{line} --metrics m.prom"));
        ran.ends_with(0);
        let command = line.split(' ').next().unwrap();
        let labels = format!("{{job_name=\"{command}\",profile=\"default\"}}");
        let found = metrics(&world.read("m.prom"), &labels);
        assert_eq!(found[count.0], count.1, "{line}: {found:?}");
    }
}

#[test]
fn metrics_replace_no_other_file_and_are_checked_before_anything_is_sent() {
    let world = world();
    world.write("notes.prom", "mine\n");
    for (path, code, words) in [
        ("notes.prom", 2, "does not hold metrics of this tool"),
        ("x.txt", 2, "end in .prom"),
        ("nowhere/x.prom", 1, "can't write the metrics"),
    ] {
        let ran = run(&world, &format!("import few.csv --metrics {path}"));
        ran.ends_with(code).tells(words);
    }
    assert_eq!(world.sandbox.request_count(), 0);
    assert_eq!(world.read("notes.prom"), "mine\n");
    run(&world, "import few.csv --dry-run --metrics x.prom").ends_with(2);
}

#[test]
fn a_run_whose_metrics_can_not_be_written_has_failed() {
    let world = world();
    let path = world.path("x.prom");
    world
        .sandbox
        .after_request(1, move |_| std::fs::write(&path, "not ours").unwrap());
    let ran = run(&world, "import few.csv --metrics x.prom --json").ends_with(1);
    let summary = ran.json();
    assert_eq!(
        (&summary["exit_code"], &summary["done"]["created"]),
        (&1.into(), &3.into())
    );
    assert!(
        summary["error"]["message"]
            .as_str()
            .unwrap()
            .contains("x.prom")
    );
    assert_eq!(world.read("x.prom"), "not ours");
}

#[test]
fn a_run_pings_its_start_and_its_exit_code() {
    let world = world();
    let pings = PingServer::start([]);
    let import = format!("import bad.csv -q --ping {}", pings.url());
    run(&world, &import).ends_with(3);
    assert_eq!(pings.pings(), ["/start", "/3"]);
    run(&world, &import.replace("bad.csv", "missing.csv")).ends_with(1);
    assert_eq!(pings.pings().last().unwrap(), "/1");
    run(&world, &format!("{import} --config none.toml")).ends_with(2);
    assert_eq!(pings.pings(), ["/2"], "no work began");
    run(&world, &format!("{import} --metrics none/x.prom")).ends_with(1);
    assert_eq!(pings.pings(), ["/1"], "not even the metrics are written");
    let report = format!("{import} --report x.html");
    run(&world, &report).ends_with(3);
    assert!(!world.read("x.html").contains("s3cret"));
}

#[test]
fn a_panic_is_reported_like_any_other_error() {
    let world = world();
    let pings = PingServer::start([]);
    // The first panics while the plan is made, the second while its result is recorded.
    for (point, is_sent) in [("sealed", false), ("done", true)] {
        let name = format!("{point}.run");
        let import = format!(
            "import few.csv --run {name} --json --metrics x.prom --ping {}",
            pings.url()
        );
        let call = world.call(import.split(' '));
        let call = call.env("FAILPOINTS", format!("{point}=1*panic"));
        let ran = call.run().ends_with(70);
        let summary = ran.json();
        assert_eq!(summary["exit_code"], 70, "{}", ran.shown());
        let message = summary["error"]["message"].as_str().unwrap();
        assert!(message.contains("panicked"), "{message}");
        assert_eq!(pings.pings(), ["/start", "/70"]);
        let metrics = world.read("x.prom");
        let code = metrics.lines().find(|line| line.contains("run_exit_code{"));
        assert!(code.unwrap().ends_with(" 70"), "{metrics}");
        let runs = run(&world, "runs --json");
        let run: serde_json::Value =
            serde_json::from_str(runs.stdout.lines().next().unwrap()).unwrap();
        assert_eq!(run["exit_code"], 70, "{run}");
        assert!(run["error"].as_str().unwrap().contains("panicked"), "{run}");
        assert_eq!(run["done"]["created"].as_u64() > Some(0), is_sent, "{run}");
    }
}

#[test]
fn a_profile_names_its_ping_and_the_exit_codes_that_are_fine() {
    let world = world();
    let pings = PingServer::start([]);
    let config = format!(
        "[profiles.shop]\nping = \"{}/\"\nping_ok = [0, 3]\n",
        pings.url()
    );
    world.write("my.toml", &config);
    let shop = "--profile shop --config my.toml -q";
    run(&world, &format!("import bad.csv {shop}")).ends_with(3);
    assert_eq!(pings.pings(), ["/start", "/0"]);
    run(&world, &format!("import bad.csv --max-rejects 0 {shop}")).ends_with(5);
    assert_eq!(pings.pings(), ["/start", "/5"]);
    run(&world, &format!("apply {shop}")).ends_with(0);
    assert_eq!(pings.pings(), ["/0"], "nothing was left to send");
    for line in [
        "import bad.csv --dry-run",
        "verify few.csv",
        "export -o x.csv",
    ] {
        run(&world, &format!("{line} {shop}"));
        assert_eq!(pings.pings(), [""; 0], "{line}");
    }
    run(
        &world,
        &format!("import few.csv --metrics none/x.prom {shop}"),
    )
    .ends_with(1);
    assert_eq!(pings.pings(), ["/1"], "not even the metrics are written");
    run(&world, &format!("import few.csv --sandbox {shop}")).ends_with(0);
    assert_eq!(pings.pings(), [""; 0]);
    // A file that was found may have come with a download.
    world.write("wazzup.toml", &config);
    let ran = run(&world, "import few.csv --profile shop").ends_with(2);
    assert!(
        ran.stderr.contains("the value of `ping`"),
        "{}",
        ran.shown()
    );
    world.write("my.toml", config.replace("http://", "s3cret://"));
    let ran = run(&world, &format!("import few.csv {shop}")).ends_with(2);
    assert!(!ran.said().contains("s3cret"), "{}", ran.shown());
}

#[test]
fn a_ping_that_fails_is_a_warning_without_its_secret() {
    let world = world();
    for (statuses, heard, words) in [
        (vec![404, 404], vec!["/start", "/0"], "answered with 404"),
        (vec![301, 301], vec!["/start", "/0"], "answered with 301"),
        (vec![503, 200], vec!["/start", "/start", "/0"], ""),
    ] {
        let pings = PingServer::start(statuses);
        let ran = run(&world, &format!("import few.csv -q --ping {}", pings.url()));
        let ran = ran.ends_with(0).tells(words);
        assert_eq!(ran.stderr.is_empty(), words.is_empty(), "{}", ran.shown());
        assert!(!ran.said().contains("s3cret"), "{}", ran.shown());
        assert_eq!(pings.pings(), heard);
    }
    let ran = run(
        &world,
        "import few.csv -q --ping http://hc-ping.example/s3cret --metrics x.prom",
    );
    let ran = ran.ends_with(2).tells("not https");
    assert!(!ran.said().contains("s3cret"), "{}", ran.shown());
    assert!(world.read("x.prom").contains("run_exit_code{"));
}

#[test]
fn each_job_has_its_metrics_and_pings() {
    let world = world();
    let pings = [PingServer::start([]), PingServer::start([])];
    let mut jobs = String::new();
    for (name, source, pings) in [
        ("night", "few.csv", &pings[0]),
        ("lost", "no-*.csv", &pings[1]),
    ] {
        let url = pings.url();
        let job = format!(
            "[[job]]\nname = \"{name}\"\ncommand = \"import\"\nprofile = \"shop\"\n\
             source = \"{source}\"\nmetrics = \"{name}.prom\"\nping = \"{url}\"\nreport = \"{name}.html\"\n"
        );
        jobs.push_str(&job);
    }
    world.write("jobs.toml", &jobs);
    world.write("wrong.toml", jobs.replace("http:", "https s3cret:"));
    let wrong = run(&world, "jobs wrong.toml").ends_with(2);
    assert!(
        wrong.stderr.contains("`lost`: ping: the URL (not shown)"),
        "{}",
        wrong.shown()
    );
    assert!(!wrong.said().contains("s3cret"), "{}", wrong.shown());
    let shown = run(&world, "jobs jobs.toml --dry-run").ends_with(0);
    assert!(!shown.said().contains("s3cret"), "{}", shown.shown());
    run(&world, "jobs jobs.toml -v --log-format json")
        .ends_with(1)
        .tells("\"job\":\"night\"");
    for (name, code) in [("night", "0"), ("lost", "1")] {
        let labels = format!("{{job_name=\"{name}\",profile=\"shop\"}}");
        let found = metrics(&world.read(format!("{name}.prom")), &labels);
        assert_eq!(found["run_exit_code"], code);
    }
    assert_eq!(pings[0].pings(), ["/start", "/0"]);
    assert_eq!(pings[1].pings(), ["/1"]);
    assert!(!world.read("night.html").contains("s3cret"));
}

#[cfg(unix)]
#[test]
fn a_run_that_is_terminated_says_so() {
    let world = world();
    let pings = PingServer::start([]);
    world.sandbox.set_faults(faults(["slow=20s@2+"]));
    let told = world.when_request(1);
    let line = format!("import few.csv --metrics x.prom -q --ping {}", pings.url());
    let running = world.call(line.split(' ')).start();
    told.recv_timeout(std::time::Duration::from_secs(60))
        .unwrap();
    running.signal("TERM");
    running.wait().ends_with(143);
    assert_eq!(pings.pings(), ["/start", "/143"]);
    let found = metrics(
        &world.read("x.prom"),
        "{job_name=\"import\",profile=\"default\"}",
    );
    assert_eq!(found["run_exit_code"], "143");
}

#[test]
fn every_line_of_the_log_names_its_run_batch_and_row() {
    let world = world();
    world.write("many.csv", many(45) + ",Nameless,user-1,,\n");
    world
        .sandbox
        .set_faults(faults(["POST:503%30", "poison=17"]));
    let config = "[profiles.shop]\n[profiles.shop.patience]\nbase_ms = 1\ncap_ms = 2\n";
    world.write("wazzup.toml", config);
    let import =
        "import many.csv --profile shop --run night.run --batch-size 10 -vv --log-format json";
    let ran = run(&world, import).ends_with(3);
    let lines = ran.stderr.lines().filter(|line| line.starts_with('{'));
    let events: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let begins = events.iter().position(|event| !event["run"].is_null());
    let (before, within) = events.split_at(begins.unwrap());
    assert!(before.len() < 4, "{before:?}");
    let (mut writes, mut rows) = (0, Vec::new());
    for event in within {
        assert_eq!(event["run"], "night", "{event}");
        let fields = &event["fields"];
        if fields["what"] == "POST /v2/contacts" {
            writes += 1;
            assert!(
                (0..5).contains(&event["batch"].as_u64().unwrap()),
                "{event}"
            );
        }
        if fields["message"] == "rejected" {
            rows.push((event["row"].as_u64().unwrap(), event["batch"].as_u64()));
        }
        for key in ["timestamp", "level", "target"] {
            assert!(event[key].is_string(), "{event}");
        }
    }
    assert!(writes > 5);
    // Contact 17 is in row 18, in the second batch.
    assert_eq!(rows, [(47, None), (18, Some(1))]);
}

/// The commands of the README's crontab lines, without their times and their directory.
fn crontab_lines() -> Vec<String> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));
    let line = Regex::new(r"(?m)^30 2 \* \* \S+ +cd /srv/crm && (timeout 2h .*)$").unwrap();
    let readme = readme.unwrap();
    let lines = line.captures_iter(&readme);
    lines.map(|line| line[1].to_owned()).collect()
}

#[cfg(unix)]
#[test]
fn the_crontab_lines_of_the_readme_end_as_it_says() {
    let world = World::new();
    world.write("contacts.csv", many(3));
    world.write("wazzup.toml", std::fs::read(sample("wazzup.toml")).unwrap());
    let binary = Path::new(env!("CARGO_BIN_EXE_wazzup-contacts"));
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    let with_password = |call: crate::harness::Call| {
        let password = PartnerAccount::default().password;
        call.without("WAZZUP_TOKEN")
            .env("WAZZUP_PARTNER_PASSWORD", password)
            .env("PATH", &path)
    };
    let shell = |line: &str| with_password(world.call_program("sh", ["-c", line]));
    let lines = crontab_lines();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        shell(line).run().ends_with(0);
    }
    assert_eq!(world.read("import.log").lines().count(), 2);
    world.sandbox.set_faults(faults(["GET:slow=60s"]));
    let told = world.when_request(world.sandbox.request_count() + 2);
    let import = "import contacts.csv --profile simplified -q";
    let running = with_password(world.call(import.split(' '))).start();
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    for line in &lines {
        shell(line).run().ends_with(7);
    }
    running.kill();
}

#[test]
fn a_question_without_a_terminal_is_an_error_that_names_the_flag() {
    let world = world();
    run(&world, "import few.csv --run a.run -q").ends_with(0);
    world.write("fewer.csv", many(2));
    run(
        &world,
        "plan fewer.csv --mode mirror --max-delete 100% -o m.run -q",
    )
    .ends_with(0);
    for line in [
        "import fewer.csv --mode mirror --max-delete 100%",
        "apply m.run",
        "undo a.run",
        "delete 1",
    ] {
        let ran = run(&world, &format!("{line} -q")).ends_with(2);
        assert!(ran.stderr.contains("pass --yes"), "{}", ran.shown());
    }
    assert_eq!(world.sandbox.contact_count(), 3);
}
