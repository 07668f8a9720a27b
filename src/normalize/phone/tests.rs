//! Tables of numbers as people write them.

use super::{home::Region, *};

fn read(region: &str, text: &str) -> Result<String, PhoneFault> {
    let national = region.parse().unwrap_or_default();
    Phones::new(NumberRules {
        national,
        ..NumberRules::default()
    })
    .read(text, &mut Edits::default())
    .map(Cow::into_owned)
}

#[test]
fn international_numbers_lose_everything_but_their_digits() {
    for (text, wanted) in [
        ("79991234567", "79991234567"),
        ("+7 (999) 123-45-67", "79991234567"),
        ("+7-999-123-45-67", "79991234567"),
        ("+7\u{a0}999\u{a0}123\u{2011}45\u{2011}67", "79991234567"),
        ("\u{202a}+79991234567\u{202c}", "79991234567"),
        ("007 999 123 45 67", "79991234567"),
        ("'+77026261947", "77026261947"),
        ("=\"+79991234567\"", "79991234567"),
        ("\u{1f}79991234567", "79991234567"),
        ("tel: +7 999 123 45 67", "79991234567"),
        ("+7 999 123-45-67 (Мария)", "79991234567"),
        ("+7 999 123-45-67 доб. 12", "79991234567"),
        ("+1 212 555 0123 ext. 5", "12125550123"),
        ("+1 212 555 0123 x5", "12125550123"),
        ("+7 495 123-45-67 (доб. 12)", "74951234567"),
        ("+7 495 123-45-67*12", "74951234567"),
        ("Phone 2: +7 999 123-45-67", "79991234567"),
        ("work: 79991234567", "79991234567"),
        ("1) 79991234567", "79991234567"),
        ("79991112233@c.us", "79991112233"),
        ("+٧٩٩٩١٢٣٤٥٦٧", "79991234567"),
        ("+44 (0) 20 7946 0958", "442079460958"),
        ("+49 123 / 42 42 42", "49123424242"),
        ("34612345678", "34612345678"),
        ("7.9991234567E+10", "79991234567"),
        ("79991234567.0", "79991234567"),
        ("+376 312 345", "376312345"),
        ("+4520123456", "4520123456"),
    ] {
        assert_eq!(read("", text).as_deref(), Ok(wanted), "{text:?}");
    }
}

#[test]
fn a_prefix_for_callers_at_home_behind_the_code_is_taken_off() {
    for (text, wanted) in [
        ("+380 (067) 123-45-67", "380671234567"),
        ("+375 (029) 123-45-67", "375291234567"),
        ("+375 8 029 123-45-67", "375291234567"),
        ("+49 (0)151 12345678", "4915112345678"),
        ("0049 0151 12345678", "4915112345678"),
        ("+43 (0)664 1234567", "436641234567"),
        ("+31 (0)6 12345678", "31612345678"),
        ("+46 (0)70 123 45 67", "46701234567"),
        ("+972-050-234-5678", "972502345678"),
        ("+61 (0)412 345 678", "61412345678"),
        ("+27 (0)82 123 4567", "27821234567"),
        ("+84 (0)91 234 56 78", "84912345678"),
        ("+91 098123 45678", "919812345678"),
        ("+86 0138 0013 8000", "8613800138000"),
        ("+971 (0)50 123 4567", "971501234567"),
        ("+62 0812 3456 7890", "6281234567890"),
        ("+39 06 6982 1234", "390669821234"),
    ] {
        assert_eq!(read("", text).as_deref(), Ok(wanted), "{text:?}");
    }
}

/// `8 916 123-45-6`: a digit is missing, and the rest looks like ten digits of a number.
#[test]
fn digits_that_no_number_at_home_has_are_not_completed_and_not_taken_for_another_countrys() {
    for (region, text) in [
        ("RU", "8916123456"),
        ("RU", "7916123456"),
        ("RU", "8800555353"),
        ("RU", "7701234567"),
        ("KZ", "8747123456"),
        // Numbers of Korea and Japan, if they were not dialled in Russia.
        ("RU", "8 (212) 345-67-89"),
        ("RU", "8 (123) 456-78-90"),
        ("KZ", "8 (132) 123-45-67"),
    ] {
        let fault = region.parse().ok().map(PhoneFault::NotInRegion);
        assert_eq!(read(region, text).err(), fault, "{region} {text:?}");
    }
}

