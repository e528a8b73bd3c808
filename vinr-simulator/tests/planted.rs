//! Days by seeds find a planted design: in a process of its own, since what is planted is planted everywhere.

use vinr_protocol::mutant::{Mutant, plant};
use vinr_simulator::world::seeded::hunt_by_seed;

/// One test, one process: two designs at once would hide each other.
#[test]
fn days_by_seeds_find_planted_designs_and_nothing_where_none_is_planted() {
    for mutant in [Mutant::HostForgets, Mutant::WallClockDeadline] {
        plant(Some(mutant));
        let found = hunt_by_seed(mutant, 200);
        plant(None);
        assert!(found.is_some(), "{} survives", mutant.name());
        let seed = found.map(|it| it.broken.seed).unwrap_or_default();
        let innocent = vinr_simulator::world::seeded::play(seed);
        assert_eq!(innocent.violation, None, "{}", mutant.name());
    }
}
