//! The vectors of RFC 7616 §3.9, and what servers do besides.

use super::super::challenge::challenge;
use super::*;

fn read(text: &str) -> Challenge<'_> {
    challenge(text.as_bytes()).unwrap().1
}

fn answer(terms: &mut Terms, asked: &Asked<'_>, user: &str, secret: &str, cnonce: &str) -> String {
    let credentials = Credentials { username: user.to_owned(), secret: Secret::new(secret) };
    let mut out = Vec::new();
    terms.answer(asked, &credentials, cnonce, &mut out);
    String::from_utf8(out).unwrap()
}

const INVITE: Asked<'_> = Asked { method: b"INVITE", uri: b"sip:+1@h:5060;user=phone", body: b"" };

fn value<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = answer.split_once(&format!("{name}="))?;
    rest.trim_start_matches('"').split(['"', ',']).next()
}

#[test]
fn vectors_of_rfc_7616_3_9_1() {
    let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
    let opaque = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS";
    let asked = Asked { method: b"GET", uri: b"/dir/index.html", body: b"" };
    let cases = [
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
    ];
    for (algorithm, response) in cases {
        let text = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"{nonce}\", opaque=\"{opaque}\""
        );
        let mut terms = Terms::read(&read(&text), Policy::Any).unwrap();
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let text = answer(&mut terms, &asked, "Mufasa", "Circle of Life", cnonce);
        assert_eq!(
            text,
            format!(
                "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"{nonce}\", \
                 uri=\"/dir/index.html\", response=\"{response}\", algorithm={algorithm}, cnonce=\"{cnonce}\", \
                 opaque=\"{opaque}\", qop=auth, nc=00000001"
            )
        );
    }
}

/// The published hashes are of a draft of SHA-512/256; these are those of erratum 4897.
#[test]
fn a_hashed_user_name_as_in_rfc_7616_3_9_2() {
    let text = "Digest realm=\"api@example.org\", qop=\"auth\", algorithm=SHA-512-256, \
                nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", charset=UTF-8, userhash=";
    let asked = Asked { method: b"GET", uri: b"/doe.json", body: b"" };
    let cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v";
    for (userhash, username) in [
        ("true", "username=\"793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b\""),
        ("false", "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe"),
    ] {
        let text = format!("{text}{userhash}");
        let mut terms = Terms::read(&read(&text), Policy::NoMd5).unwrap();
        let text = answer(&mut terms, &asked, "J\u{e4}s\u{f8}n Doe", "Secret, or not?", cnonce);
        assert!(text.starts_with(&format!("Digest {username}, ")), "{text}");
        let response = "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5";
        assert_eq!(value(&text, "response"), Some(response));
        assert_eq!(text.ends_with(", userhash=true"), userhash == "true");
    }
}

#[test]
fn without_qop_there_is_no_cnonce_and_no_count() {
    for text in [
        "Digest realm=\"r\", nonce=\"n\"",
        "digest realm=\"r\", nonce=\"n\", qop=\"\", algorithm=md5",
    ] {
        let mut terms = Terms::read(&read(text), Policy::Any).unwrap();
        let text = answer(&mut terms, &INVITE, "u", "p", "c");
        assert_eq!(value(&text, "response"), Some("ce9ed4d40ed7755678aafbb8369791be"));
        assert!(!text.contains("nonce=\"c\"") && !text.contains("nc="), "{text}");
        assert_eq!(value(&text, "uri"), Some("sip:+1@h:5060;user=phone"));
    }
}

#[test]
fn auth_int_hashes_the_body_and_is_the_second_choice() {
    let offer = "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\", algorithm=SHA-256";
    let of = |body| {
        let mut terms = Terms::read(&read(offer), Policy::Any).unwrap();
        let text = answer(&mut terms, &Asked { body, ..INVITE }, "u", "p", "c");
        assert_eq!(value(&text, "qop"), Some("auth-int"));
        value(&text, "response").unwrap().to_owned()
    };
    assert_eq!(of(b"v=0\r\n"), "82cca7d7e1884e15470db55366b6823139a8f4ac7bab25f45f07fa02a546d4e1");
    assert_eq!(of(b""), "59fa4324f1d0149ef9fd2149b92add750a328cf1bf158b55d010d27d24534533");
    let both = "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int , AUTH,other\"";
    let mut terms = Terms::read(&read(both), Policy::Any).unwrap();
    assert_eq!(value(&answer(&mut terms, &INVITE, "u", "p", "c"), "qop"), Some("auth"));
}

