//! Curves over two logarithmic axes, each with its name and last value at its end.

use super::text::{Unit, escape};

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 286.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// Between two labels.
const LINE: f64 = 15.0;

/// One curve.
#[derive(Debug)]
pub(super) struct Curve {
    pub(super) label: String,
    /// The class of the colour.
    pub(super) class: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A chart of one language: `across` names what grows to the right.
pub(super) fn lines(title: &str, across: &str, unit: Unit, curves: &[Curve]) -> String {
    let positive = |point: &&(f64, f64)| point.0 > 0.0 && point.1 > 0.0;
    let points: Vec<_> = curves.iter().flat_map(|curve| &curve.points).filter(positive).collect();
    if points.is_empty() {
        return String::new();
    }
    let chart = Chart {
        x: Axis::over(points.iter().map(|point| point.0), LEFT, WIDTH - RIGHT),
        y: Axis::over(points.iter().map(|point| point.1), HEIGHT - BOTTOM, TOP),
        unit,
    };
    let mut xs: Vec<f64> = points.iter().map(|point| point.0).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let mut ends: Vec<(f64, &Curve)> = Vec::new();
    let mut drawn = String::new();
    for curve in curves {
        let points: Vec<_> = curve.points.iter().copied().filter(|p| positive(&p)).collect();
        if let Some(last) = points.last() {
            drawn += &chart.curve(curve, &points);
            ends.push((chart.y.at(last.1), curve));
        }
    }
    format!(
        "<figure class=\"lines\"><figcaption>{0}</figcaption>\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}, {1}\">\
         {2}{3}{drawn}{4}</svg></figure>\n",
        escape(title),
        escape(across),
        chart.grid(),
        chart.ticks(&xs, across),
        chart.labels(ends)
    )
}

struct Chart {
    x: Axis,
    y: Axis,
    unit: Unit,
}

impl Chart {
    /// Horizontal lines at 1, 2 and 5 in each power of ten, or at the powers alone.
    fn grid(&self) -> String {
        let decades = self.y.high.log10() - self.y.low.log10();
        let steps: &[f64] = if decades > 2.5 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let mut text = String::new();
        for power in self.y.low.log10().floor() as i32..=self.y.high.log10().ceil() as i32 {
            for value in steps.iter().map(|step| step * 10_f64.powi(power)) {
                if value < self.y.low * 0.999 || value > self.y.high * 1.001 {
                    continue;
                }
                let y = self.y.at(value);
                text += &format!(
                    "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                     <text class=\"tick\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    WIDTH - RIGHT,
                    LEFT - 6.0,
                    y + 4.0,
                    self.unit.show(value)
                );
            }
        }
        text
    }

    fn ticks(&self, xs: &[f64], across: &str) -> String {
        let y = HEIGHT - BOTTOM + 17.0;
        let tick = |x: &f64| {
            let (at, text) = (self.x.at(*x), super::text::number(*x));
            format!(
                "<text class=\"tick\" text-anchor=\"middle\" x=\"{at:.1}\" y=\"{y}\">{text}</text>"
            )
        };
        let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
        format!(
            "{}<text class=\"tick\" text-anchor=\"middle\" x=\"{middle}\" y=\"{}\">{}</text>",
            xs.iter().map(tick).collect::<String>(),
            y + 18.0,
            escape(across)
        )
    }

    fn curve(&self, curve: &Curve, points: &[(f64, f64)]) -> String {
        let at: Vec<_> = points.iter().map(|(x, y)| (self.x.at(*x), self.y.at(*y))).collect();
        let path: Vec<_> = at.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let dots = points.iter().zip(&at).map(|((x, value), (cx, cy))| {
            format!(
                "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3.5\">\
                 <title>{}: {} at {}</title></circle>",
                escape(&curve.label),
                self.unit.show(*value),
                super::text::number(*x)
            )
        });
        format!(
            "<g class=\"curve {}\"><polyline points=\"{}\"/>{}</g>",
            curve.class,
            path.join(" "),
            dots.collect::<String>()
        )
    }

    /// Names at the ends of the curves, moved apart where they would overlap.
    fn labels(&self, mut ends: Vec<(f64, &Curve)>) -> String {
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let places = apart(&ends.iter().map(|end| end.0).collect::<Vec<_>>());
        let x = WIDTH - RIGHT + 26.0;
        let label = |((end, curve), place): (&(f64, &Curve), f64)| {
            let value = curve.points.last().map_or(0.0, |point| point.1);
            format!(
                "<g class=\"curve {}\">\
                 <path class=\"leader\" d=\"M{:.1} {end:.1} L{:.1} {place:.1}\"/>\
                 <text x=\"{x}\" y=\"{:.1}\">{} <tspan>{}</tspan></text></g>",
                curve.class,
                WIDTH - RIGHT + 6.0,
                x - 4.0,
                place + 4.0,
                escape(&curve.label),
                self.unit.show(value)
            )
        };
        ends.iter().zip(places).map(label).collect()
    }
}

/// Moves sorted heights apart, and up again when the last would leave the chart.
fn apart(heights: &[f64]) -> Vec<f64> {
    let mut places: Vec<f64> = Vec::with_capacity(heights.len());
    for height in heights {
        let least = places.last().map_or(TOP, |above| above + LINE);
        places.push(height.max(least));
    }
    let mut most = HEIGHT - 6.0;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - LINE;
    }
    places
}

/// A logarithmic axis between two coordinates.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis with room for all these values.
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(0.0, f64::max);
        // Where nothing changes, a change of a few per cent must not fill the chart.
        let (low, high) = if high / low < 4.0 { (low / 2.0, high * 2.0) } else { (low, high) };
        Self { low, high, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + part * (self.to - self.from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_logarithmic() {
        let axis = Axis::over([1.0, 100.0].into_iter(), 0.0, 200.0);
        assert!((axis.at(10.0) - 100.0).abs() < 1e-9);
        assert!((axis.at(100.0) - 200.0).abs() < 1e-9);
    }

    #[test]
    fn labels_do_not_overlap_nor_leave_the_chart() {
        for heights in [vec![20.0, 21.0, 22.0], vec![290.0; 5], vec![0.0, 299.0, 299.0]] {
            let places = apart(&heights);
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= LINE - 1e-9), "{places:?}");
            assert!(places.iter().all(|place| *place > 0.0 && *place < HEIGHT), "{places:?}");
        }
    }

    #[test]
    fn a_curve_without_points_is_left_out() {
        let curve = |label: &str, points| Curve { label: label.into(), class: "o0".into(), points };
        let curves = [curve("full", vec![(1.0, 10.0), (100.0, 20.0)]), curve("empty", vec![])];
        let html = lines("C", "bytes", Unit::Nanoseconds, &curves);
        assert!(html.contains("full") && !html.contains("empty"));
        assert_eq!(lines("C", "bytes", Unit::Nanoseconds, &curves[1..]), "");
    }
}
