//! The mapping files in `samples/mappings`.

use super::*;
use crate::mapping::error::UNEDITED;

/// A preset after editing by its user.
fn edited(preset: &str) -> String {
    preset.replace(UNEDITED, "my-")
}

#[test]
fn an_unedited_preset_sends_no_link_of_the_sample() {
    let (_, preset, header) = PRESETS[0];
    let refused = mapping::resolve(&columns(header, ';'), &with_file(preset)).unwrap_err();
    assert!(
        matches!(
            &refused,
            MappingError::Unedited {
                field: Field::Uri,
                ..
            }
        ),
        "{refused}"
    );
    let mut given = with_file(preset);
    given
        .set
        .push((Field::Uri, "https://crm/{id}".parse().unwrap()));
    assert!(mapping::resolve(&columns(header, ';'), &given).is_ok());
}

/// The exporters' headers, each with its preset.
const PRESETS: [(&str, &str, &str); 11] = [
    (
        "bitrix24",
        include_str!("../../../samples/mappings/bitrix24.toml"),
        "ID;Контакт;Имя;Фамилия;Отчество;Ответственный;Рабочий телефон;Мобильный телефон;Домашний телефон;Другой телефон;Контакт Telegram;Контакт Viber",
    ),
    (
        "amocrm",
        include_str!("../../../samples/mappings/amocrm.toml"),
        "ID;Тип;Полное имя контакта;Имя;Фамилия;Ответственный;Рабочий телефон;Мобильный телефон;Факс",
    ),
    (
        "kommo-es",
        include_str!("../../../samples/mappings/kommo-es.toml"),
        "ID;Nombre del lead;Contacto principal;Responsable;Teléfono oficina (contacto);Teléfono celular (contacto);Fax (contacto)",
    ),
    (
        "kommo-pt",
        include_str!("../../../samples/mappings/kommo-pt.toml"),
        "Lead título;Contato principal;Empresa do contato;Lead usuário responsável;Celular (contato);Telefone comercial (contato)",
    ),
    (
        "hubspot",
        include_str!("../../../samples/mappings/hubspot.toml"),
        "Record ID;First Name;Last Name;Phone Number;Mobile Phone Number;Contact owner",
    ),
    (
        "google",
        include_str!("../../../samples/mappings/google.toml"),
        "First Name;Middle Name;Last Name;File As;Phone 1 - Label;Phone 1 - Value",
    ),
    (
        "outlook",
        include_str!("../../../samples/mappings/outlook.toml"),
        "First Name;Middle Name;Last Name;Mobile Phone;Business Phone;Home Phone;E-mail Address",
    ),
    (
        "zoho",
        include_str!("../../../samples/mappings/zoho.toml"),
        "Record Id;Contact Owner.id;Contact Owner;First Name;Last Name;Phone;Mobile",
    ),
    (
        "pipedrive",
        include_str!("../../../samples/mappings/pipedrive.toml"),
        "Person - ID;Person - Name;Person - Owner;Person - Phone - Work;Person - Phone - Mobile",
    ),
    (
        "salesforce",
        include_str!("../../../samples/mappings/salesforce.toml"),
        "ID;NAME;PHONE;MOBILEPHONE;OWNERID",
    ),
    (
        "kommo",
        include_str!("../../../samples/mappings/kommo.toml"),
        "ID;Nombre completo;Responsable;Teléfono oficina (contacto);Teléfono celular (contacto)",
    ),
];

#[test]
fn every_preset_is_built_in_without_the_examples_of_the_sample() {
    for (name, text, header) in PRESETS {
        let sample: MappingFile = text.parse().unwrap();
        let preset = Preset::named(name).unwrap().file();
        assert_eq!(preset.columns, sample.columns, "{name}");
        assert!(preset.values.is_empty(), "{name}");
        assert!(
            !preset.set.contains_key(&Field::ResponsibleUserId),
            "{name}"
        );
        let has_example = |set: &Template| set.to_string().contains(UNEDITED);
        assert!(!preset.set.values().any(has_example), "{name}");
        let found = Preset::of(&columns(header, ';')).map(|preset| preset.name);
        assert_eq!(found, Some(name), "{header}");
    }
    assert_eq!(Preset::names().split(", ").count(), PRESETS.len());
}

#[test]
fn a_preset_is_advised_for_its_files_unless_it_changes_nothing() {
    let hints = |header: &str, options: &MappingOptions| {
        mapping::resolve(&columns(header, ';'), options)
            .unwrap()
            .hints
    };
    let (_, _, bitrix) = PRESETS[0];
    let mut options = MappingOptions::default();
    let advised = hints(bitrix, &options);
    let flags = "looks like Bitrix24: --mapping bitrix24 --set uri='https://YOUR-ACCOUNT.bitrix24.ru/crm/contact/details/{id}/'";
    assert!(advised[0].starts_with(flags), "{advised:?}");
    options.set = vec![(Field::Uri, "https://x.org/{id}".parse().unwrap())];
    assert_eq!(
        hints(bitrix, &options),
        ["looks like Bitrix24: --mapping bitrix24"]
    );
    options.has_region = true;
    assert!(hints(bitrix, &options).is_empty());
    for header in ["id;name;phone", "ID;Имя;Фамилия;Телефон"] {
        assert!(hints(header, &MappingOptions::default()).is_empty());
    }
    let with_preset = MappingOptions {
        file: Some(Preset::named("bitrix24").unwrap().file()),
        ..MappingOptions::default()
    };
    let advised = hints(bitrix, &with_preset);
    assert!(
        advised[0].starts_with("the contacts have no links: add --set uri="),
        "{advised:?}"
    );
}

