//! Rows and columns of figures.

use crate::palette::{INK, MUTED, RULE, Rgb, STRIPE};
use crate::pdf::paper::Paper;
use crate::pdf::style::Style;
use crate::sketch::Anchor;
use crate::typeface::{CAP_HEIGHT, Weight};

/// Space between a cell's edge and its text.
const PADDING: f32 = 3.0;

/// A column: its heading, width in points and alignment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) heading: &'static str,
    pub(crate) width: f32,
    pub(crate) align: Anchor,
}

/// One cell.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) weight: Weight,
    pub(crate) colour: Rgb,
    pub(crate) shade: Option<Rgb>,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: Weight::Regular, colour: INK, shade: None }
    }

    pub(crate) fn bold(self) -> Self {
        Self { weight: Weight::Bold, ..self }
    }

    pub(crate) fn coloured(self, colour: Rgb) -> Self {
        Self { colour, ..self }
    }

    pub(crate) fn shaded(self, shade: Rgb) -> Self {
        Self { shade: Some(shade), ..self }
    }
}

/// A table's position and dimensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a> {
    pub(crate) left: f32,
    pub(crate) columns: &'a [Column],
    pub(crate) row_height: f32,
    pub(crate) size: f32,
    pub(crate) striped: bool,
}

impl Table<'_> {
    fn width(&self) -> f32 {
        self.columns.iter().map(|column| column.width).sum()
    }

    /// Height of a table with its headings and this many rows.
    pub(crate) fn height(&self, rows: usize) -> f32 {
        self.row_height * (rows + 1) as f32 + 2.0
    }

    /// Draws the headings at `top`; rows follow below, from index 0 of [`Self::row`].
    pub(crate) fn headings(&self, paper: &mut Paper, top: f32) {
        let style = Style::new(self.size - 0.4, Weight::Bold, MUTED);
        let mut left = self.left;
        for column in self.columns {
            self.cell(paper, column, left, top, style, column.heading);
            left += column.width;
        }
        let y = top + self.row_height;
        paper.line(vec![(self.left, y), (self.left + self.width(), y)], RULE, 0.7);
    }

    /// Draws row `index`, counted from 0, under the headings at `top`.
    pub(crate) fn row(&self, paper: &mut Paper, top: f32, index: usize, cells: &[Cell]) {
        let top = top + 1.0 + self.row_height * (index + 1) as f32;
        if self.striped && index % 2 == 1 {
            paper.shade((self.left, top), (self.left + self.width(), top + self.row_height), STRIPE);
        }
        let mut left = self.left;
        for (column, cell) in self.columns.iter().zip(cells) {
            if let Some(shade) = cell.shade {
                let inset = 0.4;
                let opposite = (left + column.width - inset, top + self.row_height - inset);
                paper.shade((left + inset, top + inset), opposite, shade);
            }
            self.cell(paper, column, left, top, Style::new(self.size, cell.weight, cell.colour), &cell.text);
            left += column.width;
        }
    }

    fn cell(&self, paper: &mut Paper, column: &Column, left: f32, top: f32, style: Style, text: &str) {
        if text.is_empty() {
            return;
        }
        let x = match column.align {
            Anchor::Start => left + PADDING,
            Anchor::Middle => left + column.width / 2.0,
            Anchor::End => left + column.width - PADDING,
        };
        let baseline = top + f32::midpoint(self.row_height, CAP_HEIGHT * style.size);
        paper.put_fitting((x, baseline), column.align, style, column.width - 2.0 * PADDING, text);
    }
}
