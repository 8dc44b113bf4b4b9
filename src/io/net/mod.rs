//! Sockets, the real clock, and the signals that end a loop. Nothing here knows what a datagram says.

pub mod clock;
pub mod media;
pub mod signals;
pub mod udp;
