//! Colours, and how SVG takes them. A chart is drawn with the colours of the light scheme; `style.css` names them to give
//! the dark scheme others, and lines their dashes. So each colour here means one thing, and stands in that file too.
//!
//! Chosen after Okabe and Ito, darkened for white ground. Nothing is told by colour alone: limits and lines have dashes and
//! names, zones have heights and words.

use plotters::style::RGBColor;

pub const TEXT: RGBColor = RGBColor(0x42, 0x42, 0x42);
pub const GRID: RGBColor = RGBColor(0xe2, 0xe2, 0xe2);
pub const AXIS: RGBColor = RGBColor(0x94, 0x94, 0x94);
pub const LINES: [RGBColor; 3] = [RGBColor(0x00, 0x67, 0xa5), RGBColor(0xa8, 0x50, 0x00), RGBColor(0x7d, 0x3c, 0x8a)];
pub const WARN: RGBColor = RGBColor(0xb2, 0x7a, 0x00);
pub const MIGRATE: RGBColor = RGBColor(0xc2, 0x2f, 0x1d);
pub const EVENT: RGBColor = RGBColor(0x6a, 0x6a, 0x6b);
pub const EXPECTED: RGBColor = RGBColor(0x00, 0x7a, 0x5e);
pub const SAFE: RGBColor = RGBColor(0x4b, 0x93, 0xc4);
pub const WARNING: RGBColor = RGBColor(0xe3, 0xa0, 0x08);
pub const DANGER: RGBColor = RGBColor(0xc9, 0x3c, 0x2a);
pub const NOWHERE: RGBColor = RGBColor(0xd0, 0xd0, 0xd1);

/// Charts are drawn so many times as large as their view box says on paper, since plotters rounds to whole units.
pub const FINE: u32 = 4;

pub fn fine(size: u32) -> u32 {
    size * FINE
}

/// Of text, in units of the view box. plotters takes sizes that are 1.24 times as large.
pub const TEXT_SIZE: f64 = 12.0;

pub fn text_size() -> f64 {
    TEXT_SIZE * f64::from(FINE) * 1.24
}

/// plotters' file as a part of a page: scaled by the page, with a name for those who do not see it.
pub fn inline(svg: &str, class: &str, label: &str) -> maud::PreEscaped<String> {
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let view = svg.split("viewBox=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("0 0 1 1");
    let opened = maud::html! { svg class=(class) viewBox=(view) role="img" aria-label=(label) { "|" } };
    let (head, tail) = opened.0.split_once('|').map_or(("", ""), |(head, _)| (head, body));
    maud::PreEscaped(format!("{head}{tail}"))
}
