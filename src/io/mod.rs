//! Everything that touches the world below the driver: sockets, clocks, files. Decides nothing.

pub mod capture;
pub mod deliver;
pub mod net;
pub mod store;
