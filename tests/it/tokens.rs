//! Tokens that expire, rotate, come from a command or are invalid. None is ever shown.

use std::{fs, path::Path};

use wazzup_contacts::sandbox::{Options, PartnerAccount};

use crate::{
    harness::{Call, Ran, World, faults},
    model::{assert_holds, contact, csv, quick},
};

/// With the partner's settings for getting a token, and without a token.
fn as_partner(call: Call) -> Call {
    let partner = PartnerAccount::default();
    call.without("WAZZUP_TOKEN")
        .env("WAZZUP_PARTNER_EMAIL", partner.email)
        .env("WAZZUP_PARTNER_PASSWORD", partner.password)
}

pub(crate) fn refreshing(call: Call) -> Call {
    let partner = PartnerAccount::default();
    as_partner(call)
        .env("WAZZUP_REFRESH_TOKEN", partner.refresh_token)
        .env("WAZZUP_CLIENT_ID", partner.client_id)
}

fn wrong(call: Call) -> Call {
    call.env("WAZZUP_TOKEN", "a-wr0ng-one")
}

fn simplified(call: Call) -> Call {
    as_partner(call).env("WAZZUP_ACCOUNT_ID", "7204-2419")
}

#[test]
fn a_token_that_dies_at_any_request_is_renewed_and_the_request_sent_again() {
    for sign_in in [refreshing, simplified] {
        let world = quick(Options {
            faults: faults(["token-dies%20"]),
            ..Options::default()
        });
        world.write("contacts.csv", csv((1..=3_000).map(|n| contact(n, "new"))));
        let import = ["import", "contacts.csv", "--mode", "create"];
        sign_in(world.call(import)).run().ends_with(0);
        assert_holds(&world.sandbox, (1..=3_000).map(|n| contact(n, "new")));
    }
}

#[test]
fn a_fixed_token_that_is_to_be_renewed_is_not_called_refused() {
    let world = quick(Options::default());
    let ran = world.run(["auth", "--refresh"]).ends_with(4);
    ran.tells("the token from WAZZUP_TOKEN can't be renewed");
}

#[test]
fn the_refresh_token_turns_and_is_kept_for_its_owner_only() {
    let world = quick(Options::default());
    for _ in 0..3 {
        // The refresh token in the environment is spent by the first; the others use the kept one.
        refreshing(world.call(["auth", "--refresh"]))
            .run()
            .ends_with(0);
    }
    let ran = refreshing(world.call(["auth", "--json"]))
        .run()
        .ends_with(0);
    let status = ran.json();
    assert_eq!(
        (&status["good"], &status["renewable"]),
        (&true.into(), &true.into())
    );
    assert!(status["expires_at"].is_string(), "{}", ran.shown());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let stores: Vec<_> = files(world.dir())
            .filter(|path| is_token_store(path) && path.extension().is_none_or(|it| it != "lock"))
            .collect();
        assert!(!stores.is_empty());
        for path in stores {
            assert_eq!(
                path.metadata().unwrap().permissions().mode() & 0o077,
                0,
                "{path:?}"
            );
        }
    }
}

#[test]
fn rejects_that_could_not_be_written_are_found_out_before_the_refresh_token_is_spent() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=3).map(|n| contact(n, "new"))));
    let import = ["import", "contacts.csv", "--rejects", "nowhere/x.csv"];
    refreshing(world.call(import)).run().ends_with(1);
    assert_eq!(world.sandbox.request_count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_is_found_before_the_refresh_token_is_spent() {
    let world = quick(Options::default());
    for blocks in [0, 8] {
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec {} auth",
            env!("CARGO_BIN_EXE_wazzup-contacts")
        );
        let ran = refreshing(world.call_program("sh", ["-c", &script])).run();
        let ran = ran.ends_with(1);
        assert!(
            ran.stderr.contains("the next one must be saved"),
            "{}",
            ran.shown()
        );
        assert_eq!(world.sandbox.request_count(), 0, "{}", ran.shown());
    }
    refreshing(world.call(["auth"])).run().ends_with(0);
}

