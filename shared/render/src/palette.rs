//! The colours of charts and pages.
//!
//! Series use the palette of Okabe and Ito (2008), which colour-blind readers can tell apart. Large areas are tints of
//! it, blended beforehand because PDF viewers and printers treat transparency differently.

/// Red, green and blue, 0 to 255.
pub(crate) type Rgb = (u8, u8, u8);

pub(crate) const INK: Rgb = (0x1f, 0x29, 0x37);
pub(crate) const MUTED: Rgb = (0x5b, 0x66, 0x75);
pub(crate) const RULE: Rgb = (0xd5, 0xda, 0xe1);
pub(crate) const GRID: Rgb = (0xe7, 0xea, 0xee);
pub(crate) const STRIPE: Rgb = (0xf5, 0xf7, 0xf9);

pub(crate) const BLUE: Rgb = (0x00, 0x72, 0xb2);
pub(crate) const ORANGE: Rgb = (0xe6, 0x9f, 0x00);
pub(crate) const GREEN: Rgb = (0x00, 0x9e, 0x73);
pub(crate) const VERMILLION: Rgb = (0xd5, 0x5e, 0x00);
pub(crate) const PURPLE: Rgb = (0xcc, 0x79, 0xa7);
pub(crate) const SKY: Rgb = (0x56, 0xb4, 0xe9);
pub(crate) const GREY: Rgb = (0x8a, 0x94, 0xa3);

/// Lines over the price, in the order in which they are given.
pub(crate) const OVERLAYS: [Rgb; 4] = [ORANGE, BLUE, PURPLE, SKY];

/// `colour` at `share` (0 to 1) on white.
pub(crate) fn tint(colour: Rgb, share: f32) -> Rgb {
    let share = share.clamp(0.0, 1.0);
    let blend = |channel: u8| (255.0 - (255.0 - f32::from(channel)) * share).round() as u8;
    (blend(colour.0), blend(colour.1), blend(colour.2))
}
