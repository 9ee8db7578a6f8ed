//! How currencies are written, and which one is meant: data, and how it is looked up.

/// A spelling, the code of ISO 4217 that it means where nothing says otherwise.
const SIGNS: &[(&str, &str)] = &[
    ("US$", "USD"),
    ("USD$", "USD"),
    ("U$S", "USD"),
    ("CA$", "CAD"),
    ("CAD$", "CAD"),
    ("CDN$", "CAD"),
    ("C$", "CAD"),
    ("AU$", "AUD"),
    ("A$", "AUD"),
    ("NZ$", "NZD"),
    ("HK$", "HKD"),
    ("NT$", "TWD"),
    ("S$", "SGD"),
    ("SG$", "SGD"),
    ("R$", "BRL"),
    ("MX$", "MXN"),
    ("Mex$", "MXN"),
    ("AR$", "ARS"),
    ("CLP$", "CLP"),
    ("COL$", "COP"),
    ("J$", "JMD"),
    ("$U", "UYU"),
    ("Bs.", "BOB"),
    ("S/.", "PEN"),
    ("S/", "PEN"),
    ("$", "USD"),
    ("＄", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("￡", "GBP"),
    ("CN¥", "CNY"),
    ("JP¥", "JPY"),
    ("¥", "JPY"),
    ("￥", "JPY"),
    ("円", "JPY"),
    ("人民币", "CNY"),
    ("元", "CNY"),
    ("₩", "KRW"),
    ("￦", "KRW"),
    ("원", "KRW"),
    ("₹", "INR"),
    ("Rs.", "INR"),
    ("Rs", "INR"),
    ("₨", "PKR"),
    ("₽", "RUB"),
    ("руб.", "RUB"),
    ("руб", "RUB"),
    ("рублей", "RUB"),
    ("р.", "RUB"),
    ("₴", "UAH"),
    ("грн.", "UAH"),
    ("грн", "UAH"),
    ("₸", "KZT"),
    ("₺", "TRY"),
    ("TL", "TRY"),
    ("zł", "PLN"),
    ("zl", "PLN"),
    ("Kč", "CZK"),
    ("Ft", "HUF"),
    ("lei", "RON"),
    ("Lei", "RON"),
    ("лв.", "BGN"),
    ("лв", "BGN"),
    ("kr.", "SEK"),
    ("kr", "SEK"),
    ("Kr.", "SEK"),
    ("Kr", "SEK"),
    ("KR", "SEK"),
    ("ISK", "ISK"),
    ("SFr.", "CHF"),
    ("Fr.", "CHF"),
    ("Fr", "CHF"),
    ("sFr.", "CHF"),
    ("฿", "THB"),
    ("บาท", "THB"),
    ("₫", "VND"),
    ("đ", "VND"),
    ("₪", "ILS"),
    ("ש\"ח", "ILS"),
    ("₦", "NGN"),
    ("₱", "PHP"),
    ("₲", "PYG"),
    ("₡", "CRC"),
    ("₵", "GHS"),
    ("Rp.", "IDR"),
    ("Rp", "IDR"),
    ("RM", "MYR"),
    ("R", "ZAR"),
    ("KSh", "KES"),
    ("Ksh", "KES"),
    ("KES", "KES"),
    ("د.إ", "AED"),
    ("درهم", "AED"),
    ("ر.س", "SAR"),
    ("ريال", "SAR"),
    ("﷼", "IRR"),
    ("تومان", "IRR"),
    ("ج.م", "EGP"),
    ("جنيه", "EGP"),
    ("د.ك", "KWD"),
    ("дин.", "RSD"),
    ("din.", "RSD"),
    ("din", "RSD"),
    ("KM", "BAM"),
    ("kn", "HRK"),
    ("₾", "GEL"),
    ("֏", "AMD"),
    ("৳", "BDT"),
    ("₭", "LAK"),
    ("₮", "MNT"),
    ("euro", "EUR"),
    ("euros", "EUR"),
    ("Euro", "EUR"),
    ("Euros", "EUR"),
    ("EURO", "EUR"),
    ("dollars", "USD"),
    ("dollar", "USD"),
    ("pounds", "GBP"),
    ("yen", "JPY"),
    ("kronor", "SEK"),
    ("kroner", "NOK"),
    ("reais", "BRL"),
    ("rupees", "INR"),
    ("pesos", "MXN"),
    ("zlotych", "PLN"),
    ("złotych", "PLN"),
];

/// Codes that are read as they stand.
const CODES: &[&str] = &[
    "AED", "AMD", "ARS", "AUD", "AZN", "BAM", "BDT", "BGN", "BHD", "BRL", "BYN", "CAD", "CHF", "CLP", "CNY",
    "COP", "CRC", "CZK", "DKK", "DOP", "DZD", "EGP", "ETB", "EUR", "GBP", "GEL", "GHS", "GTQ", "HKD", "HRK",
    "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KRW", "KWD", "KZT", "LBP",
    "LKR", "MAD", "MDL", "MKD", "MMK", "MNT", "MOP", "MUR", "MXN", "MYR", "NGN", "NOK", "NPR", "NZD", "OMR",
    "PAB", "PEN", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB", "TND",
    "TRY", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VES", "VND", "XAF", "XOF", "ZAR",
];

/// A sign that several countries share, and whose it is where a page's language tells.
const SHARED: &[(&str, &[(&str, &str)])] = &[
    (
        "$",
        &[
            ("en-ca", "CAD"),
            ("fr-ca", "CAD"),
            ("en-au", "AUD"),
            ("en-nz", "NZD"),
            ("en-sg", "SGD"),
            ("en-hk", "HKD"),
            ("zh-hk", "HKD"),
            ("zh-tw", "TWD"),
            ("es-mx", "MXN"),
            ("es-ar", "ARS"),
            ("es-cl", "CLP"),
            ("es-co", "COP"),
        ],
    ),
    ("¥", &[("zh", "CNY")]),
    ("￥", &[("zh", "CNY")]),
    ("kr", &[("nb", "NOK"), ("nn", "NOK"), ("no", "NOK"), ("da", "DKK"), ("is", "ISK"), ("sv", "SEK")]),
    ("Rs", &[("ur", "PKR"), ("en-pk", "PKR"), ("si", "LKR"), ("en-lk", "LKR"), ("ne", "NPR")]),
];

/// Spelling of a currency in a text, and its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign<'t> {
    pub(super) spelled: &'t str,
    pub(super) code: &'static str,
}

