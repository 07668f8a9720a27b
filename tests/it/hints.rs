//! Following a hint changes the outcome.
//!
//! Each case runs a command, finds the advice in its output, and follows it. Other hints are followed elsewhere:
//! exports of deals (`mapping_file`), mapping files (`owners`, `mapping_file`), the limits of refusals and sizes
//! (`refusals`, `limits`), tokens (`tokens`), other processes (`two_processes`), wrong accounts (`mirror`,
//! `plans`), damaged run files (`damage`), countries of numbers (`numbers`), encodings and ids in another spelling
//! (`reading`), sources that shrank (`history`).
//!
//! Some hints can't be followed in a test, because they concern the outside: a proxy, a firewall, a certificate or
//! the system's root certificates, an unpaid or locked account, a server that does not page its list, a file to
//! download or export again, a file that is open in another program, and the permissions, free space and kind of a
//! file system.

use std::fs;

use crate::harness::{World, sample};

struct Advice {
    /// The content of `contacts.csv`.
    file: &'static str,
    command: &'static str,
    exit: i32,
    hint: &'static str,
    /// The command after following the advice.
    followed: &'static str,
    then: i32,
}

const OWNED: &str = "--set responsible_user_id=u1 --set uri=https://crm.example.com/{id}";

const ABOUT_FILES: &[Advice] = &[
    Advice {
        file: "id,name,whatsapp\n1,Ann,89990000001\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "add --region RU (or KZ)",
        followed: "check contacts.csv --region RU",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,9990000001\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "10 digits without a country code (such as `9990000001` in row 2): add --region",
        followed: "check contacts.csv --region RU",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,0151 23456789\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "apparently without a country code (such as `015123456789` in row 2): add --region",
        followed: "check contacts.csv --region DE",
        then: 0,
    },
    Advice {
        file: "id,Client,whatsapp\n1,Ann,79990000001\n",
        command: "check contacts.csv --map Client=name",
        exit: 2,
        hint: "did you mean --map name='Client'?",
        followed: "check contacts.csv --map name=Client",
        then: 0,
    },
    Advice {
        file: "id,name,instagram\n1,Ann,lux.m / lux.n\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "write the account's name or its link; separate several values with `;`",
        followed: "check contacts.csv --map ignore=instagram --set instagram=lux.m;lux.n",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp,chat\n1,Ann,,79990000001\n",
        command: "check contacts.csv --set chat_id_1={chat}",
        exit: 2,
        hint: "--set works for id, responsible_user_id, name, uri and the chat types",
        followed: "check contacts.csv --set whatsapp={chat}",
        then: 0,
    },
    Advice {
        file: "id,whatsapp,Client\n1,79990000001,Ann\n",
        command: "check contacts.csv --set first_name={Client}",
        exit: 2,
        hint: "it is a part of the name; set the name (--set name=…)",
        followed: "check contacts.csv --set name={Client}",
        then: 0,
    },
    Advice {
        file: "id,name,telegram\n1,Ann,79990000001\n",
        command: "check contacts.csv",
        exit: 0,
        hint: "if it is a phone, add --map telegram_phone='…'",
        followed: "check contacts.csv --map telegram_phone=telegram",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp,Kontakt\n1,Ann,,+79990000001\n2,Bob,79990000003,+79990000002\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "read it with --map phone='Kontakt'",
        followed: "check contacts.csv --map phone=Kontakt",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp,Kontakt\n1,Ann,79990000001,+79990000001\n",
        command: "check contacts.csv",
        exit: 0,
        hint: "or ignore it with --map ignore='Kontakt'",
        followed: "check contacts.csv --map ignore=Kontakt",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp,Nummer\n1,Ann,yes,79990000001\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "read the number with --map phone='…'",
        followed: "check contacts.csv --map phone=Nummer --map ignore=whatsapp",
        then: 0,
    },
    Advice {
        file: "Contact ID,ID контакта,name,whatsapp\n1,2,Ann,79990000001\n",
        command: "check contacts.csv",
        exit: 2,
        hint: "--map id='Contact ID' or --map id='ID контакта'",
        followed: "check contacts.csv --map id=ID\u{a0}контакта",
        then: 0,
    },
    Advice {
        file: "Nr,name,whatsapp\n1,Ann,79990000001\n",
        command: "check contacts.csv --map id=No",
        exit: 2,
        hint: "copy the name from the list: --map id='…'",
        followed: "check contacts.csv --map id=Nr",
        then: 0,
    },
    Advice {
        file: "id,name,Handy\n1,Ann,79990000001\n",
        command: "check contacts.csv --set whatsapp={phone}",
        exit: 2,
        hint: "name it with --map phone='COLUMN'",
        followed: "check contacts.csv --set whatsapp={phone} --map phone=Handy",
        then: 0,
    },
    Advice {
        file: "id,name,phone\n1,Ann,79990000001\n",
        command: "check contacts.csv --phone-as vk",
        exit: 2,
        hint: "--phone-as takes whatsapp, viber, telegram and max, or none",
        followed: "check contacts.csv --phone-as viber",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n",
        command: "check contacts.csv --header-row 9",
        exit: 1,
        hint: "add a row with the column names; if --header-row N is set, N must be such a row of the file",
        followed: "check contacts.csv --header-row 1",
        then: 0,
    },
    Advice {
        file: "id%name%whatsapp\n1%Ann%79990000001\n",
        command: "check contacts.csv --map id=Nr",
        exit: 2,
        hint: "set the delimiter with --delimiter C",
        followed: "check contacts.csv --delimiter %",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n",
        command: "check contacts.csv --delimiter ;;",
        exit: 2,
        hint: "write one character",
        followed: "check contacts.csv --delimiter ,",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n",
        command: "check contacts.csv --encoding latin",
        exit: 2,
        hint: "such as utf-8",
        followed: "check contacts.csv --encoding utf-8",
        then: 0,
    },
    Advice {
        file: "Record ID,First Name,Phone Number\n1,Ann,+79990000001\n",
        command: "check contacts.csv --mapping hubspott",
        exit: 2,
        hint: "a built-in mapping: amocrm, bitrix24, google",
        followed: "check contacts.csv --mapping hubspot",
        then: 0,
    },
    Advice {
        file: "ID;Имя;Фамилия;Отчество;Ответственный;Мобильный телефон\n1;Анна;Ли;;u1;8 999 000-00-01\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "looks like Bitrix24: --mapping bitrix24\n",
        followed: "check contacts.csv --mapping bitrix24",
        then: 0,
    },
    Advice {
        file: "ID;Nombre del lead;Contacto principal;Responsable;Teléfono celular (contacto)\n1;L;Ana;u1;+52 55 1234 5678\n",
        command: "check contacts.csv",
        exit: 2,
        hint: "looks like Kommo: --mapping kommo-es",
        followed: "check contacts.csv --mapping kommo-es",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp,uri\n1,Ann,79990000001,crm.example.com/1\n2,Bob,79990000002,https://crm.example.com/2\n",
        command: "check contacts.csv",
        exit: 0,
        hint: "1 link: without https:// or another scheme (such as `crm.example.com/1` in row 2): correct the column, or make the address with --map ignore='COLUMN' --set uri='https://{COLUMN}'",
        followed: "check contacts.csv --map ignore=uri --set uri=https://{uri}",
        then: 0,
    },
    Advice {
        file: "id,Vorname,whatsapp\n1,Ann,79990000001\n",
        command: "check contacts.csv --set instagram={name}",
        exit: 2,
        hint: "or build it from other columns with --set name='{COLUMN}'",
        followed: "check contacts.csv --set instagram={name} --set name={Vorname}",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp,Konto\n1,Ann,79990000001,ann.b\n",
        command: "check contacts.csv --set instagram={Conto}",
        exit: 2,
        hint: "did you mean {Konto}?",
        followed: "check contacts.csv --set instagram={Konto}",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,,79990000001\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "or set a value for such rows with --set name='…'",
        followed: "check contacts.csv --set name=Kunde",
        then: 0,
    },
    Advice {
        file: "id,Vorname,whatsapp\n1,Ann,79990000001\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "no column is read as name: add --map name='…'",
        followed: "check contacts.csv --map name=Vorname",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n",
        command: "check contacts.cvs",
        exit: 1,
        hint: "did you mean contacts.csv?",
        followed: "check contacts.csv",
        then: 0,
    },
];

