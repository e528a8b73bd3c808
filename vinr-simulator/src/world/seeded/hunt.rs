//! Does a day by a seed notice an unsafe design?

use vinr_protocol::mutant::Mutant;

use super::{Broken, broken, play};

/// An unsafe design that a seed found.
#[derive(Debug, Clone)]
pub struct FoundBySeed {
    /// The design.
    pub mutant: Mutant,
    /// How many seeds it took.
    pub seeds: u64,
    /// The first seed that found it, with its story.
    pub broken: Broken,
}

/// Plays seeds from 0 until one finds the unsafe design, which the caller has planted in this process.
///
/// No seed is made for a design: the days are those of every campaign.
pub fn hunt_by_seed(mutant: Mutant, max_seeds: u64) -> Option<FoundBySeed> {
    let seed = (0..max_seeds).find(|seed| play(*seed).violation.is_some())?;
    Some(FoundBySeed {
        mutant,
        seeds: seed + 1,
        broken: broken(seed)?,
    })
}
