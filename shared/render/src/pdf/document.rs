//! Writes sketched pages as a PDF file: vectors, selectable text, embedded fonts, metadata.

use printpdf::{
    Color, Line, LineJoinStyle, LinePoint, Mm, Op, PaintMode, PdfDocument, PdfFontHandle, PdfPage, PdfSaveOptions,
    Point, Polygon, PolygonRing, Pt, Rgb as PdfRgb, TextItem, TextMatrix, WindingOrder,
};

use crate::error::RenderError;
use crate::palette::Rgb;
use crate::pdf::fonts::{embedded, font_id};
use crate::report::Report;
use crate::sketch::{Mark, Place, Sketch, Text};
use crate::typeface::Weight;

/// Effort of the compression, 0 to 10.
const EFFORT: u8 = 2;

/// A line with more points than this is a data series.
const SERIES: usize = 40;

/// Writes the pages.
pub(crate) fn write(report: &Report, pages: &[Sketch]) -> Result<Vec<u8>, RenderError> {
    let mut document = PdfDocument::new(&format!("{} ({}): performance report", report.name, report.symbol));
    let made = printpdf::OffsetDateTime::from_unix_timestamp(report.generated_at.timestamp())
        .map_err(|error| RenderError::Document(error.to_string()))?;
    let info = &mut document.metadata.info;
    info.subject = format!("{} from {} to {}", report.symbol, report.from, report.to);
    "Sextant".clone_into(&mut info.creator);
    "Sextant".clone_into(&mut info.producer);
    "Sextant".clone_into(&mut info.author);
    (info.creation_date, info.modification_date, info.metadata_date) = (made, made, made);
    document.resources.fonts.map = embedded(pages)?;
    document.pages = pages.iter().map(page).collect();

    let mut warnings = Vec::new();
    let mut file = document.to_lopdf_document(&PdfSaveOptions::default(), &mut warnings);
    if let Some(warning) = warnings.into_iter().next() {
        return Err(RenderError::Document(warning.msg));
    }
    finish(report, &mut file)
}

/// Sets what the library leaves out or to chance, and writes the bytes.
fn finish(report: &Report, file: &mut lopdf::Document) -> Result<Vec<u8>, RenderError> {
    let failed = |error: lopdf::Error| RenderError::Document(error.to_string());
    // The library makes random identifiers; the report's own makes the output reproducible.
    let id = lopdf::Object::String(report.id.as_bytes().to_vec(), lopdf::StringFormat::Hexadecimal);
    file.trailer.set("ID", lopdf::Object::Array(vec![id.clone(), id]));
    if let Ok(info) = file.trailer.get(b"Info").and_then(lopdf::Object::as_reference) {
        // An empty claim of conformance to a printing standard is worse than none.
        file.get_object_mut(info).and_then(lopdf::Object::as_dict_mut).map_err(failed)?.remove(b"GTS_PDFXVersion");
    }
    let catalog = file.catalog_mut().map_err(failed)?;
    catalog.set("Lang", lopdf::Object::string_literal("en"));
    catalog.set("ViewerPreferences", lopdf::dictionary! { "DisplayDocTitle" => true });
    compress(file);
    let mut bytes = Vec::with_capacity(64 * 1024);
    file.save_to(&mut bytes).map_err(|error| RenderError::Document(error.to_string()))?;
    Ok(bytes)
}

/// Compresses every stream. The library does so only at its highest effort, which takes longer than the rest of a
/// report.
fn compress(file: &mut lopdf::Document) {
    for object in file.objects.values_mut() {
        if let lopdf::Object::Stream(stream) = object {
            let compressed = miniz_oxide::deflate::compress_to_vec_zlib(&stream.content, EFFORT);
            if compressed.len() < stream.content.len() {
                stream.dict.set("Filter", "FlateDecode");
                stream.set_content(compressed);
            }
        }
    }
}

