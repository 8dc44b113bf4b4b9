//! URIs of every shape, good and bad.

use super::*;

fn read(text: &str) -> Option<Uri<'_>> {
    uri(text.as_bytes()).ok().map(|(_, uri)| uri)
}

fn name(text: &str) -> Option<Host<'_>> {
    Some(Host::Name(text.as_bytes()))
}

#[test]
fn parts_of_a_sip_uri() {
    let uri = read("SIPS:al.ice:pw@example.com:5061;transport=tcp;LR?Subject=a%20b&x=").unwrap();
    assert_eq!(uri.scheme, Scheme::Sips);
    assert_eq!(uri.user, Some(&b"al.ice"[..]));
    assert_eq!(uri.password, Some(&b"pw"[..]));
    assert_eq!((uri.host, uri.port), (name("example.com"), Some(5061)));
    assert_eq!(uri.params.get("Transport"), Some(&b"tcp"[..]));
    assert_eq!(uri.params.get("lr"), Some(&b""[..]));
    assert_eq!(uri.headers, Some(&b"Subject=a%20b&x="[..]));
    let bare = read("sip:example.com").unwrap();
    assert_eq!((bare.user, bare.host, bare.port), (None, name("example.com"), None));
}

#[test]
fn users_hold_semicolons_question_marks_and_escapes() {
    let uri = read("sip:bob;par=u%40example.net@example.com").unwrap();
    assert_eq!(uri.user, Some(&b"bob;par=u%40example.net"[..]));
    assert_eq!(uri.params.bytes(), b"");
    assert_eq!(read("sip:a?b/c&d=e+f$g,h@x").unwrap().user, Some(&b"a?b/c&d=e+f$g,h"[..]));
    assert_eq!(read("sip:null-%00-x@y").unwrap().plain_user().unwrap(), &b"null-\0-x"[..]);
    assert_eq!(
        read("sip:+12025550142;npdi@x;user=phone").unwrap().user,
        Some(&b"+12025550142;npdi"[..])
    );
}

#[test]
fn ipv6_references() {
    let host = |text: &str| {
        let uri = read(text).unwrap();
        (uri.host.and_then(Host::address).map(|address| address.to_string()), uri.port)
    };
    assert_eq!(host("sip:a@[2001:db8::10]:5070"), (Some("2001:db8::10".into()), Some(5070)));
    assert_eq!(host("sip:[2001:db8::10:5070]"), (Some("2001:db8::10:5070".into()), None));
    assert_eq!(host("sip:a@[2001:db8:::192.0.2.1]"), (Some("2001:db8::c000:201".into()), None));
}

#[test]
fn other_schemes() {
    let tel = read("tel:+1-202-555-0142;phone-context=x.y").unwrap();
    assert_eq!((tel.scheme, tel.user), (Scheme::Tel, Some(&b"+1-202-555-0142"[..])));
    assert_eq!(tel.params.get("phone-context"), Some(&b"x.y"[..]));
    assert_eq!(read("tel:1555").unwrap().host, None);
    for text in
        ["nobody-knows+this:totally;opaque?x", "soap.beep://192.0.2.1:3002", "urn:service:sos"]
    {
        let uri = read(text).unwrap();
        assert_eq!((uri.scheme, uri.text), (Scheme::Other, text.as_bytes()), "{text}");
    }
}

#[test]
fn what_is_no_uri() {
    for text in [
        "",
        "sip",
        "sip:",
        "sip:@h",
        "sip:a@",
        "sip:a b@h",
        "sip:a@h:",
        "sip:a@h:x",
        "sip:a@h:65536",
        "sip:a@h;",
        "sip:a@h;;lr",
        "sip:a@h;a=",
        "sip:a@h?",
        "sip:a@h?x",
        "sip:a@h>",
        "<sip:a@h>",
        " sip:a@h",
        "sip:a@h ",
        "sip:a%0@h",
        "sip:a%zz@h",
        "sip:2001:db8::10",
        "sip:a@b@c",
        "sip:a@[::1",
        "tel:",
        "tel:abc;x y",
        "1x:y",
        "x:",
        "x: y",
        "sip:a@h; lr",
        "sip:é@h",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn escapes_resolve_where_they_are_whole() {
    assert_eq!(unescaped(b"%41b%c3%A9%"), &b"Ab\xc3\xa9%"[..]);
    assert_eq!(unescaped(b"%%41%4"), &b"%A%4"[..]);
    assert!(matches!(unescaped(b"plain"), Cow::Borrowed(_)));
}
