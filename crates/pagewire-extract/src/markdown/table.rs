//! GFM tables. A table that only lays the page out is written as the blocks that it holds.

use crate::dom::{LocalName, NodeRef, local_name};

use super::walk::Walk;
use crate::dom::Tag;

/// Columns and rows of a table that is written as one.
const COLUMNS_MAX: usize = 60;
const ROWS_MAX: usize = 20_000;
/// Paragraphs in a cell that go on a line.
const PARAGRAPHS_MAX: usize = 2;
/// Rows of heads that are made one.
const HEADS_MAX: usize = 3;

/// A row's cells, and whether it is a head.
struct Row<'d> {
    cells: Vec<Cell<'d>>,
    is_head: bool,
}

struct Cell<'d> {
    node: NodeRef<'d>,
    columns: usize,
    rows: usize,
}

pub(super) fn write<'d>(walk: &mut Walk<'_, 'd>, table: &NodeRef<'d>) {
    let (rows, caption) = rows_of(walk, table);
    let columns = rows.iter().map(width).max().unwrap_or(0);
    let has_head = rows.iter().any(|row| row.is_head);
    let lays_out = !(2..=COLUMNS_MAX).contains(&columns)
        || rows.len() > ROWS_MAX
        || walk.writer.is_one_line()
        || rows.iter().flat_map(|row| &row.cells).any(|cell| holds_blocks(&cell.node, has_head));
    if let Some(caption) = caption {
        walk.paragraph(&caption, None);
    }
    if lays_out {
        walk.writer.block();
        for row in rows {
            for cell in row.cells {
                walk.paragraph(&cell.node, None);
            }
        }
        return;
    }
    let mut grid = Grid { columns, below: vec![0; columns], lines: String::new() };
    let heads = rows.iter().take_while(|row| row.is_head).count().min(HEADS_MAX);
    let mut holds = if heads > 1 {
        grid.heads(walk, &rows[..heads])
    } else {
        grid.line(walk, rows.first().filter(|row| row.is_head))
    };
    grid.lines.push_str("\n|");
    grid.lines.push_str(&" --- |".repeat(columns));
    for row in &rows[heads..] {
        let before = grid.lines.len();
        grid.lines.push('\n');
        if grid.line(walk, Some(row)) {
            holds = true;
        } else {
            grid.lines.truncate(before);
        }
    }
    if holds {
        walk.writer.lines(&grid.lines);
    }
}

/// The table as it is written, and which columns are still filled from above.
struct Grid {
    columns: usize,
    below: Vec<usize>,
    lines: String,
}

impl Grid {
    /// Writes a row; whether there is anything in it.
    fn line<'d>(&mut self, walk: &mut Walk<'_, 'd>, row: Option<&Row<'d>>) -> bool {
        self.lines.push('|');
        let mut at = 0;
        let mut holds = false;
        for cell in row.iter().flat_map(|row| &row.cells) {
            at = self.pass_filled(at);
            if at == self.columns {
                break;
            }
            let content = walk.cell(&cell.node);
            holds |= !content.is_empty();
            self.lines.push(' ');
            self.lines.push_str(&content);
            self.lines.push_str(" |");
            let end = (at + cell.columns).min(self.columns);
            for column in at..end {
                self.below[column] = cell.rows - 1;
            }
            for _ in at + 1..end {
                self.lines.push_str("  |");
            }
            at = end;
        }
        while at < self.columns {
            self.below[at] = self.below[at].saturating_sub(1);
            self.lines.push_str("  |");
            at += 1;
        }
        holds
    }

    /// Writes several rows of heads as the one that GFM has: below "Size" stand "Size: Area" and "Size: Depth".
    fn heads<'d>(&mut self, walk: &mut Walk<'_, 'd>, rows: &[Row<'d>]) -> bool {
        let mut columns = vec![String::new(); self.columns];
        for row in rows {
            let mut at = 0;
            for cell in &row.cells {
                while at < self.columns && self.below[at] > 0 {
                    self.below[at] -= 1;
                    at += 1;
                }
                let content = walk.cell(&cell.node);
                let end = (at + cell.columns).min(self.columns);
                for (head, below) in columns[at..end].iter_mut().zip(&mut self.below[at..end]) {
                    *below = cell.rows - 1;
                    if !head.is_empty() && !content.is_empty() {
                        head.push_str(": ");
                    }
                    head.push_str(&content);
                }
                at = end;
            }
            for below in &mut self.below[at..] {
                *below = below.saturating_sub(1);
            }
        }
        self.lines.push('|');
        for head in &columns {
            self.lines.push(' ');
            self.lines.push_str(head);
            self.lines.push_str(" |");
        }
        columns.iter().any(|head| !head.is_empty())
    }

    /// Passes over the columns that a cell of a row above fills.
    fn pass_filled(&mut self, mut at: usize) -> usize {
        while at < self.columns && self.below[at] > 0 {
            self.below[at] -= 1;
            self.lines.push_str("  |");
            at += 1;
        }
        at
    }
}