#[test]
fn digits_that_may_be_a_number_at_home_are_not_taken_for_another_countrys() {
    for (region, text) in [
        // Mobiles without the ninth digit.
        ("BR", "(47) 9912-3456"),
        ("BR", "(65) 9123-4567"),
        ("BR", "45 9123 4567"),
        ("AR", "(381) 15 412-3456"),
        ("AR", "381154123456"),
        // 044 and 01 without their 0.
        ("MX", "445512345678"),
        ("MX", "44 55 1234 5678"),
        ("MX", "15512345678"),
        ("MX", "6042345678"),
        ("ES", "6042345678"),
        ("PE", "6042345678"),
        // A second line.
        ("MX", "55 1234 5678-79"),
        ("MX", "55 1234 5678 / 79"),
        ("CO", "601 2345678-9"),
        ("CO", "1. 3101112233"),
    ] {
        let fault = region.parse().ok().map(PhoneFault::HomeOrAbroad);
        assert_eq!(read(region, text).err(), fault, "{region} {text:?}");
    }
    for (region, number) in [
        ("BR", "34612345678"),
        ("BR", "351912345678"),
        ("AR", "79161234567"),
        ("MX", "34612345678"),
        ("MX", "79161234567"),
        ("MX", "573001112233"),
        ("CO", "5215512345678"),
        ("ES", "380671234567"),
        ("UA", "79001234567"),
        ("NO", "4741234567"),
    ] {
        assert_eq!(read(region, number).as_deref(), Ok(number), "{region}");
    }
}

/// A lost trunk prefix or a digit too few must not turn a number into that of another country.
#[test]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn national_numbers_with_a_digit_lost_never_leave_their_country() {
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};
    for name in [
        "RU", "KZ", "UA", "ES", "MX", "AR", "BR", "CO", "PE", "PT", "GB", "US",
    ] {
        let region: Region = name.parse().unwrap();
        let code = region.dialling().unwrap().0.to_string();
        for kind in [PhoneNumberType::Mobile, PhoneNumberType::FixedLine] {
            let Ok(example) =
                PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region.0, kind)
            else {
                continue;
            };
            for step in 0..12_u64 {
                let mut number = example.clone();
                number.national_number =
                    number.national_number / 10_000_000 * 10_000_000 + step * 833_333;
                let written = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::National);
                let lost = written.trim_start_matches('0');
                for text in [&*written, lost, &written[..written.len() - 1]] {
                    if let Ok(read) = read(name, text) {
                        assert!(read.starts_with(&code), "{name} {text:?} → {read}");
                    }
                }
            }
        }
    }
}

#[test]
fn mexican_argentinian_and_brazilian_numbers_are_not_rewritten() {
    for number in [
        "5215512345678",
        "525512345678",
        "5491123456789",
        "541123456789",
        "5511987654321",
        "551187654321",
    ] {
        for region in ["", "MX", "AR", "BR", "RU"] {
            for text in [number.to_owned(), format!("+{number}")] {
                assert_eq!(
                    read(region, &text).as_deref(),
                    Ok(number),
                    "{region} {text}"
                );
            }
        }
    }
}

