//! The shops that are searched, and which of them catches which unsafe design.

use std::sync::Arc;

use vinr_protocol::cloud::ledger::Guard;
use vinr_protocol::mutant::Mutant;

use super::plan::{Faults, Pin, Plan, Sale, Way};

const NO_FAULTS: Faults = Faults {
    losses: 0,
    repeats: 0,
    power_cuts: 0,
    crashes: 0,
    outages: 0,
    lan_outages: 0,
    failed_syncs: 0,
    damages: 0,
    swaps: 0,
    months: 0,
    contradictions: 0,
    cloud_restarts: 0,
};

/// Every shop that is searched.
pub fn plans() -> Vec<Arc<Plan>> {
    let plans = [
        lossy(),
        power(),
        crash(),
        pin(),
        shared_sale(),
        shared_sale_with_faults(),
        two_sales(),
        offline(),
        offline_and_power(),
        too_much_offline(),
        collision(),
        bad_disk(),
        damaged_disk(),
        swapped(),
        month(),
        contradicting_host(),
        one_restart(),
        hybrid(),
        hybrid_and_power(),
        hybrid_beside_another(),
        hybrid_and_crash(),
        hybrid_and_cloud_restart(),
        group(),
        group_and_power(),
        two_groups(),
        hybrid_group(),
        everything(),
    ];
    plans.into_iter().map(Arc::new).collect()
}

fn lossy() -> Plan {
    Plan {
        faults: Faults {
            losses: 2,
            repeats: 1,
            ..NO_FAULTS
        },
        ..Plan::new("one till, a lossy network")
    }
}

fn power() -> Plan {
    Plan {
        faults: Faults {
            losses: 1,
            repeats: 1,
            power_cuts: 1,
            ..NO_FAULTS
        },
        ..Plan::new("one till, a power cut after any effect")
    }
}

