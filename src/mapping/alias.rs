//! The column names of real exports, by field. New names are added here.
//!
//! Names are compared by [`super::names::key`], without case, accents, spaces and punctuation, so `E-mail` and
//! `e mail` are one name. The fields' own names (`id`, `whatsapp`) need no row. The letters after a name are the
//! exporters that write it: B `Bitrix24`, A `amoCRM`, K `Kommo`,
//! G `Google`, O `Outlook`, T `Thunderbird`, L `Live Mail`, H `HubSpot`, S `Salesforce`, Z `Zoho`,
//! P `Pipedrive`, R `RapidPro`, D `Dynamics`, X hand-made; ? is our own guess.

use super::field::{Field, GroupPart};
use crate::contact::ChatType;

/// The reliability of a name if several columns match one field. Smaller is more reliable.
pub(super) type Weight = u8;

/// The field's own name.
pub(super) const EXACT: Weight = 0;
/// A name of nothing but the field.
pub(super) const SURE: Weight = 1;
/// The usual name of the field.
pub(super) const USUAL: Weight = 2;
/// The id of the row's subject, such as a deal. `ID` itself is one, too.
pub(super) const OF_ANYTHING: Weight = USUAL;
/// A mobile phone, preferred to other phones.
pub(super) const MOBILE: Weight = SURE;
/// Used if no better name matches.
const LOOSE: Weight = 3;
/// From here on, a full name is used only if first and last name are empty.
pub(super) const LAST_RESORT: Weight = 4;
/// From here on, the name is not the person's own, and is used only in Google's exports, beside `File As`.
pub(super) const STAND_IN: Weight = 5;

const fn group(part: GroupPart) -> Field {
    Field::Group { number: 0, part }
}

