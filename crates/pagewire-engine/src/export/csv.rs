//! CSV as RFC 4180 has it: CRLF, a header, quotes where they are needed. What nests is JSON in one cell.
//!
//! An empty cell is no value; an empty text is `""`.

use std::io::Write as _;

use super::columns::{Column, header};
use super::row::{Cell, Row};

/// What becomes of a text that a spreadsheet would take for a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FormulaCells {
    /// It stays as it is: what is read back is what was written.
    #[default]
    Keep,
    /// An apostrophe before it makes it text (ASVS 1.2.10). A plain number, as `-12.5`, is none.
    Neutralise,
}

/// Appends the header's line.
pub(super) fn write_header(columns: &[Column], formulas: FormulaCells, out: &mut Vec<u8>) {
    for (at, name) in header(columns).iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_text(name, formulas, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends a row's line.
pub(super) fn write_row(row: &Row<'_>, formulas: FormulaCells, out: &mut Vec<u8>) {
    write_text(&row.url, formulas, out);
    out.push(b',');
    out.extend_from_slice(row.status.as_bytes());
    out.push(b',');
    if let Some(status) = row.http_status {
        write_display(out, format_args!("{status}"));
    }
    out.push(b',');
    if let Some(code) = &row.error_code {
        write_text(code, formulas, out);
    }
    out.push(b',');
    if let Some(at) = row.fetched_at {
        write_display(out, format_args!("{at:.3}"));
    }
    for cell in &row.cells {
        out.push(b',');
        write_cell(cell, formulas, out);
    }
    out.extend_from_slice(b"\r\n");
}

fn write_cell(cell: &Cell<'_>, formulas: FormulaCells, out: &mut Vec<u8>) {
    match cell {
        // The columns of a CSV are flat: what nests has come as JSON.
        Cell::Null | Cell::List(_) | Cell::Struct(_) => {}
        Cell::Text(text) => write_text(text, formulas, out),
        Cell::Json(text) => write_text(text, formulas, out),
        Cell::Integer(number) => write_display(out, format_args!("{number}")),
        Cell::Number(number) => write_number(*number, out),
        Cell::Boolean(truth) => out.extend_from_slice(if *truth { b"true" } else { b"false" }),
    }
}

/// The shortest digits that are read back as the same number.
fn write_number(number: f64, out: &mut Vec<u8>) {
    if number == 0.0 || (1e-5..1e16).contains(&number.abs()) {
        write_display(out, format_args!("{number}"));
    } else {
        write_display(out, format_args!("{number:e}"));
    }
}

fn write_display(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing into memory cannot fail.
    let _ = out.write_fmt(text);
}

fn write_text(text: &str, formulas: FormulaCells, out: &mut Vec<u8>) {
    let is_formula = formulas == FormulaCells::Neutralise && is_formula(text);
    let needs_quotes = is_formula
        || text.is_empty()
        || text.starts_with(' ')
        || text.ends_with(' ')
        || memchr::memchr3(b'"', b',', b'\n', text.as_bytes()).is_some()
        || memchr::memchr(b'\r', text.as_bytes()).is_some();
    if !needs_quotes {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    if is_formula {
        out.push(b'\'');
    }
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'"', rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(b'"');
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0']) && !is_plain_number(text)
}

/// Digits with a sign before them and perhaps a point among them: nothing that a spreadsheet could run.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    are_digits(whole) && are_digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, formulas: FormulaCells) -> String {
        let mut out = Vec::new();
        write_text(text, formulas, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_formula_is_made_text_and_a_number_is_left_alone() {
        for (text, expected) in [
            ("=1+1", "\"'=1+1\""),
            ("+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("-1+cmd", "\"'-1+cmd\""),
            ("-", "\"'-\""),
            ("--1", "\"'--1\""),
            ("-1.", "\"'-1.\""),
            ("-5", "-5"),
            ("-12.50", "-12.50"),
            ("+46", "+46"),
            ("a=1", "a=1"),
        ] {
            assert_eq!(written(text, FormulaCells::Neutralise), expected);
        }
        assert_eq!(written("=1+1", FormulaCells::Keep), "=1+1");
    }

    #[test]
    fn quotes_stand_where_they_are_needed() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("a\"b\"", "\"a\"\"b\"\"\""),
            ("a\r\nb", "\"a\r\nb\""),
            (" a", "\" a\""),
            ("", "\"\""),
            ("åäö", "åäö"),
        ] {
            assert_eq!(written(text, FormulaCells::Keep), expected);
        }
    }

    #[test]
    fn numbers_are_read_back_as_they_were() {
        for number in [0.0, -0.5, 219.0, 0.1 + 0.2, 1e300, -1e-300, f64::MAX, 9_007_199_254_740_993.0] {
            let mut out = Vec::new();
            write_number(number, &mut out);
            assert_eq!(std::str::from_utf8(&out).expect("text").parse(), Ok(number));
            assert!(out.len() < 30);
        }
    }
}
