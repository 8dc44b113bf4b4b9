//! Sockets and the real clock. Nothing here knows what a datagram says.

pub mod clock;
pub mod media;
pub mod udp;
