//! Medians and ratios, as README quotes them.

use std::fmt;

use super::{Case, Sample};

/// The rows so far.
#[derive(Debug, Default)]
pub struct Table {
    rows: String,
}

impl Table {
    /// Adds a case's samples by proxy, nginx's first, and returns the rows, one a proxy.
    ///
    /// Proxies took turns, so that a round's cost can also be set against nginx's of the same round: where the machine
    /// itself is faster in some rounds than in others, the middle one of these ratios says more.
    pub fn add<'a>(&mut self, case: &Case, samples: impl Iterator<Item = (&'a str, Vec<Sample>)>) -> String {
        let costs: Vec<(&str, Vec<f64>)> =
            samples.map(|(name, samples)| (name, samples.iter().map(|sample| sample.cost).collect())).collect();
        let nginx = costs.first().map(|(_, costs)| costs.clone()).unwrap_or_default();
        let rows = costs.into_iter().map(|(name, costs)| {
            let in_turn = costs.iter().zip(&nginx).map(|(cost, nginx)| cost / nginx);
            let (cost, ratio) = (median(costs.iter().copied()), median(in_turn));
            let to_nginx = cost / median(nginx.iter().copied());
            format!("| {} | {name} | {cost:.1} | {to_nginx:.2} | {ratio:.2} |\n", case.text)
        });
        let rows: String = rows.collect();
        self.rows.push_str(&rows);
        rows
    }
}

/// The middle one; of an even number the mean of the two.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.as_slice() {
        [] => f64::NAN,
        values if values.len() % 2 == 1 => values[middle],
        values => (values[middle - 1] + values[middle]) / 2.0,
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| work | proxy | µs of CPU a request | to nginx | round by round |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        f.write_str(&self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::CASES;

    #[test]
    fn ratios_are_of_medians() {
        let samples = |costs: &[f64]| costs.iter().map(|&cost| Sample { cost, busy: 1.0 }).collect::<Vec<_>>();
        let rows = Table::default().add(
            &CASES[0],
            [("nginx", samples(&[20.0, 10.0, 90.0])), ("rkeep", samples(&[9.0, 11.0, 9.0]))].into_iter(),
        );
        assert!(rows.ends_with(" | rkeep | 9.0 | 0.45 | 0.45 |\n"), "{rows}");
    }
}
