//! Spellings of many countries, what is wrong with others, and that no text breaks the reader.

use super::*;
use crate::base::rng::Rng;

fn plain(subscriber: Subscriber) -> String {
    format!("+{}", subscriber.to.reveal().as_str())
}

fn region(text: &str) -> Option<Country> {
    Country::parse(text)
}

/// What is written, the region it is dialled in, the number, its country, what is behind it.
const SPELLINGS: [(&str, &str, &str, &str, Kind); 42] = [
    ("+12025550142", "", "+12025550142", "US", Kind::FixedOrMobile),
    ("+1 (202) 555-0142", "", "+12025550142", "US", Kind::FixedOrMobile),
    ("(202) 555-0142", "US", "+12025550142", "US", Kind::FixedOrMobile),
    ("202.555.0142", "US", "+12025550142", "US", Kind::FixedOrMobile),
    ("1-202-555-0142", "US", "+12025550142", "US", Kind::FixedOrMobile),
    ("011 44 20 7946 0018", "US", "+442079460018", "GB", Kind::Fixed),
    ("+1 416 555 0142", "", "+14165550142", "CA", Kind::FixedOrMobile),
    ("+1 800 234 5678", "", "+18002345678", "US", Kind::TollFree),
    ("+1 900 234 5678", "", "+19002345678", "US", Kind::Premium),
    ("+1 242 359 1234", "", "+12423591234", "BS", Kind::Mobile),
    ("020 7946 0018", "GB", "+442079460018", "GB", Kind::Fixed),
    ("+44 (0)20 7946 0018", "", "+442079460018", "GB", Kind::Fixed),
    ("00 44 20 7946 0018", "DE", "+442079460018", "GB", Kind::Fixed),
    ("07400 123456", "GB", "+447400123456", "GB", Kind::Mobile),
    ("+44 7912 345678", "", "+447912345678", "GB", Kind::Mobile),
    ("+44 7781 123456", "", "+447781123456", "GG", Kind::Mobile),
    ("+44 70 1234 5678", "", "+447012345678", "GB", Kind::Personal),
    ("0151 23456789", "DE", "+4915123456789", "DE", Kind::Mobile),
    ("+49/30/123456", "", "+4930123456", "DE", Kind::Fixed),
    ("030 123456", "DE", "+4930123456", "DE", Kind::Fixed),
    ("0049 30 123456", "DE", "+4930123456", "DE", Kind::Fixed),
    ("+39 02 1234 5678", "", "+390212345678", "IT", Kind::Fixed),
    ("02 1234 5678", "IT", "+390212345678", "IT", Kind::Fixed),
    ("312 345 6789", "IT", "+393123456789", "IT", Kind::Mobile),
    ("+39 06 698 12345", "DE", "+390669812345", "VA", Kind::Fixed),
    ("+54 9 11 2345-6789", "", "+5491123456789", "AR", Kind::Mobile),
    ("011 15-2345-6789", "AR", "+5491123456789", "AR", Kind::Mobile),
    ("+54 11 2345-6789", "", "+541123456789", "AR", Kind::Fixed),
    ("+52 55 1234 5678", "", "+525512345678", "MX", Kind::FixedOrMobile),
    ("55 1234 5678", "MX", "+525512345678", "MX", Kind::FixedOrMobile),
    ("06 12 34 56 78", "FR", "+33612345678", "FR", Kind::Mobile),
    ("8 (912) 345-67-89", "RU", "+79123456789", "RU", Kind::Mobile),
    ("810 44 20 7946 0018", "RU", "+442079460018", "GB", Kind::Fixed),
    ("+7 701 234 5678", "", "+77012345678", "KZ", Kind::Mobile),
    ("08123 456789", "IN", "+918123456789", "IN", Kind::Mobile),
    ("011-96123-4567", "BR", "+5511961234567", "BR", Kind::Mobile),
    ("０９０－１２３４－５６７８", "JP", "+819012345678", "JP", Kind::Mobile),
    ("٠١٠٠ ١٢٣ ٤٥٦٧", "EG", "+201001234567", "EG", Kind::Mobile),
    ("＋４９ ３０ １２３４５６", "", "+4930123456", "DE", Kind::Fixed),
    ("\u{202a}+49 30 123456\u{202c}", "", "+4930123456", "DE", Kind::Fixed),
    ("+800 1234 5678", "", "+80012345678", "", Kind::TollFree),
    ("+247 62889", "", "+24762889", "AC", Kind::Fixed),
];

