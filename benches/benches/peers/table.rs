//! All subjects in turn, block by block, each after a block of the floor.

use std::time::Duration;

use vinr_benches::ratio::{Rounds, Sample};
use vinr_benches::shop::Failure;

use crate::SDK;

/// What a payment took: from the call to the head of the answer, and to the outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub(crate) head: Duration,
    pub(crate) whole: Duration,
}

/// Who can pay.
pub(crate) trait Client {
    fn pay(&mut self) -> Result<Took, Failure>;
}

/// One line.
pub(crate) struct Subject {
    name: &'static str,
    client: Box<dyn Client>,
    wanted: Option<f64>,
}

impl Subject {
    pub(crate) fn new(name: &'static str, client: impl Client + 'static) -> Self {
        Self::wanted(name, client, None)
    }

    /// So many times as long as the SDK's call it is wanted to take.
    pub(crate) fn wanted(
        name: &'static str,
        client: impl Client + 'static,
        wanted: Option<f64>,
    ) -> Self {
        let client = Box::new(client);
        Self {
            name,
            client,
            wanted,
        }
    }
}

/// How many payments in a row.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    /// So many first, which are not counted.
    pub(crate) unseen: usize,
    pub(crate) of: usize,
}

pub(crate) struct Table {
    pub(crate) kind: &'static str,
    subjects: Vec<Subject>,
    /// To the head, beside the floor.
    pub(crate) heads: Vec<Rounds>,
    /// To the outcome, beside the SDK's call.
    calls: Vec<Rounds>,
}

/// Rounds before the ones that count.
const WARM_UP: usize = 5;

impl Table {
    pub(crate) fn new(kind: &'static str, subjects: Vec<Subject>) -> Self {
        let beside = |against: String| {
            let rounds = |it: &Subject| Rounds::new(it.name, against.clone());
            subjects.iter().map(rounds).collect()
        };
        Self {
            kind,
            heads: beside(format!("floor, {kind}")),
            calls: beside(format!("the SDK's call, {kind}")),
            subjects,
        }
    }

    pub(crate) fn take(
        &mut self,
        rounds: usize,
        block: Block,
        floor: &mut Sample<'_>,
    ) -> Result<(), Failure> {
        let ours = self.subjects.iter().position(|it| it.name == SDK);
        let ours = ours.ok_or("the SDK is not among them")?;
        let count = self.subjects.len();
        for round in 0..rounds + WARM_UP {
            let mut calls = vec![Vec::new(); count];
            for nth in 0..count {
                // Each is before and behind each other's back in its turn.
                let nth = (nth + round) % count;
                let of_floor = in_a_row(block, floor)?;
                let client = &mut self.subjects[nth].client;
                let taken = in_a_row(block, &mut || client.pay())?;
                calls[nth] = taken.iter().map(|it| it.whole).collect();
                if round >= WARM_UP {
                    let heads: Vec<_> = taken.iter().map(|it| it.head).collect();
                    self.heads[nth].add(&of_floor, &heads);
                }
            }
            if round >= WARM_UP {
                for (rounds, theirs) in self.calls.iter_mut().zip(&calls) {
                    rounds.add(&calls[ours], theirs);
                }
            }
        }
        Ok(())
    }

    /// What is promised, and whether it is so.
    fn promises(&self) -> impl Iterator<Item = String> {
        let promised = |(subject, rounds): (&Subject, &Rounds)| {
            let (wanted, ratio) = (subject.wanted?, rounds.ratio(0.5));
            let said = if ratio >= wanted {
                "reached"
            } else {
                "NOT REACHED"
            };
            let (name, kind) = (subject.name, self.kind);
            Some(format!(
                "{name}, {kind}: {ratio:.2} times as long as the SDK, {wanted} wanted: {said}"
            ))
        };
        self.subjects.iter().zip(&self.calls).filter_map(promised)
    }

    /// Others beside the SDK's call; ours beside itself says nothing.
    fn others(&self) -> impl Iterator<Item = &Rounds> {
        self.calls.iter().filter(|it| it.name() != SDK)
    }
}

fn in_a_row<T>(
    block: Block,
    sample: &mut dyn FnMut() -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    for _ in 0..block.unseen {
        sample()?;
    }
    (0..block.of).map(|_| sample()).collect()
}

pub(crate) fn print(tables: &[&Table]) {
    println!("{}", Rounds::head());
    let heads = tables.iter().flat_map(|it| &it.heads);
    let calls = tables.iter().flat_map(|it| it.others());
    heads.chain(calls).for_each(|it| println!("{}", it.line()));
    println!(
        "\nAgainst the floor: from the call to the head. Against the SDK's call: from the call to the outcome.\n"
    );
    let promises = tables.iter().flat_map(|it| it.promises());
    promises.for_each(|line| println!("- {line}"));
}
