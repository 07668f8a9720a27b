//! Common mistakes and the message for each: it says what happened, where, and what to do next.
//!
//! A line is a command as typed, with `WORD=…` before it for a variable. A no-break space represents a space
//! within a word. After a change, read the snapshots like someone who does not know the tool.
#![cfg(unix)]

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
};

use wazzup_contacts::sandbox::Options;

use crate::{
    harness::{Call, Ran, World},
    samples::bring,
    screen::assert_fits,
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

/// Misspelt or missing columns.
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
    "import contacts.csv --rejects contacts.csv/rejects.csv",
    "import contacts.csv --run nowhere/two.run",
    "plan contacts.csv -o contacts.csv/two.run",
    "export contacts-today.csv",
    "export -o folder",
    "export -o backup.docx",
    "export -o nowhere/backup.csv",
    "export -o /dev/full --format csv",
    "diff old.csv contacts.csv",
    "verify contcats.csv",
    "check contacts.csv --write-mapping contacts.csv",
];

/// A server that gives this answer to every request; returns its address.
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

/// The groups of mistakes. Each has its own world, because some cases depend on previous ones.
const GROUPS: [(&str, &[&str]); 6] = [
    ("files", FILES),
    ("options", OPTIONS),
    ("columns", COLUMNS),
    ("tokens", TOKENS),
    ("servers", SERVERS),
    ("runs", RUNS),
];

/// The commands of each group and their output, on a terminal of this width, if any.
fn said(
    worlds: &[World; 6],
    width: Option<usize>,
) -> Vec<(&'static str, Vec<(&'static str, Ran)>)> {
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
    let calls = GROUPS.iter().zip(worlds).map(|((name, lines), world)| {
        let calls = lines.iter().map(|line| {
            let call = call(world, &typed(world, line));
            let call = match width {
                Some(width) => call.env("COLUMNS", width.to_string()),
                None => call,
            };
            (*line, call)
        });
        (*name, calls.collect::<Vec<_>>())
    });
    // Each group in its order, and the groups at once.
    thread::scope(|scope| {
        let groups = calls.map(|(name, calls)| {
            let run = |(line, call): (_, Call)| (line, call.run());
            let work = scope.spawn(move || calls.into_iter().map(run).collect());
            (name, work)
        });
        let groups: Vec<_> = groups.collect();
        let joined =
            |(name, work): (_, thread::ScopedJoinHandle<'_, _>)| (name, work.join().unwrap());
        groups.into_iter().map(joined).collect()
    })
}

/// The mistakes of a group as text.
fn shown(ran: &[(&str, Ran)]) -> String {
    let one = |(line, ran): &(&str, Ran)| {
        let code = ran.code.unwrap_or_default();
        assert_ne!(code, 101, "{line}: {}", ran.stderr);
        format!("$ {line}\n{}{}-> {code}\n", ran.stdout, ran.stderr)
    };
    ran.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_mistake_has_a_message_that_says_what_to_do() {
    let worlds = GROUPS.map(|_| world());
    for (name, ran) in said(&worlds, None) {
        insta::assert_snapshot!(format!("mistakes-{name}"), shown(&ran));
    }
}

/// Every message at this width: only longer words may be wider.
fn assert_messages_fit(width: usize) {
    let worlds = GROUPS.map(|_| world());
    let groups = said(&worlds, Some(width));
    for (_, ran) in groups.iter().flat_map(|(_, ran)| ran) {
        assert_fits(&ran.said(), width);
    }
    let groups = groups.iter().map(|(_, ran)| shown(ran));
    let groups = groups.collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(format!("mistakes-width-{width}"), groups);
}

#[test]
fn messages_fit_40_columns() {
    assert_messages_fit(40);
}

#[test]
fn messages_fit_60_columns() {
    assert_messages_fit(60);
}

#[test]
fn messages_fit_80_columns() {
    assert_messages_fit(80);
}

#[test]
fn messages_fit_120_columns() {
    assert_messages_fit(120);
}
