//! Mistakes that people make, and the message for each: it says what happened, where, and what to do next.
//!
//! A line is a command as it is typed, with `WORD=…` before it for a variable. A no-break space stands for one within a word.
//! After a change, read the snapshots as somebody who does not know the tool.
#![cfg(unix)]

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use wazzup_contacts::sandbox::Options;

use crate::{
    harness::{Call, World},
    samples::bring,
};

/// The wrong file, or the wrong path to it.
const FILES: &[&str] = &[
    "import",
    "check contacts.cvs",
    "check contacts.xls",
    "check lists/contacts.csv",
    "check my contacts.csv",
    r"check C:\Users\Anna\contacts.csv",
    r"check C:UsersAnnacontacts.csv",
    "check https://docs.example.com/contacts.csv",
    "check *.csv",
    "check people.csv",
    "check folder",
    "check empty.csv",
    "check ~$contacts.xlsx",
    "check photo.xlsx",
    "check letter.xlsx",
    "check document.xlsx",
    "check contacts.xlsx --sheet Kontacts",
    "check contacts.xlsx --sheet 5",
    "check contacts.csv --header-row 999",
    "check semicolons.csv --delimiter ,",
    "check contacts.csv --delimiter semicolon",
    "check contacts.csv --encoding win-1251",
    "contacts.csv import",
    "import -",
];

/// Options that are misspelt, misplaced or have a wrong value.
const OPTIONS: &[&str] = &[
    "import contacts.csv --dryrun",
    "import contacts.csv -dry-run",
    "import contacts.csv -mode create",
    "import contacts.csv --mode creat",
    "--dry-run import contacts.csv",
    "check contacts.csv --yes",
    "export --dry-run",
    "Import contacts.csv",
    "chekc contacts.csv",
    "version",
    "import --version",
    "help imprt",
    "import contacts.csv --region Russia",
    "import contacts.csv --rate 500",
    "import contacts.csv --batch-size 500",
    "import contacts.csv --canary some",
    "import contacts.csv --max-rejects ten",
    "import contacts.csv --changed-only reset",
    "import contacts.csv --full-every 3",
    "check contacts.csv --phone-as whatsap",
    "import contacts.csv --owners mapping.toml",
    "import contacts.csv --profile mian",
    "import contacts.csv --config wazup.toml",
    "check contacts.csv --mapping bitrix",
    "check contacts.csv --mapping maping.toml",
    "import contacts.csv --ids idz.txt",
];

/// Columns that are named wrongly or missing.
const COLUMNS: &[&str] = &[
    "check columns.csv --map name=Grosse",
    "check columns.csv --map name=Imya\u{a0}klienta",
    "check columns.csv --map name=Kunde",
    "check columns.csv --map nmae=Größe",
    "check columns.csv --map name",
    "check columns.csv --set uri=https://x.example/{Größen}",
    "check columns.csv --set link=https://x.example/{id}",
    "check no-ids.csv",
];

/// Tokens.
const TOKENS: &[&str] = &[
    "WAZZUP_TOKEN= auth",
    "WAZZUP_TOKEN=\"sandbox-token\" auth",
    "WAZZUP_TOKEN=<sandbox-token> auth",
    "WAZZUP_TOKEN=Bearer\u{a0}sandbox-token auth",
    "WAZZUP_TOKEN=Authorization:\u{a0}Bearer\u{a0}sandbox-token auth",
    "WAZZUP_TOKEN=sandbox\ntoken auth",
    "WAZZUP_TOKEN=https://tech.wazzup24.com auth",
    "WAZZUP_TOKEN=expired auth",
    "auth --token sandbox-token",
    "auth --token-file tokn.txt",
    "auth --token-file header.txt",
    "auth --token-file empty.csv",
    "auth --token-file folder",
];

/// The base URL and the network.
const SERVERS: &[&str] = &[
    "auth --base-url tech.wazzup24.com",
    "auth --base-url http://tech.wazzup24.com",
    "auth --base-url https://tech.wazzup24.com/v2",
    "auth --base-url https://SANDBOX",
    "auth --base-url http://TLS",
    "auth --base-url http://NGINX",
    "auth --base-url http://PAGE",
    "auth --base-url http://127.0.0.1:1",
];

/// Runs and results.
const RUNS: &[&str] = &[
    "plan contacts.csv -o plan.xlsx",
    "plan contacts.csv -q -o one.run",
    "plan contacts.csv -q -o one.run",
    "verify one.run",
    "apply one.rum",
    "apply contacts.csv",
    "apply one.run -q",
    "apply one.run",
    "undo",
    "undo last",
    "undo one.run -q --yes",
    "undo one.run",
    "delete C-0001",
    "get nobody",
    "import contacts.csv --rejects folder",
    "import contacts.csv --rejects nowhere/rejects.csv",
    "export contacts-today.csv",
    "export -o folder",
    "export -o backup.docx",
    "export -o nowhere/backup.csv",
    "export -o /dev/full --format csv",
    "diff old.csv contacts.csv",
    "verify contcats.csv",
    "check contacts.csv --write-mapping contacts.csv",
];

/// A server that gives this answer to whatever it is sent; its address.
fn answering(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // The client may have closed the connection.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    address
}

