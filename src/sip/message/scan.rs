//! Byte search for the hot path.
//!
//! What is looked for is some fifty bytes away: the search of sixteen at a time, which is part of every x86-64, is
//! inlined and done before a wider one, chosen when the program runs, would be called.

#[cfg(target_arch = "x86_64")]
use memchr::arch::x86_64::sse2::memchr::{One, Three, Two};

/// Offset of the first `a`.
#[inline]
pub(super) fn one(a: u8, text: &[u8]) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    return One::new(a)?.find(text);
    #[cfg(not(target_arch = "x86_64"))]
    return memchr::memchr(a, text);
}

/// Offset of the first `a` or `b`.
#[inline]
pub(super) fn two(a: u8, b: u8, text: &[u8]) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    return Two::new(a, b)?.find(text);
    #[cfg(not(target_arch = "x86_64"))]
    return memchr::memchr2(a, b, text);
}

/// Offset of the first `a`, `b` or `c`.
#[inline]
pub(super) fn three(a: u8, b: u8, c: u8, text: &[u8]) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    return Three::new(a, b, c)?.find(text);
    #[cfg(not(target_arch = "x86_64"))]
    return memchr::memchr3(a, b, c, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_them_at_any_place() {
        for place in 0..100 {
            let mut text = vec![b'.'; 100];
            text[place] = b'a';
            assert_eq!(one(b'a', &text), Some(place));
            assert_eq!(two(b'b', b'a', &text), Some(place));
            assert_eq!(three(b'b', b'c', b'a', &text), Some(place));
            let before = &text[..place];
            assert_eq!((one(b'a', before), two(b'b', b'a', before)), (None, None));
            assert_eq!(three(b'b', b'c', b'a', before), None);
        }
    }
}
