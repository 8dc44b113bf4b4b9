//! Digest access authentication as a client (RFC 7616, RFC 8760, RFC 3261 §22). Pure: the caller brings the `cnonce`.
//!
//! A challenge that we can answer becomes [`Terms`], which are kept as long as the nonce is used: they count its uses.
//! Realm, nonce and opaque go back as they came, escapes included; what is hashed is what they mean.
//!
//! Not here: `auth-int` of responses, `Authentication-Info`, `domain` (it has no meaning for proxies).

use md5::{Digest as _, Md5};
use sha2::{Sha256, Sha512_256};

use super::challenge::Challenge;
use super::grammar::Text;
use super::write;
use crate::base::limits::REALMS_MAX;

/// A password, or what is as good as one. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes a password, UTF-8.
    #[must_use]
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Who we are to a realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user name, UTF-8.
    pub username: String,
    /// The password.
    pub secret: Secret,
}

/// Whether MD5 is good enough, which is the trunk's owner's to say (RFC 7616 §6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Any algorithm we know: most trunks still speak MD5.
    #[default]
    Any,
    /// No MD5: an attacker in between could have left it as the only offer.
    NoMd5,
}

/// The request that is to be authorized.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a [u8],
    /// Its Request-URI, exactly as sent.
    pub uri: &'a [u8],
    /// Its body, exactly as sent; looked at for `auth-int` only.
    pub body: &'a [u8],
}

/// What one challenge asks for, and how often its nonce was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    realm: Quoted,
    nonce: Quoted,
    opaque: Option<Quoted>,
    /// The algorithm as it was named, to be echoed; absent where it was.
    named: Option<Vec<u8>>,
    algorithm: Algorithm,
    qop: Option<Qop>,
    userhash: bool,
    uses: u32,
    /// The session key of the `-sess` algorithms, made of the first use.
    session: Option<Secret>,
}

/// A quoted string kept as received.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Quoted {
    /// Between the quotes, escapes included.
    raw: Vec<u8>,
    /// What it means.
    plain: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Algorithm {
    hash: Hash,
    session: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
    Sha512To256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Qop {
    Auth,
    AuthInt,
}

/// The terms to answer: of each realm the topmost challenge that we can answer (RFC 8760 §2.4). Other schemes,
/// unknown algorithms and what cannot be read are passed over, and so are realms beyond [`REALMS_MAX`].
#[must_use]
pub fn choose<'a, E>(
    challenges: impl Iterator<Item = Result<Challenge<'a>, E>>,
    policy: Policy,
) -> Vec<Terms> {
    let mut chosen: Vec<Terms> = Vec::new();
    for terms in challenges.flatten().filter_map(|challenge| Terms::read(&challenge, policy)) {
        if chosen.len() == REALMS_MAX {
            break;
        }
        if chosen.iter().all(|before| before.realm.plain != terms.realm.plain) {
            chosen.push(terms);
        }
    }
    chosen
}

impl Terms {
    /// The terms of a challenge, if we can answer it.
    #[must_use]
    pub fn read(challenge: &Challenge<'_>, policy: Policy) -> Option<Self> {
        let algorithm = match challenge.algorithm {
            None => Algorithm { hash: Hash::Md5, session: false },
            Some(name) => Algorithm::of(&name.plain())?,
        };
        let refused = policy == Policy::NoMd5 && algorithm.hash == Hash::Md5;
        if !challenge.is_digest() || refused {
            return None;
        }
        let qop = match challenge.qop {
            None => None,
            Some(offered) => Qop::of(&offered.plain())?,
        };
        Some(Self {
            realm: Quoted::of(challenge.realm?),
            nonce: Quoted::of(challenge.nonce?),
            opaque: challenge.opaque.map(Quoted::of),
            named: challenge.algorithm.map(|name| name.plain().into_owned()),
            algorithm,
            qop,
            userhash: challenge.userhash,
            uses: 0,
            session: None,
        })
    }

    /// The realm, as it reads.
    #[must_use]
    pub fn realm(&self) -> &[u8] {
        &self.realm.plain
    }

    /// Whether a challenge that came after an answer to these terms deserves another answer: its nonce is another, or
    /// only the old one's age was wrong. Otherwise the password is (RFC 7616 §3.3 `stale`).
    #[must_use]
    pub fn renewed_by(&self, challenge: &Challenge<'_>) -> bool {
        let same = challenge.nonce.is_some_and(|nonce| *nonce.plain() == self.nonce.plain);
        challenge.stale || !same
    }

    /// Appends the value of Authorization or Proxy-Authorization for a request, and counts the use of the nonce.
    ///
    /// `cnonce` is fresh text from the generator, without quotes or backslashes.
    pub fn answer(
        &mut self,
        asked: &Asked<'_>,
        credentials: &Credentials,
        cnonce: &str,
        out: &mut Vec<u8>,
    ) {
        self.uses = self.uses.saturating_add(1);
        let count = format!("{:08x}", self.uses);
        let response = self.response(asked, credentials, cnonce, &count);
        out.extend_from_slice(b"Digest ");
        self.username(credentials, out);
        quoted(out, ", realm", &self.realm.raw);
        quoted(out, ", nonce", &self.nonce.raw);
        quoted(out, ", uri", asked.uri);
        quoted(out, ", response", response.as_bytes());
        if let Some(name) = &self.named {
            out.extend_from_slice(b", algorithm=");
            write::text(out, name);
        }
        if self.qop.is_some() || self.algorithm.session {
            quoted(out, ", cnonce", cnonce.as_bytes());
        }
        if let Some(opaque) = &self.opaque {
            quoted(out, ", opaque", &opaque.raw);
        }
        if let Some(qop) = self.qop {
            out.extend_from_slice(format!(", qop={}, nc={count}", qop.as_str()).as_bytes());
        }
        if self.userhash {
            out.extend_from_slice(b", userhash=true");
        }
    }

