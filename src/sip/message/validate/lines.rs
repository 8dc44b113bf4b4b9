//! Header lines as lines: names, control characters, line ends (RFC 3261 §7.3.1, §25.1 `extension-header`).

use super::super::grammar::is_token;
use super::super::problem::Fault;
use super::Problems;

pub(super) fn check(problems: &mut Problems<'_>) {
    let message = problems.message;
    line_ends(problems);
    for (header, slot) in message.headers().zip(&message.index().slots) {
        let start = usize::from(slot.start);
        if !header.colon {
            problems.at(Fault::NoColon, None, start);
            continue;
        }
        if header.text.is_empty() || !header.text.iter().copied().all(is_token) {
            problems.at(Fault::HeaderName, None, start);
        }
        let value = header.value.bytes();
        if let Some(place) = control(value) {
            problems.at(Fault::ControlCharacter, Some(slot.name), usize::from(slot.value) + place);
        }
        if str::from_utf8(value).is_err() {
            problems.line(Fault::NotUtf8, slot);
        }
    }
}

/// The first line that ends with a bare line feed.
fn line_ends(problems: &mut Problems<'_>) {
    let block = problems.message.block();
    let bare = memchr::memchr_iter(b'\n', block)
        .find(|at| at.checked_sub(1).and_then(|before| block.get(before)) != Some(&b'\r'));
    if let Some(at) = bare {
        problems.at(Fault::BareLineFeed, None, at);
    }
}

/// The first control character that is neither a tab, nor the line end of a fold, nor escaped (`quoted-pair` takes all
/// but CR and LF).
fn control(value: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in value.iter().enumerate() {
        let bad = match byte {
            b'\t' | b'\n' => false,
            b'\r' => value.get(at + 1) != Some(&b'\n'),
            _ => byte.is_ascii_control() && !escaped,
        };
        if bad {
            return Some(at);
        }
        escaped = *byte == b'\\' && !escaped;
    }
    None
}
