//! Everything that touches the world below the driver: sockets, clocks, files.

pub mod net;
