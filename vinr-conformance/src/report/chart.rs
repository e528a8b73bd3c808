//! Where the marks of the two latency plots go; the template draws them as inline SVG.
//!
//! Two plots of one shape each do not need a charting crate, and those that were looked at write
//! their colours into every mark: here the page's own style sheet colours them, so that light, dark
//! and paper are one drawing.

use crate::latency::{Latency, Point, ms};

/// The inner drawing area, in the drawing's own units; axes and labels stand outside it.
pub(super) const WIDTH: f64 = 600.0;
/// See [`WIDTH`].
pub(super) const HEIGHT: f64 = 180.0;

/// How many samples took how long.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    pub(super) bars: Vec<Bar>,
    pub(super) lengths: Vec<Tick>,
    pub(super) counts: Vec<Tick>,
    pub(super) limit: Mark,
    pub(super) p99: Mark,
}

/// A bucket of samples.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) width: String,
    pub(super) height: String,
    pub(super) label: String,
}

/// A place on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: String,
    pub(super) label: String,
}

/// A length that is marked across the drawing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub(super) at: String,
    pub(super) label: String,
    /// Which end of the label stands at the mark, so that it stays within the drawing.
    pub(super) anchor: &'static str,
}

impl Mark {
    fn new(share: f64, label: String) -> Self {
        Self {
            at: number(share * WIDTH),
            label,
            anchor: match share {
                ..0.1 => "start",
                0.85.. => "end",
                _ => "middle",
            },
        }
    }
}

/// The length at each percentile.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    pub(super) points: String,
    pub(super) dots: Vec<Dot>,
    pub(super) shares: Vec<Tick>,
    pub(super) lengths: Vec<Tick>,
    pub(super) limit: Tick,
}

/// A percentile that people ask for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dot {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) label: String,
}

impl Histogram {
    /// Bars over a logarithmic axis that reaches the limit, so that the distance to it is seen.
    pub(super) fn of(latency: &Latency) -> Self {
        let axis = LengthAxis::of(latency);
        let highest = latency.histogram.iter().map(|bucket| bucket.count).max();
        let highest = highest.unwrap_or(1).max(1);
        let y = |count: u64| HEIGHT * (1.0 - count as f64 / highest as f64);
        let bars = latency
            .histogram
            .iter()
            .filter(|bucket| bucket.count > 0)
            .map(|bucket| {
                let (from, to) = (
                    axis.at(bucket.from_ns) * WIDTH,
                    axis.at(bucket.to_ns) * WIDTH,
                );
                Bar {
                    x: number(from + 0.5),
                    y: number(y(bucket.count)),
                    width: number((to - from - 1.0).max(1.0)),
                    height: number(HEIGHT - y(bucket.count)),
                    label: format!(
                        "{} of {} samples from {} to {}",
                        bucket.count,
                        latency.count,
                        ms(bucket.from_ns),
                        ms(bucket.to_ns)
                    ),
                }
            })
            .collect();
        let step = (highest / 4).max(1);
        let counts = (0..=highest)
            .step_by(usize::try_from(step).unwrap_or(1))
            .map(|count| Tick {
                at: number(y(count)),
                label: count.to_string(),
            })
            .collect();
        Self {
            bars,
            lengths: axis.ticks(|share| share * WIDTH),
            counts,
            limit: Mark::new(
                axis.at(latency.limit_ns),
                format!("limit {}", short_ms(latency.limit_ns)),
            ),
            p99: Mark::new(
                axis.at(latency.p99_ns),
                format!("p99 {}", ms(latency.p99_ns)),
            ),
        }
    }
}

