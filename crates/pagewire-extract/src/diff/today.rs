//! The day on which a page is read: dates near it are stamps.

/// The day on which a page was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    /// Year.
    pub year: i32,
    /// Month, from 1.
    pub month: u32,
    /// Day of the month, from 1.
    pub day: u32,
}

impl Today {
    /// Whether a date is of this day, the one before or the one after: a page may be in another zone of time.
    pub(super) fn is_near(self, year: Option<i32>, month: u32, day: u32) -> bool {
        let year = match year {
            Some(year) if year < 100 => 2000 + year,
            Some(year) => year,
            // Over the turn of the year the nearer one is meant.
            None if self.month == 12 && month == 1 => self.year + 1,
            None if self.month == 1 && month == 12 => self.year - 1,
            None => self.year,
        };
        (1..=12).contains(&month)
            && (days(year, month, day) - days(self.year, self.month, self.day)).abs() <= 1
    }
}

/// Days since some day (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i32, month: u32, day: u32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let month = (i64::from(month) + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + i64::from(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_year_is_a_day_after_the_old_one() {
        let eve = Today { year: 2026, month: 12, day: 31 };
        assert!(eve.is_near(None, 1, 1) && eve.is_near(Some(2027), 1, 1) && !eve.is_near(Some(2026), 1, 1));
        assert!(Today { year: 2027, month: 3, day: 1 }.is_near(Some(27), 2, 28));
    }
}
