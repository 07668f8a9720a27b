//! The shape of a telephone number, country by country, in a table that costs nothing to ask.
//!
//! Most numbers in most files are international already, so the question is asked a million times and
//! libphonenumber (a regular expression each time, 6 ms before the first) is only for the rest. The
//! table says what lengths a country's numbers can have at all, and by length with which digits fixed
//! and mobile numbers begin; it was sampled from libphonenumber's metadata, and a test compares the two.
//! It is kept narrow: what it does not know is not refused here but looked at more closely.

/// What numbers a calling code can have.
struct Plan {
    code: u16,
    /// Bit n: a number of n digits after the code is possible.
    lengths: u16,
    /// Digits after the code, and bit n: fixed or mobile numbers of this length begin with n.
    starts: &'static [(u8, u16)],
}

/// How well digits fit the numbering plan of the country that they begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// No country has such a number.
    Impossible,
    /// The length is right, the first digits are unusual.
    Possible,
    /// Right length and first digits.
    Plausible,
}

/// Judges the digits of an international number, without `+`.
pub(super) fn fit(digits: &[u8]) -> Fit {
    let Some((plan, national)) = split(digits) else {
        return Fit::Impossible;
    };
    if national.len() > 15 || (plan.lengths >> national.len()) & 1 == 0 {
        return Fit::Impossible;
    }
    if starts_well(plan, national) {
        Fit::Plausible
    } else {
        Fit::Possible
    }
}

/// Can a number of this country have so many digits after the calling code?
pub(super) fn has_length(code: u16, digits: usize) -> bool {
    let row = INDEX[usize::from(code)];
    row != 0 && digits <= 15 && (PLANS[usize::from(row) - 1].lengths >> digits) & 1 == 1
}

/// Do the digits after the calling code begin with 0, or as Belarus dials with 80?
pub(super) fn has_trunk_prefix(digits: &[u8]) -> bool {
    split(digits).is_some_and(|(plan, national)| {
        national.first() == Some(&b'0') || (plan.code == 375 && national.starts_with(b"80"))
    })
}

fn starts_well(plan: &Plan, national: &[u8]) -> bool {
    let first = national[0] - b'0';
    let known = |&(length, firsts): &(u8, u16)| {
        usize::from(length) == national.len() && (firsts >> first) & 1 == 1
    };
    plan.starts.iter().any(known)
}

/// The country's plan and the digits after its code.
fn split(digits: &[u8]) -> Option<(&'static Plan, &[u8])> {
    if digits.first() == Some(&b'0') {
        return None;
    }
    let mut code = 0_usize;
    for (at, digit) in digits.iter().take(3).enumerate() {
        code = code * 10 + usize::from(digit - b'0');
        let row = INDEX[code];
        if row != 0 {
            return Some((&PLANS[usize::from(row) - 1], &digits[at + 1..]));
        }
    }
    None
}

/// Calling code → row of the table + 1. No code is the beginning of another one.
static INDEX: [u8; 1000] = {
    let mut index = [0; 1000];
    let mut row = 0;
    while row < PLANS.len() {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "there are fewer than 255 rows"
        )]
        let number = row as u8 + 1;
        index[PLANS[row].code as usize] = number;
        row += 1;
    }
    index
};

const fn plan(code: u16, lengths: u16, starts: &'static [(u8, u16)]) -> Plan {
    Plan {
        code,
        lengths,
        starts,
    }
}

