//! The `onering` program.
fn main() {}
