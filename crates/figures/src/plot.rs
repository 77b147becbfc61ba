//! Line plots, as SVG and as images: axes with round ticks, a legend beside the plot, colors that people with a color
//! vision deficiency can tell apart (Okabe and Ito 2008), and dashes once the colors are used up.

use langevin_core::Image;

use crate::drawing::{Align, Color, Scene, Shape, text_width};

/// How the points of a series are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// Joined by a line.
    #[default]
    Line,
    /// Joined by a thin line: one of many paths.
    Thin,
    /// A dot each.
    Dots,
    /// Steps around each point, half-way to its neighbours: a histogram.
    Steps,
}

/// One curve.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// What the legend calls it; a series without a name is not in the legend.
    pub name: String,
    /// How it is drawn.
    pub mark: Mark,
    /// The number of its color, where it is not its place in the plot.
    pub color: Option<usize>,
    /// The points (x, y) from left to right; where a value is not finite (or, on a log axis, not above 0) the curve is
    /// interrupted.
    pub points: Vec<(f64, f64)>,
    /// Standard errors of the points' y, drawn as bars; none, or one for each point.
    pub errors: Vec<f64>,
}

/// How values are laid along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// By their logarithm.
    Log,
}

/// A plot of one or several curves.
#[derive(Debug, Clone, Default)]
pub struct Plot {
    /// Above the plot.
    pub title: String,
    /// Below the x axis.
    pub x_label: String,
    /// Beside the y axis.
    pub y_label: String,
    /// The scale of the x axis.
    pub x_scale: Scale,
    /// The scale of the y axis.
    pub y_scale: Scale,
    /// The lowest and highest y shown; what the curves need when it is `None`.
    pub y_range: Option<(f64, f64)>,
    /// The curves; the first ones are drawn on top.
    pub series: Vec<Series>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 58.0;
const TEXT: f64 = 13.0;
const TITLE: f64 = 17.0;
const LEGEND_ROW: f64 = 22.0;
const LEGEND_SAMPLE: f64 = 26.0;
const DARK: Color = [34, 34, 34];
const GRID: Color = [228, 228, 228];

const PALETTE: [Color; 7] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [80, 80, 80],
];
const DASHES: [Option<(f64, f64)>; 3] = [None, Some((7.0, 5.0)), Some((1.0, 5.0))];

impl Plot {
    /// The plot as a stand-alone SVG file.
    pub fn to_svg(&self) -> String {
        self.scene().to_svg()
    }

    /// The plot as an RGB image, `zoom` times 760 by 460 pixels.
    pub fn to_image(&self, zoom: f64) -> Image {
        self.scene().to_image(zoom)
    }

    fn scene(&self) -> Scene {
        let frame = Frame::around(self);
        let mut shapes = Vec::new();
        frame.draw_axes(self, &mut shapes);
        for (index, series) in self.series.iter().enumerate().rev() {
            let (color, dashes) = style(series.color.unwrap_or(index));
            for bar in frame.bars(series) {
                shapes.push(Shape::Line { points: bar.to_vec(), width: 1.1, color, dashes: None });
            }
            frame.draw_series(series, color, dashes, &mut shapes);
        }
        let named = named(self);
        if self.series.len() > 1 {
            for (row, (index, series)) in named.iter().enumerate() {
                let style = style(series.color.unwrap_or(*index));
                frame.draw_legend_row(row, style, &series.name, &mut shapes);
            }
        }
        Scene { width: WIDTH, height: HEIGHT.max(frame.legend_end(named.len())), shapes }
    }
}

/// The series that the legend names, with their places.
fn named(plot: &Plot) -> Vec<(usize, &Series)> {
    plot.series.iter().enumerate().filter(|(_, series)| !series.name.is_empty()).collect()
}

fn style(index: usize) -> (Color, Option<(f64, f64)>) {
    (PALETTE[index % PALETTE.len()], DASHES[index / PALETTE.len() % DASHES.len()])
}

