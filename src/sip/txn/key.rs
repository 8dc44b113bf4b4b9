//! Which server transaction a request belongs to: RFC 3261 §17.2.3.
//!
//! Two requests belong together if their topmost Via has the same branch and the same sent-by, and if they
//! have the same method, where ACK counts as INVITE. A branch without the cookie of RFC 3261, or with
//! nothing after it (RFC 4475 §3.2.1), comes from an RFC 2543 client and may not be unique: then Call-ID,
//! From tag, CSeq number, Request-URI and, except for INVITE and ACK, the To tag must be the same too. (The To tag of
//! an ACK is the one of our response, which its INVITE did not have.)
//!
//! Whatever counts is hashed under a secret, so that a key is 16 bytes in a map and nobody can make two
//! requests collide.

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher24};

use super::branch::{self, BranchKey};
use crate::sip::message::{Key, Method};

/// The name of a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerKey(u128);

impl ServerKey {
    /// The transaction of a request: its own, or for an ACK the one of its INVITE. The ACK of a 2xx has a
    /// branch of its own and matches none; it is the dialog's.
    #[must_use]
    pub fn of(request: &Key<'_>, uri: &[u8], secret: &BranchKey) -> Self {
        let invite = matches!(request.method, Method::Invite | Method::Ack);
        Self::with_method((!invite).then_some(request.method_name), request, uri, secret)
    }

    /// The INVITE that a CANCEL is about (§9.2).
    #[must_use]
    pub fn of_cancelled(cancel: &Key<'_>, uri: &[u8], secret: &BranchKey) -> Self {
        Self::with_method(None, cancel, uri, secret)
    }

    /// `method` is `None` for INVITE and its ACK.
    fn with_method(method: Option<&[u8]>, key: &Key<'_>, uri: &[u8], secret: &BranchKey) -> Self {
        let mut hash = SipHasher24::new_with_key(secret.bytes());
        exact(&mut hash, method.unwrap_or(b"INVITE"));
        token(&mut hash, key.sent_by);
        token(&mut hash, key.branch);
        if !branch::has_cookie(key.branch) {
            exact(&mut hash, key.call_id);
            token(&mut hash, key.from_tag.unwrap_or_default());
            hash.write_u32(key.cseq);
            exact(&mut hash, uri);
            if method.is_some() {
                token(&mut hash, key.to_tag.unwrap_or_default());
            }
        }
        Self(hash.finish128().as_u128())
    }
}

/// Hashes bytes that are compared as they are; their length keeps neighbours apart.
fn exact(hash: &mut SipHasher24, bytes: &[u8]) {
    hash.write_usize(bytes.len());
    hash.write(bytes);
}

/// Hashes a token or host: case and white space do not count (§7.3.1).
fn token(hash: &mut SipHasher24, bytes: &[u8]) {
    for byte in bytes.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        hash.write_u8(byte.to_ascii_lowercase());
    }
    // No token holds this byte.
    hash.write_u8(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &[u8] = b"sip:+12025550142@example.net";

    fn key(method: Method, branch: &'static str) -> Key<'static> {
        Key {
            branch: branch.as_bytes(),
            sent_by: b"client.example.com:5060",
            vias: 1,
            call_id: b"one@client",
            cseq: 7,
            method,
            method_name: method.as_str().as_bytes(),
            from_tag: Some(b"from"),
            to_tag: None,
        }
    }

    fn of(request: &Key<'_>) -> ServerKey {
        ServerKey::of(request, URI, &BranchKey::new([1; 16]))
    }

    #[test]
    fn uas_03_branch_sent_by_and_method_name_a_transaction() {
        let invite = key(Method::Invite, "z9hG4bKx1");
        let elsewhere = Key { call_id: b"two", cseq: 8, from_tag: None, ..invite };
        assert_eq!(of(&invite), of(&elsewhere), "nothing else counts");
        assert_ne!(of(&invite), of(&key(Method::Invite, "z9hG4bKx2")));
        assert_ne!(of(&invite), of(&key(Method::Bye, "z9hG4bKx1")));
        let other_port = Key { sent_by: b"client.example.com:5061", ..invite };
        assert_ne!(of(&invite), of(&other_port), "another sent-by is another transaction");
    }

    #[test]
    fn uas_03_an_ack_belongs_to_its_invite() {
        for branch in ["z9hG4bKx1", "z9hG4bK", "1", ""] {
            let invite = key(Method::Invite, branch);
            let ack = Key { to_tag: Some(b"ours"), ..key(Method::Ack, branch) };
            assert_eq!(of(&invite), of(&ack), "{branch:?}");
        }
    }

    #[test]
    fn uas_03_a_cancel_has_its_own_transaction_and_names_its_invite() {
        for branch in ["z9hG4bKx1", "old"] {
            let (invite, cancel) = (key(Method::Invite, branch), key(Method::Cancel, branch));
            assert_ne!(of(&invite), of(&cancel));
            let named = ServerKey::of_cancelled(&cancel, URI, &BranchKey::new([1; 16]));
            assert_eq!(named, of(&invite));
        }
    }

    #[test]
    fn uas_03_case_and_white_space_of_branch_and_sent_by_do_not_count() {
        let invite = key(Method::Invite, "z9hG4bKx1");
        let shouted = Key { branch: b"Z9HG4BKX1", sent_by: b"CLIENT.example.com : 5060", ..invite };
        assert_eq!(of(&invite), of(&shouted));
    }

    #[test]
    fn uas_03_without_a_cookie_everything_of_rfc_2543_counts() {
        for branch in ["", "1", "z9hG4bK"] {
            let bye = Key { to_tag: Some(b"to"), ..key(Method::Bye, branch) };
            assert_eq!(of(&bye), of(&bye));
            for other in [
                Key { call_id: b"two", ..bye },
                Key { cseq: 8, ..bye },
                Key { from_tag: Some(b"else"), ..bye },
                Key { to_tag: Some(b"else"), ..bye },
                Key { sent_by: b"else", ..bye },
            ] {
                assert_ne!(of(&bye), of(&other), "{branch:?}");
            }
            let secret = BranchKey::new([1; 16]);
            assert_ne!(of(&bye), ServerKey::of(&bye, b"sip:else@example.net", &secret));
        }
    }

    #[test]
    fn unknown_methods_are_told_apart_by_name() {
        let foo = Key { method_name: b"FOO", ..key(Method::Other, "z9hG4bKx1") };
        let bar = Key { method_name: b"BAR", ..foo };
        assert_ne!(of(&foo), of(&bar));
    }

    #[test]
    fn neighbouring_fields_do_not_run_into_each_other() {
        let one = Key { sent_by: b"ab", branch: b"z9hG4bKc", ..key(Method::Bye, "") };
        let two = Key { sent_by: b"a", branch: b"bz9hG4bKc", ..one };
        assert_ne!(of(&one), of(&two));
        assert_ne!(of(&one), ServerKey::of(&one, URI, &BranchKey::new([2; 16])));
    }
}
