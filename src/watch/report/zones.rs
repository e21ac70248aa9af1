//! The zones of all thresholds over time as SVG. A zone is as high as it is bad, and the present one stands in words.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis;
use super::ink;
use super::model::{Event, Zone, ZoneRow};

const ROW: u32 = 46;
const BAR: u32 = 20;
const TOP: u32 = 18;
const BOTTOM: u32 = 20;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

pub struct Timeline<'a> {
    pub rows: &'a [ZoneRow],
    pub events: &'a [Event],
    pub from: i64,
    pub until: i64,
    /// Of the view box: a phone and a desk each get their own.
    pub width: u32,
}

impl Timeline<'_> {
    pub fn svg(&self, class: &str) -> maud::PreEscaped<String> {
        let height = TOP + ROW * self.rows.len() as u32 + BOTTOM;
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, (ink::fine(self.width), ink::fine(height))).into_drawing_area();
        self.draw(&area, height).expect("it is drawn into memory");
        drop(area);
        ink::inline(&svg, class, "The zone of each threshold over time; the table below has the same")
    }

    fn draw(&self, area: &Area<'_>, height: u32) -> Drawn {
        self.marks(area, height)?;
        for (row, top) in self.rows.iter().zip((TOP..).step_by(ROW as usize)) {
            self.row(area, row, top)?;
        }
        self.events(area, height)?;
        area.present()?;
        Ok(())
    }

    fn row(&self, area: &Area<'_>, row: &ZoneRow, top: u32) -> Drawn {
        let now = row.spans.last().map_or(Zone::NotMonitored, |span| span.zone);
        words(area, &row.threshold, (0, top + 14), HPos::Left, &ink::TEXT, 1.0)?;
        words(area, now.word(), (self.width, top + 14), HPos::Right, &ink::TEXT, 1.0)?;
        let floor = top + ROW - 6;
        rect(area, (0, floor), (self.width, floor + 1), ink::GRID)?;
        for span in &row.spans {
            let (color, part) = look(span.zone);
            let from = self.x(span.from.as_second());
            // A minute in the danger zone must be seen.
            let until = self.x(span.until.as_second()).max(from + 1).min(self.width);
            rect(area, (from, floor - (BAR * part / 3).max(2)), (until, floor), color)?;
        }
        Ok(())
    }

    fn marks(&self, area: &Area<'_>, height: u32) -> Drawn {
        for at in axis::times(self.from, self.until, i64::from(self.width / 64)) {
            let x = self.x(at);
            rect(area, (x, TOP), (x + 1, height - BOTTOM + 2), ink::GRID)?;
            if x > 16 && x + 16 < self.width {
                words(area, &axis::time(at), (x, height - 4), HPos::Center, &ink::TEXT, 1.0)?;
            }
        }
        Ok(())
    }

    fn events(&self, area: &Area<'_>, height: u32) -> Drawn {
        let mut letter_after = 0;
        for event in self.events {
            let at = event.at.as_second();
            if !(self.from..=self.until).contains(&at) {
                continue;
            }
            let x = self.x(at);
            let line = [
                (ink::fine(x) as i32, ink::fine(TOP) as i32),
                (ink::fine(x) as i32, ink::fine(height - BOTTOM) as i32),
            ];
            area.draw(&PathElement::new(line, ink::EVENT.stroke_width(ink::FINE)))?;
            if x >= letter_after {
                letter_after = x + 11;
                words(
                    area,
                    event.kind.letter(),
                    (x.clamp(6, self.width - 6), TOP - 4),
                    HPos::Center,
                    &ink::EVENT,
                    0.9,
                )?;
            }
        }
        Ok(())
    }

    fn x(&self, at: i64) -> u32 {
        let span = (self.until - self.from).max(1);
        ((at.clamp(self.from, self.until) - self.from) * i64::from(self.width) / span) as u32
    }
}

/// Thirds of the bar's height.
fn look(zone: Zone) -> (RGBColor, u32) {
    match zone {
        Zone::NotMonitored => (ink::NOWHERE, 0),
        Zone::Safe => (ink::SAFE, 1),
        Zone::Warning => (ink::WARNING, 2),
        Zone::Migrate => (ink::DANGER, 3),
    }
}

fn rect(area: &Area<'_>, from: (u32, u32), until: (u32, u32), color: RGBColor) -> Drawn {
    let point = |(x, y)| (ink::fine(x) as i32, ink::fine(y) as i32);
    area.draw(&Rectangle::new([point(from), point(until)], color.filled()))?;
    Ok(())
}

fn words(area: &Area<'_>, text: &str, at: (u32, u32), side: HPos, color: &RGBColor, size: f64) -> Drawn {
    let style = ("sans-serif", ink::text_size() * size, color).into_text_style(area);
    let point = (ink::fine(at.0) as i32, ink::fine(at.1) as i32);
    area.draw(&Text::new(text, point, style.pos(Pos::new(side, VPos::Bottom))))?;
    Ok(())
}