/// The plotted area and what is shown in it. On a log axis `x` or `y` holds logarithms to base 10.
struct Frame {
    left: f64,
    right: f64,
    x: (f64, f64),
    y: (f64, f64),
    x_ticks: Vec<f64>,
    y_ticks: Vec<f64>,
    x_scale: Scale,
    scale: Scale,
}

impl Frame {
    fn around(plot: &Plot) -> Self {
        let scale = plot.y_scale;
        let points = || plot.series.iter().flat_map(|series| &series.points);
        let finite = |values: &mut dyn Iterator<Item = f64>| extent(values).unwrap_or((0.0, 1.0));
        let x_scale = plot.x_scale;
        let x = widened(finite(&mut points().map(|point| position(point.0, x_scale))));
        let y = match plot.y_range {
            Some((low, high)) => widened((position(low, scale), position(high, scale))),
            None => widened(finite(&mut points().map(|point| position(point.1, scale)))),
        };
        let y_ticks = if scale == Scale::Log { decades(y) } else { ticks(y, 6) };
        // Curves reach to round numbers, unless the caller chose the range.
        let y = match (plot.y_range, scale) {
            (None, Scale::Linear) => rounded_out(y, &y_ticks),
            _ => y,
        };
        let y_ticks = if scale == Scale::Log { y_ticks } else { ticks(y, 6) };
        let labels = y_ticks.iter().map(|tick| text_width(&label(*tick, &y_ticks, scale), TEXT));
        let left = 46.0 + labels.fold(0.0, f64::max);
        let names = plot.series.iter().map(|series| text_width(&series.name, TEXT)).fold(0.0, f64::max);
        let legend =
            if plot.series.len() > 1 && names > 0.0 { names * 1.1 + LEGEND_SAMPLE + 34.0 } else { 24.0 };
        let right = (WIDTH - legend).max(left + 200.0);
        let x_ticks = if x_scale == Scale::Log { decades(x) } else { ticks(x, 6) };
        Self { left, right, x, y, x_ticks, y_ticks, x_scale, scale }
    }

    fn bottom(&self) -> f64 {
        HEIGHT - BOTTOM
    }

    fn place_x(&self, x: f64) -> f64 {
        self.left + (x - self.x.0) / (self.x.1 - self.x.0) * (self.right - self.left)
    }

    fn place_y(&self, y: f64) -> f64 {
        self.bottom() - (y - self.y.0) / (self.y.1 - self.y.0) * (self.bottom() - TOP)
    }

    fn draw_axes(&self, plot: &Plot, shapes: &mut Vec<Shape>) {
        let bottom = self.bottom();
        let line = |points: [(f64, f64); 2], width, color| {
            let points = points.to_vec();
            Shape::Line { points, width, color, dashes: None }
        };
        let text =
            |x, y, size, align, text: &str| Shape::Text { x, y, size, color: DARK, align, text: text.into() };
        for tick in &self.x_ticks {
            let x = self.place_x(*tick);
            shapes.push(line([(x, TOP), (x, bottom)], 1.0, GRID));
            let label = label(*tick, &self.x_ticks, self.x_scale);
            shapes.push(text(x, bottom + 20.0, TEXT, Align::Centre, &label));
        }
        for tick in &self.y_ticks {
            let y = self.place_y(*tick);
            shapes.push(line([(self.left, y), (self.right, y)], 1.0, GRID));
            let label = label(*tick, &self.y_ticks, self.scale);
            shapes.push(text(self.left - 9.0, y + TEXT * 0.36, TEXT, Align::Right, &label));
        }
        shapes.push(line([(self.left, TOP), (self.left, bottom)], 1.3, DARK));
        shapes.push(line([(self.left, bottom), (self.right, bottom)], 1.3, DARK));
        let middle = (self.left + self.right) / 2.0;
        shapes.push(text(self.left, 28.0, TITLE, Align::Left, &plot.title));
        shapes.push(text(middle, HEIGHT - 14.0, TEXT, Align::Centre, &plot.x_label));
        shapes.push(text(22.0, (TOP + bottom) / 2.0, TEXT, Align::Upwards, &plot.y_label));
    }

