//! Charts over time as inline SVG: stacked bars or lines, drawn in a wide and a narrow version.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::wording::{duration, float, grouped, rounded};

const HEIGHT: f64 = 176.0;
const TOP: f64 = 10.0;
/// Space for the labels of the vertical axis.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 20.0;
/// Space for the labels of the time axis.
const BOTTOM: f64 = 26.0;
/// Space between two labels of the time axis.
const LABEL_WIDTH: f64 = 64.0;
const WIDTHS: [(f64, &str); 2] = [(880.0, "wide"), (348.0, "narrow")];
/// Steps of the time axis in seconds.
const TIME_STEPS: [f64; 18] = [
    0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0,
    7_200.0, 14_400.0, 43_200.0, 86_400.0,
];

/// The columns of a chart in seconds: the processes in order, with small gaps between them.
#[derive(Debug, Default)]
pub(super) struct TimeAxis {
    /// Start and length of each column.
    columns: Vec<(f64, f64)>,
    /// Start and length of each process.
    processes: Vec<(f64, f64)>,
}

/// The values of one colour, one per column.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) class: &'static str,
    pub(super) values: Vec<Option<f64>>,
}

pub(super) struct Chart<'a> {
    pub(super) title: &'a str,
    /// A description of the chart.
    pub(super) sentence: &'a str,
    pub(super) axis: &'a TimeAxis,
    pub(super) series: &'a [Series],
    /// The unit after a value. Series with a unit are lines, those without one stacked bars.
    pub(super) unit: &'a str,
}

impl TimeAxis {
    /// An axis for processes, each with a number of columns and their length in seconds.
    pub(super) fn new(processes: &[(usize, f64)]) -> Self {
        let total: f64 = processes
            .iter()
            .map(|(count, seconds)| float(*count as u64) * seconds)
            .sum();
        let mut axis = Self::default();
        let mut start = 0.0;
        for &(count, seconds) in processes {
            let columns =
                (0..count as u64).map(|column| (start + float(column) * seconds, seconds));
            axis.columns.extend(columns);
            let length = float(count as u64) * seconds;
            axis.processes.push((start, length));
            start += length + total / 24.0;
        }
        axis
    }

    /// The length of each column.
    pub(super) fn seconds(&self) -> impl Iterator<Item = f64> {
        self.columns.iter().map(|(_, seconds)| *seconds)
    }

    /// The total length of processes and gaps.
    fn end(&self) -> f64 {
        let last = self.processes.last();
        last.map_or(1.0, |(start, length)| start + length)
            .max(0.001)
    }

    /// Tick positions and labels.
    fn ticks(&self, second_width: f64) -> Vec<(f64, String)> {
        let fits = |step: &&f64| **step * second_width >= LABEL_WIDTH;
        let step = TIME_STEPS.iter().find(fits).copied();
        let mut ticks = Vec::<(f64, String)>::new();
        for &(start, length) in &self.processes {
            for number in 0_u32.. {
                let time = step.map_or(0.0, |step| step * f64::from(number));
                if time > length || (step.is_none() && number > 0) {
                    break;
                }
                let is_free =
                    |(last, _): &(f64, String)| (start + time - last) * second_width >= LABEL_WIDTH;
                if ticks.last().is_none_or(is_free) {
                    ticks.push((start + time, duration(time)));
                }
            }
        }
        ticks
    }
}

/// The steps of the vertical axis: at most five round numbers, up to at least the largest value.
fn levels(largest: f64) -> Vec<f64> {
    let largest = if largest.is_finite() {
        largest.max(1.0)
    } else {
        1.0
    };
    let mut unit = 1.0;
    let step = loop {
        let steps = [unit, 2.0 * unit, 5.0 * unit];
        if let Some(step) = steps.into_iter().find(|step| largest <= 4.0 * step) {
            break step;
        }
        unit *= 10.0;
    };
    (0..=4)
        .map(|level| f64::from(level) * step)
        .take_while(|level| *level < largest + step)
        .collect()
}

/// A value as a label.
pub(super) fn number(value: f64) -> String {
    if value < 9.95 && value.fract().abs() > 0.05 {
        format!("{value:.1}")
    } else {
        grouped(rounded(value))
    }
}

/// The largest value of a line, or of a stack of bars.
pub(super) fn largest(series: &[Series], are_lines: bool) -> f64 {
    let columns = series.iter().map(|it| it.values.len()).max();
    let of_column = |column: usize| {
        let values = series.iter();
        let values = values.filter_map(|it| it.values.get(column).copied().flatten());
        if are_lines {
            values.fold(0.0, f64::max)
        } else {
            values.sum()
        }
    };
    let columns = 0..columns.unwrap_or_default();
    columns.map(of_column).fold(0.0, f64::max)
}