#[cfg(unix)]
#[test]
fn a_command_can_give_the_token() {
    let world = quick(Options::default());
    let config = world.read("wazzup.toml");
    let command = "token_command = \"cat token.txt\"";
    let config = config.replace(
        "[profiles.quick]\n",
        &format!("[profiles.quick]\n{command}\n"),
    );
    world.write("wazzup.toml", config);
    world.write("token.txt", world.sandbox.token());
    let ran = world
        .call(["auth"])
        .env("WAZZUP_CONFIG", "wazzup.toml")
        .without("WAZZUP_TOKEN")
        .run()
        .ends_with(0);
    assert!(ran.said().contains("token_command"), "{}", ran.shown());
    world.write("token.txt", "another");
    let ran = world
        .call(["auth"])
        .env("WAZZUP_CONFIG", "wazzup.toml")
        .without("WAZZUP_TOKEN")
        .run()
        .ends_with(4);
    let hint = "run the profile's `token_command` by hand";
    assert!(ran.stderr.contains(hint), "{}", ran.shown());
    assert!(!ran.stderr.contains("WAZZUP_"), "{}", ran.shown());
}

#[test]
fn an_expired_token_stops_the_run_which_goes_on_with_a_new_one() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=2_000).map(|n| contact(n, "new"))));
    world.sandbox.set_faults(faults(["token-dies@6"]));
    let import = [
        "import",
        "contacts.csv",
        "--mode",
        "create",
        "--run",
        "x.run",
        "--json",
    ];
    let ran = world.run(import).ends_with(4);
    let resume = ran.json()["resume"].as_str().unwrap().to_owned();
    assert!(
        resume.starts_with("wazzup-contacts apply x.run"),
        "{resume}"
    );
    assert_eq!(
        ran.json()["done"]["unknown"],
        0,
        "a 401 is an answer: {}",
        ran.shown()
    );
    assert!(ran.stderr.contains("WAZZUP_TOKEN"), "{}", ran.shown());
    world.sandbox.accept_token("a-new-one");
    world
        .call(["apply", "x.run"])
        .env("WAZZUP_TOKEN", "a-new-one")
        .run()
        .ends_with(0);
    assert_holds(&world.sandbox, (1..=2_000).map(|n| contact(n, "new")));
}

/// With a refresh token, the access token may expire in the middle of a long run.
#[test]
fn a_token_beside_all_that_renews_it_is_renewed() {
    let world = quick(Options::default());
    let auth = |call: Call| call.env("WAZZUP_TOKEN", "ended-an-hour-ago").run();
    let ran = auth(refreshing(world.call(["auth", "--json"]))).ends_with(0);
    assert_eq!(ran.json()["renewable"], true, "{}", ran.shown());
    let lacking = refreshing(world.call(["auth"])).without("WAZZUP_CLIENT_ID");
    let ran = auth(lacking).ends_with(4);
    assert!(ran.stderr.contains("WAZZUP_TOKEN"), "{}", ran.shown());
}

#[test]
fn a_token_that_is_no_good_is_said_to_be_so() {
    let world = quick(Options::default());
    let ran = world
        .call(["auth"])
        .env("WAZZUP_TOKEN", "wr0ng")
        .run()
        .ends_with(4);
    assert!(ran.said().contains("from WAZZUP_TOKEN"), "{}", ran.shown());
    assert!(!ran.stderr.contains("wr0ng"), "{}", ran.shown());
}