#[test]
fn national_numbers_are_completed_with_a_region() {
    for (region, text, wanted) in [
        ("RU", "8 (999) 123-45-67", "79991234567"),
        ("RU", "89161234567", "79161234567"),
        ("KZ", "89161234567", "79161234567"),
        ("RU", "8 747 123 45 67", "77471234567"),
        ("KZ", "8 747 123 45 67", "77471234567"),
        ("RU", "9161234567", "79161234567"),
        ("KZ", "7471234567", "77471234567"),
        ("RU", "84951234567", "74951234567"),
        ("RU", "(812) 555-12-34", "78125551234"),
        ("RU", "8 800 555 35 35", "78005553535"),
        ("RU", "79161234567", "79161234567"),
        ("RU", "34612345678", "34612345678"),
        ("VN", "84951234567", "84951234567"),
        ("ES", "612 34 56 78", "34612345678"),
        ("ES", "34612345678", "34612345678"),
        ("MX", "55 1234 5678", "525512345678"),
        ("BR", "(11) 98765-4321", "5511987654321"),
        ("BR", "011 98765-4321", "5511987654321"),
        ("UA", "050 123 45 67", "380501234567"),
        ("BY", "8 029 123 45 67", "375291234567"),
        ("DE", "0151 12345678", "4915112345678"),
        ("DE", "4915112345678", "4915112345678"),
        ("US", "(212) 555-0123", "12125550123"),
        ("US", "1 212 555 0123", "12125550123"),
        ("GB", "020 7946 0958", "442079460958"),
        ("IT", "06 6982 1234", "390669821234"),
    ] {
        assert_eq!(read(region, text).as_deref(), Ok(wanted), "{region} {text}");
    }
}

#[test]
fn ambiguous_numbers_are_rejected_with_the_flag_that_helps() {
    for (region, text, wanted) in [
        ("", "89161234567", PhoneFault::Eight),
        ("", "8 (999) 123-45-67", PhoneFault::Eight),
        ("", "84951234567", PhoneFault::Eight),
        ("", "9161234567", PhoneFault::Ten),
        ("", "9611234567", PhoneFault::Ten),
        ("", "5512345678", PhoneFault::Ten),
        ("", "4951234567", PhoneFault::Ten),
        ("", "(495) 123-45-67", PhoneFault::Ten),
        ("", "656 123 4567", PhoneFault::Ten),
        ("", "4771234567", PhoneFault::Ten),
        ("", "3812345678", PhoneFault::Ten),
        ("", "(51) 98765-4321", PhoneFault::National),
        ("", "11987654321", PhoneFault::National),
        ("", "050 123 45 67", PhoneFault::Ten),
        ("", "612345678", PhoneFault::National),
        ("", "нет", PhoneFault::NoDigits),
        ("", "-", PhoneFault::NoDigits),
        ("", "123", PhoneFault::Scrap),
        ("", "7,9991E+10", PhoneFault::Truncated),
        ("RU", "7.9991E+10", PhoneFault::Truncated),
        ("", "+7 999 123", PhoneFault::NotInternational),
        ("", "+7 999 123 45 678", PhoneFault::NotInternational),
        ("", "+9161234567", PhoneFault::NotInternational),
        ("", "+8 916 123 45 67", PhoneFault::NotInternational),
        ("", "+79991112233 +79991112244", PhoneFault::Unreadable),
        ("", "+7 999 123-45-67 кв. 5", PhoneFault::Unreadable),
        ("", "12345678901234567890", PhoneFault::National),
        ("", "tel1 999 123-45-67", PhoneFault::Unreadable),
        ("", "+7 999 123-45-67 (моб. 2)", PhoneFault::Unreadable),
        ("", "41860913909960@lid", PhoneFault::Lid),
        ("", "79991112233@mail.ru", PhoneFault::Address),
    ] {
        assert_eq!(read(region, text), Err(wanted), "{region} {text:?}");
    }
    let ru = "RU".parse().ok();
    assert_eq!(
        read("RU", "1234567890"),
        ru.map(PhoneFault::NotInRegion)
            .map_or(Ok(String::new()), Err)
    );
    for fault in [PhoneFault::Eight, PhoneFault::Ten, PhoneFault::National] {
        assert!(
            fault.into_fault("89161234567").reason.contains("--region"),
            "{fault:?}"
        );
    }
}

#[test]
fn each_change_is_counted_with_an_example() {
    let mut edits = Edits::default();
    let phones = Phones::new(NumberRules {
        national: "RU".parse().unwrap_or_default(),
        ..NumberRules::default()
    });
    for text in ["8 (999) 123-45-67 доб. 3", "'+79991112233", "79991112233"] {
        assert!(phones.read(text, &mut edits).is_ok());
    }
    let lines = edits.lines().join("\n");
    for wanted in [
        "1 number: 8 → 7",
        "extension dropped",
        "apostrophe",
        "2 numbers: spaces and punctuation",
    ] {
        assert!(lines.contains(wanted), "{lines}");
    }
}
