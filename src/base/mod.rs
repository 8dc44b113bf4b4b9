//! What every layer may name: time, chance, numbers, bounds. No IO, no SIP.

pub mod calendar;
pub mod chunks;
pub mod clock;
pub mod flow;
pub mod id;
pub mod limits;
pub mod number;
pub mod rng;
pub mod spelling;
pub mod wheel;

#[cfg(test)]
pub(crate) mod tests;