fn width(row: &Row<'_>) -> usize {
    row.cells.iter().map(|cell| cell.columns).sum()
}

/// The rows of this table, not of those within it, and its caption.
fn rows_of<'d>(walk: &Walk<'_, 'd>, table: &NodeRef<'d>) -> (Vec<Row<'d>>, Option<NodeRef<'d>>) {
    let mut rows = Vec::new();
    let mut caption = None;
    for child in kept(walk, table) {
        match child {
            (Tag::Caption, node) => caption = Some(node),
            (Tag::Tr, node) => rows.extend(row_of(walk, &node, false)),
            (part @ (Tag::Thead | Tag::Tbody | Tag::Tfoot), node) => {
                for (tag, row) in kept(walk, &node) {
                    if tag == Tag::Tr {
                        rows.extend(row_of(walk, &row, part == Tag::Thead));
                    }
                }
            }
            _ => {}
        }
    }
    (rows, caption)
}

/// The elements in another one that are not left out.
fn kept<'w, 'd>(
    walk: &'w Walk<'_, 'd>,
    node: &NodeRef<'d>,
) -> impl Iterator<Item = (Tag, NodeRef<'d>)> + use<'w, 'd> {
    let content = walk.content;
    node.children().filter_map(move |child| {
        let element = child.element()?;
        let tag = element.tag;
        (!content.leaves_out(child.id, tag, &element)).then_some((tag, child))
    })
}

fn row_of<'d>(walk: &Walk<'_, 'd>, row: &NodeRef<'d>, in_head: bool) -> Option<Row<'d>> {
    let mut is_head = true;
    let mut cells = Vec::new();
    for (tag, node) in kept(walk, row).filter(|(tag, _)| tag.is_cell()) {
        is_head &= tag == Tag::Th;
        let columns = span(&node, local_name!("colspan"), COLUMNS_MAX);
        let rows = span(&node, local_name!("rowspan"), ROWS_MAX);
        cells.push(Cell { node, columns, rows });
    }
    (!cells.is_empty()).then_some(Row { cells, is_head: in_head || is_head })
}

fn span(cell: &NodeRef<'_>, name: LocalName, max: usize) -> usize {
    let span = cell.element().and_then(|element| element.attr(name)?.trim().parse().ok());
    span.unwrap_or(1).clamp(1, max)
}

/// Whether a cell holds what a line of a table cannot; in a table with a head, lists go on a line.
fn holds_blocks(cell: &NodeRef<'_>, has_head: bool) -> bool {
    let mut paragraphs = 0;
    cell.descendants().any(|node| {
        let Some(tag) = node.element().map(|element| element.tag) else { return false };
        paragraphs += usize::from(tag == Tag::P);
        !has_head && paragraphs > PARAGRAPHS_MAX
            || matches!(tag, Tag::Table | Tag::Blockquote | Tag::H1 | Tag::H2 | Tag::H3)
            || !has_head && matches!(tag, Tag::Ul | Tag::Ol | Tag::Pre | Tag::H4)
    })
}