/// Fields, weights and names.
#[rustfmt::skip]
pub(super) static ALIASES: &[(Field, Weight, &[&str])] = &[
    // ── id ──────────────────────────────────────────────────────────────────────────────────────
    /* en */ (Field::Id, SURE, &["Record ID - Contact" /* H */, "Contact ID" /* H Z */, "Contact UUID" /* R */]),
    /* en */ (Field::Id, OF_ANYTHING, &["Record ID" /* H Z */, "hs_object_id" /* H */, "UUID" /* R */, "External ID" /* ? */]),
    /* ru */ (Field::Id, SURE, &["ID контакта" /* ? */]),
    /* ru */ (Field::Id, OF_ANYTHING, &["Внешний ID" /* ? */, "Идентификатор" /* ? */, "Ид" /* X */]),
    /* es */ (Field::Id, SURE, &["ID del contacto" /* ? */, "ID de contacto" /* ? */]),
    /* es */ (Field::Id, OF_ANYTHING, &["ID de registro" /* H */]),
    /* pt */ (Field::Id, SURE, &["ID do contato" /* ? */]),
    /* pt */ (Field::Id, OF_ANYTHING, &["ID do registro" /* H */]),

    // ── responsible_user_id: mostly people's names; a mapping file's [values] turns them into ids ──
    /* en */ (Field::ResponsibleUserId, SURE, &["Contact Owner.id" /* Z */, "Lead Owner.id" /* Z */, "hubspot_owner_id" /* H */, "OwnerId" /* S */]),
    /* en */ (Field::ResponsibleUserId, USUAL, &["Responsible" /* B */, "Responsible person" /* B */, "Responsible user" /* K */,
             "Contact owner" /* H Z S */, "Lead Owner" /* Z S */, "OWNER:User-username" /* S */]),
    /* en */ (Field::ResponsibleUserId, LOOSE, &["Owner" /* P */, "Assigned To" /* X */, "Account manager" /* X */, "Sales rep" /* X */]),
    /* ru */ (Field::ResponsibleUserId, SURE, &["Ответственный за контакт" /* A */, "ID ответственного" /* ? */]),
    /* ru */ (Field::ResponsibleUserId, USUAL, &["Ответственный" /* B A */]),
    /* ru */ (Field::ResponsibleUserId, LOOSE, &["Менеджер" /* ? */, "Владелец" /* P */, "Ответственный менеджер" /* X */, "Кто ведет" /* X */]),
    /* es */ (Field::ResponsibleUserId, USUAL, &["Responsable" /* K */, "Usuario responsable" /* K */, "Persona responsable" /* B */,
             "Propietario del contacto" /* H */]),
    /* es */ (Field::ResponsibleUserId, LOOSE, &["Propietario" /* P */, "Asesor" /* ? */, "Vendedor" /* ? */]),
    /* pt */ (Field::ResponsibleUserId, USUAL, &["Lead usuário responsável" /* K */, "Responsável" /* K */, "Usuário responsável" /* K */,
             "Pessoa responsável" /* B */, "Proprietário do contato" /* H */]),
    /* pt */ (Field::ResponsibleUserId, LOOSE, &["Proprietário" /* P */]),

    // ── name ────────────────────────────────────────────────────────────────────────────────────
    /* en */ (Field::Name, USUAL, &["Full Name", "Display Name" /* T */]),
    /* en */ (Field::Name, LOOSE, &["Contact" /* B */, "Main contact" /* K */]),
    /* en */ (Field::Name, LAST_RESORT, &["File As" /* G P */]),
    /* en */ (Field::Name, STAND_IN, &["Organization Name" /* G */]),
    /* en */ (Field::Name, STAND_IN + 1, &["Nickname" /* G */]),
    /* ru */ (Field::Name, USUAL, &["ФИО" /* X */, "Полное имя" /* ? */, "Полное имя контакта" /* A */, "Имя контакта" /* A */,
             "Отображаемое имя" /* T */, "Имя, Фамилия" /* B, one column */, "Фамилия Имя Отчество" /* X */, "Фамилия Имя" /* X */, "Имя клиента" /* X */]),
    /* ru */ (Field::Name, LOOSE, &["Основной контакт" /* A */, "Наименование" /* A */, "Контакт" /* B */, "Клиент" /* X */]),
    /* es */ (Field::Name, USUAL, &["Nombre completo" /* ? */, "Nombre mostrado" /* T */, "Nombre del contacto" /* ? */,
             "Nombre y apellidos" /* X */, "Nombre y apellido" /* X */, "Nombre del cliente" /* X */]),
    /* es */ (Field::Name, LOOSE, &["Contacto principal" /* K */, "Contacto" /* B */, "Cliente" /* X, pt too */]),
    /* pt */ (Field::Name, USUAL, &["Nome completo" /* K */, "Nome do contato" /* ? */,
             "Apresentar como" /* T */, "Nome do cliente" /* X */]),
    /* pt */ (Field::Name, LOOSE, &["Contato principal" /* K */, "Contato" /* B */]),

    // ── parts of the name; `Имя`, `Nombre`, `Nome` alone make the full name just as well ───────────
    /* en */ (Field::FirstName, USUAL, &["First Name" /* B G O H Z S */, "Given Name" /* G */]),
    /* ru */ (Field::FirstName, USUAL, &["Имя" /* B A O T L */]),
    /* es */ (Field::FirstName, USUAL, &["Nombre" /* O T L */, "Nombres" /* ? */, "Primer nombre" /* ? */]),
    /* pt */ (Field::FirstName, USUAL, &["Primeiro nome" /* O T */, "Nome" /* L K */]),
    /* en */ (Field::MiddleName, USUAL, &["Middle Name" /* G O */, "Additional Name" /* G */, "Second name" /* B */]),
    /* ru */ (Field::MiddleName, USUAL, &["Отчество" /* B O L */]),
    /* es */ (Field::MiddleName, USUAL, &["Segundo nombre" /* O L */]),
    /* pt */ (Field::MiddleName, USUAL, &["Segundo nome" /* O */, "Nome do meio" /* R L */]),
    /* en */ (Field::LastName, USUAL, &["Last Name" /* B G O H Z S */, "Family Name" /* G */, "Surname"]),
    /* ru */ (Field::LastName, USUAL, &["Фамилия" /* B A O T L */]),
    /* es */ (Field::LastName, USUAL, &["Apellidos" /* O T L */, "Apellido" /* ? */, "Apellido paterno" /* X */, "Primer apellido" /* X */]),
    /* es */ (Field::SecondLastName, USUAL, &["Apellido materno" /* X */, "Segundo apellido" /* X */]),
    /* pt */ (Field::LastName, USUAL, &["Sobrenome" /* O T L */, "Último nome"]),

    // ── uri ─────────────────────────────────────────────────────────────────────────────────────
    /* en */ (Field::Uri, USUAL, &["Contact URL (HS)" /* H */, "Contact URL", "Contact link" /* ? */]),
    /* en */ (Field::Uri, LOOSE, &["Link" /* ? */]),
    /* ru */ (Field::Uri, USUAL, &["Ссылка на карточку" /* ? */, "Ссылка на контакт" /* ? */]),
    /* ru */ (Field::Uri, LOOSE, &["Ссылка" /* X */]),
    /* es */ (Field::Uri, LOOSE, &["Enlace" /* ? */, "Enlace del contacto" /* ? */]),
    /* pt */ (Field::Uri, LOOSE, &["Link do contato" /* ? */]),

    // ── phone: without a chat type; mobile ones first ─────────────────────────────────────────────────
    /* en */ (Field::Phone, MOBILE, &["Mobile" /* B Z */, "Mobile Phone" /* O L S */, "Mobile Phone Number" /* H */, "Mobile Number" /* T */,
             "Phone - Mobile" /* P */, "Cell", "Cell Phone", "Mobile no" /* X */]),
    /* ru */ (Field::Phone, MOBILE, &["Мобильный телефон" /* B A L */, "Мобильный" /* ? */, "Телефон переносной" /* O */,
             "Номер сотового телефона" /* T */, "Сотовый" /* ? */, "Сотовый телефон" /* ? */, "Моб. телефон" /* ? */, "Моб. тел." /* X */,
             "Телефон - Мобильный" /* P */]),
    /* es */ (Field::Phone, MOBILE, &["Teléfono celular" /* K */, "Teléfono móvil" /* T L */, "Celular", "Móvil" /* B */, "Cel" /* X */,
             "Número de teléfono móvil" /* H */]),
    /* pt */ (Field::Phone, MOBILE, &["Telefone celular" /* O */, "Número celular" /* T */, "Telemóvel" /* ? */,
             "Número de telefone celular" /* H */]),
    /* en */ (Field::Phone, LOOSE, &["Phone Number" /* H */, "Work Phone" /* B T */, "Business Phone" /* O */, "Home Phone" /* O B */,
             "Other Phone" /* O K */, "Other Phone Number", "Primary Phone" /* O */, "SMS marketing phone" /* B */,
             "Work Direct Phone" /* Apollo */, "Work direct" /* K */, "Phone - Work" /* P */, "Phone - Home" /* P */,
             "Phone - Other" /* P */, "URN:Tel" /* R */, "Telephone", "Tel", "Phone no" /* X */, "Phone for SMS marketing" /* B */,
             "Contact number" /* X */, "Alt phone" /* X */, "Alternate phone" /* X */, "Secondary phone" /* X */, "Billing phone" /* X */]),
    /* ru */ (Field::Phone, LOOSE, &["Телефон" /* A X */, "Рабочий телефон" /* B A O T L */, "Рабочий прямой телефон" /* A */,
             "Телефон раб." /* O */, "Домашний телефон" /* B A */, "Телефон дом." /* O */, "Другой телефон" /* B A O */,
             "Основной телефон" /* O */, "Телефон для рассылок" /* B */, "Номер телефона" /* ? */, "Телефон - Рабочий" /* P */,
             "Телефон - Домашний" /* P */, "Телефон - Другое" /* P */, "Тел." /* X */,
             "Контактный телефон" /* X */, "Телефон клиента" /* X */, "Телефоны" /* X */, "Доп. телефон" /* X */,
             "Дополнительный телефон" /* X */, "Телефон для связи" /* X */]),
    /* es */ (Field::Phone, LOOSE, &["Teléfono" /* X */, "Teléfono oficina" /* K */, "Teléfono oficina directo" /* K */, "Teléfono de casa" /* K */,
             "Otro teléfono" /* K */, "Teléfono del trabajo" /* O */, "Teléfono particular" /* O */, "Particular" /* O */,
             "Teléfono principal" /* O */, "Teléfono (Trabajo)" /* T */, "Teléfono - Otro" /* P */,
             "Teléfono - Casa" /* P */, "Número de teléfono" /* H */, "Teléfono fijo" /* X */, "Tlf" /* X */]),
    /* pt */ (Field::Phone, LOOSE, &["Telefone", "Telefone comercial" /* K O L */, "Tel. direto com." /* K */, "Telefone residencial" /* K O */,
             "Outro telefone" /* K */, "Fone comercial" /* R */, "Fone de casa" /* R */, "Número de telefone" /* H */, "Fone", "Fone fixo" /* X */, "Telefone fixo" /* X */,
             "Telefone - Trabalho" /* P */, "Telefone - Casa" /* P */, "Telefone - Outros" /* P */]),

    // ── chat types ──────────────────────────────────────────────────────────────────────────────
    /* en */ (Field::Chat(ChatType::Whatsapp), USUAL, &["WhatsApp Phone Number" /* ? */, "WhatsApp Phone" /* ? */, "WhatsApp Number" /* ? */,
             "hs_whatsapp_phone_number" /* H */]),
    /* ru */ (Field::Chat(ChatType::Whatsapp), USUAL, &["Ватсап", "Вотсап", "Вацап", "Ватсапп", "Контакт WhatsApp" /* ? */, "Телефон WhatsApp" /* ? */, "Номер WhatsApp" /* X */]),
    /* es */ (Field::Chat(ChatType::Whatsapp), USUAL, &["telefono_whatsapp", "Número de WhatsApp" /* ? */]),
    /* en */ (Field::Chat(ChatType::Whatsgroup), USUAL, &["WhatsApp Group Id" /* B user field */, "WhatsApp Group" /* ? */]),
    /* ru */ (Field::Chat(ChatType::Whatsgroup), USUAL, &["Группа WhatsApp" /* ? */]),
    /* es */ (Field::Chat(ChatType::Whatsgroup), USUAL, &["Grupo WhatsApp" /* ?, pt too */, "Grupo de WhatsApp" /* ? */]),
    /* en */ (Field::Chat(ChatType::Viber), USUAL, &["Viber contact" /* B */]),
    /* ru */ (Field::Chat(ChatType::Viber), USUAL, &["Контакт Viber" /* B */, "Вайбер"]),
    /* es */ (Field::Chat(ChatType::Viber), USUAL, &["Contacto de Viber" /* B */]),
    /* en */ (Field::Chat(ChatType::Instagram), USUAL, &["Instagram comments" /* B */, "Instagram account" /* ? */, "Insta" /* X */]),
    /* ru */ (Field::Chat(ChatType::Instagram), USUAL, &["Комментарии Instagram" /* B */, "Инстаграм", "Инстаграмм", "Инста" /* X */]),
    /* es */ (Field::Chat(ChatType::Instagram), USUAL, &["Comentarios de Instagram" /* B */]),
    /* en */ (Field::Chat(ChatType::Telegram), USUAL, &["Telegram account" /* B */, "URN:Telegram" /* R */, "Telegram ID"]),
    /* ru */ (Field::Chat(ChatType::Telegram), USUAL, &["Контакт Telegram" /* B */, "Телеграм", "Телеграмм", "Телега" /* ? */, "ТГ"]),
    /* es */ (Field::Chat(ChatType::Telegram), USUAL, &["Cuenta de Telegram" /* B */]),
    /* pt */ (Field::Chat(ChatType::Telegram), USUAL, &["Conta do Telegram" /* B */]),
    /* en */ (Field::TelegramUsername, USUAL, &["tg_username" /* A user field */, "Telegram nickname" /* ? */]),
    /* ru */ (Field::TelegramUsername, USUAL, &["Ник в телеграме", "Ник в телеграм"]),
    /* en */ (Field::Chat(ChatType::Telegroup), USUAL, &["Telegram Group Id" /* B user field */, "Telegram Group" /* ? */]),
    /* ru */ (Field::Chat(ChatType::Telegroup), USUAL, &["Группа Telegram" /* ? */]),
    /* es */ (Field::Chat(ChatType::Telegroup), USUAL, &["Grupo Telegram" /* ?, pt too */, "Grupo de Telegram" /* ? */]),
    /* en */ (Field::Chat(ChatType::Vk), USUAL, &["VK account" /* B */, "VK Page" /* B */, "VKontakte"]),
    /* ru */ (Field::Chat(ChatType::Vk), USUAL, &["Контакт ВКонтакте" /* B */, "Страница ВКонтакте" /* B */, "ВК" /* ? */, "ВКонтакте"]),
    /* es */ (Field::Chat(ChatType::Vk), USUAL, &["Cuenta de VK" /* B */]),
    /* ru */ (Field::Chat(ChatType::Avito), USUAL, &["Авито"]),
    /* ru */ (Field::Chat(ChatType::Max), USUAL, &["Контакт MAX", "Макс" /* ? */]),
    /* ru */ (Field::Chat(ChatType::Maxgroup), USUAL, &["Группа MAX" /* ? */]),

    // ── one chat in several columns; only if there is a chat_type column ────────────────────────
    /* en */ (group(GroupPart::ChatType), USUAL, &["Messenger" /* B */, "IMAddress" /* O */]),
    /* ru */ (group(GroupPart::ChatType), USUAL, &["Мессенджер" /* B */, "Способ связи" /* B */, "Канал" /* ? */]),
    /* es */ (group(GroupPart::ChatType), USUAL, &["Mensajero" /* ? */, "Canal" /* ?, pt too */]),
    /* ru */ (group(GroupPart::ChatId), USUAL, &["ID чата" /* ? */]),
    /* en */ (group(GroupPart::Username), USUAL, &["Handle" /* ? */]),
    /* ru */ (group(GroupPart::Username), USUAL, &["Ник" /* ? */, "Никнейм" /* ? */, "Юзернейм" /* ? */]),
    /* es */ (group(GroupPart::Username), USUAL, &["Usuario" /* ?, pt too */]),
];

