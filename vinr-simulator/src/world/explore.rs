//! Every order of events, breadth first, so that the first violation found has the shortest story.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use super::action::{Action, Then};
use super::invariant::Violation;
use super::plan::Plan;
use super::shop::{Parts, Shop};

/// What a search saw.
#[derive(Debug, Clone)]
pub struct Explored {
    /// The plan's name.
    pub plan: &'static str,
    /// How many states, each counted once.
    pub states: usize,
    /// The most steps that lead to one of them by the shortest way.
    pub depth: usize,
    /// Was it every state that can be reached?
    pub extent: Extent,
    /// How often a fair future was played to its end from a state.
    pub futures: usize,
    /// The first violation, with the shortest story that leads to it.
    pub found: Option<Found>,
}

/// Was it every state?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Every state that can be reached.
    Whole,
    /// As many as were allowed.
    Bounded,
}

/// A violation and how it comes about.
#[derive(Debug, Clone)]
pub struct Found {
    /// What does not hold.
    pub violation: Violation,
    /// Step by step, the shortest way.
    pub story: Vec<String>,
}

/// How much a search may do.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most states.
    pub states: usize,
    /// From one state in so many a fair future is played to its end.
    pub future_every: u64,
}

/// The step that first led to a state: from where, and which choice there.
#[derive(Debug, Clone, Copy)]
struct Step {
    from: u64,
    choice: u16,
}

type Seen = HashMap<u64, Option<Step>, BuildHasherDefault<AsItIs>>;

/// A state that is still to be looked at, by the step that leads to it: many of them have one state before them, and
/// doing a step once more costs less than keeping what it leads to.
struct Waiting {
    before: Rc<Shop>,
    /// `None` for the first state of all.
    action: Option<Action>,
}

impl Waiting {
    fn shop(self) -> Option<Shop> {
        match &self.action {
            None => Some((*self.before).clone()),
            Some(action) => self.before.after(action).ok().flatten(),
        }
    }
}

/// Looks at every state of a shop, nearest first, until the bounds are met or something does not hold.
pub fn explore(plan: &Arc<Plan>, bounds: Bounds) -> Explored {
    let start = Shop::open(plan);
    let mut explored = Explored {
        plan: plan.name,
        states: 1,
        depth: 0,
        extent: Extent::Whole,
        futures: 0,
        found: None,
    };
    let mut seen = Seen::from_iter([(start.fingerprint(), None)]);
    let mut parts = Parts::default();
    let mut ring = vec![Waiting {
        before: Rc::new(start.clone()),
        action: None,
    }];
    while !ring.is_empty() {
        let mut next = Vec::new();
        for waiting in mem::take(&mut ring) {
            let Some(mut shop) = waiting.shop() else {
                continue;
            };
            shop.share(&mut parts);
            let shop = Rc::new(shop);
            let from = shop.fingerprint();
            let mut is_beyond = false;
            for (choice, action) in shop.choices().into_iter().enumerate() {
                // Where it has fewer effects than this, it has fewer than the next.
                is_beyond &= matches!(action.fate(), Then::CutAfter(nth) if nth > 0);
                if is_beyond {
                    continue;
                }
                let step = Step {
                    from,
                    choice: u16::try_from(choice).unwrap_or(u16::MAX),
                };
                let violation = match shop.after(&action) {
                    Ok(None) => {
                        is_beyond = matches!(action.fate(), Then::CutAfter(_));
                        continue;
                    }
                    Ok(Some(after)) => {
                        let fingerprint = after.fingerprint();
                        let Entry::Vacant(unseen) = seen.entry(fingerprint) else {
                            continue;
                        };
                        unseen.insert(Some(step));
                        let plays = fingerprint.is_multiple_of(bounds.future_every);
                        explored.futures += usize::from(plays);
                        next.push(Waiting {
                            before: shop.clone(),
                            action: Some(action.clone()),
                        });
                        match if plays { after.settles() } else { Ok(()) } {
                            Ok(()) => continue,
                            Err(violation) => violation,
                        }
                    }
                    Err(violation) => violation,
                };
                explored.states = seen.len();
                explored.depth += 1;
                let mut story = story(&start, &seen, from);
                story.push(action.to_string());
                explored.found = Some(Found { violation, story });
                return explored;
            }
            if seen.len() >= bounds.states {
                explored.states = seen.len();
                explored.extent = Extent::Bounded;
                return explored;
            }
        }
        ring = next;
        explored.depth += usize::from(!ring.is_empty());
    }
    explored.states = seen.len();
    explored
}

/// Walks back to the start, then tells the steps forward again.
fn story(start: &Shop, seen: &Seen, end: u64) -> Vec<String> {
    let mut choices = Vec::new();
    let mut here = end;
    while let Some(Some(step)) = seen.get(&here) {
        choices.push(step.choice);
        here = step.from;
    }
    let mut shop = start.clone();
    let mut told = Vec::new();
    for choice in choices.into_iter().rev() {
        let action = shop.choices().swap_remove(usize::from(choice));
        told.push(action.to_string());
        if let Ok(Some(after)) = shop.after(&action) {
            shop = after;
        }
    }
    told
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extent = match self.extent {
            Extent::Whole => "every one that can be reached",
            Extent::Bounded => "bounded",
        };
        write!(
            f,
            "{}: {} states, depth {}, {extent}, {} fair futures",
            self.plan, self.states, self.depth, self.futures
        )?;
        match &self.found {
            None => Ok(()),
            Some(found) => write!(f, "\n{found}"),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}", self.violation)?;
        for (nth, step) in self.story.iter().enumerate() {
            writeln!(f, "  {:2}. {step}", nth + 1)?;
        }
        Ok(())
    }
}

/// A fingerprint is a hash already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