fn crash() -> Plan {
    Plan {
        faults: Faults {
            losses: 1,
            repeats: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        ..Plan::new("one till that crashes")
    }
}

fn pin() -> Plan {
    Plan {
        pin: Pin::Wanted,
        faults: Faults {
            losses: 1,
            power_cuts: 1,
            ..NO_FAULTS
        },
        ..Plan::new("one till, a card with a PIN")
    }
}

fn shared_sale() -> Plan {
    Plan {
        tills: vec![vec![Sale::local(1, 0)], vec![Sale::local(1, 0)]],
        faults: Faults {
            losses: 1,
            ..NO_FAULTS
        },
        ..Plan::new("two tills, one sale, one terminal")
    }
}

fn shared_sale_with_faults() -> Plan {
    Plan {
        faults: Faults {
            losses: 1,
            power_cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        ..Plan {
            name: "two tills, one sale, one fault of each kind",
            ..shared_sale()
        }
    }
}

fn two_sales() -> Plan {
    Plan {
        tills: vec![vec![Sale::local(1, 0)], vec![Sale::local(2, 0)]],
        faults: Faults {
            losses: 1,
            power_cuts: 1,
            ..NO_FAULTS
        },
        ..Plan::new("two tills, two sales, one terminal")
    }
}

fn offline() -> Plan {
    Plan {
        tills: vec![vec![
            Sale::local(1, 0),
            Sale::local(2, 0),
            Sale::local(3, 0),
        ]],
        max_queued: 2,
        faults: Faults {
            outages: 2,
            ..NO_FAULTS
        },
        ..Plan::new("three sales, a queue of two, an internet that flaps")
    }
}

fn offline_and_power() -> Plan {
    Plan {
        tills: vec![vec![Sale::local(1, 0), Sale::local(2, 0)]],
        max_queued: 1,
        faults: Faults {
            outages: 2,
            losses: 1,
            power_cuts: 1,
            ..NO_FAULTS
        },
        ..Plan::new("two sales, a queue of one, power cuts")
    }
}

fn too_much_offline() -> Plan {
    let too_much = Sale {
        amount: super::plan::LIMIT + 1,
        ..Sale::local(1, 0)
    };
    Plan {
        tills: vec![vec![too_much]],
        faults: Faults {
            outages: 1,
            losses: 1,
            power_cuts: 1,
            ..NO_FAULTS
        },
        ..Plan::new("an amount above the offline limit")
    }
}

fn collision() -> Plan {
    Plan {
        tills: vec![vec![Sale::local(1, 0)], vec![Sale::local(1, 1)]],
        terminals: 2,
        guard: Guard::OnePerReference,
        faults: Faults {
            outages: 1,
            losses: 1,
            ..NO_FAULTS
        },
        ..Plan::new("one sale at two terminals, one of them offline")
    }
}

fn bad_disk() -> Plan {
    Plan {
        faults: Faults {
            failed_syncs: 1,
            power_cuts: 1,
            losses: 1,
            ..NO_FAULTS
        },
        ..Plan::new("a write that fails")
    }
}

fn damaged_disk() -> Plan {
    Plan {
        tills: vec![vec![Sale::local(1, 0), Sale::local(2, 0)]],
        faults: Faults {
            damages: 1,
            power_cuts: 1,
            outages: 1,
            ..NO_FAULTS
        },
        ..Plan::new("a disk that is damaged while the power is off")
    }
}

fn swapped() -> Plan {
    Plan {
        faults: Faults {
            swaps: 1,
            power_cuts: 1,
            losses: 1,
            ..NO_FAULTS
        },
        ..Plan::new("a terminal that is swapped for another")
    }
}

fn month() -> Plan {
    Plan {
        faults: Faults {
            months: 1,
            power_cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        ..Plan::new("a till that is switched on again a month later")
    }
}

fn contradicting_host() -> Plan {
    Plan {
        faults: Faults {
            contradictions: 1,
            losses: 1,
            power_cuts: 1,
            ..NO_FAULTS
        },
        ..Plan::new("a host that approves what it had refused")
    }
}

/// Power cuts, and nothing else, over a queue: deep rather than wide.
fn one_restart() -> Plan {
    Plan {
        tills: vec![vec![Sale::local(1, 0), Sale::local(2, 0)]],
        max_queued: 1,
        faults: Faults {
            outages: 2,
            power_cuts: 1,
            ..NO_FAULTS
        },
        ..Plan::new("two sales, a queue of one, one power cut")
    }
}

fn hybrid() -> Plan {
    Plan {
        tills: vec![vec![Sale::local(1, 0).by(Way::Hybrid(0))]],
        faults: Faults {
            losses: 1,
            lan_outages: 1,
            ..NO_FAULTS
        },
        ..Plan::new("hybrid, one loss on either path")
    }
}

fn hybrid_and_power() -> Plan {
    Plan {
        name: "hybrid, a power cut after any effect",
        faults: Faults {
            losses: 1,
            power_cuts: 1,
            ..NO_FAULTS
        },
        ..hybrid()
    }
}

fn hybrid_beside_another() -> Plan {
    Plan {
        name: "hybrid, at a terminal that serves another till too",
        tills: vec![
            vec![Sale::local(1, 0).by(Way::Hybrid(0))],
            vec![Sale::local(2, 0)],
        ],
        faults: Faults {
            losses: 1,
            ..NO_FAULTS
        },
        ..hybrid()
    }
}

fn hybrid_and_crash() -> Plan {
    Plan {
        name: "hybrid, a till that crashes",
        faults: Faults {
            losses: 1,
            crashes: 1,
            lan_outages: 1,
            ..NO_FAULTS
        },
        ..hybrid()
    }
}

fn hybrid_and_cloud_restart() -> Plan {
    Plan {
        name: "hybrid, a cloud that restarts",
        faults: Faults {
            lan_outages: 1,
            outages: 1,
            cloud_restarts: 1,
            ..NO_FAULTS
        },
        ..hybrid()
    }
}

fn group() -> Plan {
    let members = Way::Group(vec![0, 1]);
    Plan {
        tills: vec![vec![Sale::local(1, 0).by(members)], vec![Sale::local(2, 0)]],
        terminals: 2,
        faults: Faults {
            losses: 1,
            ..NO_FAULTS
        },
        ..Plan::new("a group of two, one of them taken")
    }
}

fn group_and_power() -> Plan {
    Plan {
        name: "a group of two, power cuts and crashes",
        tills: vec![vec![Sale::local(1, 0).by(Way::Group(vec![0, 1]))]],
        faults: Faults {
            losses: 1,
            power_cuts: 1,
            crashes: 1,
            ..NO_FAULTS
        },
        ..group()
    }
}

fn two_groups() -> Plan {
    let sale = |number| vec![Sale::local(number, 0).by(Way::Group(vec![0, 1]))];
    Plan {
        name: "two tills at one group",
        tills: vec![sale(1), sale(2)],
        ..group()
    }
}

fn hybrid_group() -> Plan {
    Plan {
        tills: vec![vec![Sale::local(1, 0).by(Way::HybridGroup(vec![0, 1]))]],
        terminals: 2,
        faults: Faults {
            losses: 1,
            lan_outages: 2,
            ..NO_FAULTS
        },
        ..Plan::new("a group of two on the LAN and through the cloud")
    }
}

/// Two tills, two terminals, the cloud and the host, and one fault of almost every kind.
fn everything() -> Plan {
    Plan {
        tills: vec![
            vec![Sale::local(1, 0).by(Way::HybridGroup(vec![0, 1]))],
            vec![Sale::local(2, 0).by(Way::Hybrid(0)), Sale::local(3, 1)],
        ],
        terminals: 2,
        faults: Faults {
            losses: 1,
            power_cuts: 1,
            crashes: 1,
            outages: 1,
            lan_outages: 1,
            cloud_restarts: 1,
            ..NO_FAULTS
        },
        ..Plan::new("two tills, two terminals, cloud and host, one fault of each kind")
    }
}

/// An unsafe design, and where it is looked for.
#[derive(Debug, Clone)]
pub struct Hunt {
    /// The design.
    pub mutant: Mutant,
    /// The shop in which it does its harm.
    pub plan: Arc<Plan>,
    /// How many steps the harm took in the models from which `spec/safety.md` has it.
    pub steps_in_safety: Option<u8>,
}

/// Every unsafe design that a search by states can find.
pub fn hunts() -> Vec<Hunt> {
    use Mutant::*;
    let hunts: Vec<(Mutant, Plan, Option<u8>)> = vec![
        (HostForgets, lossy(), Some(6)),
        (TerminalJoinsNothing, lossy(), Some(9)),
        (DedupesInMemoryOnly, power(), Some(9)),
        (NoTombstone, lossy(), Some(11)),
        (CancelledWhileAuthorizing, lossy(), Some(11)),
        (ComparesWithTheLatestOnly, lossy(), None),
        (TakesTheNewestEntry, shared_sale(), Some(12)),
        (StatusQueryDoesNotVoid, lossy(), Some(12)),
        (LostAuthorizationFails, lossy(), Some(10)),
        (CancelledAtTheEnd, lossy(), Some(10)),
        (TrustsAnOldEmptyList, month(), Some(14)),
        (TrustsAnotherJournal, swapped(), Some(14)),
        (NoGuardAcrossTerminals, collision(), Some(8)),
        (PendingLeftAtBoot, power(), Some(4)),
        (InProgressIsUnpaid, shared_sale(), Some(9)),
        (HangingKeepsBusy, two_sales(), Some(4)),
        (WaitsForOfflineAcceptance, offline(), Some(5)),
        (CancelRemovesQueued, offline_and_power(), Some(11)),
        (PaysAgainBeforeLookUp, lossy(), None),
        (UnreachableIsUnpaid, power(), None),
        (DoesNotAwaitTheCancel, lossy(), None),
        (SendsBeforeStoring, lossy(), None),
        (RemovesBeforeDurable, offline_and_power(), None),
        (RemovesAfterSilence, offline(), None),
        (LimitAfterTheCard, too_much_offline(), None),
        (CountsAtAdmissionOnly, too_much_offline(), None),
        (DrainsInTwoTasks, offline(), None),
        (ReusesSequence, one_restart(), None),
        (ReadsTornTail, power(), None),
        (DamageIsEmpty, damaged_disk(), None),
        (IgnoresFailedSync, bad_disk(), None),
        (NoReversal, contradicting_host(), None),
        (CloudPicksAnotherTerminal, hybrid_group(), Some(9)),
        (RefusalSpeaksForAllCopies, hybrid_beside_another(), Some(10)),
        (GroupToCloudWhileHeld, hybrid_group(), Some(11)),
        (OnePathEndsTheCall, hybrid(), Some(10)),
        (LeavesAttemptBehind, group(), None),
    ];
    hunts
        .into_iter()
        .map(|(mutant, plan, steps_in_safety)| Hunt {
            mutant,
            plan: Arc::new(plan),
            steps_in_safety,
        })
        .collect()
}
