//! Exports of CRMs and address books.

use super::{encoded, golden, text};

const URI: &str = "uri=https://example.com/c/{id}";
const OWNER: &str = "responsible_user_id=user-1";

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

#[test]
fn bitrix24_as_csv_with_a_mapping_file() {
    let bytes = format!("\u{feff}{}", text("bitrix24.csv"));
    let flags = ["--mapping", "bitrix24.toml", "--region", "RU"];
    insta::assert_snapshot!(golden("contacts.csv", bytes, &flags));
}

#[test]
fn bitrix24_of_an_old_portal_in_cp1251_without_a_flag_but_the_link() {
    let bytes = encoded(&text("bitrix24.csv"), "windows-1251");
    insta::assert_snapshot!(golden("contacts.csv", bytes, &["--set", URI]));
}

#[test]
fn bitrix24_as_excel_which_is_a_web_page() {
    let flags = ["--set", URI, "--region", "RU"];
    insta::assert_snapshot!(golden("contacts.xls", text("bitrix24.xls.html"), &flags));
}

#[test]
fn amocrm_contacts_with_apostrophes_notes_and_columns_of_one_name() {
    let bytes = format!("\u{feff}{}", text("amocrm_contacts.csv"));
    let flags = ["--set", URI, "--region", "KZ"];
    insta::assert_snapshot!(golden("amocrm_export.csv", bytes, &flags));
}

#[test]
fn amocrm_deals_are_asked_about() {
    insta::assert_snapshot!(golden(
        "leads.csv",
        text("amocrm_leads.csv"),
        &["--set", URI]
    ));
}

#[test]
fn amocrm_deals_with_the_telegram_name_as_id() {
    let flags = ["--set", URI, "--map", "id=tg_username (контакт)"];
    insta::assert_snapshot!(golden("leads.csv", text("amocrm_leads.csv"), &flags));
}

#[test]
fn kommo_in_spanish() {
    let flags = ["--set", URI, "--map", "id=ID"];
    insta::assert_snapshot!(golden("kommo.csv", text("kommo_es.csv"), &flags));
}

#[test]
fn kommo_in_portuguese() {
    let flags = ["--set", URI, "--map", "id=ID"];
    insta::assert_snapshot!(golden("kommo.csv", text("kommo_pt.csv"), &flags));
}

#[test]
fn hubspot() {
    insta::assert_snapshot!(golden("hubspot.csv", text("hubspot.csv"), &["--set", URI]));
}

#[test]
fn google_has_no_id_and_is_asked_about() {
    insta::assert_snapshot!(golden(
        "contacts.csv",
        text("google_old.csv"),
        &["--set", URI]
    ));
}

#[test]
fn google_before_2024() {
    let flags = [
        "--set",
        "id={Phone 1 - Value}",
        "--set",
        URI,
        "--set",
        OWNER,
    ];
    insta::assert_snapshot!(golden("contacts.csv", text("google_old.csv"), &flags));
}

#[test]
fn google_since_2024() {
    let bytes = format!("\u{feff}{}", crlf(&text("google_new.csv")));
    let flags = ["--set", "id={phone}", "--set", URI, "--set", OWNER];
    insta::assert_snapshot!(golden("contacts.csv", bytes, &flags));
}

#[test]
fn outlook_in_russian_and_cp1251() {
    let bytes = encoded(&crlf(&text("outlook_ru.csv")), "windows-1251");
    let flags = ["--map", "id=Пользователь 1", "--set", URI, "--set", OWNER];
    insta::assert_snapshot!(golden("contacts.csv", bytes, &flags));
}

#[test]
fn outlook_in_spanish_and_cp1252() {
    let bytes = encoded(&crlf(&text("outlook_es.csv")), "windows-1252");
    let flags = [
        "--set",
        "id={phone}",
        "--set",
        URI,
        "--set",
        OWNER,
        "--region",
        "ES",
    ];
    insta::assert_snapshot!(golden("contacts.csv", bytes, &flags));
}

#[test]
fn zoho() {
    insta::assert_snapshot!(golden(
        "Contacts_001.csv",
        text("zoho.csv"),
        &["--set", URI]
    ));
}

#[test]
fn pipedrive() {
    insta::assert_snapshot!(golden("people.csv", text("pipedrive.csv"), &["--set", URI]));
}

#[test]
fn salesforce_data_loader() {
    let flags = ["--set", URI, "--region", "US"];
    insta::assert_snapshot!(golden("extract.csv", text("salesforce.csv"), &flags));
}

#[test]
fn rapidpro() {
    let flags = ["--set", URI, "--set", OWNER];
    insta::assert_snapshot!(golden("rapidpro.csv", text("rapidpro.csv"), &flags));
}

#[test]
fn contacts_as_our_export_writes_them() {
    insta::assert_snapshot!(golden("wazzup.jsonl", text("wazzup.jsonl"), &[]));
}
