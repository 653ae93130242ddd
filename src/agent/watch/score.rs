//! When a script counts as good or bad: `rise` and `fall`. Pure.

/// How a script has done so far.
#[derive(Clone, Copy, Debug)]
pub struct Score {
    rise: u64,
    most: u64,
    /// None before the first result, which decides alone.
    points: Option<u64>,
}

impl Score {
    /// A script that has not run.
    pub fn new(rise: u32, fall: u32) -> Self {
        let rise = u64::from(rise.max(1));
        Score { rise, most: rise + u64::from(fall.max(1)) - 1, points: None }
    }

    /// Takes a result in. Whether it is good now, if that is news.
    pub fn take(&mut self, success: bool) -> Option<bool> {
        let before = self.points.map(|points| points >= self.rise);
        let points = match (self.points, success) {
            (None, true) => self.most,
            (None, false) => 0,
            (Some(points), true) if points + 1 < self.rise => points + 1,
            (Some(_), true) => self.most,
            (Some(points), false) if points > self.rise => points - 1,
            (Some(_), false) => 0,
        };
        self.points = Some(points);
        let after = points >= self.rise;
        (before != Some(after)).then_some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(rise: u32, fall: u32, results: &[bool]) -> Vec<Option<bool>> {
        let mut score = Score::new(rise, fall);
        results.iter().map(|result| score.take(*result)).collect()
    }

    #[test]
    fn the_first_result_decides() {
        assert_eq!(news(3, 3, &[true, true]), [Some(true), None]);
        assert_eq!(news(3, 3, &[false, false]), [Some(false), None]);
    }

    #[test]
    fn so_many_in_a_row_change_it() {
        let (good, bad) = (Some(true), Some(false));
        assert_eq!(
            news(1, 3, &[true, false, false, true, false, false, false]),
            [good, None, None, None, None, None, bad]
        );
        assert_eq!(
            news(3, 1, &[false, true, true, false, true, true, true]),
            [bad, None, None, None, None, None, good]
        );
    }
}
