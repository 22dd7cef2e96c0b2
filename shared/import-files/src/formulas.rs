//! Cells that a spreadsheet would take for a formula.

/// Characters that a spreadsheet takes for the start of a formula.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A cell as it is written to a file: a spreadsheet never takes it for a formula.
#[must_use]
pub fn formula_safe(cell: &str) -> String {
    if needs_quote(cell) { format!("'{cell}") } else { cell.to_owned() }
}

/// The inverse of [`formula_safe`].
#[must_use]
pub fn plain(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| needs_quote(rest)).unwrap_or(cell)
}

/// Whether a cell would be a formula, or would look like one that was quoted.
fn needs_quote(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(FORMULA_STARTS)
}

/// The text of a cell of a table: of one quoted by [`formula_safe`] what was quoted, of one kept by a formula that text.
#[must_use]
pub fn text_of(cell: &str) -> &str {
    let unquoted = plain(cell);
    if unquoted.len() < cell.len() { unquoted } else { without_text_formula(cell) }
}

/// The text of a cell that a spreadsheet has written as a formula to keep it text: `="0042"` is `0042`.
#[must_use]
pub fn without_text_formula(cell: &str) -> &str {
    let text = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    text.filter(|text| !text.contains('"')).unwrap_or(cell)
}

/// Whether a cell is a formula, whose value is not in the file.
#[must_use]
pub fn is_formula(cell: &str) -> bool {
    cell.starts_with('=') || cell.starts_with('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_quoted_on_export_and_restored_on_import() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-x", "=\"0042\""] {
            assert_eq!(formula_safe(cell), format!("'{cell}"));
            assert_eq!(plain(&formula_safe(cell)), cell);
            assert_eq!(text_of(&formula_safe(cell)), cell);
        }
        for cell in ["AAPL", "1.5", "'quoted", "''quoted''", "", "'"] {
            assert_eq!(plain(&formula_safe(cell)), cell);
        }
    }

    #[test]
    fn a_text_kept_by_a_formula_is_that_text() {
        for (cell, text) in [("=\"0042\"", "0042"), ("=\"a\"&\"b\"", "=\"a\"&\"b\""), ("=1", "=1"), ("AAPL", "AAPL")] {
            assert_eq!(without_text_formula(cell), text);
        }
        assert!(is_formula("=SUM(A1:A3)") && !is_formula("-1"));
    }
}