const ABOUT_THE_ACCOUNT: &[Advice] = &[
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n2,Bob,1\n3,Cy,2\n",
        command: "import contacts.csv",
        exit: 5,
        hint: "or add --max-rejects 2",
        followed: "import contacts.csv --max-rejects 2",
        then: 3,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n",
        command: "import contacts.csv --mode mirror --yes",
        exit: 5,
        hint: "to delete them, add --max-delete 2",
        followed: "import contacts.csv --mode mirror --yes --max-delete 2",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp,responsible_user_id\n1,Ann,79990000001,Ёлкина Зоя\n2,Bob,79990000002,Мария Ёлкина\n",
        command: "import contacts.csv",
        exit: 5,
        hint: "look up the ids with --owners match",
        followed: "import contacts.csv --owners match",
        then: 3,
    },
    Advice {
        file: "id,name,whatsapp,responsible_user_id\n1,Ann,79990000001,Ivan Petrov\n",
        command: "import contacts.csv",
        exit: 5,
        hint: "--owners as-written sends the names",
        followed: "import contacts.csv --owners as-written",
        then: 0,
    },
];

const MORE_ABOUT_THE_ACCOUNT: &[Advice] = &[
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n1,Bob,79990000002\n",
        command: "check contacts.csv",
        exit: 3,
        hint: "(see import --on-duplicate)",
        followed: "import contacts.csv --on-duplicate first",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,1\n2,Bob,2\n",
        command: "import contacts.csv",
        exit: 5,
        hint: "the rejects file has the reasons; `wazzup-contacts check FILE` shows how each column is read",
        followed: "check contacts.csv",
        then: 3,
    },
    Advice {
        file: "id,name,whatsapp\n8,Ann,79990000008\n,Cy,79990000003\n",
        command: "import contacts.csv --mode mirror --yes --max-rejects 1 --max-delete 1",
        exit: 5,
        hint: "fix those rows, or import with --mode upsert, which deletes nothing",
        followed: "import contacts.csv --mode upsert --max-rejects 1",
        then: 3,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n",
        command: "import contacts.csv --ids wrong.txt",
        exit: 5,
        hint: "compare the ids in --ids with the column that is read as id",
        followed: "import contacts.csv --ids ids.txt",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n",
        command: "import contacts.csv --ids ids.txt --mode mirror",
        exit: 2,
        hint: "use --mode upsert, or --mode missing to recreate deleted contacts",
        followed: "import contacts.csv --ids ids.txt --mode missing",
        then: 0,
    },
    Advice {
        file: "id,name,whatsapp\n1,Ann,79990000001\n",
        command: "import contacts.csv --profile mian",
        exit: 2,
        hint: "did you mean `main`? name one of them with --profile",
        followed: "import contacts.csv --profile main",
        then: 0,
    },
];