fn world() -> World {
    let world = World::with(Options {
        contacts: 3,
        ..Options::default()
    });
    for name in ["contacts.xlsx", "mapping.toml"] {
        bring(&world, name);
    }
    std::fs::create_dir(world.path("folder")).unwrap();
    let few = "id,responsible_user_id,name,uri,whatsapp\n\
        1,u1,Ann,https://crm.example.com/1,79990000001\n2,u1,Bob,https://crm.example.com/2,7999\n";
    for (name, content) in [
        ("contacts.csv", few.as_bytes()),
        ("my contacts.csv", few.as_bytes()),
        ("semicolons.csv", b"id;name;whatsapp\n1;Ann;79990000001\n"),
        (
            "columns.csv",
            "id,Größe,Имя клиента,uri\n1,Ann,Анна,https://x.example/1\n".as_bytes(),
        ),
        ("no-ids.csv", b"name,whatsapp\nAnn,79990000001\n"),
        ("empty.csv", b""),
        ("~$contacts.xlsx", b"\x15Anna"),
        ("photo.xlsx", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("document.xlsx", b"%PDF-1.4\n"),
        ("letter.xlsx", b"{\\rtf1 Dear Anna}"),
        ("ids.txt", b"1\n"),
        ("token.txt", b"sandbox-token\n"),
        ("header.txt", b"Authorization: Bearer sandbox-token\n"),
        // One try is enough to see the message.
        (
            "wazzup.toml",
            b"profile = \"main\"\n[profiles.main.patience]\ntries = 1\n[profiles.shop]\n",
        ),
    ] {
        world.write(name, content);
    }
    world
}

/// The command of a line, in this world.
fn call(world: &World, line: &str) -> Call {
    let words: Vec<_> = line
        .split(' ')
        .map(|word| word.replace('\u{a0}', " "))
        .collect();
    match words[0].split_once('=') {
        Some((name, value)) => world.call(&words[1..]).env(name, value),
        None => world.call(&words),
    }
}

#[test]
fn each_mistake_has_a_message_that_says_what_to_do() {
    let worlds = [(); 6].map(|()| world());
    let tls = answering(b"\x15\x03\x03\x00\x02\x02\x46");
    let nginx = answering(
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n\
          <html><body>The plain HTTP request was sent to HTTPS port</body></html>",
    );
    let page = answering(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html><body>Sign in</body></html>",
    );
    let typed = |world: &World, line: &str| {
        let plain = world.sandbox.base_url().replace("http://", "");
        let line = line.replace("SANDBOX", &plain).replace("TLS", &tls);
        line.replace("NGINX", &nginx).replace("PAGE", &page)
    };
    let groups = [
        ("files", FILES),
        ("options", OPTIONS),
        ("columns", COLUMNS),
        ("tokens", TOKENS),
        ("servers", SERVERS),
        ("runs", RUNS),
    ];
    let mut worlds_left = worlds.iter();
    let groups = groups.map(|(name, lines)| {
        let world = worlds_left.next().unwrap();
        let calls: Vec<_> = lines
            .iter()
            .map(|line| (*line, call(world, &typed(world, line))))
            .collect();
        (name, calls)
    });
    // Each group in its order, and the groups at once.
    let shown: Vec<_> = thread::scope(|scope| {
        let groups = groups.map(|(name, calls)| {
            let work = scope.spawn(move || {
                let said = calls.into_iter().map(|(line, call)| {
                    let ran = call.run();
                    assert_ne!(ran.code, Some(101), "{line}: {}", ran.stderr);
                    let code = ran.code.unwrap_or_default();
                    format!("$ {line}\n{}{}-> {code}\n", ran.stdout, ran.stderr)
                });
                said.collect::<Vec<_>>().join("\n")
            });
            (name, work)
        });
        groups
            .map(|(name, work)| (name, work.join().unwrap()))
            .into()
    });
    for (name, text) in shown {
        insta::assert_snapshot!(format!("mistakes-{name}"), text);
    }
}

/// Messages of each kind: of the parser, with a hint, with a question, and long ones.
const WRAPPED: &[&str] = &[
    "import",
    "import contacts.csv --token abc",
    "contacts.csv import",
    "check contacts.cvs",
    "check columns.csv --map name=Grosse",
    "check contacts.xlsx --sheet Kontacts",
    "apply contacts.csv",
    "plan contacts.csv -o plan.xlsx",
    "auth --base-url https://tech.wazzup24.com/v2",
    "WAZZUP_TOKEN=Bearer\u{a0}sandbox-token auth",
];

#[test]
fn messages_fit_the_width_of_the_terminal() {
    let world = world();
    let mut shown = String::new();
    for width in [40, 60, 80, 120] {
        for line in WRAPPED {
            let ran = call(&world, line).env("COLUMNS", width.to_string()).run();
            for printed in ran
                .stderr
                .lines()
                .filter(|printed| printed.chars().count() > width)
            {
                let words = printed.split_whitespace().count();
                assert!(words == 1, "{width}: {printed}");
            }
            shown.extend([&format!("{width} $ {line}\n"), &*ran.stderr, "\n"]);
        }
    }
    insta::assert_snapshot!("mistakes-widths", shown);
}