/// Names that resemble a field but mean something else, with the reason.
#[rustfmt::skip]
pub(super) static NEVER: &[(&str, &[&str])] = &[
    ("a fax", &["Fax", "Fax Number", "Business Fax", "Home Fax", "Other Fax", "Work Fax", "Факс", "Номер факса", "Рабочий факс",
        "Домашний факс", "Другой факс", "Faz", "Fax comercial", "Fax del trabajo", "Fax particular",
        "Otro fax", "Fax residencial", "Outro fax"]),
    ("a pager", &["Pager", "Pager Number", "Пейджер", "Номер пейджера", "Buscapersonas", "Localizador"]),
    ("a number of the company or of another person", &[
        "Company Main Phone", "Company Phone", "Corporate Phone", "Account Phone", "Assistant's Phone", "Assistant Phone", "Asst. Phone",
        "Callback", "Car Phone", "Radio Phone", "Telex", "ISDN", "TTY", "TTY/TDD Phone",
        "Основной телефон организации", "Телефон организации", "Телефон компании", "Телефон помощника", "Рабочий телефон (компания)",
        "Обратный вызов", "Телефон в машине", "Радиотелефон", "Телекс", "Телефон с титрами (TTY/TDD)",
        "Teléfono de la empresa", "Número de centralita de la organización", "Teléfono del asistente", "Teléfono del ayudante",
        "Devolución de llamada", "Teléfono del automóvil", "Radioteléfono", "RDSI (ISDN)", "Número de teletipo",
        "Telefone da empresa", "Telefone principal da empresa", "Telefone do assistente",
        "Retorno de chamada", "Telefone do carro", "Rádio", "Telefone TTY/TDD"]),
    ("the author or the editor of the record, not the responsible person", &["Кем создан", "Кем создан контакт", "Создатель", "Автор изменения",
        "Кем изменен", "Кем редактирован", "Created By", "Modified By", "Creado por", "Modificado por", "Criado por",
        "Руководитель", "Имя руководителя", "Manager's Name", "Nombre del director"]),
    ("a name, but not the contact's", &["Название сделки", "Название лида", "Nombre del lead", "Título del lead", "Lead título", "Lead name", "Lead title", "Deal name",
        "Deal - Title", "Название компании", "Компания", "Компания контакта", "Company", "Company name", "Compañía", "Compañía del lead", "Empresa",
        "Empresa do contato", "Имя помощника", "Имя файла", "Assistant's Name", "Account Name", "Organization"]),
    ("a nickname or a form of address, not a name", &["Title", "Псевдоним", "Apodo", "Apelido", "Обращение", "Salutation", "Name Prefix",
        "Name Suffix", "Phonetic First Name", "Phonetic Middle Name", "Phonetic Last Name", "Yomi Name"]),
    ("a code of an open channel, not a chat", &["Контакт Открытая линия", "Контакт Битрикс24.Network", "Онлайн-чат"]),
    ("the id of something else", &["Deal - ID", "Lead ID", "Deal ID", "ID сделки", "ID лида", "Account ID", "Company ID", "Account Name.id",
        "Vendor Name.id", "Associated Company IDs"]),
];