#[track_caller]
fn follow(world: &World, advice: &Advice) {
    world.write("contacts.csv", advice.file);
    let run = |command: &str| {
        let words = format!("{command} {OWNED}");
        // A no-break space stands for one within an argument.
        let words = words.split(' ').map(|word| word.replace('\u{a0}', " "));
        world.run(words.collect::<Vec<_>>())
    };
    let first = run(advice.command)
        .ends_with(advice.exit)
        .tells(advice.hint);
    let then = run(advice.followed).ends_with(advice.then);
    assert!(
        !then.said().contains(advice.hint) && first.said() != then.said(),
        "{}",
        then.shown()
    );
}

#[test]
fn hints_about_a_file_help() {
    for advice in ABOUT_FILES {
        follow(&World::new(), advice);
    }
}

/// The advice is to change the file or an argument of the case.
#[test]
fn hints_about_the_content_of_a_file_help() {
    let row = "1,Ann,79990000001,u1,https://crm.example.com/1\n";
    let head = "id,name,whatsapp,responsible_user_id,uri\n";
    let pretty = "{\n\"id\": \"1\",\n\"name\": \"Ann\",\n\"whatsapp\": \"79990000001\",\n\
        \"responsible_user_id\": \"u1\",\n\"uri\": \"https://crm.example.com/1\"\n}";
    let with_kind = |rows: &str| format!("ID,Тип,Имя,Телефон,Ответственный,uri\n{rows}");
    let person = "1,Контакт,Анна,79990000001,u1,https://crm.example.com/1\n";
    let company = "2,Компания,ООО,79990000002,u1,https://crm.example.com/2\n";
    let edited = "--set uri=https://my.example.com/{id} --map ignore=uri";
    for (file, options, exit, hint, better, options_then) in [
        (
            with_kind(&[person, company].concat()),
            "",
            0,
            "or remove the rows from the file",
            with_kind(person),
            "",
        ),
        (
            format!("{head}{}", row.replace("Ann", "\"Ann")),
            "",
            5,
            "close the quote, or double it",
            format!("{head}{}", row.replace("Ann", "\"Ann\"")),
            "",
        ),
        (
            format!("{head}{}", row.replace("Ann", "Lee, Ann")),
            "",
            3,
            "quote values that contain the delimiter",
            format!("{head}{}", row.replace("Ann", "\"Lee, Ann\"")),
            "",
        ),
        (
            row.to_owned(),
            "--map id=Nr",
            2,
            "the header row looks like data: add a row of column names above it",
            format!("{head}{row}"),
            "",
        ),
        (
            format!("{head}{row}").replace(',', ";"),
            "--delimiter ,",
            3,
            "only one column was found, and it contains `;`: pass --delimiter ';'",
            format!("{head}{row}").replace(',', ";"),
            "--delimiter ;",
        ),
        (
            pretty.to_owned(),
            "",
            1,
            "jq -c .",
            pretty.replace('\n', ""),
            "",
        ),
        (
            format!("{}{}\n{row}", head.trim_end(), ",x".repeat(20_000)),
            "",
            1,
            "remove the columns that are not needed",
            format!("{head}{row}"),
            "",
        ),
        (
            format!("{head}{row}"),
            "--set uri=https://YOUR-CRM/{id} --map ignore=uri",
            2,
            "or set one with --set uri='https://…/{id}'",
            format!("{head}{row}"),
            edited,
        ),
    ] {
        let world = World::new();
        let check = |options: &str| {
            let words = format!("check contacts.csv {options}");
            world.run(words.split_whitespace())
        };
        world.write("contacts.csv", file);
        check(options).ends_with(exit).tells(hint);
        world.write("contacts.csv", better);
        let then = check(options_then).ends_with(0);
        assert!(!then.said().contains(hint), "{}", then.shown());
    }
}