impl Chart<'_> {
    pub(super) fn figure(&self) -> Markup {
        html! {
            figure {
                h3 { (self.title) }
                figcaption { (self.sentence) }
                @for (width, class) in WIDTHS { (self.picture(width, class)) }
            }
        }
    }

    fn picture(&self, width: f64, class: &str) -> Markup {
        let are_lines = !self.unit.is_empty();
        let levels = levels(largest(self.series, are_lines));
        let highest = levels.last().copied().unwrap_or(1.0);
        let scale = Scale {
            second_width: (width - LEFT - RIGHT) / self.axis.end(),
            highest,
        };
        html! {
            svg.chart.(class) viewBox=(format!("0 0 {width:.0} {HEIGHT:.0}")) role="img" {
                title { (self.title) }
                desc { (self.sentence) }
                @for level in &levels {
                    @let y = scale.y(*level);
                    line.grid x1=(LEFT) x2=(width - RIGHT) y1=(y) y2=(y) {}
                    text.level x=(LEFT - 8.0) y=(format!("{:.1}", scale.y(*level) + 4.0)) { (number(*level)) (self.unit) }
                }
                @for (x, label) in self.axis.ticks(scale.second_width) {
                    text.time x=(scale.x(x)) y=(HEIGHT - 6.0) { (label) }
                }
                @for pair in self.axis.processes.windows(2) {
                    @let x = scale.x(f64::midpoint(pair[0].0 + pair[0].1, pair[1].0));
                    line.break x1=(x) x2=(x) y1=(TOP) y2=(HEIGHT - BOTTOM) {}
                }
                @if are_lines {
                    @for series in self.series {
                        path.curve.(series.class) d=(self.curve(series, &scale)) {}
                    }
                } @else {
                    @for (series, path) in self.series.iter().zip(self.bars(&scale)) {
                        @if !path.is_empty() { path.bar.(series.class) d=(path) {} }
                    }
                }
            }
        }
    }

    /// A path through the values. Columns without a value interrupt it.
    fn curve(&self, series: &Series, scale: &Scale) -> String {
        let mut path = String::new();
        let mut last_end = None;
        for (&(start, length), value) in self.axis.columns.iter().zip(&series.values) {
            let Some(value) = value else {
                continue;
            };
            let (y, right) = (scale.y(*value), scale.x(start + length));
            let is_next = last_end.is_some_and(|end: f64| (end - start).abs() < length / 2.0);
            let command = if is_next { "L" } else { "M" };
            // Writing to a String can't fail.
            let _ = write!(path, "{command}{} {y}H{right}", scale.x(start));
            last_end = Some(start + length);
        }
        path
    }

    /// A path for the bars of each series, stacked on the previous ones.
    fn bars(&self, scale: &Scale) -> Vec<String> {
        let mut below = vec![0.0; self.axis.columns.len()];
        let mut paths = Vec::new();
        for series in self.series {
            let mut path = String::new();
            let values = self.axis.columns.iter().zip(&series.values).zip(&mut below);
            for ((&(start, length), value), below) in values {
                let value = value.unwrap_or_default();
                if value > 0.0 {
                    let (left, right) = (scale.x(start), scale.x(start + length));
                    let (bottom, top) = (scale.y(*below), scale.y(*below + value));
                    let _ = write!(path, "M{left} {bottom}V{top}H{right}V{bottom}z");
                    *below += value;
                }
            }
            paths.push(path);
        }
        paths
    }
}

/// Converts seconds and values to pixels, to a tenth.
struct Scale {
    second_width: f64,
    highest: f64,
}

impl Scale {
    fn x(&self, seconds: f64) -> f64 {
        tenth(LEFT + seconds * self.second_width)
    }

    fn y(&self, value: f64) -> f64 {
        let bottom = HEIGHT - BOTTOM;
        tenth(bottom - value / self.highest * (bottom - TOP))
    }
}

fn tenth(pixels: f64) -> f64 {
    (pixels * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(class: &'static str, values: &[f64]) -> Series {
        Series {
            class,
            values: values
                .iter()
                .map(|value| (*value >= 0.0).then_some(*value))
                .collect(),
        }
    }

    fn picture(series: &[Series], unit: &str) -> String {
        let chart = Chart {
            title: "Answers <1>",
            sentence: "5 & 6",
            axis: &TimeAxis::new(&[(2, 1.0), (1, 1.0)]),
            series,
            unit,
        };
        chart.picture(348.0, "narrow").0
    }

    #[test]
    fn bars_are_stacked_and_processes_are_apart() {
        let drawn = picture(
            &[series("a", &[1.0, 3.0, 2.0]), series("b", &[1.0, 0.0, 2.0])],
            "",
        );
        insta::assert_snapshot!(drawn);
    }

    #[test]
    fn a_curve_has_a_gap_where_there_is_no_value() {
        let drawn = picture(&[series("a", &[10.0, -1.0, 40.0])], " ms");
        insta::assert_snapshot!(drawn);
    }

    #[test]
    fn levels_are_round_and_reach_the_largest_value() {
        for (largest, expected) in [
            (0.0, &[0.0, 1.0][..]),
            (3.5, &[0.0, 1.0, 2.0, 3.0, 4.0]),
            (98.0, &[0.0, 50.0, 100.0]),
            (410.0, &[0.0, 200.0, 400.0, 600.0]),
            (9_800.0, &[0.0, 5_000.0, 10_000.0]),
        ] {
            assert_eq!(levels(largest), expected, "{largest}");
        }
        assert!(levels(f64::INFINITY).len() > 1 && levels(1e300).len() > 1);
    }
}
