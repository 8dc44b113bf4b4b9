//! What must not be lost, nor seen by others: the keys beside the database.
//!
//! They are a file of their own, so that a copy of the database alone tells no code. They are made once, from the operating
//! system; a database remembers which ones it was made with, by a fingerprint.

use super::dir::{OpenError, create_private};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::{fs, io};

/// Its first line.
const HEAD: &str = "onering secrets 1. Whoever reads this can read the codes of open calls. Keep it with the database.";
/// Names of the keys, in order.
const NAMES: [&str; 3] = ["branch", "seal", "claim"];

/// The keys.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secrets {
    /// Proves that a branch of a Via was ours.
    pub(super) branch: [u8; 16],
    /// Seals the caller-IDs of open attempts.
    pub(super) seal: [u8; 32],
    /// Hashes what is compared at a check.
    pub(super) claim: [u8; 32],
}

/// What is wrong with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFault {
    /// The permissions let others read or write it.
    Open {
        /// Its mode.
        mode: u32,
    },
    /// It is not what this program writes.
    Malformed,
    /// There is a database and no file beside it.
    Missing,
    /// The database was made with another one.
    Another,
}

impl fmt::Display for SecretFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { mode } => {
                write!(f, "others may read it (mode {mode:04o}); chmod 600 and no wider is right")
            }
            Self::Malformed => f.write_str(
                "it is not as it was written; put back the one that belongs to the database",
            ),
            Self::Missing => f.write_str(
                "it is missing, and the database was made with one; put it back from where the \
                 database came from",
            ),
            Self::Another => f.write_str(
                "the database was made with another one; put back the one that belongs to it",
            ),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// Reads the file; makes it where there is none and no database that would need one.
    pub(super) fn open(path: &Path, needed: bool) -> Result<Self, OpenError> {
        let fault = |fault| OpenError::Secret { path: path.to_owned(), fault };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound && needed => {
                return Err(fault(SecretFault::Missing));
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Self::make(path),
            Err(cause) if cause.kind() == io::ErrorKind::InvalidData => {
                return Err(fault(SecretFault::Malformed));
            }
            Err(cause) => return Err(OpenError::Unreadable { path: path.to_owned(), cause }),
        };
        let unreadable = |cause| OpenError::Unreadable { path: path.to_owned(), cause };
        let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(fault(SecretFault::Open { mode }));
        }
        Self::parse(&text).ok_or_else(|| fault(SecretFault::Malformed))
    }

    /// Written whole under another name first, so that a crash leaves no half of it.
    fn make(path: &Path) -> Result<Self, OpenError> {
        let mut chance: StdRng = StdRng::try_from_rng(&mut rand::rngs::SysRng)
            .map_err(|_| OpenError::Chance { path: path.to_owned() })?;
        let mut secrets = Self { branch: [0; 16], seal: [0; 32], claim: [0; 32] };
        chance.fill_bytes(&mut secrets.branch);
        chance.fill_bytes(&mut secrets.seal);
        chance.fill_bytes(&mut secrets.claim);
        let new = path.with_extension("new");
        let failed = |cause| OpenError::unwritable(path, cause);
        fs::remove_file(&new).ok();
        let mut file = create_private(&new)?;
        file.write_all(secrets.text().as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&new, path).map_err(failed)?;
        let folder = path.parent().unwrap_or(path);
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(secrets)
    }

    fn keys(&self) -> [&[u8]; 3] {
        [&self.branch, &self.seal, &self.claim]
    }

    fn text(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for (name, key) in NAMES.iter().zip(self.keys()) {
            text.push_str(name);
            text.push(' ');
            text.push_str(&hex(key));
            text.push('\n');
        }
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        lines.next().filter(|head| *head == HEAD)?;
        let secrets = Self {
            branch: key(NAMES[0], lines.next()?)?,
            seal: key(NAMES[1], lines.next()?)?,
            claim: key(NAMES[2], lines.next()?)?,
        };
        lines.next().is_none().then_some(secrets)
    }

    /// Names these keys without telling them.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new_with_prefix("onering fingerprint 1");
        for key in self.keys() {
            hash.update(key);
        }
        hex(hash.finalize().get(..16).unwrap_or_default())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

fn key<const N: usize>(name: &str, line: &str) -> Option<[u8; N]> {
    let digits = line.strip_prefix(name)?.strip_prefix(' ')?.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut key = [0; N];
    for (place, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *place = u8::try_from(digit(high)? << 4 | digit(low)?).ok()?;
    }
    Some(key)
}
