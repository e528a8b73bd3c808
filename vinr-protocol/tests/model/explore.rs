//! Breadth-first over every state, so that the first violation found has the shortest story.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::world::{Violation, World};

/// What was seen.
pub(crate) struct Explored {
    pub(crate) states: usize,
    /// Every state that can be reached was seen.
    pub(crate) complete: bool,
    pub(crate) depth: usize,
    pub(crate) violation: Option<(Violation, Vec<String>)>,
}

/// A state by its fingerprint, and the step that led there.
type Parents = HashMap<u64, Option<(u64, usize)>>;

pub(crate) fn explore(start: World, limit: usize) -> Explored {
    let mut parents: Parents = HashMap::from([(fingerprint(&start), None)]);
    let mut frontier = VecDeque::from([(start.clone(), 0)]);
    let mut depth = 0;
    while let Some((world, steps)) = frontier.pop_front() {
        depth = steps;
        let here = fingerprint(&world);
        for (nth, action) in world.actions().into_iter().enumerate() {
            match world.after(&action) {
                Err(violation) => {
                    let mut story = story(&start, &parents, here);
                    story.push(action.to_string());
                    let states = parents.len();
                    let violation = Some((violation, story));
                    return Explored {
                        states,
                        complete: false,
                        depth: steps + 1,
                        violation,
                    };
                }
                Ok(next) => {
                    if let Entry::Vacant(unseen) = parents.entry(fingerprint(&next)) {
                        unseen.insert(Some((here, nth)));
                        frontier.push_back((next, steps + 1));
                    }
                }
            }
        }
        if parents.len() >= limit {
            return Explored {
                states: parents.len(),
                complete: false,
                depth,
                violation: None,
            };
        }
    }
    Explored {
        states: parents.len(),
        complete: true,
        depth,
        violation: None,
    }
}

fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// Walks back to the start, then tells the steps forward again.
fn story(start: &World, parents: &Parents, end: u64) -> Vec<String> {
    let mut steps = Vec::new();
    let mut here = end;
    while let Some(Some((before, nth))) = parents.get(&here) {
        steps.push(*nth);
        here = *before;
    }
    let mut world = start.clone();
    let mut told = Vec::new();
    for nth in steps.into_iter().rev() {
        let action = world.actions().swap_remove(nth);
        told.push(action.to_string());
        world = world.after(&action).expect("this step was taken before");
    }
    told
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.complete {
            "all of them"
        } else {
            "and no more were tried"
        };
        write!(f, "{} states to depth {}, {whole}", self.states, self.depth)?;
        if let Some((violation, story)) = &self.violation {
            write!(f, "\n{violation}\n")?;
            for (nth, step) in story.iter().enumerate() {
                writeln!(f, "  {:2}. {step}", nth + 1)?;
            }
        }
        Ok(())
    }
}