/// The currency that a text ends with, the longest spelling of it.
pub(super) fn at_end(text: &str) -> Option<Sign<'_>> {
    longest(text, |text, sign| {
        let before = text.strip_suffix(sign)?;
        Some((before.chars().next_back(), &text[before.len()..]))
    })
}

/// The currency that a text begins with.
pub(super) fn at_start(text: &str) -> Option<Sign<'_>> {
    longest(text, |text, sign| {
        let after = text.strip_prefix(sign)?;
        Some((after.chars().next(), &text[..sign.len()]))
    })
}

fn longest<'t>(
    text: &'t str,
    cut: impl Fn(&'t str, &str) -> Option<(Option<char>, &'t str)>,
) -> Option<Sign<'t>> {
    let of = |sign: &str, code: &'static str| {
        let (neighbour, spelled) = cut(text, sign)?;
        // A sign made of letters is a word of its own.
        let is_word = spelled.chars().any(char::is_alphabetic);
        let runs_on =
            is_word && neighbour.is_some_and(|c| c.is_alphabetic() && c.is_ascii() == spelled.is_ascii());
        (!runs_on).then_some(Sign { spelled, code })
    };
    let signs = SIGNS.iter().filter_map(|(sign, code)| of(sign, code));
    let codes = CODES.iter().filter_map(|code| of(code, code));
    signs.chain(codes).max_by_key(|sign| sign.spelled.len())
}

/// The code that a sign means on a page in a language.
pub(super) fn code_in(sign: Sign<'_>, language: Option<&str>) -> &'static str {
    let Some(language) = language.map(str::to_ascii_lowercase) else { return sign.code };
    let spelled = sign.spelled.trim_end_matches('.');
    let spelled = if spelled.eq_ignore_ascii_case("kr") { "kr" } else { spelled };
    let theirs = SHARED.iter().find(|(shared, _)| *shared == spelled).map_or(&[][..], |(_, theirs)| theirs);
    let found = theirs.iter().find(|(of, _)| language == *of || language.split('-').next() == Some(of));
    found.map_or(sign.code, |(_, code)| code)
}

/// Whether a character may begin or end a sign: a quick look before the table is gone through.
pub(super) fn may_be_sign(c: char) -> bool {
    c.is_alphabetic()
        || matches!(
            c,
            '$' | '＄' | '.' | '/' | '£' | '￡' | '¥' | '￥' | '￦' | '฿' | '﷼' | '֏' | '৳' | '\u{20a0}'
                ..='\u{20cf}'
        )
}