    fn draw_series(
        &self,
        series: &Series,
        color: Color,
        dashes: Option<(f64, f64)>,
        shapes: &mut Vec<Shape>,
    ) {
        let mut line = |points: &[(f64, f64)], width: f64, dashes: Option<(f64, f64)>| {
            for points in self.pieces(points) {
                shapes.push(Shape::Line { points, width, color, dashes });
            }
        };
        match series.mark {
            Mark::Line => line(&series.points, 2.2, dashes),
            Mark::Thin => line(&series.points, 0.9, None),
            Mark::Steps => line(&stairs(&series.points), 1.4, None),
            Mark::Dots => {
                // A dot is a line of hardly any length, whose pen is round.
                let short = 1e-4 * (self.x.1 - self.x.0);
                for (x, y) in &series.points {
                    line(&[(*x, *y), (x + short, *y)], 4.0, None);
                }
            }
        }
    }

    fn draw_legend_row(
        &self,
        row: usize,
        (color, dashes): (Color, Option<(f64, f64)>),
        name: &str,
        shapes: &mut Vec<Shape>,
    ) {
        let (x, y) = (self.right + 16.0, self.legend_end(row) - BOTTOM + 8.0);
        let points = vec![(x, y), (x + LEGEND_SAMPLE, y)];
        shapes.push(Shape::Line { points, width: 2.6, color, dashes });
        let (x, y) = (x + LEGEND_SAMPLE + 9.0, y + TEXT * 0.36);
        shapes.push(Shape::Text { x, y, size: TEXT, color: DARK, align: Align::Left, text: name.to_owned() });
    }

    /// The height a scene needs below a legend of `rows`.
    fn legend_end(&self, rows: usize) -> f64 {
        TOP + rows as f64 * LEGEND_ROW + BOTTOM
    }

    /// The visible pieces of a curve, in scene units.
    fn pieces(&self, points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
        let at = |(x, y): &(f64, f64)| (position(*x, self.x_scale), position(*y, self.scale));
        let points: Vec<_> = points.iter().map(at).collect();
        let mut pieces: Vec<Vec<(f64, f64)>> = Vec::new();
        for (from, to) in points.iter().zip(points.iter().skip(1)) {
            let Some((from, to)) = clipped(*from, *to, self.y) else { continue };
            let place = |(x, y): (f64, f64)| (self.place_x(x), self.place_y(y));
            match pieces.last_mut() {
                Some(piece) if piece.last() == Some(&place(from)) => piece.push(place(to)),
                _ => pieces.push(vec![place(from), place(to)]),
            }
        }
        pieces
    }

    /// The bars of errors, in scene units; below the frame or, on a log axis, below 0 they end with the frame.
    fn bars(&self, series: &Series) -> Vec<[(f64, f64); 2]> {
        let bar = |((x, y), error): (&(f64, f64), &f64)| {
            let x = position(*x, self.x_scale);
            let [low, high] = [y - error, y + error].map(|y| position(y, self.scale));
            let low = if low.is_nan() { self.y.0 } else { low };
            let seen = [x, high].iter().all(|value| value.is_finite()) && high >= self.y.0 && low <= self.y.1;
            let [low, high] = [low, high].map(|y| self.place_y(y.clamp(self.y.0, self.y.1)));
            seen.then(|| [(self.place_x(x), low), (self.place_x(x), high)])
        };
        series.points.iter().zip(&series.errors).filter_map(bar).collect()
    }
}

/// The outline of a histogram whose bins have these middles and heights.
fn stairs(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let [first, second, ..] = points else { return points.to_vec() };
    let half = 0.5 * (second.0 - first.0);
    let bins = points.iter().flat_map(|(x, y)| [(x - half, *y), (x + half, *y)]);
    let ends = [(first.0 - half, 0.0), (points[points.len() - 1].0 + half, 0.0)];
    ends.into_iter().take(1).chain(bins).chain(ends.into_iter().skip(1)).collect()
}

