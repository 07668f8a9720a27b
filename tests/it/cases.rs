//! Small files like those of real exports, each with a trap: `check` reads the right contacts, or says what it could not
//! read. The files are in `tests/it/cases/`.

use std::{ffi::OsStr, fs, path::Path};

use crate::harness::World;

struct Case {
    file: &'static str,
    /// Options for `check`, besides the file.
    options: &'static str,
    exit: i32,
    /// The contacts as `id|name|responsible_user_id|uri|chats`.
    contacts: &'static [&'static str],
    /// What the output must contain.
    tells: &'static [&'static str],
}

const EMPTY: Case = Case {
    file: "",
    options: "",
    exit: 0,
    contacts: &[],
    tells: &[],
};

/// Values for the fields that the smallest files lack.
const SET: &str = "--set responsible_user_id=user-1 --set uri=https://crm.example.com/c/{id}";

const FIVE: &[&str] = &[
    "1|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
    "2|N2|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
    "3|N3|user-1|https://crm.example.com/c/3|whatsapp 79990000003",
    "4|N4|user-1|https://crm.example.com/c/4|whatsapp 79990000004",
    "5|N5|user-1|https://crm.example.com/c/5|whatsapp 79990000005",
];

const WEB_PAGES: &[Case] = &[
    Case {
        file: "01a-nested-table-comment.xls",
        options: "--map name=comment",
        contacts: &[
            "1|ok|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|call back Monday|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
            "3|ok|user-1|https://crm.example.com/c/3|whatsapp 79990000003",
            "4|ok|user-1|https://crm.example.com/c/4|whatsapp 79990000004",
            "5|ok|user-1|https://crm.example.com/c/5|whatsapp 79990000005",
        ],
        ..EMPTY
    },
    Case {
        file: "01a-nested-table-comment.xls",
        contacts: FIVE,
        ..EMPTY
    },
    Case {
        file: "01b-nested-table-name.html",
        contacts: FIVE,
        ..EMPTY
    },
    Case {
        file: "nest1.html",
        options: SET,
        contacts: &[
            "1|Ann|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|Bob|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        tells: &["reading sheet `table 2`"],
        ..EMPTY
    },
    Case {
        file: "nest3.html",
        options: SET,
        contacts: &[
            "1|Ann\nnote|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|Bob|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        ..EMPTY
    },
    Case {
        file: "entities.xls",
        options: SET,
        contacts: &[
            "1|José Muñoz|user-1|https://crm.example.com/c/1|whatsapp 34600000001",
            "2|João\u{a0}Léo Éric|user-1|https://crm.example.com/c/2|whatsapp 5511987654321",
        ],
        ..EMPTY
    },
    Case {
        file: "09c-hyperlink.xls",
        contacts: &["1|A|user-1|https://crm.example.com/c/1|whatsapp 79990000001"],
        ..EMPTY
    },
    Case {
        file: "10c-rowspan-owner.xls",
        contacts: &[
            "1|A|user-7|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|B|user-7|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        ..EMPTY
    },
    Case {
        file: "18a-hidden-sortkey.xls",
        contacts: &["1|Anna|user-1|https://crm.example.com/c/1|whatsapp 79990000001"],
        tells: &["cells with hidden text, which was left out: 1"],
        ..EMPTY
    },
    Case {
        file: "18b-hidden-row.xls",
        contacts: &[
            "9|HIDDEN|user-1|https://crm.example.com/c/9|whatsapp 79990000009",
            "1|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
        ],
        tells: &["hidden rows, also read: 1"],
        ..EMPTY
    },
    Case {
        file: "23a-mhtml.xls",
        exit: 1,
        tells: &["a web archive (MHTML)"],
        ..EMPTY
    },
];

const TEXT: &[Case] = &[
    Case {
        file: "enc_apos.csv",
        options: SET,
        contacts: &[
            "1|D’angelo|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|Anna’s shop|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        ..EMPTY
    },
    Case {
        file: "enc_nbsp.csv",
        options: SET,
        contacts: &[
            "1|Ann Baker|user-1|https://crm.example.com/c/1|whatsapp 79991234567",
            "2|Bob Stone|user-1|https://crm.example.com/c/2|whatsapp 79991234568",
        ],
        ..EMPTY
    },
    Case {
        file: "enc_dash.csv",
        options: SET,
        contacts: &[
            "1|Ann Baker|user-1|https://crm.example.com/c/1|whatsapp 79991234567",
            "2|Bob – Stone|user-1|https://crm.example.com/c/2|whatsapp 79991234568",
        ],
        ..EMPTY
    },
    Case {
        file: "02a-space-before-quote.csv",
        contacts: &[
            "1|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|N2|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        tells: &["spaces before the quotes"],
        ..EMPTY
    },
    Case {
        file: "02c-space-before-quote.tsv",
        contacts: &[
            "1|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|N2|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        ..EMPTY
    },
    Case {
        file: "03a-single-quoted.csv",
        contacts: &[
            "1|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|N2|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        tells: &["cells are in single quotes"],
        ..EMPTY
    },
    Case {
        file: "03c-single-quoted.tsv",
        contacts: &[
            "1|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|N2|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        ..EMPTY
    },
    Case {
        file: "04a-backslash-quote.csv",
        contacts: &[
            "1|Petrov \"Ace\" Ivan|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|B, \"C\"|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        ..EMPTY
    },
    Case {
        file: "04b-undoubled-quote.csv",
        contacts: &[
            "1|Petrov \"Ace\" Ivan|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
        ],
        ..EMPTY
    },
    Case {
        file: "09d-hyperlink-formula.csv",
        contacts: &["1|A|user-1|https://crm.example.com/c/1|whatsapp 79990000001"],
        tells: &["=HYPERLINK(…) replaced by its text, or by its address"],
        ..EMPTY
    },
    Case {
        file: "14a-pandas-float-ids.csv",
        contacts: &[
            "1001|A|12|https://crm.example.com/c/1001|whatsapp 79990000001",
            "1002|B|12|https://crm.example.com/c/1002|whatsapp 79990000002",
        ],
        tells: &[
            "4 ids: written as a fraction or with an exponent, read as the whole number (1001.0 → 1001)",
        ],
        ..EMPTY
    },
    Case {
        file: "14c-id-scientific.csv",
        contacts: &["1006|A|12|https://crm.example.com/c/1006|whatsapp 79990000001"],
        tells: &["(1.006E+03 → 1006)"],
        ..EMPTY
    },
    Case {
        file: "21a-whole-line-quoted.csv",
        contacts: &[
            "1|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|Petrov, Ivan|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        tells: &["whole lines are quoted"],
        ..EMPTY
    },
    Case {
        file: "21c-whole-line-quoted-data-only.csv",
        contacts: &["1|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001"],
        tells: &["whole lines are quoted"],
        ..EMPTY
    },
];

const VALUES: &[Case] = &[
    Case {
        file: "16a-lid.csv",
        exit: 3,
        tells: &[
            "41860913909960@lid",
            "is a WhatsApp LID, not a phone number",
        ],
        ..EMPTY
    },
    Case {
        file: "16b-lid.jsonl",
        exit: 3,
        tells: &["is a WhatsApp LID, not a phone number"],
        ..EMPTY
    },
    Case {
        file: "17a-br-ddd19.csv",
        exit: 5,
        tells: &[
            "2 of the 2 numbers in `Celular` are not valid international numbers, but national ones of BR",
        ],
        ..EMPTY
    },
    Case {
        file: "17a-br-ddd19.csv",
        options: "--region BR",
        contacts: &[
            "1|Ana|user-1|https://crm.example.com/c/1|whatsapp 5519987654321",
            "2|Bia|user-1|https://crm.example.com/c/2|whatsapp 5519991234567",
        ],
        ..EMPTY
    },
    Case {
        file: "17a-br-ddd19.csv",
        options: "--region none",
        contacts: &[
            "1|Ana|user-1|https://crm.example.com/c/1|whatsapp 19987654321",
            "2|Bia|user-1|https://crm.example.com/c/2|whatsapp 19991234567",
        ],
        tells: &["2 numbers in `Celular` are not valid in the country of their digits"],
        ..EMPTY
    },
    Case {
        file: "17c-br-number.xlsx",
        exit: 5,
        tells: &["are not valid international numbers, but national ones of"],
        ..EMPTY
    },
    Case {
        file: "24a-instagram-links.csv",
        exit: 3,
        contacts: &["1|A|user-1|https://crm.example.com/c/1|instagram anna.example"],
        tells: &["instagram.com/direct/t/12345` is a link that does not lead to an account"],
        ..EMPTY
    },
    Case {
        file: "25b-label-viber.csv",
        contacts: &[
            "1|A|user-1|https://crm.example.com/c/1|whatsapp 79990000001, viber 79990000002",
        ],
        tells: &["2 numbers: sent to the messenger that is named beside it"],
        ..EMPTY
    },
];

#[test]
fn values_of_cells_are_read_right_or_rejected() {
    VALUES.iter().for_each(holds);
}

const UNCALCULATED: &str = "formulas saved without their result, read as empty or as the 0";

const WORKBOOKS: &[Case] = &[
    Case {
        file: "08a-xlsxwriter-formula.xlsx",
        contacts: &[
            "K1|0|user-1|0|whatsapp 79990000001",
            "K2|0|user-1|0|whatsapp 79990000002",
        ],
        tells: &[UNCALCULATED, ": 4, in `name`, `uri` (open the workbook"],
        ..EMPTY
    },
    Case {
        file: "08c-xlsxwriter-phone.xlsx",
        exit: 3,
        tells: &[
            ": 1, in `viber` (open",
            "phone number: write the whole number with its country code (the cell contains a formula",
        ],
        ..EMPTY
    },
    Case {
        file: "08d-shared-formula-no-result.xlsx",
        exit: 3,
        tells: &[
            ": 1, in `responsible_user_id` (open",
            "is empty: fill in `responsible_user_id`, or set a value for such rows with --set responsible_user_id='…' (the cell contains a formula",
        ],
        ..EMPTY
    },
    Case {
        file: "09a-hyperlink.xlsx",
        contacts: &["1|A|user-1|https://crm.example.com/c/1|whatsapp 79990000001"],
        ..EMPTY
    },
    Case {
        file: "10a-merged-owner.xlsx",
        contacts: &[
            "1|N1|user-7|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|N2|user-7|https://crm.example.com/c/2|whatsapp 79990000002",
            "3|N3|user-7|https://crm.example.com/c/3|whatsapp 79990000003",
        ],
        ..EMPTY
    },
    Case {
        file: "15a-id-format-zeros.xlsx",
        contacts: &["00000123|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001"],
        tells: &["as their number format shows them in `id` (`00000123` for 123)"],
        ..EMPTY
    },
    Case {
        file: "15b-id-format-prefix.xlsx",
        contacts: &["ID-1234|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001"],
        tells: &["as their number format shows them in `id` (`ID-1234` for 1234)"],
        ..EMPTY
    },
    Case {
        file: "19a-backslash-paths.xlsx",
        contacts: &["1|N1|user-1|https://crm.example.com/c/1|whatsapp 79990000001"],
        ..EMPTY
    },
    Case {
        file: "err_spill.xlsx",
        options: SET,
        exit: 3,
        contacts: &[
            "1|Name 0|user-1|https://crm.example.com/c/1|whatsapp 79990000000",
            "3|Name 2|user-1|https://crm.example.com/c/3|whatsapp 79990000002",
            "4|Name 3|user-1|https://crm.example.com/c/4|whatsapp 79990000003",
            "5|Name 4|user-1|https://crm.example.com/c/5|whatsapp 79990000004",
        ],
        tells: &["row 3, whatsapp: cell_error: the cell contains the error value #SPILL!"],
    },
    Case {
        file: "cp1251.xls",
        options: SET,
        contacts: CYRILLIC,
        ..EMPTY
    },
    Case {
        file: "cp1200.xls",
        options: "--encoding windows-1251 --set responsible_user_id=user-1 --set uri=https://crm.example.com/c/{id}",
        contacts: CYRILLIC,
        ..EMPTY
    },
    Case {
        file: "deep_header2.xlsx",
        options: SET,
        contacts: &[
            "1|Ann|user-1|https://crm.example.com/c/1|whatsapp 79990000001",
            "2|Bob|user-1|https://crm.example.com/c/2|whatsapp 79990000002",
        ],
        tells: &["header in row 25"],
        ..EMPTY
    },
    Case {
        file: "zeropad.xlsx",
        options: SET,
        contacts: &["000123|Ann|user-1|https://crm.example.com/c/000123|whatsapp 79990000001"],
        tells: &["in `id` (`000123` for 123)"],
        ..EMPTY
    },
];

const CYRILLIC: &[&str] = &[
    "7|Ann Baker|user-1|https://crm.example.com/c/7|whatsapp 79990000001",
    "8|Пётр Иванов|user-1|https://crm.example.com/c/8|whatsapp 79990000002",
];

#[test]
fn workbooks_are_read_right() {
    WORKBOOKS.iter().for_each(holds);
}

#[test]
fn csv_files_are_read_right() {
    TEXT.iter().for_each(holds);
}

#[test]
fn web_pages_are_read_as_a_browser_shows_them() {
    WEB_PAGES.iter().for_each(holds);
}

/// A file that costs gigabytes or minutes is a fault, whatever is read from it.
#[cfg(target_os = "linux")]
#[test]
fn every_case_is_checked_in_3_gb_of_address_space_and_10_seconds() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases");
    let world = World::new();
    for case in fs::read_dir(cases).unwrap() {
        let path = case.unwrap().path();
        let limited = r#"ulimit -v 3145728; exec timeout 10 "$0" check "$1""#;
        let args = ["-c", limited, env!("CARGO_BIN_EXE_wazzup-contacts")];
        let args = args.map(OsStr::new).into_iter().chain([path.as_os_str()]);
        let ran = world.call_program("sh", args).run();
        let is_expected = matches!(ran.code, Some(0 | 1 | 3 | 5));
        assert!(
            is_expected,
            "{}: {:?}
{}",
            path.display(),
            ran.code,
            ran.shown()
        );
    }
}

#[track_caller]
fn holds(case: &Case) {
    let world = World::new();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases");
    world.write(case.file, fs::read(cases.join(case.file)).unwrap());
    let ran = world.run(
        ["check", case.file, "--show", "9"]
            .into_iter()
            .chain(case.options.split_whitespace()),
    );
    let shown = ran.shown();
    let contacts: Vec<String> = shown
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("  ")?).ok())
        .map(|contact| one_line(&contact))
        .collect();
    assert_eq!(contacts, case.contacts, "{}\n{shown}", case.file);
    for text in case.tells {
        assert!(shown.contains(text), "{}: {text}\n{shown}", case.file);
    }
    ran.ends_with(case.exit);
}

/// A contact as a case gives it.
fn one_line(contact: &serde_json::Value) -> String {
    let field = |name: &str| contact[name].as_str().unwrap_or_default().to_owned();
    let chats = contact["contact_data"].as_array().into_iter().flatten();
    let chats: Vec<String> = chats
        .map(|chat| {
            let names = ["chat_type", "chat_id", "username", "phone"];
            let values = names.iter().filter_map(|name| chat[*name].as_str());
            values.collect::<Vec<_>>().join(" ")
        })
        .collect();
    [
        field("id"),
        field("name"),
        field("responsible_user_id"),
        field("uri"),
        chats.join(", "),
    ]
    .join("|")
}

/// Address space in KiB, and seconds of CPU.
#[cfg(target_os = "linux")]
const LIMITS: &str = r#"ulimit -v 3000000 && ulimit -t 10 && exec "$0" check "$1""#;

#[cfg(target_os = "linux")]
#[test]
fn every_file_is_checked_within_3_gb_and_10_seconds() {
    let world = World::new();
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases"));
    let mut count = 0;
    for file in files.unwrap().map(|file| file.unwrap().path()) {
        let program = Path::new(env!("CARGO_BIN_EXE_wazzup-contacts"));
        let words = [Path::new("-c"), Path::new(LIMITS), program, &file];
        let ran = world.call_program("sh", words).run();
        let is_checked = matches!(ran.code, Some(0..=5));
        assert!(is_checked, "{}: {}", file.display(), ran.shown());
        count += 1;
    }
    assert!(count > 40);
}