fn page(sketch: &Sketch) -> PdfPage {
    let mut pen =
        Pen { height: sketch.height, ops: Vec::with_capacity(4 * sketch.marks.len()), state: State::default() };
    pen.ops.push(Op::SetLineJoinStyle { join: LineJoinStyle::Round });
    for mark in &sketch.marks {
        match mark {
            Mark::Line { points, colour, width } => pen.line(points, *colour, *width),
            Mark::Area { points, colour } => pen.area(points, *colour),
            Mark::Text(text) => pen.text(text),
        }
    }
    PdfPage::new(Mm::from(Pt(sketch.width)), Mm::from(Pt(sketch.height)), pen.ops)
}

/// The current state, so that nothing is set twice.
#[derive(Default)]
struct State {
    stroke: Option<Rgb>,
    width: Option<f32>,
    fill: Option<Rgb>,
    font: Option<(Weight, f32)>,
}

/// Turns marks into operations of a page with its origin in the lower left corner.
struct Pen {
    height: f32,
    ops: Vec<Op>,
    state: State,
}

impl Pen {
    fn line(&mut self, points: &[Place], colour: Rgb, width: f32) {
        if self.state.stroke.replace(colour) != Some(colour) {
            self.ops.push(Op::SetOutlineColor { col: pdf_colour(colour) });
        }
        if self.state.width.replace(width) != Some(width) {
            self.ops.push(Op::SetOutlineThickness { pt: Pt(width) });
        }
        let points = self.points(points);
        self.ops.push(Op::DrawLine { line: Line { points, is_closed: false } });
    }

    fn area(&mut self, points: &[Place], colour: Rgb) {
        self.fill(colour);
        let rings = vec![PolygonRing { points: self.points(points) }];
        let polygon = Polygon { rings, mode: PaintMode::Fill, winding_order: WindingOrder::NonZero };
        self.ops.push(Op::DrawPolygon { polygon });
    }

    fn text(&mut self, text: &Text) {
        self.fill(text.colour);
        self.ops.push(Op::StartTextSection);
        let size = hundredths(text.size);
        if self.state.font.replace((text.weight, size)) != Some((text.weight, size)) {
            self.ops.push(Op::SetFont { font: PdfFontHandle::External(font_id(text.weight)), size: Pt(size) });
        }
        let (x, y) = self.place((text.left(), text.baseline));
        self.ops.push(Op::SetTextMatrix { matrix: TextMatrix::Translate(Pt(x), Pt(y)) });
        self.ops.push(Op::ShowText { items: vec![TextItem::Text(text.content.clone())] });
        self.ops.push(Op::EndTextSection);
    }

    fn fill(&mut self, colour: Rgb) {
        if self.state.fill.replace(colour) != Some(colour) {
            self.ops.push(Op::SetFillColor { col: pdf_colour(colour) });
        }
    }

    fn points(&self, points: &[Place]) -> Vec<LinePoint> {
        // A data series is drawn to a tenth of a point, an eighth of its line's width; frames are finer.
        let fineness = if points.len() > SERIES { 10.0 } else { 100.0 };
        let rounded = |value: f32| (value * fineness).round() / fineness;
        let point = |&(x, y): &Place| {
            let (x, y) = (rounded(x), rounded(self.height - y));
            LinePoint { p: Point { x: Pt(x), y: Pt(y) }, bezier: false }
        };
        points.iter().map(point).collect()
    }

    fn place(&self, (x, y): Place) -> Place {
        (hundredths(x), hundredths(self.height - y))
    }
}

/// A hundredth of a point is finer than any printer, and short in the file.
fn hundredths(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

fn pdf_colour((red, green, blue): Rgb) -> Color {
    let channel = |value: u8| (f32::from(value) / 255.0 * 1000.0).round() / 1000.0;
    Color::Rgb(PdfRgb { r: channel(red), g: channel(green), b: channel(blue), icc_profile: None })
}
