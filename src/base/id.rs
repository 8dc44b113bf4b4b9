//! Names of things, each a type of its own.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// One attempt: the place of its call in one life of one shard. Names its CDR, and is inside each of its branches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId {
    /// Shard that placed it.
    pub shard: u16,
    /// Life of that shard.
    pub epoch: u32,
    /// Slot in that life.
    pub slot: u32,
    /// Use of that slot.
    pub generation: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, epoch, slot, generation } = self;
        write!(f, "{shard:04x}-{epoch:08x}-{slot:08x}-{generation:08x}")
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for AttemptId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut parts = text.split('-');
        let mut part = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits).ok_or(IdError)?;
            let hex = part.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
            u32::from_str_radix(part, 16).ok().filter(|_| hex).ok_or(IdError)
        };
        let shard = u16::try_from(part(4)?).map_err(|_| IdError)?;
        let id = Self { shard, epoch: part(8)?, slot: part(8)?, generation: part(8)? };
        parts.next().is_none().then_some(id).ok_or(IdError)
    }
}

/// One verification. Written `ver_` and 32 characters: when it began, the shard that has it, the life of that shard, and
/// 64 random bits. Sorted, they stand in the order of their beginnings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    /// When it began: milliseconds since 1970 UTC, 48 bits.
    pub unix_ms: u64,
    /// Shard that has it.
    pub shard: u16,
    /// Life of that shard in which it began.
    pub epoch: u32,
    /// What makes it unguessable.
    pub random: u64,
}

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdError;

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an id")
    }
}

impl std::error::Error for IdError {}

/// What a written session id begins with.
const SESSION_PREFIX: &str = "ver_";
/// Crockford's base 32, in lower case: no letter that could be read as a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl SessionId {
    /// Bytes of an id.
    pub const LEN: usize = 20;

    /// As bytes, in the same order as the ids.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let parts = self.unix_ms.to_be_bytes();
        let parts = parts.iter().skip(2).copied();
        let parts = parts.chain(self.shard.to_be_bytes()).chain(self.epoch.to_be_bytes());
        for (place, byte) in bytes.iter_mut().zip(parts.chain(self.random.to_be_bytes())) {
            *place = byte;
        }
        bytes
    }

    /// From bytes that [`to_bytes`](Self::to_bytes) made.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (ms, rest) = bytes.split_first_chunk::<6>()?;
        let (shard, rest) = rest.split_first_chunk::<2>()?;
        let (epoch, rest) = rest.split_first_chunk::<4>()?;
        let random = <[u8; 8]>::try_from(rest).ok()?;
        let unix_ms = ms.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Some(Self {
            unix_ms,
            shard: u16::from_be_bytes(*shard),
            epoch: u32::from_be_bytes(*epoch),
            random: u64::from_be_bytes(random),
        })
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SESSION_PREFIX)?;
        // Five bytes are eight characters.
        for five in self.to_bytes().chunks(5) {
            let bits = five.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
            for place in (0..8).rev() {
                let digit = ALPHABET.get((bits >> (5 * place)) as usize & 31).copied();
                f.write_char(char::from(digit.unwrap_or_default()))?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SessionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.strip_prefix(SESSION_PREFIX).filter(|digits| digits.len() == 32);
        let mut bytes = Vec::with_capacity(Self::LEN);
        for eight in digits.ok_or(IdError)?.as_bytes().chunks(8) {
            let mut bits = 0_u64;
            for character in eight {
                bits = bits << 5 | u64::from(value(*character).ok_or(IdError)?);
            }
            bytes.extend(bits.to_be_bytes().iter().skip(3));
        }
        Self::from_bytes(&bytes).ok_or(IdError)
    }
}

/// What a character of [`ALPHABET`] stands for.
const fn value(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'h' => Some(character - b'a' + 10),
        b'j' | b'k' => Some(character - b'j' + 18),
        b'm' | b'n' => Some(character - b'm' + 20),
        b'p'..=b't' => Some(character - b'p' + 22),
        b'v'..=b'z' => Some(character - b'v' + 27),
        _ => None,
    }
}

/// The place of a record in the order of the store; the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// The one behind it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Who asked, and for what: chosen by whoever asks, and given back with each answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_read_as_it_was_written_and_sorts_by_its_beginning() {
        let id = SessionId { unix_ms: 1_795_406_400_123, shard: 7, epoch: 3, random: u64::MAX - 5 };
        let text = id.to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(text.parse(), Ok(id));
        let later = SessionId { unix_ms: id.unix_ms + 1, random: 0, ..id };
        assert!(later.to_string() > text && later.to_bytes() > id.to_bytes());
        for wrong in [
            "",
            "ver_",
            text.strip_prefix('v').unwrap(),
            &format!("{text}0"),
            &text.replace("ver_", "ver-"),
            "ver_uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu",
        ] {
            assert_eq!(wrong.parse::<SessionId>(), Err(IdError), "{wrong}");
        }
    }

    #[test]
    fn every_character_stands_for_its_place_in_the_alphabet() {
        for character in 0..=u8::MAX {
            let place = ALPHABET.iter().position(|known| *known == character);
            assert_eq!(value(character).map(usize::from), place, "{}", char::from(character));
        }
    }

    #[test]
    fn an_attempt_id_is_read_as_it_was_written() {
        let id = AttemptId { shard: 0xabcd, epoch: 1, slot: u32::MAX, generation: 17 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "",
            "0000-00000000-00000000",
            "0000-00000000-00000000-00000000-",
            "+000-00000000-00000000-00000000",
            "0000-0000000A-00000000-00000000",
        ] {
            assert_eq!(wrong.parse::<AttemptId>(), Err(IdError), "{wrong}");
        }
    }
}