/// Names of the column of `amoCRM` and `Kommo` that distinguishes contacts from companies.
pub(super) static ROW_KINDS: &[&str] = &["Type", "Тип", "Tipo"];

/// Names that occur only in exports of deals or leads, in which `ID` is the deal's, not the contact's.
#[rustfmt::skip]
pub(super) static DEAL_MARKS: &[&str] = &[
    /* en */ "Lead name", "Lead title", "Deal", "Deal name", "Deal owner", "Deal stage", "Deal - Title", "Deal - ID", "Deal ID", "Pipeline",
    /* ru */ "Сделка", "Название сделки", "Название лида", "Этап сделки", "Статус сделки", "Стадия сделки", "Воронка", "Воронка продаж", "ID сделки",
    /* es */ "Nombre del lead", "Título del lead", "Estatus del lead", "Embudo de ventas", "Negociación", "Etapa de la negociación",
             "Nombre del negocio", "Etapa del negocio",
    /* pt */ "Lead título", "Etapa do lead", "Funil de vendas", "Negócio", "Nome do negócio", "Etapa do negócio",
];

#[cfg(test)]
mod tests {
    use super::super::names::key;
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn no_name_stands_for_two_fields() {
        let mut seen = BTreeMap::new();
        for (field, _, names) in ALIASES {
            for name in *names {
                if let Some(other) = seen.insert(key(name), *field) {
                    panic!("{name} is both {field} and {other}");
                }
            }
        }
        for (why, names) in NEVER {
            for name in *names {
                assert_eq!(seen.get(&key(name)), None, "{name} is also {why}");
            }
        }
    }
}
