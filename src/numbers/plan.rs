//! The numbering plan: what people write as a telephone number, and whether there can be such a number.