#[test]
fn hints_about_the_account_help() {
    for advice in ABOUT_THE_ACCOUNT.iter().chain(MORE_ABOUT_THE_ACCOUNT) {
        let world = World::new();
        world.write("ids.txt", "1\n");
        world.write("wrong.txt", "C-1\n");
        world.write("wazzup.toml", "[profiles.main]\n");
        world.write(
            "others.csv",
            "id,name,whatsapp\n8,Ann,79990000008\n9,Bob,79990000009\n",
        );
        let others = format!("import others.csv {OWNED}");
        world.run(others.split(' ')).ends_with(0);
        follow(&world, advice);
    }
}

#[test]
fn hints_about_a_workbook_help() {
    let world = World::new();
    world.write("contacts.xlsx", fs::read(sample("contacts.xlsx")).unwrap());
    world
        .run(["check", "contacts.xlsx", "--sheet", "Nope"])
        .ends_with(1)
        .tells("--sheet takes a name, a number from 1, or `all`");
    for sheet in ["Contacts", "1", "all"] {
        world
            .run(["check", "contacts.xlsx", "--sheet", sheet])
            .ends_with(0);
    }
}

/// A command that fails, its advice, and the command that follows it. `URL` is that of the sandbox, `HOST` without
/// its scheme.
const ABOUT_NAMES: &[(&str, &str, &str)] = &[
    (
        "check contcts.csv",
        "did you mean contacts.csv?",
        "check contacts.csv",
    ),
    (
        "check con*.csv",
        "name the files one by one",
        "check contacts.csv",
    ),
    (
        "check my",
        "put a name with spaces in quotes",
        "check my\u{a0}contacts.csv",
    ),
    (
        "check nowhere/contacts.csv",
        "there is no folder `nowhere`: correct the path",
        "check contacts.csv",
    ),
    (
        "check folder",
        "name a file in the folder",
        "check folder/list.csv",
    ),
    (
        "check zzzzzz",
        "the folder has `contacts.csv`",
        "check contacts.csv",
    ),
    (
        "check https://crm.example.com/contacts.csv",
        "download the file, and name the downloaded one",
        "check contacts.csv",
    ),
    (
        "check empty.csv",
        "check that it is the right file",
        "check contacts.csv",
    ),
    (
        "check contacts.csv --report contacts.csv",
        "name another file for the report, such as report.html",
        "check contacts.csv --report report.html",
    ),
    (
        "import contacts.csv --rejects contacts.csv",
        "name another file with --rejects FILE",
        "import contacts.csv --rejects rejects.csv",
    ),
    (
        "import contacts.csv --metrics contacts.csv",
        "name another file with --metrics",
        "import contacts.csv --metrics wazzup.prom",
    ),
    (
        "check contacts.csv --write-mapping ids.txt",
        "name another file with --write-mapping",
        "check contacts.csv --write-mapping mapping.toml",
    ),
    (
        "check contacts.csv folder/list.csv --write-mapping mapping.toml",
        "name one file",
        "check contacts.csv --write-mapping mapping.toml",
    ),
    (
        "export -o folder",
        "name a file in it: -o folder/contacts.csv",
        "export -o folder/contacts.csv",
    ),
    (
        "export -o backup.pdf",
        "the extensions are",
        "export -o backup.csv",
    ),
    (
        "export -o backup-{dte}.csv",
        "the file name can contain {date}",
        "export -o backup-{date}.csv",
    ),
    (
        "export -o backup.csv --keep 3",
        "name the file with -o backup-{date}.csv",
        "export -o backup-{date}.csv --keep 3",
    ),
    (
        "export -o backup.csv --format xlsx",
        "leave out --format",
        "export -o backup.csv",
    ),
    (
        "export -o backup.tsv --delimiter ;",
        "name a .csv file, or leave out --delimiter",
        "export -o backup.csv --delimiter ;",
    ),
    (
        "export -o backup.csv --delimiter #",
        "choose one of , ; | and tab",
        "export -o backup.csv --delimiter |",
    ),
    (
        "export -o backup.jsonl --layout long",
        "leave out --layout, or choose csv",
        "export -o backup.csv --layout long",
    ),
    (
        "diff contacts.csv folder/list.csv -o contacts.csv",
        "name another file with -o, such as changes.xlsx",
        "diff contacts.csv folder/list.csv -o changes.xlsx",
    ),
    (
        "diff contacts.csv folder/list.csv -o changes.pdf",
        "the extensions are",
        "diff contacts.csv folder/list.csv -o changes.csv",
    ),
    (
        "check contacts.csv --delimiter ;;",
        "write one character",
        "check contacts.csv --delimiter ,",
    ),
    (
        "check contacts.csv --map id",
        "write --map FIELD=…",
        "check contacts.csv --map id=id",
    ),
    (
        "import - --ids -",
        "save one of them to a file",
        "import contacts.csv --ids ids.txt",
    ),
    (
        "import contacts.csv --changed-only --mode mirror",
        "it works with --mode upsert and update",
        "import contacts.csv --changed-only --mode upsert",
    ),
    (
        "check contacts.csv --config nowhere.toml",
        "or leave the flag out",
        "check contacts.csv",
    ),
    (
        "runs --failed prune",
        "leave them out, or leave out `show` or `prune`",
        "runs --failed",
    ),
    (
        "check - --rejects rejects.csv",
        "save it to a file first",
        "check contacts.csv --rejects rejects.csv",
    ),
    (
        "jobs jobs.toml --job nightli",
        "--dry-run lists the jobs",
        "jobs jobs.toml --dry-run",
    ),
    (
        "auth --base-url URL/v2",
        "set --base-url or WAZZUP_BASE_URL to URL",
        "auth --base-url URL",
    ),
    (
        "auth --base-url http://user:word@HOST",
        "remove `user:password@` from --base-url",
        "auth --base-url http://HOST",
    ),
    (
        "auth --base-url https://HOST",
        "begin --base-url (WAZZUP_BASE_URL) with http://",
        "auth --base-url http://HOST",
    ),
];

