//! The style of a line of text.

use crate::palette::{INK, MUTED, Rgb};
use crate::typeface::Weight;

/// The style of a line of text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) size: f32,
    pub(crate) weight: Weight,
    pub(crate) colour: Rgb,
}

impl Style {
    pub(crate) const fn new(size: f32, weight: Weight, colour: Rgb) -> Self {
        Self { size, weight, colour }
    }

    /// Height of a line of running text.
    pub(crate) fn leading(self) -> f32 {
        self.size * 1.42
    }
}

/// Running text.
pub(crate) const BODY: Style = Style::new(7.5, Weight::Regular, INK);

/// Remarks under tables, and small print.
pub(crate) const SMALL: Style = Style::new(6.6, Weight::Regular, MUTED);
