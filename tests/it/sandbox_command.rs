//! `sandbox` and `--sandbox`: the API on loopback for people.

#![cfg(unix)]

use crate::{
    harness::{World, sample},
    samples::bring,
};

#[test]
fn a_command_with_a_sandbox_of_its_own_needs_no_account() {
    let world = World::new();
    let file = bring(&world, "contacts.csv");
    let ran = world
        .call(["import", file, "--sandbox"])
        .without("WAZZUP_TOKEN")
        .without("WAZZUP_BASE_URL")
        .run()
        .ends_with(0);
    assert!(
        ran.stderr.contains("nothing leaves this machine"),
        "{}",
        ran.shown()
    );
    assert_eq!(
        world.sandbox.request_count(),
        0,
        "the environment's API is not asked"
    );
}

#[test]
fn a_plan_of_a_sandbox_that_ends_is_not_to_be_applied() {
    let world = World::new();
    let file = bring(&world, "contacts.csv");
    let ran = world
        .run(["plan", file, "-o", "p.run", "--sandbox"])
        .tells("this plan can't be applied: its sandbox ends with this command")
        .ends_with(0);
    assert!(!ran.stderr.contains("wazzup-contacts apply"));
}

#[test]
fn the_sandbox_in_the_foreground_prints_what_to_copy_and_serves_until_interrupted() {
    let world = World::new();
    let mut sandbox = world
        .call(["sandbox", "--contacts", "12", "--port", "0"])
        .start();
    let line = sandbox.prints("WAZZUP_BASE_URL");
    let url = line.trim().trim_start_matches("export WAZZUP_BASE_URL=");
    let call = world.call(["export", "--base-url", url]);
    let ran = call.env("WAZZUP_TOKEN", "sandbox-token").run();
    assert_eq!(ran.ends_with(0).stdout.lines().count(), 13);
    sandbox.signal("INT");
    let ran = sandbox.wait().ends_with(0);
    assert_eq!(
        ran.stdout,
        format!("export WAZZUP_BASE_URL={url}\nexport WAZZUP_TOKEN=sandbox-token\n")
    );
}

#[test]
fn a_script_gets_the_address_of_a_sandbox_as_an_object() {
    let world = World::new();
    let mut sandbox = world.call(["sandbox", "--json"]).start();
    let line = sandbox.prints("base_url");
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    let call = world.call(["auth", "--base-url", object["base_url"].as_str().unwrap()]);
    let token = object["token"].as_str().unwrap();
    call.env("WAZZUP_TOKEN", token).run().ends_with(0);
    sandbox.signal("INT");
    sandbox.wait().ends_with(0);
}

#[test]
fn the_credentials_that_a_sandbox_prints_renew_a_token() {
    let world = World::new();
    let mut sandbox = world.call(["sandbox"]).start();
    let line = sandbox.prints("WAZZUP_BASE_URL");
    let url = line.trim().trim_start_matches("export WAZZUP_BASE_URL=");
    let mut printed = |name: &str| {
        let line = sandbox.says(name);
        let (_, value) = line.trim().split_once('=').unwrap();
        (format!("WAZZUP_{name}"), value.to_owned())
    };
    let partner = [printed("PARTNER_EMAIL"), printed("PARTNER_PASSWORD")];
    let simplified = vec![printed("ACCOUNT_ID")];
    let oauth = vec![printed("CLIENT_ID"), printed("REFRESH_TOKEN")];
    for way in [simplified, oauth] {
        let mut call = world.call(["auth", "--refresh", "--base-url", url]);
        for (name, value) in partner.iter().chain(&way) {
            call = call.env(name, value);
        }
        call.without("WAZZUP_TOKEN").run().ends_with(0);
    }
    sandbox.signal("INT");
    sandbox.wait().ends_with(0);
}