    /// `response` (RFC 7616 §3.4.1; without qop the form of RFC 2069).
    fn response(
        &mut self,
        asked: &Asked<'_>,
        credentials: &Credentials,
        cnonce: &str,
        count: &str,
    ) -> String {
        let hash = self.algorithm.hash;
        let first = self.first(credentials, cnonce);
        let second = match self.qop {
            Some(Qop::AuthInt) => {
                let body = hash.hex(&[asked.body]);
                hash.joined(&[asked.method, asked.uri, body.as_bytes()])
            }
            Some(Qop::Auth) | None => hash.joined(&[asked.method, asked.uri]),
        };
        let (first, nonce) = (&first.0[..], &self.nonce.plain[..]);
        match self.qop {
            Some(qop) => {
                let (count, cnonce, qop) =
                    (count.as_bytes(), cnonce.as_bytes(), qop.as_str().as_bytes());
                hash.joined(&[first, nonce, count, cnonce, qop, second.as_bytes()])
            }
            None => hash.joined(&[first, nonce, second.as_bytes()]),
        }
    }

    /// H(A1), which the `-sess` algorithms make once (RFC 7616 §3.4.2).
    fn first(&mut self, credentials: &Credentials, cnonce: &str) -> Secret {
        let hash = self.algorithm.hash;
        if let Some(session) = &self.session {
            return session.clone();
        }
        let (user, realm) = (credentials.username.as_bytes(), &self.realm.plain[..]);
        let plain = Secret::new(hash.joined(&[user, realm, &credentials.secret.0]));
        if !self.algorithm.session {
            return plain;
        }
        let session = hash.joined(&[&plain.0, &self.nonce.plain, cnonce.as_bytes()]);
        self.session.insert(Secret::new(session)).clone()
    }

    /// `username`, hashed where the challenge offers it (§3.4.4); `username*` where it is no ASCII (§3.4).
    fn username(&self, credentials: &Credentials, out: &mut Vec<u8>) {
        let user = credentials.username.as_bytes();
        if self.userhash {
            let hashed = self.algorithm.hash.joined(&[user, &self.realm.plain]);
            quoted(out, "username", hashed.as_bytes());
        } else if user.is_ascii() {
            quoted(out, "username", &escaped(user));
        } else {
            out.extend_from_slice(b"username*=UTF-8''");
            for byte in user {
                // `attr-char` of RFC 5987.
                if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(byte) {
                    out.push(*byte);
                } else {
                    out.extend_from_slice(format!("%{byte:02X}").as_bytes());
                }
            }
        }
    }
}

impl Quoted {
    fn of(text: Text<'_>) -> Self {
        let plain = text.plain().into_owned();
        let raw = if text.quoted { text.raw.to_vec() } else { escaped(&plain) };
        Self { raw, plain }
    }
}

/// `name="value"`, the value escaped already.
fn quoted(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    write::text(out, value);
    out.push(b'"');
}

/// Quotes and backslashes with a backslash before them.
fn escaped(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

impl Qop {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }

    /// The better of those offered; an empty list is as none. `None` where we know none of them.
    fn of(offered: &[u8]) -> Option<Option<Self>> {
        let mut words = offered.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        if offered.trim_ascii().is_empty() {
            return Some(None);
        }
        let best = words.by_ref().filter_map(|word| match word {
            _ if word.eq_ignore_ascii_case(b"auth") => Some((0, Self::Auth)),
            _ if word.eq_ignore_ascii_case(b"auth-int") => Some((1, Self::AuthInt)),
            _ => None,
        });
        best.min_by_key(|(rank, _)| *rank).map(|(_, qop)| Some(qop))
    }
}

impl Algorithm {
    fn of(name: &[u8]) -> Option<Self> {
        let (hash, session) =
            match name.len().checked_sub(5).and_then(|at| name.split_at_checked(at)) {
                Some((hash, tail)) if tail.eq_ignore_ascii_case(b"-sess") => (hash, true),
                _ => (name, false),
            };
        let hash = match hash {
            _ if hash.eq_ignore_ascii_case(b"MD5") => Hash::Md5,
            _ if hash.eq_ignore_ascii_case(b"SHA-256") => Hash::Sha256,
            _ if hash.eq_ignore_ascii_case(b"SHA-512-256") => Hash::Sha512To256,
            _ => return None,
        };
        Some(Self { hash, session })
    }
}

impl Hash {
    /// The hash of all parts with colons between them, in lower-case hexadecimal.
    fn joined(self, parts: &[&[u8]]) -> String {
        self.hex(&[&parts.join(&b':')])
    }

    fn hex(self, parts: &[&[u8]]) -> String {
        let bytes = parts.concat();
        match self {
            Self::Md5 => hex(&Md5::digest(bytes)),
            Self::Sha256 => hex(&Sha256::digest(bytes)),
            Self::Sha512To256 => hex(&Sha512_256::digest(bytes)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests;
