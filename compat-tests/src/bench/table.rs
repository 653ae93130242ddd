//! Medians and ratios, as README quotes them.

use std::fmt;

use super::{Case, Sample};

/// The rows so far.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<String>,
}

impl Table {
    /// Adds a case's samples by proxy, nginx's first, and returns the row.
    pub fn add(&mut self, case: &Case, samples: impl Iterator<Item = (&'static str, Vec<Sample>)>) -> String {
        let medians: Vec<_> = samples.map(|(name, samples)| (name, median(samples.iter().map(|it| it.cost)))).collect();
        let of = |wanted: &str| medians.iter().find(|(name, _)| *name == wanted).map(|(_, cost)| *cost);
        let nginx = of("nginx").unwrap_or(f64::NAN);
        let cell = |name| of(name).map_or("| |".to_owned(), |cost| format!("{cost:.1} | {:.2} |", cost / nginx));
        let row = format!("| {} | {nginx:.1} | {} {}", case.text, cell("rkeep"), cell("haproxy"));
        self.rows.push(row.clone());
        row
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
        writeln!(f, "| µs of CPU a request | nginx | rkeep | to nginx | haproxy | to nginx |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::CASES;

    #[test]
    fn ratios_are_of_medians() {
        let samples = |costs: &[f64]| costs.iter().map(|&cost| Sample { cost, busy: 1.0 }).collect::<Vec<_>>();
        let row = Table::default()
            .add(&CASES[0], [("nginx", samples(&[20.0, 10.0, 90.0])), ("rkeep", samples(&[9.0, 11.0]))].into_iter());
        assert!(row.ends_with("| 20.0 | 10.0 | 0.50 | | |"), "{row}");
    }
}
