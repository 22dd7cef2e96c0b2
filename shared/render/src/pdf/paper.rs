//! A4 pages that fill from the top, each with its running header and footer.

use crate::palette::{INK, MUTED, RULE, Rgb};
use crate::pdf::style::Style;
use crate::pdf::wrap::{ellipsis, wrap};
use crate::report::Report;
use crate::sketch::{Anchor, Sketch, Text};
use crate::typeface::{ASCENT, Weight};

/// A4 in points.
pub(crate) const PAGE: (f32, f32) = (595.28, 841.89);

/// Left and right margin.
pub(crate) const MARGIN: f32 = 46.0;

/// Width between the margins.
pub(crate) const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;

/// The most pages of a report.
pub(crate) const MAX_PAGES: usize = 4;

const TOP: f32 = 44.0;
const TOP_UNDER_HEADER: f32 = 62.0;
const BOTTOM: f32 = PAGE.1 - 50.0;

/// Height of a heading with its rule and the space around it.
pub(crate) const HEADING: f32 = 26.0;

/// Usable height of a full page.
pub(crate) const FULL_PAGE: f32 = BOTTOM - TOP_UNDER_HEADER;

/// Smallest size that text is shrunk to before it is truncated.
const SMALLEST: f32 = 4.4;

/// The pages so far, and how far the last one is filled.
pub(crate) struct Paper {
    pages: Vec<Sketch>,
    page: Sketch,
    y: f32,
}

impl Paper {
    pub(crate) fn new() -> Self {
        Self { pages: Vec::new(), page: Sketch::new(PAGE.0, PAGE.1), y: TOP }
    }

    /// The vertical position of the next item.
    pub(crate) fn y(&self) -> f32 {
        self.y
    }

    /// Number of the page being filled, from 1.
    pub(crate) fn page_number(&self) -> usize {
        self.pages.len() + 1
    }

    /// Height left on this page.
    pub(crate) fn room(&self) -> f32 {
        BOTTOM - self.y
    }

    /// Height left on this page under a heading.
    pub(crate) fn room_under_heading(&self) -> f32 {
        self.room() - HEADING
    }

    /// Leaves `height` empty.
    pub(crate) fn skip(&mut self, height: f32) {
        self.y += height;
    }

    /// Starts a new page if less than `height` is left, unless it is the last one.
    pub(crate) fn need(&mut self, height: f32) {
        if self.room() < height && self.page_number() < MAX_PAGES {
            let full = std::mem::replace(&mut self.page, Sketch::new(PAGE.0, PAGE.1));
            self.pages.push(full);
            self.y = TOP_UNDER_HEADER;
        }
    }

    /// A section's heading, on a page that also has room for `following` points under it.
    pub(crate) fn heading(&mut self, title: &str, following: f32) {
        self.need(HEADING + following);
        let baseline = self.y + 13.5;
        self.put(MARGIN, baseline, Anchor::Start, Style::new(10.0, Weight::Bold, INK), title);
        self.rule(baseline + 5.0);
        self.y += HEADING;
    }

    /// A hairline from margin to margin.
    pub(crate) fn rule(&mut self, y: f32) {
        self.page.line(vec![(MARGIN, y), (PAGE.0 - MARGIN, y)], RULE, 0.7);
    }

    /// A line of text at its position.
    pub(crate) fn put(&mut self, x: f32, baseline: f32, anchor: Anchor, style: Style, content: &str) {
        let Style { size, weight, colour } = style;
        self.page.text(Text { x, baseline, anchor, size, weight, colour, content: content.to_owned() });
    }

    /// A line of text, shrunk and finally truncated to fit into `width`.
    pub(crate) fn put_fitting(
        &mut self,
        (x, baseline): (f32, f32),
        anchor: Anchor,
        style: Style,
        width: f32,
        content: &str,
    ) {
        let natural = crate::typeface::text_width(content, style.size, style.weight);
        let size =
            if natural > width { (style.size * width / natural).max(SMALLEST.min(style.size)) } else { style.size };
        let style = Style { size, ..style };
        self.put(x, baseline, anchor, style, &ellipsis(content, width, style));
    }

    /// A name in large type: shrunk to half its size at most, then truncated.
    pub(crate) fn put_name(&mut self, (x, baseline): (f32, f32), style: Style, width: f32, name: &str) {
        let natural = crate::typeface::text_width(name, style.size, style.weight);
        let size = (style.size * (width / natural).min(1.0)).max(style.size / 2.0);
        let style = Style { size, ..style };
        self.put(x, baseline, Anchor::Start, style, &ellipsis(name, width, style));
    }

    /// A line, for tables.
    pub(crate) fn line(&mut self, points: Vec<(f32, f32)>, colour: Rgb, width: f32) {
        self.page.line(points, colour, width);
    }

    /// Running text over the whole width, across pages; the last page omits what it cannot hold.
    pub(crate) fn paragraph(&mut self, text: &str, style: Style) {
        for line in wrap(text, WIDTH, style) {
            self.need(style.leading());
            if self.room() < style.leading() {
                return;
            }
            self.put(MARGIN, self.y + ASCENT * style.size + 1.0, Anchor::Start, style, &line);
            self.y += style.leading();
        }
    }

    /// A rectangle of colour.
    pub(crate) fn shade(&mut self, corner: (f32, f32), opposite: (f32, f32), colour: Rgb) {
        self.page.rectangle(corner, opposite, colour);
    }

    /// A drawing between the margins, for which room was reserved.
    pub(crate) fn sketch(&mut self, sketch: Sketch) {
        let height = sketch.height;
        self.page.place(sketch, (MARGIN, self.y));
        self.y += height + 4.0;
    }

    /// The finished pages, with header, footer and page numbers.
    pub(crate) fn finish(mut self, report: &Report) -> Vec<Sketch> {
        self.pages.push(self.page);
        let count = self.pages.len();
        let small = Style::new(6.6, Weight::Regular, MUTED);
        let mut pages = Vec::with_capacity(count);
        for (index, page) in self.pages.into_iter().enumerate() {
            let mut paper = Self { pages: Vec::new(), page, y: 0.0 };
            let right = PAGE.0 - MARGIN;
            if index > 0 {
                let span = format!("{} to {}", report.from, report.to);
                paper.put_fitting((MARGIN, 40.0), Anchor::Start, small, WIDTH - 130.0, &report.heading());
                paper.put(right, 40.0, Anchor::End, small, &span);
                paper.rule(46.0);
            }
            let made = domain::instant::text(report.generated_at);
            paper.rule(PAGE.1 - 40.0);
            paper.put(
                MARGIN,
                PAGE.1 - 29.0,
                Anchor::Start,
                small,
                &format!("Sextant · generated {made} · {}", report.id),
            );
            paper.put(right, PAGE.1 - 29.0, Anchor::End, small, &format!("{} / {count}", index + 1));
            pages.push(paper.page);
        }
        pages
    }
}