fn position(y: f64, scale: Scale) -> f64 {
    if scale == Scale::Log { if y > 0.0 { y.log10() } else { f64::NAN } } else { y }
}

/// The lowest and highest finite value.
fn extent(values: &mut dyn Iterator<Item = f64>) -> Option<(f64, f64)> {
    let mut finite = values.filter(|value| value.is_finite());
    let first = finite.next()?;
    Some(finite.fold((first, first), |(low, high), value| (low.min(value), high.max(value))))
}

/// A range that is not empty.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    if high > low { (low, high) } else { (low - 0.5, low + 0.5) }
}

/// The part of a segment whose y lies in `range`.
fn clipped(from: (f64, f64), to: (f64, f64), range: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
    if ![from.0, from.1, to.0, to.1].iter().all(|value| value.is_finite()) {
        return None;
    }
    let at = |y: f64| (from.0 + (to.0 - from.0) * (y - from.1) / (to.1 - from.1), y);
    let cut = |point: (f64, f64)| {
        if point.1 < range.0 {
            at(range.0)
        } else if point.1 > range.1 {
            at(range.1)
        } else {
            point
        }
    };
    let outside = from.1.max(to.1) < range.0 || from.1.min(to.1) > range.1;
    (!outside).then(|| (cut(from), cut(to)))
}

/// About `wanted` round numbers (1, 2 or 5 times a power of ten apart) within `range`.
fn ticks(range: (f64, f64), wanted: usize) -> Vec<f64> {
    let rough = (range.1 - range.0) / wanted as f64;
    let power = 10.0_f64.powf(rough.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0].into_iter().find(|nice| nice * power >= rough * 0.999).unwrap_or(10.0);
    let step = nice * power;
    let (first, last) = ((range.0 / step - 1e-9).ceil() as i64, (range.1 / step + 1e-9).floor() as i64);
    (first..=last).map(|index| index as f64 * step).collect()
}

/// The places (logarithms) of round numbers within `range`: powers of ten, with 2 and 5 times them when those are few.
fn decades(range: (f64, f64)) -> Vec<f64> {
    let (first, last) = (range.0.floor() as i64, range.1.ceil() as i64);
    let every = ((last - first) / 7 + 1).max(1);
    let between: &[f64] = match range.1 - range.0 {
        part if part < 0.8 => &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
        few if few < 3.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0],
    };
    let exponents = (first..=last).filter(|exponent| exponent.rem_euclid(every) == 0);
    let places =
        exponents.flat_map(|exponent| between.iter().map(move |digit| exponent as f64 + digit.log10()));
    places.filter(|place| (range.0..=range.1).contains(place)).collect()
}

/// `range` widened to whole steps of its ticks.
fn rounded_out(range: (f64, f64), ticks: &[f64]) -> (f64, f64) {
    let [first, second, ..] = ticks else { return range };
    let step = second - first;
    ((range.0 / step - 1e-9).floor() * step, (range.1 / step + 1e-9).ceil() * step)
}