impl Curve {
    /// A line over an axis that gives each further nine of a percentile the same room.
    pub(super) fn of(latency: &Latency) -> Self {
        let axis = LengthAxis::of(latency);
        let last = nines(
            latency
                .percentiles
                .iter()
                .rev()
                .nth(1)
                .map_or(0, |point| point.share_ppm),
        );
        // The longest sample has no share of its own on such an axis: it stands a little further on.
        let end = last + 0.3;
        let x = |share_ppm: u32| WIDTH * (nines(share_ppm).min(end) / end);
        let y = |ns: u64| HEIGHT * (1.0 - axis.at(ns));
        let place =
            |point: &Point| format!("{},{}", number(x(point.share_ppm)), number(y(point.ns)));
        let points: Vec<_> = latency.percentiles.iter().map(place).collect();

        let named = [
            (500_000, "p50"),
            (900_000, "p90"),
            (990_000, "p99"),
            (999_000, "p99.9"),
        ];
        let shown = latency.percentiles.iter().filter_map(|point| {
            match named.iter().find(|(share, _)| *share == point.share_ppm) {
                Some((_, name)) => Some((point, *name)),
                None => (point.share_ppm == 1_000_000).then_some((point, "max")),
            }
        });
        let mut dots = Vec::new();
        let mut shares = Vec::new();
        for (point, name) in shown {
            let at = number(x(point.share_ppm));
            dots.push(Dot {
                x: at.clone(),
                y: number(y(point.ns)),
                label: format!("{name} {}", ms(point.ns)),
            });
            shares.push(Tick {
                at,
                label: name.to_owned(),
            });
        }
        Self {
            points: points.join(" "),
            dots,
            shares,
            lengths: axis.ticks(|share| HEIGHT * (1.0 - share)),
            limit: Tick {
                at: number(y(latency.limit_ns)),
                label: format!("limit {}", short_ms(latency.limit_ns)),
            },
        }
    }
}

/// A logarithmic axis from below the shortest sample to beyond the limit and the longest one.
struct LengthAxis {
    from: f64,
    to: f64,
}

impl LengthAxis {
    fn of(latency: &Latency) -> Self {
        let first = latency
            .histogram
            .first()
            .map_or(latency.min_ns, |bucket| bucket.from_ns);
        let last = latency
            .histogram
            .last()
            .map_or(latency.max_ns, |bucket| bucket.to_ns);
        Self {
            from: log(first.max(1_000)) - 0.05,
            to: log(last.max(latency.limit_ns).min(1_000_000_000_000)) + 0.1,
        }
    }

    /// The share of the axis at which this length stands, within it.
    fn at(&self, ns: u64) -> f64 {
        ((log(ns) - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    fn ticks(&self, place: impl Fn(f64) -> f64) -> Vec<Tick> {
        let is_long = self.to - self.from > 2.5;
        let steps: &[u64] = if is_long { &[1] } else { &[1, 2, 5] };
        (3..12)
            .flat_map(|power| steps.iter().map(move |step| step * 10_u64.pow(power)))
            .filter(|ns| (self.from..self.to).contains(&log(*ns)))
            .map(|ns| Tick {
                at: number(place(self.at(ns))),
                label: short_ms(ns),
            })
            .collect()
    }
}

fn log(ns: u64) -> f64 {
    (ns.max(1) as f64).log10()
}

/// How many nines a share has: 0.9 has one, 0.99 two.
fn nines(share_ppm: u32) -> f64 {
    match 1_000_000_u32.saturating_sub(share_ppm) {
        0 => f64::INFINITY,
        rest => 6.0 - f64::from(rest).log10(),
    }
}

/// A round length without needless digits: `0.5 ms`, `50 ms`.
fn short_ms(ns: u64) -> String {
    format!("{} ms", ns as f64 / 1e6)
}

/// A coordinate: a tenth of a unit is finer than any screen.
fn number(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_in_the_drawing_however_quick_the_samples_are() {
        let histogram = Histogram::of(&latency(&[200_000; 200]));
        let at: f64 = histogram.limit.at.parse().expect("a number");
        assert!((0.0..WIDTH).contains(&at), "{at}");
    }

    #[test]
    fn the_slowest_sample_is_in_the_drawing_however_slow() {
        let curve = Curve::of(&latency(&[1_000_000, 900_000_000_000]));
        for dot in &curve.dots {
            let y: f64 = dot.y.parse().expect("a number");
            assert!((0.0..=HEIGHT).contains(&y), "{y}");
        }
    }

    #[test]
    fn each_nine_of_a_percentile_has_the_same_room() {
        assert!((nines(900_000) - 1.0).abs() < 1e-9);
        assert!((nines(990_000) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn one_sample_is_drawn() {
        let one = latency(&[1]);
        assert_eq!(Histogram::of(&one).bars.len(), 1);
        assert!(!Curve::of(&one).points.contains("NaN"));
        assert!(!Curve::of(&one).points.contains("inf"));
    }

    fn latency(samples: &[u64]) -> Latency {
        Latency::of("a test", samples).expect("there are samples")
    }
}