#[test]
fn the_session_key_is_made_once_and_uses_are_counted() {
    let text = "Digest realm=\"r\", nonce=\"n\", qop=auth, algorithm=MD5-sess";
    let mut terms = Terms::read(&read(text), Policy::Any).unwrap();
    let first = answer(&mut terms, &INVITE, "u", "p", "first");
    let second = answer(&mut terms, &INVITE, "u", "p", "second");
    assert_eq!(value(&first, "response"), Some("57a165957abd4cf3328fc51ba59c1648"));
    assert_eq!(value(&second, "response"), Some("ef07144ae9dd35a529f7d294b1caf221"));
    assert_eq!((value(&first, "nc"), value(&second, "nc")), (Some("00000001"), Some("00000002")));
    assert_eq!(value(&second, "algorithm"), Some("MD5-sess"));
    for _ in 0..8 {
        answer(&mut terms, &INVITE, "u", "p", "c");
    }
    assert_eq!(value(&answer(&mut terms, &INVITE, "u", "p", "c"), "nc"), Some("0000000b"));
}

#[test]
fn quotes_and_backslashes_go_back_as_they_came_and_are_hashed_as_they_read() {
    let text = "Digest realm=\"re\\\"al\\\\m\", nonce=\"n\", opaque=\"o\\\"+/=\"";
    let mut terms = Terms::read(&read(text), Policy::Any).unwrap();
    let text = answer(&mut terms, &INVITE, "a\"b\\c", "p", "c");
    assert!(
        text.starts_with("Digest username=\"a\\\"b\\\\c\", realm=\"re\\\"al\\\\m\", nonce="),
        "{text}"
    );
    assert!(text.ends_with(", opaque=\"o\\\"+/=\""), "{text}");
    assert_eq!(value(&text, "response"), Some("baf85b8ca3f1afeb982a8b7348293450"));
    assert_eq!(terms.realm(), b"re\"al\\m");
}

#[test]
fn the_topmost_challenge_we_can_answer_of_each_realm() {
    let texts = [
        "Basic realm=\"a\"",
        "Digest realm=\"a\", nonce=\"0\", algorithm=SHA3-512",
        "Digest realm=\"a\", nonce=\"1\", algorithm=MD5",
        "Digest realm=\"a\", nonce=\"2\", algorithm=SHA-256",
        "Digest realm=\"b\", nonce=\"3\", qop=\"token\"",
        "Digest realm=\"b\"",
        "Digest realm=\"b\", nonce=\"4\"",
    ];
    let nonces = |policy| {
        let challenges = texts.iter().map(|text| Ok::<_, ()>(read(text)));
        let chosen = choose(challenges.chain([Err(())]), policy);
        chosen.iter().map(|terms| terms.nonce.plain.clone()).collect::<Vec<_>>()
    };
    assert_eq!(nonces(Policy::Any), [b"1", b"4"]);
    assert_eq!(nonces(Policy::NoMd5), [b"2"]);
}

#[test]
fn only_another_nonce_or_an_old_one_deserves_another_answer() {
    let terms = Terms::read(&read("Digest realm=\"r\", nonce=\"n\""), Policy::Any).unwrap();
    assert!(!terms.renewed_by(&read("Digest realm=\"r\", nonce=\"n\"")));
    assert!(!terms.renewed_by(&read("Digest realm=\"r\", nonce=\"n\", stale=false")));
    assert!(terms.renewed_by(&read("Digest realm=\"r\", nonce=\"n\", stale=true")));
    assert!(terms.renewed_by(&read("Digest realm=\"r\", nonce=\"m\"")));
}

#[test]
fn a_secret_never_prints() {
    let credentials = Credentials { username: "u".to_owned(), secret: Secret::new("hunter2") };
    assert_eq!(format!("{credentials:?}"), "Credentials { username: \"u\", secret: Secret(***) }");
}
