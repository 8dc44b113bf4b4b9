//! Caller-IDs of open attempts: ChaCha20-Poly1305 (RFC 8439) with a random nonce, bound to their attempt.
//!
//! What is stored is the nonce, the digits, and the tag. A number that was moved to another attempt does not open.

use super::ids::attempt_bytes;
use crate::base::id::AttemptId;
use crate::base::number::CallerId;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use rand::Rng as _;
use rand::rngs::StdRng;

/// Bytes of a nonce.
const NONCE: usize = 12;

/// Seals and opens.
pub(super) struct Seal {
    cipher: ChaCha20Poly1305,
    nonces: StdRng,
}

impl Seal {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { cipher: ChaCha20Poly1305::new(key.into()), nonces: rand::make_rng() }
    }

    /// The number, sealed.
    pub(super) fn seal(&mut self, id: AttemptId, number: CallerId) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        self.nonces.fill_bytes(&mut nonce);
        let digits = number.reveal();
        let payload = Payload { msg: digits.as_bytes(), aad: &attempt_bytes(id) };
        // It fails only for messages of 256 GiB.
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
        let mut all = Vec::with_capacity(NONCE + sealed.len());
        all.extend_from_slice(&nonce);
        all.extend_from_slice(&sealed);
        all
    }

    /// The number that was sealed for this attempt.
    pub(super) fn open(&self, id: AttemptId, sealed: &[u8]) -> Option<CallerId> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: rest, aad: &attempt_bytes(id) };
        let digits = self.cipher.decrypt(&Nonce::from(*nonce), payload).ok()?;
        let text = str::from_utf8(&digits).ok()?;
        CallerId::of_value(text.parse().ok()?, text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_number_opens_for_its_own_attempt_with_its_own_key_only() {
        let mut seal = Seal::new(&[7; 32]);
        let id = AttemptId { shard: 1, epoch: 2, slot: 3, generation: 4 };
        let number = CallerId::parse("+0012025550142").unwrap();
        let sealed = seal.seal(id, number);
        assert_eq!(seal.open(id, &sealed), Some(number));
        assert_ne!(seal.seal(id, number), sealed, "a nonce came twice");
        assert_eq!(seal.open(AttemptId { slot: 5, ..id }, &sealed), None);
        assert_eq!(Seal::new(&[8; 32]).open(id, &sealed), None);
        for at in 0..sealed.len() {
            let mut wrong = sealed.clone();
            wrong[at] ^= 1;
            assert_eq!(seal.open(id, &wrong), None, "byte {at}");
        }
        assert_eq!(seal.open(id, &sealed[..11]), None);
    }
}