/// Everything under a directory.
fn files(directory: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let mut waiting = vec![directory.to_path_buf()];
    std::iter::from_fn(move || {
        while let Some(path) = waiting.pop() {
            if !path.is_dir() {
                return Some(path);
            }
            waiting.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        None
    })
}

fn is_token_store(path: &Path) -> bool {
    path.parent()
        .is_some_and(|parent| parent.ends_with("tokens"))
}

#[test]
fn no_byte_that_the_tool_leaves_holds_a_secret() {
    let world = quick(Options {
        faults: faults(["token-dies%10", "503%10", "poison=17"]),
        ..Options::default()
    });
    world.write(
        "contacts.csv",
        csv((1..=500).map(|n| contact(n, "new"))) + ",,,,\nbad,,,,x\n",
    );
    let commands = [
        "-vv import contacts.csv --batch-size 10 --run x.run",
        "-vv --log-format json import contacts.csv --batch-size 10 --json",
        "-vv apply x.run --json",
        "-vv runs",
        "-vv runs show x.run",
        "-vv auth --refresh",
        "-vv auth --json",
        "-vv get 1 2",
        "-vv export -o out.csv",
        "-vv plan contacts.csv -o y.run",
    ];
    let mut said = Vec::new();
    for command in commands {
        let ran: Ran = refreshing(world.call(command.split_whitespace())).run();
        said.push((command.to_owned(), (ran.stdout + &ran.stderr).into_bytes()));
    }
    for sign_in in [simplified, wrong] {
        for command in ["-vv import contacts.csv --mode create", "-vv auth"] {
            let ran = sign_in(world.call(command.split(' '))).run();
            said.push((command.to_owned(), (ran.stdout + &ran.stderr).into_bytes()));
        }
    }
    #[cfg(unix)]
    {
        world.sandbox.accept_token("from-a-c0mmand");
        world.write("outside.txt", "ZnJvbS1hLWMwbW1hbmQ=");
        let config = world.read("wazzup.toml").replace(
            "[profiles.quick]\n",
            "[profiles.quick]\ntoken_command = \"base64 -d outside.txt\"\n",
        );
        world.write("wazzup.toml", config);
        let call = world.call("-vv import contacts.csv --mode create".split(' '));
        let call = call.env("WAZZUP_CONFIG", "wazzup.toml");
        let ran = call.without("WAZZUP_TOKEN").run();
        said.push((
            "a command".to_owned(),
            (ran.stdout + &ran.stderr).into_bytes(),
        ));
    }
    let call = world.call(["-vv", "get", "1"]);
    let ran = wrong(call.env("WAZZUP_CONFIG", "wazzup.toml")).run();
    said.push((
        "a wrong token".to_owned(),
        (ran.stdout + &ran.stderr).into_bytes(),
    ));
    let left = files(world.dir()).filter(|path| !is_token_store(path));
    said.extend(left.map(|path| (path.display().to_string(), fs::read(path).unwrap())));
    let partner = PartnerAccount::default();
    let mut secrets = world.sandbox.issued_tokens();
    assert!(secrets.len() > 4, "tokens were renewed");
    let basic = {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        STANDARD.encode(format!("{}:{}", partner.email, partner.password))
    };
    secrets.extend([
        basic,
        "from-a-c0mmand".to_owned(),
        partner.password,
        partner.refresh_token,
        "a-wr0ng-one".to_owned(),
    ]);
    for (place, bytes) in said {
        for secret in &secrets {
            let secret = secret.as_bytes();
            let is_there = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(
                !is_there,
                "{place} holds {}",
                String::from_utf8_lossy(secret)
            );
        }
    }
}

/// A token with these claims.
fn jwt(claims: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
}

/// A world whose tokens come from a file.
#[cfg(unix)]
fn with_tokens_from_a_file() -> World {
    let world = quick(Options::default());
    let config = "[profiles.quick]\ntoken_command = \"cat token.txt\"\n";
    let config = world
        .read("wazzup.toml")
        .replace("[profiles.quick]\n", config);
    world.write("wazzup.toml", config);
    world.write("contacts.csv", csv((1..=3).map(|n| contact(n, "new"))));
    world
}

/// Runs a command with a token of these claims.
#[cfg(unix)]
fn run_as(world: &World, claims: &str, command: &str) -> Ran {
    world.sandbox.accept_token(&jwt(claims));
    world.write("token.txt", jwt(claims));
    let call = world.call(command.split(' '));
    let call = call.env("WAZZUP_CONFIG", "wazzup.toml");
    call.without("WAZZUP_TOKEN").run()
}

#[cfg(unix)]
#[test]
fn a_plan_is_not_sent_with_the_token_of_another_account() {
    let world = with_tokens_from_a_file();
    let accounts = [
        [r#"{"account_id":111}"#, r#"{"account_id":222}"#],
        [
            r#"{"client_id":"partner","sub":"one"}"#,
            r#"{"client_id":"partner","sub":"two"}"#,
        ],
        [
            r#"{"client_id":"partner","company":"one","exp":4000000000}"#,
            r#"{"client_id":"partner","company":"two","exp":4000000000}"#,
        ],
    ];
    for (n, [own, other]) in accounts.into_iter().enumerate() {
        run_as(&world, own, &format!("plan contacts.csv -o {n}.run")).ends_with(0);
        run_as(&world, other, &format!("apply {n}.run")).ends_with(5);
        assert_eq!(world.sandbox.contact_count(), 0);
    }
    run_as(&world, accounts[1][0], "apply 1.run").ends_with(0);
}

#[test]
fn an_account_is_the_same_however_its_number_is_written() {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=3).map(|n| contact(n, "new"))));
    let with_account = |account, command: &str| {
        let call = world.call(command.split(' '));
        call.env("WAZZUP_ACCOUNT_ID", account).run()
    };
    with_account("7204-2419", "plan contacts.csv -o x.run").ends_with(0);
    with_account("", "apply x.run").ends_with(5);
    with_account("72042419", "apply x.run").ends_with(0);
    with_account("", "plan contacts.csv -o y.run").ends_with(0);
    let apply = "apply y.run".split(' ');
    world
        .call(apply)
        .without("WAZZUP_ACCOUNT_ID")
        .run()
        .ends_with(0);
}

