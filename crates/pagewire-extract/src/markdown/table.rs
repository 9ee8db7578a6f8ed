//! GFM tables. A table that only lays the page out is written as the blocks that it holds.

use dom_query::NodeRef;

use super::walk::Walk;
use crate::main_content::name_of;

/// Columns and rows of a table that is written as one.
const COLUMNS_MAX: usize = 60;
const ROWS_MAX: usize = 20_000;

/// A row's cells, and whether it is a head.
struct Row<'d> {
    cells: Vec<NodeRef<'d>>,
    is_head: bool,
}

pub(super) fn write<'d>(walk: &mut Walk<'_, 'd>, table: &NodeRef<'d>) {
    let (rows, caption) = rows_of(table);
    let columns = rows.iter().map(|row| row.cells.iter().map(span).sum::<usize>()).max().unwrap_or(0);
    let lays_out = !(2..=COLUMNS_MAX).contains(&columns)
        || rows.len() > ROWS_MAX
        || walk.writer.is_one_line()
        || rows.iter().flat_map(|row| &row.cells).any(holds_blocks);
    if lays_out {
        walk.writer.block();
        for row in rows {
            for cell in row.cells {
                walk.paragraph(&cell, None);
            }
        }
        return;
    }
    if let Some(caption) = caption {
        walk.paragraph(&caption, None);
    }
    let mut lines = Vec::with_capacity(rows.len() + 1);
    let mut body = rows.iter();
    let head = rows.first().filter(|row| row.is_head);
    if head.is_some() {
        body.next();
    }
    lines.push(line(walk, head, columns));
    lines.push(format!("|{}", " --- |".repeat(columns)));
    let is_blank = |line: &String| line.bytes().all(|b| matches!(b, b'|' | b' '));
    lines.extend(body.map(|row| line(walk, Some(row), columns)).filter(|line| !is_blank(line)));
    if lines.len() > 2 || !is_blank(&lines[0]) {
        walk.writer.lines(&lines.join("\n"));
    }
}

fn line<'d>(walk: &mut Walk<'_, 'd>, row: Option<&Row<'d>>, columns: usize) -> String {
    let mut line = String::from("|");
    let mut written = 0;
    for cell in row.iter().flat_map(|row| &row.cells) {
        let content = walk.cell(cell);
        line.push(' ');
        line.push_str(&content);
        line.push_str(" |");
        for _ in 1..span(cell) {
            line.push_str("  |");
        }
        written += span(cell);
    }
    for _ in written..columns {
        line.push_str("  |");
    }
    line
}

/// The rows of this table, not of those within it, and its caption.
fn rows_of<'d>(table: &NodeRef<'d>) -> (Vec<Row<'d>>, Option<NodeRef<'d>>) {
    let mut rows = Vec::new();
    let mut caption = None;
    for child in table.children_it(false) {
        match name_of(&child).as_deref() {
            Some("caption") => caption = Some(child),
            Some("tr") => rows.extend(row_of(&child, false)),
            Some(part @ ("thead" | "tbody" | "tfoot")) => {
                let rows_in = child.children_it(false).filter(|row| row.has_name("tr"));
                rows.extend(rows_in.filter_map(|row| row_of(&row, part == "thead")));
            }
            _ => {}
        }
    }
    (rows, caption)
}

fn row_of<'d>(row: &NodeRef<'d>, in_head: bool) -> Option<Row<'d>> {
    let cells: Vec<NodeRef<'d>> =
        row.children_it(false).filter(|cell| cell.has_name("td") || cell.has_name("th")).collect();
    let is_head = in_head || cells.iter().all(|cell| cell.has_name("th"));
    (!cells.is_empty()).then_some(Row { cells, is_head })
}

fn span(cell: &NodeRef<'_>) -> usize {
    cell.attr("colspan").and_then(|span| span.trim().parse().ok()).unwrap_or(1).clamp(1, COLUMNS_MAX)
}

/// Whether a cell holds what a line of a table cannot.
fn holds_blocks(cell: &NodeRef<'_>) -> bool {
    let mut paragraphs = 0;
    cell.descendants_it().any(|node| {
        let name = name_of(&node);
        paragraphs += usize::from(name.as_deref() == Some("p"));
        paragraphs > 2
            || matches!(
                name.as_deref(),
                Some("table" | "ul" | "ol" | "pre" | "blockquote" | "h1" | "h2" | "h3" | "h4")
            )
    })
}