#[test]
fn a_number_is_read_in_any_spelling() {
    for (text, dialled_in, number, country, kind) in SPELLINGS {
        let read = read(text, region(dialled_in));
        let found = read.map(|read| (plain(read), read.country, read.kind));
        assert_eq!(found, Ok((number.to_owned(), region(country), kind)), "{text} {dialled_in}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = |text, dialled_in| read(text, region(dialled_in)).unwrap_err();
    for text in ["", "2025550142", "0049 30 123456", "()"] {
        assert_eq!(error(text, ""), PlanError::NoPlus, "{text:?}");
    }
    for (text, at) in [
        ("+1-800-FLOWERS", 7),
        ("+12025550142 ext. 5", 13),
        ("+12025550142x5", 12),
        ("+12025550142;ext=5", 12),
        ("+12025550142;phone-context=+44", 12),
        ("tel:+12025550142", 0),
        ("+12025550142,5", 12),
        ("+12025550142#5", 12),
        ("+12025550142\r\nTo: x", 12),
        ("+1202555\n0142", 8),
        ("+1\0", 2),
        ("~+12025550142", 0),
        ("anna", 0),
    ] {
        assert_eq!(error(text, ""), PlanError::NotANumber { at }, "{text:?}");
    }
    assert_eq!(error("++12025550142", ""), PlanError::LatePlus { at: 1 });
    assert_eq!(error("1+2025550142", "US"), PlanError::LatePlus { at: 1 });
    assert_eq!(error("2025550142", "ZZ"), PlanError::UnknownRegion(region("ZZ").unwrap()));
    assert_eq!(error("+12025550142", "AQ"), PlanError::UnknownRegion(region("AQ").unwrap()));
    assert_eq!(error("+999 1234 5678", ""), PlanError::UnknownCode);
    assert_eq!(error("+0012025550142", ""), PlanError::UnknownCode);
    assert_eq!(error("", "US"), PlanError::TooShort);
    assert_eq!(error("+", ""), PlanError::TooShort);
    assert_eq!(error("+1", ""), PlanError::TooShort);
    assert_eq!(error("12", "US"), PlanError::NotPossible(region("US")));
    assert_eq!(error("+49 12345678901234567890", ""), PlanError::TooLong);
    assert_eq!(error("+1 202 555", ""), PlanError::NotPossible(region("US")));
    assert_eq!(error("555 0142", "US"), PlanError::NotValid(region("US")));
    assert_eq!(error("+1 202 555 01421", ""), PlanError::NotPossible(region("US")));
    assert_eq!(error("+1 555 555 0142", ""), PlanError::NotValid(region("US")));
    assert_eq!(error("+44 20 7946", ""), PlanError::NotValid(region("GB")));
    // Given to fiction, so nobody's.
    assert_eq!(error("+44 7700 900123", ""), PlanError::NotValid(region("GB")));
    // The 1 of Mexico's mobile phones is gone since 2019.
    assert_eq!(error("+52 1 55 1234 5678", ""), PlanError::NotPossible(region("MX")));
    assert_eq!(error("911", "US"), PlanError::NotPossible(region("US")));
    assert_eq!(error("+800 123", ""), PlanError::NotPossible(None));
}

#[test]
fn at_most_64_characters_are_read() {
    let wide = |blanks: usize| format!("+1202555{}0142", "\u{a0}".repeat(blanks));
    assert_eq!(read(&wide(52), None).map(plain), Ok("+12025550142".to_owned()));
    assert_eq!(read(&wide(53), None), Err(PlanError::TooMuch { characters: 65 }));
}

#[test]
fn an_error_says_what_would_be_right_and_repeats_no_digits() {
    let said = |text, dialled_in| read(text, region(dialled_in)).unwrap_err().to_string();
    assert_eq!(
        said("2025550142", ""),
        "a number begins with + and its country's code, like +12025550142, or comes with the region it is dialled in"
    );
    assert_eq!(said("+1 202 555", ""), "no number of US has so many digits");
    assert_eq!(said("+1 555 555 0142", ""), "US has no such number");
    assert_eq!(
        said("+1-800-FLOWERS", ""),
        "character 8 is not a digit; between digits may stand blanks, - . / ( ) and a + in front"
    );
    assert_eq!(
        said("1", "AQ"),
        "the numbering plan has no region AQ; a region is two letters, like US or GB"
    );
}

#[test]
fn a_number_that_was_read_is_read_again_to_the_same() {
    for (text, dialled_in, ..) in SPELLINGS {
        let first = read(text, region(dialled_in)).unwrap();
        assert_eq!(read(&plain(first), None), Ok(first), "{text}");
    }
}

#[test]
fn no_text_breaks_the_reader() {
    let mut rng = Rng::from_seed(7);
    let alphabet: Vec<char> = "0123456789+-() ./٣３x;:#~\r\n\0é\u{10ffff}".chars().collect();
    let regions: Vec<_> = ["", "US", "AR", "IT", "DE", "BR", "MX", "CN", "AQ"].map(region).into();
    let mut numbers = 0;
    for round in 0..20_000 {
        // Every other time digits only: they get the farthest.
        let letters = if round % 2 == 0 { 10 } else { alphabet.len() as u64 };
        let length = rng.secret_below(24);
        let mut text = if round % 3 == 0 { String::from("+") } else { String::new() };
        text.extend((0..length).map(|_| alphabet[rng.secret_below(letters) as usize]));
        let region = regions[rng.secret_below(regions.len() as u64) as usize];
        if let Ok(subscriber) = read(&text, region) {
            numbers += 1;
            assert_eq!(read(&plain(subscriber), None), Ok(subscriber), "{text} {region:?}");
        }
    }
    assert!(numbers > 100, "{numbers}");
}

#[test]
fn countries_and_their_codes_are_known() {
    for (country, code) in [("US", Some(1)), ("KZ", Some(7)), ("IT", Some(39)), ("AQ", None)] {
        let country = region(country).unwrap();
        assert_eq!(calling_code(country), code, "{country}");
        assert_eq!(known_country(country), code.is_some(), "{country}");
    }
    assert!(!known_country(region("ZZ").unwrap()));
}
