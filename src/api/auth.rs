//! Who asks: API keys, what they may do, and whose things they see.

use super::Service;
use super::problem::{Code, Problem};
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use rand::Rng as _;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use subtle::ConstantTimeEq as _;

use crate::io::store::sqlite::KeyRow;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Begin verifications, ask for the next call, cancel.
    Start,
    /// Give codes.
    Check,
    /// See verifications and records.
    Read,
    /// With `read`: see numbers in plain.
    Reveal,
    /// Make and revoke keys.
    Admin,
}

/// Some of the scopes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Start, Self::Check, Self::Read, Self::Reveal, Self::Admin];

    /// Its name in requests and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Check => "check",
            Self::Read => "read",
            Self::Reveal => "reveal",
            Self::Admin => "admin",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl Scopes {
    /// Every scope.
    pub const ALL: Self = Self(0b1_1111);

    /// With one more.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u8)
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & 1 << scope as u8 != 0
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope)).map(Scope::name)
    }

    /// Those of these names; what has no meaning is left out.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(Scope::named).fold(Self::default(), Self::with)
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Which way a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Over TCP: a key is needed.
    Network,
    /// Over the Unix socket: whoever may open it may do everything.
    Socket,
}

/// A key as it is handed out, once.
pub struct NewKey {
    /// What is kept of it.
    pub row: KeyRow,
    /// The key itself.
    pub text: String,
}

/// What a key begins with.
const PREFIX: &str = "or";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

impl NewKey {
    /// A new key out of the system's own randomness.
    #[must_use]
    pub fn make(tenant: &str, scopes: Scopes, name: &str, now_unix_us: u64) -> Self {
        let mut random = [0; ID_BYTES + SECRET_BYTES];
        rand::rng().fill_bytes(&mut random);
        let (id, secret) = random.split_at(ID_BYTES);
        let (id, secret) = (hex(id), hex(secret));
        let row = KeyRow {
            id: id.as_str().into(),
            tenant: Some(tenant.into()),
            name: name.into(),
            scopes: scopes.names().map(Arc::from).collect(),
            hash: hash(&secret),
            created_us: now_unix_us,
            revoked_us: None,
        };
        Self { row, text: format!("{PREFIX}_{id}_{secret}") }
    }
}

impl fmt::Debug for NewKey {
    /// Without its secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.row.id)
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string does not fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// What of a secret is kept. It has 256 random bits, so nothing slower is needed.
fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The keys, as the store has them; what is made or revoked changes here at once.
#[derive(Default)]
pub struct Keys {
    by_id: RwLock<BTreeMap<Arc<str>, Key>>,
}

struct Key {
    hash: [u8; 32],
    revoked: bool,
    caller: Caller,
}

impl Keys {
    /// These keys.
    #[must_use]
    pub fn new(rows: Vec<KeyRow>) -> Self {
        let keys = Self::default();
        for row in rows {
            keys.put(&row);
        }
        keys
    }

    /// One more, or the same again as it is now.
    pub fn put(&self, row: &KeyRow) {
        let scopes = Scopes::named(row.scopes.iter().map(|name| &**name));
        let caller = Caller { tenant: row.tenant.clone(), scopes };
        let key = Key { hash: row.hash, revoked: row.revoked_us.is_some(), caller };
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&row.id), key);
    }

    /// Who has this `Authorization`. An unknown id, a wrong secret and a revoked key take the same steps to the same
    /// answer.
    fn find(&self, authorization: Option<&str>) -> Option<Caller> {
        let (id, secret) = split(authorization?)?;
        let given = hash(secret);
        let keys = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.get(id);
        // What nobody's secret hashes to.
        let kept = key.map_or([0; 32], |key| key.hash);
        let right = bool::from(kept.ct_eq(&given));
        key.filter(|key| right && !key.revoked).map(|key| key.caller.clone())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.by_id.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "{} keys", keys.len())
    }
}

/// The id and the secret of `Bearer or_ID_SECRET`.
fn split(authorization: &str) -> Option<(&str, &str)> {
    let (scheme, token) = authorization.split_once(' ')?;
    let mut parts = token.trim_start().splitn(3, '_');
    let key = scheme.eq_ignore_ascii_case("bearer") && parts.next() == Some(PREFIX);
    key.then(|| parts.next().zip(parts.next())).flatten()
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Whose things it sees; all where none.
    pub(crate) tenant: Option<Arc<str>>,
    scopes: Scopes,
}

