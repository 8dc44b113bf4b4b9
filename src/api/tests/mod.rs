//! The API as its clients meet it: over real sockets, with an engine that a script plays and a store on the disk.

mod bodies;
mod cdrs;
mod events;
mod keys;
mod limits;
mod masks;
mod openapi;
mod refusals;
mod routes;
mod sockets;
pub(crate) mod support;
mod verifications;