// By hand: Mexican numbers with the 1 that was given up in 2019, and Argentinian mobiles with their 9,
// both of which WhatsApp still uses; Russia's 14-digit services are left out.
#[rustfmt::skip]
static PLANS: [Plan; 215] = [
    plan(1, 0x0400, &[(10, 0x3fc)]),
    plan(7, 0x0400, &[(10, 0x398)]),
    plan(20, 0x0700, &[(8, 0x02a), (9, 0x376), (10, 0x002)]),
    plan(27, 0x07e0, &[(5, 0x100), (6, 0x100), (7, 0x100), (8, 0x100), (9, 0x1fe)]),
    plan(30, 0x1c00, &[(10, 0x244)]),
    plan(31, 0x0fe0, &[(9, 0x3fe)]),
    plan(32, 0x0300, &[(8, 0x3fe), (9, 0x010)]),
    plan(33, 0x0200, &[(9, 0x2fe)]),
    plan(34, 0x0200, &[(9, 0x3c0)]),
    plan(36, 0x0300, &[(8, 0x3fe), (9, 0x0ac)]),
    plan(39, 0x1fc0, &[(9, 0x008), (10, 0x038)]),
    plan(40, 0x0240, &[(6, 0x00c), (9, 0x0cc)]),
    plan(41, 0x1200, &[(9, 0x3fc)]),
    plan(43, 0x3ff0, &[(5, 0x022), (6, 0x022), (7, 0x0fe), (8, 0x0fe), (9, 0x0fe), (10, 0x0fe), (11, 0x0fe), (12, 0x0fe), (13, 0x0fe)]),
    plan(44, 0x0680, &[(10, 0x0a6)]),
    plan(45, 0x0100, &[(8, 0x3fc)]),
    plan(46, 0x17c0, &[(7, 0x35e), (8, 0x37e), (9, 0x3fe)]),
    plan(47, 0x0120, &[(8, 0x3fc)]),
    plan(48, 0x07c0, &[(7, 0x008), (9, 0x3fe)]),
    plan(49, 0x3ff0, &[(5, 0x158), (6, 0x3fc), (7, 0x3fc), (8, 0x3fc), (9, 0x3fc), (10, 0x3fe), (11, 0x3fe), (12, 0x3fc), (13, 0x3fc)]),
    plan(51, 0x0300, &[(8, 0x1f2), (9, 0x200)]),
    plan(52, 0x0c00, &[(10, 0x3fc), (11, 0x002)]),
    plan(53, 0x05c0, &[(6, 0x018), (7, 0x09c), (8, 0x0fc)]),
    plan(54, 0x0c00, &[(10, 0x00e), (11, 0x200)]),
    plan(55, 0x0f00, &[(10, 0x3fe), (11, 0x3da)]),
    plan(56, 0x0e00, &[(9, 0x3fc)]),
    plan(57, 0x0d00, &[(8, 0x010), (10, 0x048)]),
    plan(58, 0x0400, &[(10, 0x014)]),
    plan(60, 0x0700, &[(8, 0x3f0), (9, 0x00a), (10, 0x002)]),
    plan(61, 0x17e0, &[(9, 0x19c)]),
    plan(62, 0x3f80, &[(7, 0x048), (8, 0x2fc), (9, 0x3fc), (10, 0x3fc), (11, 0x3fc), (12, 0x100)]),
    plan(63, 0x3f40, &[(6, 0x004), (9, 0x1fc), (10, 0x300)]),
    plan(64, 0x07e0, &[(8, 0x2dc), (9, 0x004), (10, 0x004)]),
    plan(65, 0x0d00, &[(8, 0x348)]),
    plan(66, 0x2700, &[(8, 0x0be), (9, 0x342)]),
    plan(81, 0x3f00, &[(9, 0x3fe), (10, 0x3e0)]),
    plan(82, 0x3f60, &[(5, 0x040), (6, 0x030), (8, 0x004), (9, 0x07e), (10, 0x0fa)]),
    plan(84, 0x0780, &[(9, 0x3a8), (10, 0x004)]),
    plan(86, 0x1f80, &[(10, 0x3fe), (11, 0x0b2)]),
    plan(90, 0x3480, &[(10, 0x03c)]),
    plan(91, 0x3f00, &[(10, 0x3fe)]),
    plan(92, 0x1f00, &[(9, 0x3f4), (10, 0x3fc)]),
    plan(93, 0x0200, &[(9, 0x0fc)]),
    plan(94, 0x0200, &[(9, 0x3fe)]),
    plan(95, 0x07c0, &[(6, 0x006), (7, 0x1f6), (8, 0x306), (9, 0x300), (10, 0x200)]),
    plan(98, 0x04f0, &[(6, 0x1fe), (7, 0x1fe), (10, 0x3fe)]),
    plan(211, 0x0200, &[(9, 0x202)]),
    plan(212, 0x0200, &[(9, 0x0e0)]),
    plan(213, 0x0300, &[(8, 0x01e), (9, 0x0e0)]),
    plan(216, 0x0100, &[(8, 0x2bc)]),
    plan(218, 0x0200, &[(9, 0x3fc)]),
    plan(220, 0x0280, &[(7, 0x3fc), (9, 0x100)]),
    plan(221, 0x0200, &[(9, 0x288)]),
    plan(222, 0x0100, &[(8, 0x01c)]),
    plan(223, 0x0100, &[(8, 0x3f4)]),
    plan(224, 0x0300, &[(8, 0x008), (9, 0x040)]),
    plan(225, 0x0400, &[(10, 0x004)]),
    plan(226, 0x0100, &[(8, 0x0f4)]),
    plan(227, 0x0100, &[(8, 0x384)]),
    plan(228, 0x0100, &[(8, 0x284)]),
    plan(229, 0x0500, &[]),
    plan(230, 0x0580, &[(7, 0x15c), (8, 0x0a0)]),
    plan(231, 0x0380, &[(7, 0x070), (8, 0x004), (9, 0x180)]),
    plan(232, 0x0100, &[(8, 0x3cc)]),
    plan(233, 0x0300, &[(9, 0x02c)]),
    plan(234, 0x1c00, &[(10, 0x384)]),
    plan(235, 0x0100, &[(8, 0x3c8)]),
    plan(236, 0x0100, &[(8, 0x0c4)]),
    plan(237, 0x0300, &[(9, 0x040)]),
    plan(238, 0x0080, &[(7, 0x23c)]),
    plan(239, 0x0080, &[(7, 0x204)]),
    plan(240, 0x0200, &[(9, 0x028)]),
    plan(241, 0x0180, &[(7, 0x0fc), (8, 0x0c2)]),
    plan(242, 0x0200, &[]),
    plan(243, 0x0780, &[(7, 0x17e), (9, 0x302)]),
    plan(244, 0x0200, &[(9, 0x204)]),
    plan(245, 0x0280, &[(7, 0x010), (9, 0x200)]),
    plan(246, 0x0080, &[(7, 0x008)]),
    plan(247, 0x0060, &[(5, 0x0dc)]),
    plan(248, 0x0080, &[(7, 0x254)]),
    plan(249, 0x0200, &[(9, 0x202)]),
    plan(250, 0x0300, &[(9, 0x084)]),
    plan(251, 0x0200, &[(9, 0x382)]),
    plan(252, 0x03c0, &[(6, 0x11a), (7, 0x03e), (8, 0x2c6), (9, 0x3d8)]),
    plan(253, 0x0100, &[(8, 0x084)]),
    plan(254, 0x0780, &[(7, 0x070), (8, 0x074), (9, 0x0f6)]),
    plan(255, 0x0200, &[(9, 0x0d4)]),
    plan(256, 0x0200, &[(9, 0x09c)]),
    plan(257, 0x0100, &[(8, 0x0cc)]),
    plan(258, 0x0300, &[(8, 0x004), (9, 0x100)]),
    plan(260, 0x0200, &[(9, 0x2e4)]),
    plan(261, 0x0200, &[(9, 0x00c)]),
    plan(262, 0x0200, &[]),
    plan(263, 0x0680, &[(7, 0x066), (9, 0x084)]),
    plan(264, 0x0300, &[(8, 0x040), (9, 0x140)]),
    plan(265, 0x0280, &[(7, 0x002), (9, 0x38c)]),
    plan(266, 0x0100, &[(8, 0x064)]),
    plan(267, 0x0580, &[(7, 0x07c), (8, 0x080)]),
    plan(268, 0x0300, &[(8, 0x08c)]),
    plan(269, 0x0080, &[(7, 0x098)]),
    plan(290, 0x0030, &[(4, 0x100), (5, 0x264)]),
    plan(291, 0x0080, &[(7, 0x182)]),
    plan(297, 0x0080, &[(7, 0x2e4)]),
    plan(298, 0x0040, &[(6, 0x3fc)]),
    plan(299, 0x0040, &[(6, 0x3fe)]),
    plan(350, 0x0100, &[(8, 0x024)]),
    plan(351, 0x0200, &[(9, 0x20c)]),
    plan(352, 0x0ff0, &[(4, 0x3bc), (5, 0x3bc), (6, 0x3bc), (7, 0x3bc), (8, 0x3bc), (9, 0x3fc), (10, 0x3bc), (11, 0x3bc)]),
    plan(353, 0x0780, &[(7, 0x274), (8, 0x276), (9, 0x3f6), (10, 0x010)]),
    plan(354, 0x0280, &[(7, 0x1f0)]),
    plan(355, 0x03c0, &[(8, 0x13c), (9, 0x040)]),
    plan(356, 0x0100, &[(8, 0x284)]),
    plan(357, 0x0100, &[(8, 0x204)]),
    plan(358, 0x1fe0, &[(5, 0x36e), (6, 0x37e), (7, 0x37e), (8, 0x37e), (9, 0x37e), (10, 0x030)]),
    plan(359, 0x13c0, &[(6, 0x004), (7, 0x3fc), (8, 0x3fc), (9, 0x300)]),
    plan(370, 0x0100, &[(8, 0x078)]),
    plan(371, 0x0100, &[(8, 0x044)]),
    plan(372, 0x0580, &[(7, 0x1f8), (8, 0x120)]),
    plan(373, 0x0100, &[(8, 0x0ec)]),
    plan(374, 0x0100, &[(8, 0x3fe)]),
    plan(375, 0x0fc0, &[(9, 0x01e)]),
    plan(376, 0x0340, &[(6, 0x1e8)]),
    plan(377, 0x0300, &[(8, 0x218), (9, 0x0c0)]),
    plan(378, 0x0500, &[(8, 0x060)]),
    plan(380, 0x0600, &[(9, 0x3f8)]),
    plan(381, 0x1fc0, &[(7, 0x00e), (8, 0x04e), (9, 0x04e), (10, 0x04e), (11, 0x00e), (12, 0x00e)]),
    plan(382, 0x0300, &[(8, 0x0fc)]),
    plan(383, 0x1f00, &[(8, 0x01c), (9, 0x008), (10, 0x008), (11, 0x008), (12, 0x008)]),
    plan(385, 0x0380, &[(8, 0x23e), (9, 0x23c)]),
    plan(386, 0x01e0, &[(8, 0x1fe)]),
    plan(387, 0x0300, &[(8, 0x078), (9, 0x040)]),
    plan(389, 0x0100, &[(8, 0x09c)]),
    plan(420, 0x1e00, &[(9, 0x0fc)]),
    plan(421, 0x02c0, &[(9, 0x27c)]),
    plan(423, 0x0280, &[(7, 0x08c), (9, 0x040)]),
    plan(500, 0x0020, &[(5, 0x0fc)]),
    plan(501, 0x0880, &[(7, 0x1fc)]),
    plan(502, 0x0900, &[(8, 0x1fc)]),
    plan(503, 0x0980, &[(8, 0x0e4)]),
    plan(504, 0x0900, &[(8, 0x38c)]),
    plan(505, 0x0100, &[(8, 0x1e4)]),
    plan(506, 0x0500, &[(8, 0x1f4)]),
    plan(507, 0x0d80, &[(7, 0x3be), (8, 0x040)]),
    plan(508, 0x0240, &[(6, 0x3fc)]),
    plan(509, 0x0100, &[(8, 0x23c)]),
    plan(590, 0x0200, &[]),
    plan(591, 0x0300, &[(8, 0x0fc)]),
    plan(592, 0x0080, &[(7, 0x0fc)]),
    plan(593, 0x0f00, &[(8, 0x0fc), (9, 0x200)]),
    plan(594, 0x0200, &[]),
    plan(595, 0x0fc0, &[(7, 0x1d8), (8, 0x1fc), (9, 0x3fc)]),
    plan(596, 0x0200, &[]),
    plan(597, 0x00c0, &[(6, 0x03c), (7, 0x3c0)]),
    plan(598, 0x1ff0, &[(8, 0x214)]),
    plan(599, 0x0180, &[(7, 0x080), (8, 0x200)]),
    plan(670, 0x0180, &[(7, 0x01c), (8, 0x080)]),
    plan(672, 0x0040, &[(6, 0x00a)]),
    plan(673, 0x0080, &[(7, 0x1bc)]),
    plan(674, 0x0080, &[(7, 0x120)]),
    plan(675, 0x0180, &[(7, 0x37c), (8, 0x180)]),
    plan(676, 0x00a0, &[(5, 0x1fc), (7, 0x1e0)]),
    plan(677, 0x00a0, &[(5, 0x07e), (7, 0x3c0)]),
    plan(678, 0x00a0, &[(5, 0x11c), (7, 0x3a0)]),
    plan(679, 0x0880, &[(7, 0x3fc)]),
    plan(680, 0x0080, &[(7, 0x1d0)]),
    plan(681, 0x0240, &[(6, 0x380)]),
    plan(682, 0x0020, &[(5, 0x1bc)]),
    plan(683, 0x0090, &[(4, 0x0f0)]),
    plan(685, 0x04e0, &[(5, 0x07c), (6, 0x040), (7, 0x180), (10, 0x100)]),
    plan(686, 0x0120, &[(5, 0x13c), (8, 0x0c0)]),
    plan(687, 0x0040, &[(6, 0x3bc)]),
    plan(688, 0x00e0, &[(5, 0x004), (6, 0x200), (7, 0x080)]),
    plan(689, 0x0340, &[(8, 0x110)]),
    plan(690, 0x00f0, &[(4, 0x09c), (5, 0x09c), (6, 0x09c), (7, 0x09c)]),
    plan(691, 0x0080, &[(7, 0x200)]),
    plan(692, 0x0080, &[]),
    plan(800, 0x0100, &[]),
    plan(808, 0x0100, &[]),
    plan(850, 0x0500, &[(8, 0x1fc)]),
    plan(852, 0x0be0, &[(8, 0x3fc)]),
    plan(853, 0x0180, &[(8, 0x144)]),
    plan(855, 0x0700, &[(8, 0x3fe), (9, 0x3fe)]),
    plan(856, 0x0700, &[(8, 0x1fc), (9, 0x008)]),
    plan(870, 0x1200, &[(9, 0x0ec)]),
    plan(878, 0x1000, &[(12, 0x002)]),
    plan(880, 0x07c0, &[(6, 0x100), (7, 0x320), (8, 0x1fc), (9, 0x004), (10, 0x05e)]),
    plan(881, 0x0600, &[(9, 0x3ce), (10, 0x040)]),
    plan(882, 0x1f80, &[(7, 0x002), (8, 0x212), (9, 0x00a), (10, 0x03e), (11, 0x002), (12, 0x02a)]),
    plan(883, 0x1f00, &[(8, 0x01e), (9, 0x01e), (10, 0x00e), (11, 0x00e), (12, 0x01e)]),
    plan(886, 0x0f80, &[(8, 0x1fc), (9, 0x254), (10, 0x080)]),
    plan(888, 0x0800, &[]),
    plan(960, 0x0480, &[(7, 0x2c8)]),
    plan(961, 0x0180, &[(7, 0x3fa), (8, 0x184)]),
    plan(962, 0x0300, &[(8, 0x04c), (9, 0x080)]),
    plan(963, 0x0300, &[(8, 0x03e), (9, 0x22e)]),
    plan(964, 0x0700, &[(8, 0x07e), (9, 0x07c), (10, 0x080)]),
    plan(965, 0x0180, &[(8, 0x274)]),
    plan(966, 0x0600, &[(9, 0x022)]),
    plan(967, 0x0380, &[(7, 0x0fe), (8, 0x002), (9, 0x080)]),
    plan(968, 0x0380, &[(8, 0x284)]),
    plan(970, 0x0700, &[(8, 0x104), (9, 0x020)]),
    plan(971, 0x1fe0, &[(8, 0x2dc), (9, 0x020)]),
    plan(972, 0x1f80, &[(8, 0x31c), (9, 0x0a0)]),
    plan(973, 0x0100, &[(8, 0x0ca)]),
    plan(974, 0x0b80, &[(8, 0x0f8)]),
    plan(975, 0x0180, &[(7, 0x1fc), (8, 0x182)]),
    plan(976, 0x0700, &[(8, 0x3e6), (9, 0x006), (10, 0x006)]),
    plan(977, 0x0d00, &[(8, 0x3fe), (10, 0x200)]),
    plan(979, 0x0200, &[]),
    plan(992, 0x0200, &[(9, 0x3fe)]),
    plan(993, 0x0100, &[(8, 0x0fe)]),
    plan(994, 0x0200, &[(9, 0x2f6)]),
    plan(995, 0x0200, &[(9, 0x038)]),
    plan(996, 0x0600, &[(9, 0x2ec)]),
    plan(998, 0x0200, &[(9, 0x3ec)]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

    #[test]
    fn every_plan_is_found_by_its_code() {
        for plan in &PLANS {
            let digits = format!("{}000", plan.code).into_bytes();
            assert_eq!(split(&digits).map(|(found, _)| found.code), Some(plan.code));
        }
    }

    #[test]
    fn the_metadata_knows_no_mobile_example_that_the_table_calls_impossible() {
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            let Ok(number) = PHONE_NUMBER_UTIL
                .get_example_number_for_type_and_region(region, PhoneNumberType::Mobile)
            else {
                continue;
            };
            let digits = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
            assert_ne!(
                fit(&digits.as_bytes()[1..]),
                Fit::Impossible,
                "{region} {digits}"
            );
        }
    }

    #[test]
    fn shapes_are_told_apart() {
        for (digits, wanted) in [
            ("79161234567", Fit::Plausible),
            ("5215512345678", Fit::Plausible),
            ("5491123456789", Fit::Plausible),
            ("70001234567", Fit::Possible),
            ("11987654321", Fit::Possible),
            ("7916123456", Fit::Impossible),
            ("791612345678", Fit::Impossible),
            ("89161234567", Fit::Impossible),
            ("04520000000", Fit::Impossible),
            ("", Fit::Impossible),
            ("7", Fit::Impossible),
            ("999", Fit::Impossible),
        ] {
            assert_eq!(fit(digits.as_bytes()), wanted, "{digits}");
        }
    }
}