#[test]
fn hints_about_names_and_settings_help() {
    let file = "id,name,whatsapp,responsible_user_id,uri\n1,Ann,79990000001,u1,https://crm.example.com/1\n";
    let job = "[[job]]\nname = \"nightly\"\ncommand = \"check\"\nsource = \"contacts.csv\"\n";
    let mut wrong = Vec::new();
    for (command, hint, followed) in ABOUT_NAMES {
        let world = World::new();
        for name in ["contacts.csv", "my contacts.csv", "folder/list.csv"] {
            world.write(name, file);
        }
        for (name, text) in [("empty.csv", ""), ("ids.txt", "1\n"), ("jobs.toml", job)] {
            world.write(name, text);
        }
        let url = world.sandbox.base_url();
        let host = url.replace("http://", "");
        let filled = |text: &str| {
            text.replace("URL/", &format!("{url}/"))
                .replace("HOST", &host)
        };
        let filled = |text: &str| match filled(text) {
            text if text.ends_with(" URL") => text.replace(" URL", &format!(" {url}")),
            text => text,
        };
        let run = |command: &str| {
            let words = filled(command);
            let words = words.split(' ').map(|word| word.replace('\u{a0}', " "));
            world.run(words.collect::<Vec<_>>())
        };
        let (first, then) = (run(command), run(followed));
        let is_given = first.code != Some(0) && first.said().contains(&filled(hint));
        let helps = then.code == Some(0) && !then.said().contains(&filled(hint));
        if !is_given || !helps {
            wrong.push(format!("{command}: {}{}", first.shown(), then.shown()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_hint_about_the_directory_of_temporary_files_helps() {
    let world = World::new();
    let check = |directory: &str| {
        let file = "id,name,whatsapp,responsible_user_id,uri\n1,Ann,79990000001,u1,https://crm.example.com/1\n";
        let call = world.call(["check", "-"]).stdin(file);
        call.env("TMPDIR", world.path(directory)).run()
    };
    let hint = "set TMPDIR to a directory that exists and has room";
    check("nowhere").ends_with(1).tells(hint);
    check(".").ends_with(0);
}

#[test]
fn no_advice_makes_the_result_worse() {
    let world = World::new();
    for (text, flags, wrong) in [
        (
            "id:name:whatsapp\n1:Ann:79990000001\n",
            "",
            "--map whatsapp='id:",
        ),
        (
            "1,Ann,u,https://x.y/1,79990000001\n2,Bob,u,https://x.y/2,79990000002\n",
            "",
            "--map uri='http",
        ),
        ("whatsapp\n79990000001\n79990000002\n", "", "--delimiter"),
        (
            "id;name;Phone;responsible_user_id;uri\n1;Ann;79990000001;u1;https://x.y/1\n",
            "--phone-as none",
            "--map phone=",
        ),
        (
            "id;name;Kontakt;responsible_user_id;uri\n1;Ann;79990000001;u1;https://x.y/1\n",
            "--phone-as none",
            "--map phone=",
        ),
    ] {
        world.write("contacts.csv", text);
        let flags = flags.split_whitespace();
        let ran = world.run(["check", "contacts.csv"].into_iter().chain(flags));
        let ran = ran.ends_with(3);
        assert!(!ran.said().contains(wrong), "{}", ran.shown());
    }
}