#[test]
fn what_the_server_says_of_a_token_is_not_taken_for_the_token() {
    let world = quick(Options::default());
    let call = world.call(["auth"]).env("WAZZUP_TOKEN", "wrong");
    call.run()
        .tells("the token is missing, wrong or expired")
        .ends_with(4);
}

#[test]
fn what_a_profile_lacks_to_get_a_token_is_named() {
    let world = quick(Options::default());
    let profile = |keys: &str| {
        let text = format!("[profiles.p]\npartner_email = 'a@b.c'\n{keys}\n");
        world.write("wazzup.toml", text);
        let auth = world.call(["auth", "--profile", "p"]);
        auth.without("WAZZUP_TOKEN").run().ends_with(2)
    };
    profile("account_id = '7204-2419'")
        .tells("the profile's `account_id` is set, but WAZZUP_PARTNER_PASSWORD is missing");
    profile("client_id = 'app'")
        .tells("the profile's `client_id` is set, but WAZZUP_REFRESH_TOKEN is missing");
}

/// A profile for simplified authorization with these additional lines, in a named file.
fn partner_profile(world: &World, lines: &str) {
    let email = PartnerAccount::default().email;
    let config = format!(
        "[profiles.main]\naccount_id = \"7204-2419\"\npartner_email = \"{email}\"\n{lines}\n"
    );
    world.write("my.toml", config);
}

fn auth_as_partner(world: &World) -> Call {
    let auth = world.call(["auth", "--config", "my.toml", "--profile", "main"]);
    auth.without("WAZZUP_TOKEN")
}

