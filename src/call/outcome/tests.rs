//! What calls come to: the rules one by one, and many facts with their outcomes as a golden table.
//!
//! A test's name begins with the rule that it guards, where there is one (`docs/CONFORMANCE.md`).

mod golden;
mod phrases;
mod reasons;
mod rules;
mod seen;
