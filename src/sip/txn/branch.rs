//! The branch of our requests, by which a response finds its transaction without a table.
//!
//! RFC 3261 §8.1.1.7 asks for `z9hG4bK` and something unique in space and time. Ours says where the transaction
//! is, followed by a keyed check (SipHash-2-4, 64 bits) that only we can make: a guessed or damaged branch
//! is refused before anything is looked up, and after a restart with the same key a late response can still
//! be told from a stranger's.
//!
//! ```text
//! z9hG4bK  000000000000000000000000  0000000000000
//! cookie   shard, epoch, slot,       check: 13 characters, 64 bits
//!          generation, n: 24
//!          characters, 120 bits
//! ```
//!
//! The alphabet is base32hex in lower case (RFC 4648 §7). Reading accepts upper case too, as a branch is a
//! token, and tokens are compared without regard to case (RFC 3261 §7.3.1).

use std::fmt;

use siphasher::sip::SipHasher24;

/// Which client transaction a response belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Branch {
    /// The shard whose engine sent the request.
    pub shard: u16,
    /// How many times that shard had been started.
    pub epoch: u32,
    /// The place of the attempt in the engine's table.
    pub slot: u32,
    /// How many attempts had used that place before.
    pub generation: u32,
    /// Which transaction of the attempt.
    pub n: u8,
}

/// The secret that the check is made with; it outlives a restart. [`ServerKey`](super::ServerKey)s are made
/// with it too.
#[derive(Clone)]
pub struct BranchKey([u8; 16]);

impl BranchKey {
    /// From sixteen bytes that nobody else knows.
    #[must_use]
    pub const fn new(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// A keyed hash for whatever else must be recognised without being kept.
    #[must_use]
    pub fn hasher(&self) -> SipHasher24 {
        SipHasher24::new_with_key(&self.0)
    }

    pub(super) const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for BranchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BranchKey")
    }
}

impl Branch {
    /// Bytes of a written branch.
    pub const LEN: usize = COOKIE.len() + 24 + 13;

    /// Writes the branch, cookie included.
    pub fn write(&self, key: &BranchKey, out: &mut [u8; Self::LEN]) {
        let packed = self.pack();
        let check = check(packed, key);
        let (cookie, rest) = out.split_at_mut(COOKIE.len());
        cookie.copy_from_slice(COOKIE);
        let (high, rest) = rest.split_at_mut(12);
        let (low, rest) = rest.split_at_mut(12);
        encode((packed >> 60) as u64, high);
        encode(packed as u64, low);
        // Thirteen characters hold 65 bits: the first is below 16.
        encode(check, rest);
    }

    /// Reads a branch that [`write`](Self::write) made with the same key; `None` for any other bytes.
    #[must_use]
    pub fn read(key: &BranchKey, bytes: &[u8]) -> Option<Self> {
        let (cookie, rest) = bytes.split_at_checked(COOKIE.len())?;
        let (high, rest) = rest.split_at_checked(12)?;
        let (low, rest) = rest.split_at_checked(12)?;
        let (&[top], rest) = rest.split_first_chunk()?;
        if rest.len() != 12 || !cookie.eq_ignore_ascii_case(COOKIE) {
            return None;
        }
        let top = decode(&[top])?;
        if top > 0xf {
            return None;
        }
        let packed = u128::from(decode(high)?) << 60 | u128::from(decode(low)?);
        let given = top << 60 | decode(rest)?;
        (given == check(packed, key)).then(|| Self::unpack(packed))
    }

    fn pack(&self) -> u128 {
        u128::from(self.shard) << 104
            | u128::from(self.epoch) << 72
            | u128::from(self.slot) << 40
            | u128::from(self.generation) << 8
            | u128::from(self.n)
    }

    const fn unpack(packed: u128) -> Self {
        Self {
            shard: (packed >> 104) as u16,
            epoch: (packed >> 72) as u32,
            slot: (packed >> 40) as u32,
            generation: (packed >> 8) as u32,
            n: packed as u8,
        }
    }
}

const COOKIE: &[u8] = b"z9hG4bK";

const ALPHABET: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";

/// The value of each character; [`NO_DIGIT`] for those that are not in the alphabet.
const VALUES: [u8; 256] = values();

const NO_DIGIT: u8 = 0xff;

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn values() -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        let character = ALPHABET[digit];
        values[character as usize] = digit as u8;
        values[character.to_ascii_uppercase() as usize] = digit as u8;
        digit += 1;
    }
    values
}

/// Whether a branch is one that RFC 3261 says is unique: the cookie, and something after it.
pub(super) fn has_cookie(branch: &[u8]) -> bool {
    branch
        .split_at_checked(COOKIE.len())
        .is_some_and(|(cookie, rest)| cookie.eq_ignore_ascii_case(COOKIE) && !rest.is_empty())
}

/// The 64-bit check of 120 packed bits.
fn check(packed: u128, key: &BranchKey) -> u64 {
    SipHasher24::new_with_key(key.bytes()).hash(&packed.to_be_bytes())
}