#[cfg(unix)]
#[test]
fn the_password_of_the_partner_comes_from_a_file_or_a_command() {
    let world = quick(Options::default());
    world.write("password.txt", PartnerAccount::default().password + "\n");
    for (line, origin) in [
        (
            "partner_password_file = \"password.txt\"",
            "partner_password_file",
        ),
        (
            "partner_password_command = \"cat password.txt\"",
            "partner_password_command",
        ),
    ] {
        partner_profile(&world, line);
        auth_as_partner(&world).run().ends_with(0);
        partner_profile(&world, &line.replace("password.txt", "wrong.txt"));
        world.write("wrong.txt", "wr0ng");
        let ran = auth_as_partner(&world).run().ends_with(4);
        assert!(
            ran.stderr.contains(&format!("password from {origin}")),
            "{}",
            ran.shown()
        );
        for other in [
            "wr0ng",
            "WAZZUP_TOKEN",
            "WAZZUP_PARTNER_PASSWORD",
            "--token-file",
        ] {
            assert!(!ran.said().contains(other), "{}", ran.shown());
        }
        // A file that was found may have come with a download.
        partner_profile(&world, &line.replace("password.txt", "/dev/null"));
        world.write("wazzup.toml", world.read("my.toml"));
        let found = world
            .call(["auth", "--profile", "main"])
            .without("WAZZUP_TOKEN");
        let ran = found.run().ends_with(2);
        assert!(
            ran.stderr.contains(&format!("the value of `{origin}`")),
            "{}",
            ran.shown()
        );
    }
    for (line, words) in [
        (
            "partner_password_command = \"exit 3\"",
            "`partner_password_command` of the profile failed",
        ),
        (
            "partner_password_file = \"none.txt\"",
            "partner_password_file",
        ),
        ("", "`partner_password_file` in the profile"),
    ] {
        partner_profile(&world, line);
        let ran = auth_as_partner(&world).run();
        assert!(
            ran.code != Some(0) && ran.stderr.contains(words),
            "{}",
            ran.shown()
        );
    }
}

#[test]
fn a_refused_grant_says_which() {
    let world = quick(Options::default());
    let partner = PartnerAccount::default();
    partner_profile(&world, "");
    let auth = auth_as_partner(&world).env("WAZZUP_PARTNER_PASSWORD", &partner.password);
    let ran = auth.env("WAZZUP_ACCOUNT_ID", "1").run().ends_with(4);
    assert!(
        ran.stderr.contains("check the account's id"),
        "{}",
        ran.shown()
    );
    let call = refreshing(world.call(["auth"])).env("WAZZUP_REFRESH_TOKEN", "sp3nt");
    let ran = call.run().ends_with(4);
    assert!(
        ran.stderr.contains("authorize the application again"),
        "{}",
        ran.shown()
    );
    assert!(!ran.said().contains("sp3nt"), "{}", ran.shown());
}

#[test]
fn the_service_manager_passes_credentials() {
    let world = quick(Options::default());
    let partner = PartnerAccount::default();
    partner_profile(&world, "token_file = \"wrong.txt\"");
    world.write("wrong.txt", "wr0ng");
    let auth = || auth_as_partner(&world).env("CREDENTIALS_DIRECTORY", world.path("credentials"));
    let ran = auth().run().ends_with(2);
    assert!(
        ran.stderr.contains("WAZZUP_PARTNER_PASSWORD is missing"),
        "{}",
        ran.shown()
    );
    world.write("credentials/partner_password", &partner.password);
    let ran = auth().run().ends_with(0);
    assert!(
        ran.said().contains("simplified authorization"),
        "{}",
        ran.shown()
    );
    world.write("credentials/token", "wr0ng");
    let ran = auth().run().ends_with(4);
    assert!(ran.stderr.contains("the credential"), "{}", ran.shown());
    // That of the profile precedes the one for all.
    world.write("credentials/main.token", world.sandbox.token());
    let ran = auth().run().ends_with(0);
    assert!(ran.said().contains("main.token"), "{}", ran.shown());
    // A refresh token is better than a token, because it is renewed; the environment precedes both.
    world.write("credentials/main.refresh_token", &partner.refresh_token);
    let ran = auth()
        .env("WAZZUP_CLIENT_ID", &partner.client_id)
        .run()
        .ends_with(0);
    assert!(ran.said().contains("automatic"), "{}", ran.shown());
    fs::remove_file(world.path("credentials/main.refresh_token")).unwrap();
    auth().env("WAZZUP_TOKEN", "another").run().ends_with(4);
}
