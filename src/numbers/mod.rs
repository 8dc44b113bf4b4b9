//! The numbers that we call from and the numbers that we call: pools, draws, what they are worth, routes, and the
//! numbering plan.

pub mod odds;
pub mod plan;
pub mod pool;
pub mod route;
