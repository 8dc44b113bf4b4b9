//! Each production alone.

use super::*;

fn rest<T>(parsed: IResult<&[u8], T>) -> Option<&[u8]> {
    parsed.ok().map(|(rest, _)| rest)
}

#[test]
fn tokens_end_at_separators() {
    assert_eq!(token(b"a-.!%*_+`'~9;x").unwrap(), (&b";x"[..], &b"a-.!%*_+`'~9"[..]));
    for bad in [&b""[..], b" a", b"@", b"\"", b"\xe9", b"("] {
        assert!(token(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn quoted_strings() {
    let cases: [(&[u8], &[u8]); 6] = [
        (b"\"\"", b""),
        (b" \"a \\\" \\\\\"", b"a \" \\"),
        (b"\"caf\xe9 \xc3\xa9\"", b"caf\xe9 \xc3\xa9"),
        (b"\"a \r\n\t b\"", b"a b"),
        (b"\"nul \\\0\"", b"nul \0"),
        (b"\"\\\xbd\"", b"\xbd"),
    ];
    for (text, meant) in cases {
        let (rest, found) = quoted(text).unwrap();
        assert_eq!((rest, &*found.plain()), (&b""[..], meant), "{}", text.escape_ascii());
    }
    for bad in [&b"\"a"[..], b"\"a\\\"", b"\"\0\"", b"a", b"\"\\\r\n\"", b"\"\x7f\""] {
        assert!(quoted(bad).is_err(), "{}", bad.escape_ascii());
    }
}

/// A mutant once brought the reader down with this: an escaped Latin-1 byte, and nothing behind it.
#[test]
fn an_escaped_byte_above_127_may_be_the_last() {
    assert!(quoted(b"\"\\\xbd").is_err());
    assert!(quoted(b"\"\\\xff\xff").is_err());
}

#[test]
fn numbers_have_an_end() {
    let read =
        |text: &'static str| number(255).parse(text.as_bytes()).ok().map(|(_, number)| number);
    assert_eq!(read("255"), Some(255));
    assert_eq!(read("000000000000000000000000255"), Some(255));
    for bad in ["256", "-1", "", "99999999999999999999999999", "18446744073709551617"] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn comments_nest() {
    assert_eq!(rest(comment(b"(a(b)\\)c)d")), Some(&b"d"[..]));
    assert_eq!(rest(comment(b"()")), Some(&b""[..]));
    for bad in [&b"(a"[..], b"a", b")", b"", b"((a)"] {
        assert!(comment(bad).is_err(), "{}", bad.escape_ascii());
    }
    let deep = [vec![b'('; 4_000], vec![b')'; 4_000]].concat();
    assert_eq!(rest(comment(&deep)), Some(&b""[..]));
}

#[test]
fn escapes_are_two_digits() {
    let read = |text| rest(escaped_run(|byte| byte.is_ascii_alphabetic()).parse(text));
    assert_eq!(read(b"a%00b%fF;"), Some(&b";"[..]));
    assert_eq!(read(b"a%0gb"), Some(&b"%0gb"[..]));
    assert_eq!(read(b"a%0"), Some(&b"%0"[..]));
}

#[test]
fn text_compares_by_meaning() {
    assert!(Text { raw: b"AU\\TH", quoted: true }.is("auth"));
    assert!(!Text { raw: b"au\\th", quoted: false }.is("auth"));
}