#[test]
fn columns_that_are_not_needed_are_not_missed() {
    let (_, _, header) = PRESETS[0];
    let warnings = |header: &str| {
        let file = Some(Preset::named("bitrix24").unwrap().file());
        let options = MappingOptions {
            file,
            ..MappingOptions::default()
        };
        mapping::resolve(&columns(header, ';'), &options)
            .unwrap()
            .warnings
    };
    assert!(warnings(header).is_empty());
    assert!(warnings("ID;Контакт;Ответственный;Мобильный телефон").is_empty());
    let missed = warnings("ID;Имя;Телеграм");
    assert_eq!(missed.len(), 2, "{missed:?}");
    assert!(missed[0].contains("reads phone from") || missed[1].contains("reads phone from"));
}

#[test]
fn every_preset_gives_its_exporters_files_all_that_a_contact_needs() {
    for (name, preset, header) in PRESETS {
        let file: MappingFile = edited(preset)
            .parse()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let options = MappingOptions {
            file: Some(file),
            ..MappingOptions::default()
        };
        let mapping = mapping::resolve(&columns(header, ';'), &options)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        for field in [
            ContactField::Id,
            ContactField::ResponsibleUserId,
            ContactField::Name,
            ContactField::ContactData,
            ContactField::Uri,
        ] {
            assert!(mapping.has(field), "{name} has no {}", field.as_str());
        }
    }
}

#[test]
fn a_column_that_a_preset_spells_twice_is_read_once() {
    for (preset, header, wanted) in [
        (
            9,
            "ID;PHONE;OWNERID",
            "ID=id; PHONE=phone; OWNERID=responsible_user_id",
        ),
        (
            4,
            "Record ID;First Name",
            "Record ID=id; First Name=first_name",
        ),
    ] {
        let (_, text, _) = PRESETS[preset];
        let mapping = mapping::resolve(&columns(header, ';'), &with_file(&edited(text))).unwrap();
        assert_eq!(read(&mapping), wanted);
    }
    let twice = resolve("id,Phone", &[("phone", "Phone"), ("phone", "PHONE")]).unwrap();
    assert_eq!(read(&twice), "id=id; Phone=phone");
}

#[test]
fn a_preset_does_not_take_the_deals_id_for_the_contacts() {
    let header = columns(
        "ID;Название сделки;Основной контакт;Мобильный телефон (контакт)",
        ';',
    );
    let (_, amocrm, _) = PRESETS[1];
    let mut options = with_file(&edited(amocrm));
    let error = mapping::resolve(&header, &options).unwrap_err();
    assert!(matches!(error, MappingError::Deals { .. }), "{error}");
    options.map = vec![(Field::Id, "ID".to_owned())];
    let mapping = mapping::resolve(&header, &options).unwrap();
    let said = |mapping: &Mapping| mapping.warnings.iter().any(|it| it.contains("deals"));
    assert!(mapping.has(ContactField::Id) && !said(&mapping));
    let written = with_file(&MappingFile::of(&mapping).write(&mapping, []));
    assert!(said(&mapping::resolve(&header, &written).unwrap()));
    let (_, pipedrive, _) = PRESETS[8];
    let header = columns("ID;Title;Person - ID;Person - Name", ';');
    let mapping = mapping::resolve(&header, &with_file(&edited(pipedrive))).unwrap();
    assert!(why_left_out(&mapping, "ID").contains("the contact's"));
}

#[test]
fn all_numbers_of_outlook_are_read_mobile_ones_first() {
    for mobile in [
        "Móvil",
        "Teléfono móvil",
        "Celular",
        "Telemóvel",
        "Mobile Phone",
    ] {
        let header =
            format!("Nombre;Segundo nombre;Apellidos;Teléfono del trabajo;Particular;{mobile}");
        let options = MappingOptions {
            file: Preset::named("outlook").map(Preset::file),
            ..MappingOptions::default()
        };
        let mapping = mapping::resolve(&columns(&header, ';'), &options).unwrap();
        let phones: Vec<_> = mapping
            .assignments
            .iter()
            .filter(|it| it.field == Field::Phone)
            .collect();
        let phones: Vec<_> = phones.iter().map(|it| it.column).collect();
        assert_eq!(phones, [5, 3, 4], "{mobile}");
    }
}
