//! Small repeatable randomness: the same seed and place give the same numbers on every machine.

/// A stream of pseudo-random numbers (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// Starts the stream that belongs to a seed and a place, such as an arm and a second.
    pub(super) fn of(seed: u64, place: &[u64]) -> Self {
        let mut random = Self(seed);
        for part in place {
            random.0 = random.next() ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        random
    }

    /// Returns the next number of the stream.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 (inclusive) to 1 (exclusive).
    pub(super) fn unit(&mut self) -> f64 {
        // 53 bits fit a double exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns how many of rare, independent things happen where `mean` are expected (Poisson,
    /// Knuth's method in pieces small enough not to underflow). A mean below 0 or not a number
    /// counts as 0.
    pub(super) fn count(&mut self, mean: f64) -> u64 {
        const PIECE: f64 = 30.0;
        let mut left = if mean.is_finite() { mean } else { 0.0 };
        let mut happened = 0;
        while left > 0.0 {
            let floor = (-left.min(PIECE)).exp();
            left -= PIECE;
            let mut product = self.unit();
            while product > floor {
                happened += 1;
                product *= self.unit();
            }
        }
        happened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_gives_the_same_numbers() {
        let mut first = Random::of(7, &[1, 2]);
        let mut second = Random::of(7, &[1, 2]);
        let mut elsewhere = Random::of(7, &[2, 1]);
        assert_eq!(first.next(), second.next());
        assert_ne!(first.next(), elsewhere.next());
    }

    #[test]
    fn counts_have_the_mean_and_variance_of_a_poisson_law() {
        for mean in [0.02, 1.0, 29.0, 200.0] {
            let mut random = Random::of(1, &[]);
            let draws = 20_000;
            let counts: Vec<f64> = (0..draws).map(|_| random.count(mean) as f64).collect();
            let average = counts.iter().sum::<f64>() / f64::from(draws);
            let variance = counts
                .iter()
                .map(|count| (count - average).powi(2))
                .sum::<f64>()
                / f64::from(draws);
            // Five standard errors of the average; the seed is fixed, so this never flickers.
            let slack = 5.0 * (mean / f64::from(draws)).sqrt();
            assert!((average - mean).abs() < slack, "{mean}: average {average}");
            assert!(
                (variance / mean - 1.0).abs() < 0.2,
                "{mean}: variance {variance}"
            );
        }
        assert_eq!(Random::of(1, &[]).count(f64::NAN), 0);
        assert_eq!(Random::of(1, &[]).count(-1.0), 0);
    }
}