#[test]
fn words_that_a_sandbox_does_not_know_are_refused() {
    let world = World::new();
    for (flag, word) in [
        ("--existing", "explode"),
        ("--uri", "both"),
        ("--errors", "loud"),
        ("--require", "name"),
        ("--fault", "9x9@@"),
        ("--port", "70000"),
        ("--contacts", "many"),
        ("--page-cap", "none"),
        ("--seed", "x"),
    ] {
        let ran = world.run(["sandbox", flag, word]).ends_with(2);
        assert!(ran.stderr.contains(flag), "{}", ran.shown());
    }
    assert!(sample("contacts.csv").exists());
}

/// A sandbox in the foreground, used once it answers.
fn served(sandbox: &[&str], ask: impl FnOnce(&dyn Fn(&[&str]) -> crate::harness::Ran)) {
    let world = World::new();
    let args = sandbox.iter().chain(&["--port", "0"]);
    let mut sandbox = world.call(args).start();
    let line = sandbox.prints("WAZZUP_BASE_URL");
    let url = line.trim().trim_start_matches("export WAZZUP_BASE_URL=");
    bring(&world, "contacts.csv");
    ask(&|args| {
        let call = world.call(args.iter().chain(&["--base-url", url]));
        call.env("WAZZUP_TOKEN", "sandbox-token").run()
    });
    drop(sandbox);
}

#[test]
fn a_sandbox_behaves_as_its_flags_say() {
    let create = ["import", "contacts.csv", "--mode", "create", "--json"];
    served(&["sandbox", "--existing", "conflict"], |ask| {
        ask(&create).ends_with(0);
        // They are there already: what is not documented is looked up, and the creates become updates.
        let second = ask(&create).ends_with(0).json();
        assert!(second["requests"]["status"].get("409").is_some());
    });
    served(&["sandbox", "--uri", "stored", "--contacts", "1"], |ask| {
        assert!(
            ask(&["get", "C-000001"])
                .stdout
                .contains("https://crm.example.com")
        );
    });
    served(
        &["sandbox", "--uri", "api-path", "--contacts", "1"],
        |ask| {
            assert!(
                ask(&["get", "C-000001"])
                    .stdout
                    .contains("/api/v2/contacts/")
            );
        },
    );
    served(&["sandbox", "--page-cap", "5", "--contacts", "30"], |ask| {
        let exported = ask(&["export", "-o", "all.csv", "--json"])
            .ends_with(0)
            .json();
        assert_eq!(exported["contacts"], 30);
        assert!(exported["pages"].as_u64().unwrap() >= 6);
    });
    served(&["sandbox", "--errors", "validator"], |ask| {
        let ran = ask(&["get", "x", "-vv"]);
        assert!(!ran.stderr.contains("CONTACT_NOT_FOUND"), "{}", ran.shown());
    });
    served(&["sandbox", "--require", "chat_id,uri"], |ask| {
        let refused = ask(&create).json();
        assert!(
            refused["requests"]["status"].get("400").is_some(),
            "{refused}"
        );
    });
    served(&["sandbox", "--fault", "503@1"], |ask| {
        let ran = ask(&create).ends_with(0).json();
        assert_eq!(ran["requests"]["retried"], 1);
    });
}

#[test]
fn a_seed_decides_what_goes_wrong_by_chance() {
    let ids: Vec<String> = (1..=12).map(|number| format!("C-{number:06}")).collect();
    let fates = |seed: &str| {
        let mut fates = Vec::new();
        let mut sandbox = vec!["sandbox", "--contacts", "12"];
        sandbox.extend(["--fault", "404%50", "--seed", seed]);
        served(&sandbox, |ask| {
            let args: Vec<&str> = ["get", "-vv", "--concurrency", "1"]
                .into_iter()
                .chain(ids.iter().map(String::as_str))
                .collect();
            let log = ask(&args).stderr;
            let status = |line: &str| Some(line.split_once("status=")?.1.get(..3)?.to_owned());
            fates = log.lines().filter_map(status).collect();
        });
        assert!(fates.len() >= ids.len(), "{fates:?}");
        fates
    };
    assert_eq!(fates("1"), fates("1"));
    assert_ne!(fates("1"), fates("2"));
}
