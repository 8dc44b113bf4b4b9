//! The matcher: binds what a user saw on his phone to the calls of his verification.

/// What a user says he saw: the digits, and how they were written.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    digits: smallvec::SmallVec<[u8; 24]>,
}

impl std::fmt::Debug for Claim {
    /// Without its digits: they may be the code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a claim of {} digits", self.digits.len())
    }
}
