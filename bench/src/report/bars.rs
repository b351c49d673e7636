//! Bars with their numbers, and the floor as a line through them.

use super::text::{Unit, escape};
use crate::results::Spread;

/// One bar.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) ours: bool,
    /// None: there is no figure, and `remark` says why.
    pub(super) spread: Option<Spread>,
    pub(super) remark: String,
}

/// The bars of one language, from zero, to a scale of their own.
pub(super) fn bars(title: &str, unit: Unit, bars: &[Bar], floor: Option<f64>) -> String {
    let largest = bars.iter().filter_map(|bar| bar.spread).map(|s| s.max).fold(0.0, f64::max);
    // A floor far beyond the bars would make them invisible: it is named instead.
    let drawn = floor.filter(|floor| *floor <= 3.0 * largest);
    let full = drawn.unwrap_or(0.0).max(largest);
    let rows: String = bars.iter().map(|bar| row(bar, unit, full, drawn)).collect();
    let remark = match (floor, drawn) {
        (Some(floor), Some(_)) => format!("floor {}", unit.show(floor)),
        (Some(floor), None) => format!("floor {}, beyond the scale", unit.show(floor)),
        (None, _) => String::new(),
    };
    format!(
        "<figure class=\"bars\"><figcaption>{} <small class=\"floor\">{remark}</small>\
         </figcaption>{rows}</figure>\n",
        escape(title)
    )
}

fn row(bar: &Bar, unit: Unit, full: f64, floor: Option<f64>) -> String {
    let kind = if bar.ours { "ours" } else { "peer" };
    let line = floor.map_or(String::new(), |floor| {
        let at = percent(floor, full);
        format!("<line class=\"floor\" x1=\"{at}%\" x2=\"{at}%\" y1=\"0\" y2=\"24\"/>")
    });
    let (shape, figures) = match bar.spread {
        Some(spread) => {
            let (low, high) = (percent(spread.min, full), percent(spread.max, full));
            let shape = format!(
                "<rect class=\"{kind}\" y=\"4\" height=\"16\" rx=\"2\" width=\"{}%\"/>\
                 <line class=\"spread\" x1=\"{low}%\" x2=\"{high}%\" y1=\"12\" y2=\"12\"/>",
                percent(spread.median, full)
            );
            let figures = format!(
                "<b>{}</b> <small>{}</small>",
                unit.show(spread.median),
                unit.range(spread)
            );
            (shape, figures)
        }
        None => (String::new(), format!("<small>{}</small>", escape(&bar.remark))),
    };
    format!(
        "<div><span class=\"{kind}\">{}</span><svg aria-hidden=\"true\">{shape}{line}</svg>\
         <span>{figures}</span></div>",
        escape(&bar.label)
    )
}

/// A coordinate; the end of the scale stays visible.
fn percent(figure: f64, full: f64) -> String {
    let part = if full > 0.0 { figure / full } else { 0.0 };
    format!("{:.2}", part.clamp(0.0, 1.0) * 99.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(figure: Option<f64>) -> Bar {
        let spread = figure.and_then(|figure| Spread::of(&[figure]));
        Bar { label: "<me>".into(), ours: true, spread, remark: "did not start".into() }
    }

    #[test]
    fn bars_are_to_scale() {
        let html = bars("C", Unit::Nanoseconds, &[bar(Some(50.0)), bar(Some(100.0))], Some(10.0));
        for part in ["width=\"49.75%\"", "width=\"99.50%\"", "x1=\"9.95%\"", "floor 10 ns"] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(html.contains("&lt;me&gt;") && !html.contains("<me>"));
    }

    #[test]
    fn a_floor_far_away_is_named_and_not_drawn() {
        let html = bars("C", Unit::PerSecond, &[bar(Some(1e6))], Some(1e7));
        assert!(
            html.contains("floor 10 M/s, beyond the scale")
                && !html.contains("<line class=\"floor\"")
        );
    }

    #[test]
    fn a_failure_says_why() {
        let html = bars("C", Unit::PerSecond, &[bar(None)], None);
        assert!(html.contains("did not start") && !html.contains("<rect"));
    }
}
