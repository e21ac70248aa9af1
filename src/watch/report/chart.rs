//! One quantity over time as SVG: lines with the range that each place went through, limits, events, and the way on that is
//! expected.

use plotters::coord::Shift;
use plotters::coord::combinators::WithKeyPoints;
use plotters::coord::types::{RangedCoordf64, RangedCoordi64};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis;
use super::ink;
use super::model::{Event, Severity};
use super::reduce::{Place, runs};
use super::unit::Unit;
use crate::watch::forecast::{Course, Limit, Sample};

/// Of the view box: a phone shows it about as large.
const WIDTH: u32 = 400;
const HEIGHT: u32 = 210;
/// More than a phone can show apart.
const PLACES: i64 = 180;
const MARKS: i64 = 5;
/// Letters of events that are nearer to each other than this part of the width would cover each other.
const LETTER: i64 = 28;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Axes<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<WithKeyPoints<RangedCoordi64>, RangedCoordf64>>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// What is to be drawn.
pub struct Drawing<'a> {
    pub unit: Unit,
    pub from: i64,
    pub until: i64,
    pub lines: Vec<&'a [Sample]>,
    pub limits: &'a [(Severity, Limit)],
    pub events: &'a [Event],
    pub course: &'a [Course],
}

impl Drawing<'_> {
    pub fn svg(&self, label: &str) -> maud::PreEscaped<String> {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, (ink::fine(WIDTH), ink::fine(HEIGHT))).into_drawing_area();
        self.draw(&area).expect("it is drawn into memory");
        drop(area);
        ink::inline(&svg, "chart", label)
    }

    fn draw(&self, area: &Area<'_>) -> Drawn {
        let lines: Vec<_> = self.lines.iter().map(|line| runs(line, self.from, self.until, PLACES)).collect();
        let mut axes = self.axes(area, &lines)?;
        self.events(&mut axes)?;
        self.course(&mut axes)?;
        for (line, color) in lines.iter().zip(ink::LINES) {
            draw_line(&mut axes, line, color)?;
        }
        self.limits(&mut axes)?;
        area.present()?;
        Ok(())
    }

    fn axes<'a, 'b>(
        &self,
        area: &'a Area<'b>,
        lines: &[Vec<Vec<Place>>],
    ) -> Result<Axes<'a, 'b>, Box<dyn std::error::Error>> {
        let (low, high, marks) = self.values(lines);
        let until = self.until.max(self.course.last().map_or(i64::MIN, |course| course.at)).max(self.from + 1);
        let times = axis::times(self.from, until, MARKS);
        let unit = self.unit;
        let mut axes = ChartBuilder::on(area)
            .margin_top(ink::fine(18))
            .margin_right(ink::fine(10))
            .set_label_area_size(LabelAreaPosition::Left, ink::fine(40))
            .set_label_area_size(LabelAreaPosition::Bottom, ink::fine(22))
            .build_cartesian_2d((self.from..until).with_key_points(times), low..high)?;
        axes.configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(ink::GRID.stroke_width(ink::FINE))
            .axis_style(ink::AXIS.stroke_width(ink::FINE))
            .set_all_tick_mark_size(ink::fine(3))
            .label_style(("sans-serif", ink::text_size(), &ink::TEXT))
            .y_labels(marks)
            .x_label_formatter(&|at| axis::time(*at))
            .y_label_formatter(&|value| unit.tick(*value))
            .disable_x_mesh()
            .draw()?;
        Ok(axes)
    }

    /// Around everything that is drawn: a limit far away is worth seeing, too.
    fn values(&self, lines: &[Vec<Vec<Place>>]) -> (f64, f64, usize) {
        let places = lines.iter().flatten().flatten().flat_map(|place| [place.least, place.most]);
        let course = self.course.iter().flat_map(|course| [course.low, course.high]);
        let all: Vec<_> = places.chain(course).chain(self.limits.iter().map(|(_, limit)| limit.value)).collect();
        if all.is_empty() {
            return axis::values(0.0, 1.0);
        }
        axis::values(all.iter().copied().fold(f64::MAX, f64::min), all.iter().copied().fold(f64::MIN, f64::max))
    }

    fn limits(&self, axes: &mut Axes<'_, '_>) -> Drawn {
        let (from, until) = ends(axes);
        for (severity, limit) in self.limits {
            let (at, side) = if self.is_near_at_end(limit.value) { (from, HPos::Left) } else { (until, HPos::Right) };
            let color = if *severity == Severity::Warn { ink::WARN } else { ink::MIGRATE };
            let line = [(from, limit.value), (until, limit.value)];
            axes.draw_series(LineSeries::new(line, color.stroke_width(ink::fine(3) / 2)))?;
            let style = ("sans-serif", ink::text_size() * 0.92, &color).into_text_style(axes.plotting_area());
            let word = Text::new(severity.word(), (at, limit.value), style.pos(Pos::new(side, VPos::Bottom)));
            axes.draw_series([word])?;
        }
        Ok(())
    }

    /// A word would cover the lines there, and not at the beginning.
    fn is_near_at_end(&self, limit: f64) -> bool {
        let off = |sample: Option<&Sample>| sample.map_or(f64::MAX, |sample| (sample.value - limit).abs());
        let ends = self.lines.iter().map(|line| (off(line.first()), off(line.last())));
        let course = self.course.last().map_or(f64::MAX, |course| (course.likely - limit).abs());
        let nearest = ends.fold((f64::MAX, course), |a, b| (a.0.min(b.0), a.1.min(b.1)));
        nearest.1 < nearest.0
    }

    fn events(&self, axes: &mut Axes<'_, '_>) -> Drawn {
        let (from, until) = ends(axes);
        let top = axes.y_range().end;
        let mut letter_after = i64::MIN;
        for event in self.events {
            let at = event.at.as_second();
            if !(from..=until).contains(&at) {
                continue;
            }
            let line = [(at, axes.y_range().start), (at, top)];
            axes.draw_series(LineSeries::new(line, ink::EVENT.stroke_width(ink::FINE)))?;
            if at >= letter_after {
                letter_after = at + (until - from) / LETTER;
                let style = ("sans-serif", ink::text_size() * 0.85, &ink::EVENT).into_text_style(axes.plotting_area());
                let letter = Text::new(event.kind.letter(), (at, top), style.pos(Pos::new(HPos::Center, VPos::Bottom)));
                axes.draw_series([letter])?;
            }
        }
        Ok(())
    }

    fn course(&self, axes: &mut Axes<'_, '_>) -> Drawn {
        let low = self.course.iter().map(|course| (course.at, course.low));
        let high = self.course.iter().rev().map(|course| (course.at, course.high));
        if !self.course.is_empty() {
            axes.draw_series([Polygon::new(low.chain(high).collect::<Vec<_>>(), ink::EXPECTED.mix(0.18))])?;
            let likely = self.course.iter().map(|course| (course.at, course.likely));
            axes.draw_series(LineSeries::new(likely, ink::EXPECTED.stroke_width(ink::fine(3) / 2)))?;
        }
        Ok(())
    }
}

fn ends(axes: &Axes<'_, '_>) -> (i64, i64) {
    let range = axes.x_range();
    (range.start, range.end)
}

fn draw_line(axes: &mut Axes<'_, '_>, runs: &[Vec<Place>], color: RGBColor) -> Drawn {
    for run in runs {
        let least = run.iter().map(|place| (place.at, place.least));
        let most = run.iter().rev().map(|place| (place.at, place.most));
        axes.draw_series([Polygon::new(least.chain(most).collect::<Vec<_>>(), color.mix(0.2))])?;
        let middle: Vec<_> = run.iter().map(|place| (place.at, place.median)).collect();
        // A line of one point shows nothing.
        if let [only] = middle[..] {
            axes.draw_series([Circle::new(only, ink::fine(1), color.filled())])?;
        }
        axes.draw_series(LineSeries::new(middle, color.stroke_width(ink::fine(3) / 2)))?;
    }
    Ok(())
}