fn label(tick: f64, ticks: &[f64], scale: Scale) -> String {
    let number = match scale {
        Scale::Log if (-4.0..=5.0).contains(&tick) => {
            format!("{:.*}", (-tick.floor()).max(0.0) as usize, 10.0_f64.powf(tick))
        }
        Scale::Log => format!("{:.0e}", 10.0_f64.powf(tick)),
        Scale::Linear => {
            let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::MAX, f64::min);
            let (unit, suffix) = match step {
                step if (1e3..1e6).contains(&step) => (1e3, "k"),
                step if (1e6..1e9).contains(&step) => (1e6, "M"),
                _ => (1.0, ""),
            };
            let (step, tick) = (step / unit, tick / unit);
            let digits = (-(step * 1.001).log10().floor()).clamp(0.0, 12.0) as usize;
            if tick.abs() < step * 1e-6 {
                format!("{:.digits$}", 0.0)
            } else {
                format!("{tick:.digits$}{suffix}")
            }
        }
    };
    number.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_labelled_shortly() {
        let cases: [((f64, f64), &str); 4] = [
            ((0.0, 1.0), "0.0 0.2 0.4 0.6 0.8 1.0"),
            ((-20.0, 20.0), "−20 −10 0 10 20"),
            ((3.0, 3.04), "3.00 3.01 3.02 3.03 3.04"),
            ((0.0, 2_500_000.0), "0 500k 1000k 1500k 2000k 2500k"),
        ];
        for (range, expected) in cases {
            let ticks = ticks(range, 6);
            let labels: Vec<_> = ticks.iter().map(|tick| label(*tick, &ticks, Scale::Linear)).collect();
            assert_eq!(labels.join(" "), expected);
        }
        let ticks = decades((-3.2, 2.0));
        let labels: Vec<_> = ticks.iter().map(|tick| label(*tick, &ticks, Scale::Log)).collect();
        assert_eq!(labels.join(" "), "0.001 0.01 0.1 1 10 100");
        let ticks = decades((-1.4, 1.0));
        let labels: Vec<_> = ticks.iter().map(|tick| label(*tick, &ticks, Scale::Log)).collect();
        assert_eq!(labels.join(" "), "0.05 0.1 0.2 0.5 1 2 5 10");
    }

    #[test]
    fn curves_are_cut_at_the_frame_and_where_they_are_infinite() {
        let points =
            vec![(0.0, f64::INFINITY), (0.25, 30.0), (0.5, 0.0), (0.75, -5.0), (1.0, f64::NEG_INFINITY)];
        let plot = Plot {
            y_range: Some((-10.0, 10.0)),
            series: vec![Series { name: "a".into(), points, ..Series::default() }],
            ..Plot::default()
        };
        let frame = Frame::around(&plot);
        let pieces = frame.pieces(&plot.series[0].points);
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].len(), 3);
        assert!((pieces[0][0].1 - TOP).abs() < 1e-9, "{:?}", pieces[0]);
    }

    #[test]
    fn bars_stay_in_the_frame_and_log_axes_lay_powers_evenly() {
        let points = vec![(1.0, 10.0), (10.0, 1.0), (100.0, 5.0)];
        let series =
            Series { name: "a".into(), points, errors: vec![3.0, 2.0, f64::NAN], ..Series::default() };
        let (x_scale, y_scale) = (Scale::Log, Scale::Log);
        let plot = Plot { series: vec![series], x_scale, y_scale, ..Plot::default() };
        let frame = Frame::around(&plot);
        let bars = frame.bars(&plot.series[0]);
        assert_eq!(bars.len(), 2);
        let [first, second] = [bars[0], bars[1]];
        assert!((second[0].0 - (frame.left + frame.right) / 2.0).abs() < 1e-9, "{second:?}");
        // From the frame's lower edge, which is 1, to 3; and from 7 to the upper edge, which is 10.
        assert!((second[0].1 - frame.bottom()).abs() < 1e-9 && (first[1].1 - TOP).abs() < 1e-9);
        let part = (frame.bottom() - second[1].1) / (frame.bottom() - TOP);
        assert!((part - 3.0_f64.log10()).abs() < 1e-9, "{part}");
    }

    #[test]
    fn an_empty_plot_and_a_flat_curve_can_be_drawn() {
        assert!(Plot::default().to_svg().contains("<svg"));
        let flat = Series { name: "flat".into(), points: vec![(1.0, 2.0), (1.0, 2.0)], ..Series::default() };
        let plot = Plot { series: vec![flat.clone(), flat], y_scale: Scale::Log, ..Plot::default() };
        assert!(plot.to_svg().contains(">flat</text>"));
        assert_eq!(plot.to_image(0.5).width, 380);
    }
}
