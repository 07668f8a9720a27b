//! Exports of deals, whose `ID` is not the contact's.

use super::*;

#[test]
fn an_export_of_deals_asks_for_the_contacts_id() {
    let header = "ID,Nombre del lead,Contacto principal,Responsable,Teléfono celular (contacto)";
    let error = resolve(header, &[]).unwrap_err();
    assert!(
        matches!(&error, MappingError::Deals { column, .. } if column == "ID"),
        "{error}"
    );
    let hint = error.hint();
    assert!(
        hint.contains("--map id='ID'") && hint.contains("{phone}"),
        "{hint}"
    );
    resolve(header, &[("id", "ID")]).unwrap();
    let ignored = options(&[("ignore", "ID")], &[("id", "{phone}")]);
    let mapping = mapping::resolve(&columns(header, ','), &ignored).unwrap();
    assert!(mapping.has(ContactField::Id));
    let of_contact = resolve("ID,Название сделки,ID (контакт)", &[]).unwrap();
    assert_eq!(read(&of_contact), "ID (контакт)=id");
}

#[test]
fn every_export_of_deals_is_asked_about() {
    for header in [
        "ID,Основной контакт,Ответственный,Мобильный телефон (контакт)",
        "ID,Воронка,Стадия,Сделка,Контакт,Ответственный,Контакт: Мобильный телефон",
        "ID,Pipeline,Deal stage,Deal,Contact,Responsible person,Contact: Work Phone",
        "ID,Pipeline,Etapa de la negociación,Negociación,Contacto,Responsable,Contacto: Teléfono del trabajo",
        "Record ID,Deal Name,Deal Stage,Contact owner,Contact Name,Phone Number",
        "hs_object_id,dealname,dealstage,hubspot_owner_id,phone",
        "Record Id,Deal Owner,Deal Name,Contact Name,Phone",
        "ID,Título del lead,Contacto principal,Responsable,Teléfono celular",
        "ID,Title,Value,Owner,Person - Phone",
    ] {
        let error = resolve(header, &[]).unwrap_err();
        assert!(matches!(error, MappingError::Deals { .. }), "{error}");
    }
    for (header, id) in [
        (
            "Record ID - Contact,Record ID,Deal Name",
            "Record ID - Contact",
        ),
        ("ID,Title,Person - ID,Deal - ID", "Person - ID"),
        ("Contact ID,Pipeline,Fax (contact)", "Contact ID"),
        ("Record ID,Lead Status,Associated Deal", "Record ID"),
    ] {
        assert_eq!(read(&resolve(header, &[]).unwrap()), format!("{id}=id"));
    }
}
