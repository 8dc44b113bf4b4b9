//! Every bound on what a peer may make us hold or do, each with its reason.

/// Header fields in one message. Real trunks send 15 to 40; more is a fault or an attack.
pub const HEADERS_MAX: usize = 256;
/// Bytes in one line of a header block, start line included.
pub const LINE_MAX: usize = 8 * 1024;
/// Bytes in a header block, start line and the empty line included.
pub const HEADER_BLOCK_MAX: usize = 32 * 1024;
/// Bytes in a body, and in a datagram.
pub const BODY_MAX: usize = 64 * 1024;
/// Via values in one message: 70 hops is what Max-Forwards allows (RFC 3261 §8.1.1.6).
pub const VIA_MAX: usize = 70;
/// Realms that one request answers: a trunk asks for one, a proxy before it for another. More would make our next INVITE
/// as long as a peer likes.
pub const REALMS_MAX: usize = 4;
