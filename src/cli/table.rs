//! Rows of text under headings, in columns.

use std::io::{self, Write};

/// Writes rows under their headings, each column as wide as its widest cell. A column whose cells are numbers stands to the
/// right.
pub(super) fn write<const N: usize>(
    out: &mut impl Write,
    headings: [&str; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.len())).max().unwrap_or(0)
    };
    let widths: [usize; N] = std::array::from_fn(width);
    // An address is none.
    let number =
        |cell: &String| cell.starts_with(|c: char| c.is_ascii_digit()) && !cell.contains(':');
    let right: [bool; N] = std::array::from_fn(|column| {
        !rows.is_empty() && rows.iter().filter_map(|row| row.get(column)).all(number)
    });
    let mut line = |cells: [&str; N]| {
        let mut text = String::new();
        for ((cell, width), right) in cells.into_iter().zip(widths).zip(right) {
            if right {
                text.push_str(&format!("{cell:>width$}  "));
            } else {
                text.push_str(&format!("{cell:<width$}  "));
            }
        }
        writeln!(out, "{}", text.trim_end())
    };
    line(headings)?;
    rows.iter().try_for_each(|row| line(row.each_ref().map(String::as_str)))
}