/// Writes the low bits of `bits`, five a character, as many as `out` has room for.
fn encode(mut bits: u64, out: &mut [u8]) {
    for character in out.iter_mut().rev() {
        *character = ALPHABET.get((bits & 31) as usize).copied().unwrap_or_default();
        bits >>= 5;
    }
}

/// Reads up to twelve characters.
fn decode(characters: &[u8]) -> Option<u64> {
    let mut bits = 0;
    let mut seen = 0;
    for &character in characters {
        let digit = VALUES.get(usize::from(character)).copied().unwrap_or(NO_DIGIT);
        seen |= digit;
        bits = bits << 5 | u64::from(digit & 31);
    }
    (seen != NO_DIGIT).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    fn written(branch: &Branch, key: &BranchKey) -> [u8; Branch::LEN] {
        let mut out = [0; Branch::LEN];
        branch.write(key, &mut out);
        out
    }

    fn any(rng: &mut Rng) -> (Branch, BranchKey) {
        // Small values and large ones, as both ends are where packing goes wrong.
        let mut number = || rng.wire() >> (rng.wire() % 64);
        let branch = Branch {
            shard: number() as u16,
            epoch: number() as u32,
            slot: number() as u32,
            generation: number() as u32,
            n: number() as u8,
        };
        let mut secret = [0; 16];
        secret[..8].copy_from_slice(&rng.wire().to_le_bytes());
        secret[8..].copy_from_slice(&rng.wire().to_le_bytes());
        (branch, BranchKey::new(secret))
    }

    #[test]
    fn tx_14_a_branch_is_the_cookie_and_a_token_in_one_case() {
        let branch = Branch { shard: 1, epoch: 2, slot: 3, generation: 4, n: 5 };
        let text = written(&branch, &BranchKey::new([7; 16]));
        assert_eq!(text.len(), 44);
        assert!(text.starts_with(b"z9hG4bK000g00000800000300000105"));
        assert!(text[7..].iter().all(|c| ALPHABET.contains(c)));
    }

    #[test]
    fn tx_14_each_transaction_of_an_attempt_has_a_branch_of_its_own() {
        let key = BranchKey::new([7; 16]);
        let first = Branch { shard: 1, epoch: 2, slot: 3, generation: 4, n: 1 };
        let all: std::collections::BTreeSet<_> =
            (0..=u8::MAX).map(|n| written(&Branch { n, ..first }, &key)).collect();
        assert_eq!(all.len(), 256);
    }

    #[test]
    fn what_was_written_is_read_in_either_case() {
        let mut rng = Rng::from_seed(1);
        for _ in 0..20_000 {
            let (branch, key) = any(&mut rng);
            let text = written(&branch, &key);
            assert_eq!(Branch::read(&key, &text), Some(branch));
            assert_eq!(Branch::read(&key, &text.to_ascii_uppercase()), Some(branch));
            assert_eq!(Branch::read(&key, &text.to_ascii_lowercase()), Some(branch));
        }
    }

    #[test]
    fn tx_14_any_flipped_bit_is_refused() {
        let mut rng = Rng::from_seed(2);
        for _ in 0..200 {
            let (branch, key) = any(&mut rng);
            let text = written(&branch, &key);
            for bit in 0..8 * Branch::LEN {
                let mut damaged = text;
                damaged[bit / 8] ^= 1 << (bit % 8);
                // A letter in its other case is the same token.
                let same = damaged.eq_ignore_ascii_case(&text).then_some(branch);
                assert_eq!(Branch::read(&key, &damaged), same, "bit {bit}");
            }
        }
    }

    #[test]
    fn tx_14_another_key_is_refused() {
        let mut rng = Rng::from_seed(3);
        for _ in 0..1000 {
            let (branch, key) = any(&mut rng);
            let text = written(&branch, &key);
            let mut other = key.clone();
            other.0[(rng.wire() % 16) as usize] ^= 1 << (rng.wire() % 8);
            assert_eq!(Branch::read(&other, &text), None);
        }
    }

    #[test]
    fn tx_14_shorter_longer_and_random_bytes_are_refused() {
        let mut rng = Rng::from_seed(4);
        let (branch, key) = any(&mut rng);
        let text = written(&branch, &key);
        for len in 0..text.len() {
            assert_eq!(Branch::read(&key, &text[..len]), None);
            assert_eq!(Branch::read(&key, &text[text.len() - len..]), None);
        }
        for more in 0..=u8::MAX {
            assert_eq!(Branch::read(&key, &[&text[..], &[more]].concat()), None);
        }
        for _ in 0..10_000 {
            let mut random = text;
            for byte in &mut random[COOKIE.len()..] {
                *byte = ALPHABET[(rng.wire() % 32) as usize];
            }
            assert_eq!(Branch::read(&key, &random), None);
        }
    }

    #[test]
    fn the_65th_bit_of_the_check_must_be_zero() {
        let key = BranchKey::new([9; 16]);
        let mut text = written(&Branch { shard: 0, epoch: 0, slot: 0, generation: 0, n: 0 }, &key);
        let top = VALUES[usize::from(text[31])];
        assert!(top < 16);
        text[31] = ALPHABET[usize::from(top) + 16];
        assert_eq!(Branch::read(&key, &text), None);
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", BranchKey::new([42; 16])), "BranchKey");
    }
}
