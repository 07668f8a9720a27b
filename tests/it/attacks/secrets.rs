//! Servers that quote the token or the partner's password, in every output and every encoding.

use std::{fs, path::Path};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use proptest::{prelude::*, test_runner::TestRunner};
use regex::{Captures, Regex};
use serde_json::json;
use wazzup_contacts::sandbox::Options;

use crate::{
    harness::{Call, World},
    model::{contact, csv, quick},
    odd_server::{self, Answer, OddServer, Request},
};

/// The ways in which a text is quoted inside JSON.
const ENCODINGS: [fn(&str) -> String; 7] = [
    json_escaped,
    |text| json_escaped(text).replace('/', r"\/"),
    |text| joined(text.encode_utf16().map(|unit| format!(r"\u{unit:04x}"))),
    percent,
    |text| percent(&percent(text)),
    |text| joined(text.chars().map(|c| format!("&#{};", u32::from(c)))),
    |text| json_escaped(&format!("{text:?}")),
];

fn joined(escapes: impl Iterator<Item = String>) -> String {
    escapes.collect::<Vec<_>>().concat()
}

fn json_escaped(text: &str) -> String {
    json!(text).to_string().trim_matches('"').to_owned()
}

fn percent(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The ways in which an answer quotes it.
const SHAPES: [fn(&str) -> Answer; 18] = [
    |quote| json(400, format!(r#"{{"error":"X","description":"{quote}"}}"#)),
    |quote| {
        let data = format!(r#"{{"index":0,"field":"name","message":"{quote}"}}"#);
        json(400, format!(r#"{{"error":"X","data":{data}}}"#))
    },
    |quote| json(400, format!(r#"{{"message":["contacts.0.name {quote}"]}}"#)),
    |quote| json(422, format!(r#"{{"error":{{"code":"{quote}"}}}}"#)),
    |quote| {
        json(
            400,
            format!(r#"{{"errors":{{"contacts[0].{quote}":["odd"]}}}}"#),
        )
    },
    |quote| {
        let nested = json!(format!(r#"{{"message":"{quote}"}}"#));
        json(400, format!(r#"{{"message":{nested}}}"#))
    },
    |quote| json(401, format!(r#"{{"message":"{quote}"}}"#)),
    |quote| json(403, format!(r#"{{"message":"{quote}"}}"#)),
    |quote| json(404, format!(r#"{{"message":"{quote}"}}"#)),
    |quote| json(500, format!(r#"{{"message":"{quote}"}}"#)),
    |quote| json(429, format!(r#"{{"message":"{quote}"}}"#)),
    |quote| json(200, format!("\"{quote}\"")),
    |quote| json(200, format!(r#"{{"error":"X","message":"{quote}"}}"#)),
    |quote| json(200, format!(r#"{{"data":{{"processed":"{quote}"}}}}"#)),
    |quote| {
        let contact = format!(r#"{{"id":"1","name":"{quote}","contact_data":[]}}"#);
        json(200, format!(r#"{{"data":[{contact}]}}"#))
    },
    |quote| {
        let chat = format!(r#"{{"chat_type":"{quote}","chat_id":"1"}}"#);
        let contact = format!(r#"{{"id":"{quote}","name":"x","contact_data":[{chat}]}}"#);
        json(200, format!(r#"{{"data":[{contact}]}}"#))
    },
    |quote| {
        let body = format!("<html><title>{quote}</title></html>");
        (502, "text/html", body)
    },
    |quote| {
        // The test server writes the content type as it is, so it can bring along a header.
        let header = format!("text/plain\r\nlocation: https://example.com/?q={quote}");
        (302, Box::leak(header.into_boxed_str()), quote.to_owned())
    },
];

fn json(status: u16, body: String) -> Answer {
    (status, "application/json", body)
}

/// A text with the escapes of each kind undone once.
fn decodings(text: &str) -> [String; 4] {
    let units = Regex::new(r"(\\u[0-9a-f]{4})+").unwrap();
    let units = units.replace_all(text, |found: &Captures<'_>| {
        serde_json::from_str(&format!("\"{}\"", &found[0])).unwrap_or_else(|_| found[0].to_owned())
    });
    let slashes = Regex::new(r#"\\(["\\/])"#).unwrap();
    let entities = Regex::new("&#([0-9]+);").unwrap();
    let entities = entities.replace_all(text, |found: &Captures<'_>| {
        let c = found[1].parse().ok().and_then(char::from_u32);
        c.map_or_else(|| found[0].to_owned(), String::from)
    });
    [
        text.to_owned(),
        slashes.replace_all(&units, "$1").into_owned(),
        percent_decode_str(text).decode_utf8_lossy().into_owned(),
        entities.into_owned(),
    ]
}

#[track_caller]
fn assert_hidden(place: &str, text: &str, secrets: &[&str]) {
    for secret in secrets {
        for decoded in decodings(text) {
            assert!(!decoded.contains(secret), "{place} shows {secret}:\n{text}");
        }
    }
}

/// All files of the world except its configuration and the source.
fn left_by(world: &World) -> Vec<(String, String)> {
    let (mut left, mut directories) = (Vec::new(), vec![world.dir().to_owned()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if !path.ends_with("wazzup.toml") {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                left.push((path.display().to_string(), text));
            }
        }
    }
    left
}

const COMMANDS: [&str; 9] = [
    "-vv import contacts.csv --mode create --run x.run",
    "-vv apply x.run --json",
    "runs show x.run",
    "-vv --log-format json import contacts.csv --json",
    "-vv import contacts.csv --mode mirror --max-delete 100% --rejects r.xlsx",
    "-vv get 1 --json",
    "-vv export -o out.csv",
    "-vv export",
    "-vv auth --json",
];

/// Runs every command against a server that answers everything with `answer`, or only writes.
fn attack(answer: &Answer, only_writes: bool, secrets: &[&str], sign_in: impl Fn(Call) -> Call) {
    let world = quick(Options::default());
    world.write("contacts.csv", csv((1..=3).map(|n| contact(n, "new"))));
    let answer = answer.clone();
    let server = OddServer::start(Vec::new(), move |request: &Request, _| {
        (request.method != "GET" || !only_writes).then(|| answer.clone())
    });
    for command in COMMANDS {
        let ran = sign_in(server.call(&world, command)).run();
        assert!(ran.code.is_some(), "{command}: {}", ran.shown());
        assert_hidden(command, &ran.shown(), secrets);
    }
    for (name, text) in left_by(&world) {
        assert_hidden(&name, &text, secrets);
    }
}

#[test]
fn a_token_that_the_server_quotes_is_shown_nowhere() {
    let token = r#"s3cret.T0ken/with"all\of_it%41&lt;-x"#;
    for (number, shape) in SHAPES.into_iter().enumerate() {
        let encoding = ENCODINGS[number % ENCODINGS.len()];
        let answer = shape(&format!("Bearer {}!", encoding(token)));
        let sign_in = |call: Call| call.env("WAZZUP_TOKEN", token);
        attack(&answer, number < 6, &[token], sign_in);
    }
}

#[test]
fn secrets_of_any_characters_in_any_answer_are_shown_nowhere() {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 6,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let case = (
        r"[!-~]{12,40}",
        0..SHAPES.len(),
        0..ENCODINGS.len(),
        any::<bool>(),
    );
    let result = runner.run(&case, |(token, shape, encoding, only_writes)| {
        let answer = SHAPES[shape](&ENCODINGS[encoding](&token));
        attack(&answer, only_writes, &[&token], |call| {
            call.env("WAZZUP_TOKEN", &token)
        });
        Ok(())
    });
    result.unwrap();
}

/// The server that grants tokens gets the password and the refresh token, and knows the next ones.
#[test]
fn passwords_and_refresh_tokens_that_the_server_quotes_are_shown_nowhere() {
    let password = r#"pässwörd "with\all" 1/2 %41"#;
    let (refresh, next) = ("r3fresh/t0ken+1", "n3xt/t0ken+2");
    let basic = {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        STANDARD.encode(format!("p@example.com:{password}"))
    };
    let secrets = [password, refresh, next, "acc3ss/t0ken+3", &basic];
    for (number, encoding) in ENCODINGS.into_iter().enumerate() {
        let quote = secrets.map(encoding).join(" ");
        for shape in [SHAPES[0], SHAPES[6], SHAPES[9], SHAPES[16]] {
            let (answer, late) = (shape(&quote), number % 2 == 1);
            let server = OddServer::start(Vec::new(), move |request: &Request, _| {
                let is_granted = late && request.target.ends_with("/token");
                let granted = json!({ "access_token": "acc3ss/t0ken+3", "refresh_token": next });
                Some(if is_granted {
                    json(200, granted.to_string())
                } else {
                    answer.clone()
                })
            });
            let world = quick(Options::default());
            let call = server.call(&world, "-vv get 1").without("WAZZUP_TOKEN");
            let ran = call
                .env("WAZZUP_PARTNER_EMAIL", "p@example.com")
                .env("WAZZUP_PARTNER_PASSWORD", password)
                .env("WAZZUP_REFRESH_TOKEN", refresh)
                .env("WAZZUP_CLIENT_ID", "app")
                .run();
            // What the server has not been asked for yet is not known.
            let known = if late {
                &secrets[..]
            } else {
                &[password, refresh, &basic]
            };
            assert_hidden("get", &ran.shown(), known);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_token_that_a_command_printed_is_shown_nowhere() {
    let token = "fr0m/a-command\\u0041";
    let answer = SHAPES[0](&ENCODINGS[1](token));
    let world = quick(Options::default());
    world.write("token.txt", token);
    let config = "[profiles.p]\ntoken_command = \"cat token.txt\"\n";
    let config = world.write("named.toml", config);
    let server = OddServer::start(Vec::new(), move |_, _| Some(answer.clone()));
    let ran = server
        .call(&world, "-vv get 1 --profile p")
        .without("WAZZUP_TOKEN");
    let ran = ran.env("WAZZUP_CONFIG", config).run();
    assert_hidden("get", &ran.shown(), &[token]);
    assert!(ran.stderr.contains("(hidden)"), "{}", ran.shown());
}

/// A contact that quotes the token is left alone: its real text can't be shown, and no other text must be sent.
#[test]
fn a_contact_that_quotes_the_token_is_left_alone() {
    let world = quick(Options::default());
    let token = "s3cret/T0ken-1234";
    let mut people = odd_server::people(3);
    people[1]["name"] = json!(format!("Ann {token}"));
    let server = OddServer::start(people, |_, _| None);
    let call = |command| {
        server
            .call(&world, command)
            .env("WAZZUP_TOKEN", token)
            .run()
    };
    let ran = call("export -o out.csv");
    assert!(ran.stderr.contains("quotes the token"), "{}", ran.shown());
    assert_hidden("export", &(ran.shown() + &world.read("out.csv")), &[token]);
    world.write("c.csv", "id,name,whatsapp,responsible_user_id,uri\np000002,New,+34600123456,1,https://x.y/2\np000001,New,+34600123456,1,https://x.y/1\n");
    let ran = call("import c.csv --run x.run").ends_with(3);
    assert_hidden("import", &ran.shown(), &[token]);
    assert_eq!(server.contact("p000001").unwrap()["name"], "New");
    let kept = server.contact("p000002").unwrap();
    assert_eq!(kept["name"], format!("Ann {token}"));
    let run = fs::read(world.path(Path::new("x.run"))).unwrap();
    assert_hidden("x.run", &String::from_utf8_lossy(&run), &[token]);
}

#[cfg(unix)]
#[test]
fn a_command_that_prints_the_token_gets_no_other_secret() {
    let world = quick(Options::default());
    let config = "[profiles.p]\ntoken_command = \"env > env.txt; cat token.txt\"\n";
    world.write("named.toml", config);
    world.write("token.txt", world.sandbox.token());
    let auth = world.call("auth --config named.toml --profile p".split(' '));
    auth.without("WAZZUP_TOKEN")
        .env("WAZZUP_PARTNER_PASSWORD", "p4ssw0rd")
        .env("WAZZUP_CLIENT_ID", "app")
        .env("WAZZUP_PROFILE", "p")
        .run()
        .ends_with(0);
    let given = world.read("env.txt");
    assert!(given.contains("WAZZUP_PROFILE=p"), "{given}");
    assert!(!given.contains("p4ssw0rd"), "{given}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_the_process_is_not_dumped_and_not_read_by_others() {
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new();
    let mut running = world.call(["sandbox"]).start();
    running.prints("WAZZUP_BASE_URL");
    let process = Path::new("/proc").join(running.id().to_string());
    let limits = fs::read_to_string(process.join("limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"]);
    // The files of a process whose memory can't be read belong to root.
    assert_eq!(fs::metadata(process.join("mem")).unwrap().uid(), 0);
}

/// The server that grants a token writes its claims.
#[test]
fn the_account_that_a_token_names_can_not_write_lines_of_its_own() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let world = quick(Options::default());
    let claims = json!({ "account_id": "7\nhint: do harm\u{1b}[2J" }).to_string();
    let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    world.sandbox.accept_token(&token);
    let auth = world.call(["auth"]).env("WAZZUP_TOKEN", token);
    let ran = auth.run().ends_with(0);
    assert!(!ran.stderr.contains("\nhint"), "{}", ran.shown());
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.shown());
}
