//! Chance, from a seed: the same seed always throws the same.

/// SplitMix64 (Steele, Lea and Flood, 2014): one number of state, and good enough to choose faults with.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// Neighbouring seeds have nothing in common.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Self(seed);
        dice.0 = dice.next() ^ 0x5eed;
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        // The high half of the product: as even as the generator, to one part in 2^64 / end.
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// From `first` to `last`, both included.
    pub(super) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// True so many times in a thousand.
    pub(super) fn chance(&mut self, in_a_thousand: u64) -> bool {
        in_a_thousand > 0 && self.below(1000) < in_a_thousand
    }

    /// One of several; `None` of none.
    pub(super) fn one_of<'a, T>(&mut self, several: &'a [T]) -> Option<&'a T> {
        if several.is_empty() {
            return None;
        }
        several.get(self.below(several.len() as u64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_seeds_throw_differently() {
        let first = |seed| Dice::new(seed).below(u64::MAX);
        assert_ne!(first(1), first(2));
        assert_ne!(first(2), first(3));
    }

    #[test]
    fn both_ends_of_a_range_are_thrown() {
        let mut dice = Dice::new(1);
        let thrown: std::collections::BTreeSet<u64> =
            (0..100).map(|_| dice.between(3, 5)).collect();
        assert_eq!(thrown, [3, 4, 5].into());
    }
}