impl Caller {
    /// Refused unless it has one of these scopes.
    fn must(&self, any: Scopes) -> Result<(), Problem> {
        if self.scopes.0 & any.0 != 0 {
            return Ok(());
        }
        let names: Vec<&str> = any.names().collect();
        let detail = format!("this needs a key with the scope {}", names.join(" or "));
        Err(Problem::new(Code::ScopeMissing, detail))
    }

    /// Whether numbers may be shown in plain.
    pub(crate) const fn reveals(&self) -> bool {
        self.scopes.has(Scope::Read) && self.scopes.has(Scope::Reveal)
    }

    /// Whether it may see what is this tenant's.
    pub(crate) fn sees(&self, tenant: &str) -> bool {
        self.tenant.as_deref().is_none_or(|own| own == tenant)
    }

    /// Whether it sees what is nobody's, too.
    pub(crate) const fn sees_all(&self) -> bool {
        self.tenant.is_none()
    }
}

/// Somebody who has at least one of these scopes. Found out before anything else of the request is looked at.
pub(crate) struct By<const ANY: u8>(pub(crate) Caller);

/// For `By`: whoever may begin verifications.
pub(crate) const START: u8 = Scopes(0).with(Scope::Start).0;
/// For `By`: whoever may give codes.
pub(crate) const CHECK: u8 = Scopes(0).with(Scope::Check).0;
/// For `By`: whoever may see.
pub(crate) const READ: u8 = Scopes(0).with(Scope::Read).0;
/// For `By`: whoever has to do with a verification.
pub(crate) const ANY: u8 = START | CHECK | READ;
/// For `By`: whoever may make keys.
pub(crate) const ADMIN: u8 = Scopes(0).with(Scope::Admin).0;

impl<const ANY: u8> FromRequestParts<Arc<Service>> for By<ANY> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        if parts.extensions.get::<Origin>() == Some(&Origin::Socket) {
            return Ok(Self(Caller { tenant: None, scopes: Scopes::ALL }));
        }
        let given = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let caller = service.keys.find(given).ok_or_else(Problem::unauthenticated)?;
        caller.must(Scopes(ANY))?;
        Ok(Self(caller))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> NewKey {
        NewKey::make("shop", Scopes::default().with(Scope::Start).with(Scope::Read), "", 7)
    }

    #[test]
    fn a_key_is_found_by_its_secret_and_nothing_else() {
        let (key, other) = (made(), made());
        let keys = Keys::new(vec![key.row.clone()]);
        let caller = keys.find(Some(&format!("Bearer {}", key.text))).unwrap();
        assert_eq!(caller.tenant.as_deref(), Some("shop"));
        assert!(caller.must(Scopes(START)).is_ok() && caller.must(Scopes(CHECK)).is_err());
        assert!(keys.find(Some(&format!("bearer  {}", key.text))).is_some());
        let (id, secret) = (&key.row.id, other.text.rsplit('_').next().unwrap());
        for wrong in [
            None,
            Some(String::new()),
            Some(key.text.clone()),
            Some(format!("Basic {}", key.text)),
            Some(format!("Bearer {}", other.text)),
            Some(format!("Bearer or_{id}_{secret}")),
            Some(format!("Bearer or_{id}_")),
            Some(format!("Bearer or_{id}")),
            Some(format!("Bearer xx_{id}_{secret}")),
            Some(format!("Bearer {}0", key.text)),
        ] {
            assert_eq!(keys.find(wrong.as_deref()), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_revoked_key_is_none_from_then_on() {
        let mut key = made();
        let keys = Keys::new(vec![key.row.clone()]);
        key.row.revoked_us = Some(9);
        keys.put(&key.row);
        assert_eq!(keys.find(Some(&format!("Bearer {}", key.text))), None);
    }

    #[test]
    fn a_key_has_256_random_bits_and_does_not_show_them() {
        let (key, other) = (made(), made());
        assert_eq!(key.text.len(), 3 + 16 + 1 + 64);
        assert_ne!(key.text, other.text);
        assert!(!format!("{key:?}").contains(key.text.rsplit('_').next().unwrap()));
    }

    #[test]
    fn scopes_have_their_names() {
        assert_eq!(
            Scopes::ALL.names().collect::<Vec<_>>(),
            ["start", "check", "read", "reveal", "admin"]
        );
        assert_eq!(
            Scopes::named(["read", "nothing", "admin"]),
            Scopes::default().with(Scope::Read).with(Scope::Admin)
        );
    }
}
