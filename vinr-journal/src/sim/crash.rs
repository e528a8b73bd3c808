//! Which images a power cut may leave.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Image, Op, put};
use crate::frame::SECTOR;

/// How many of the lawful images are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The write in flight is broken off at every so many bytes, and before and after each edge of a sector.
    pub torn_every: usize,
    /// Are single sectors lost, and single sectors kept, of all that was not synced?
    pub sectors: bool,
    /// How many further subsets of the sectors that were not synced are drawn.
    pub subsets: u32,
}

impl Bounds {
    /// Every torn length, every single sector lost or kept, and a few subsets.
    pub const ALL: Self = Self {
        torn_every: 1,
        sectors: true,
        subsets: 8,
    };

    /// A few torn lengths, every single sector: for searches that go deep.
    pub const FEW: Self = Self {
        torn_every: 97,
        sectors: true,
        subsets: 1,
    };
}

/// What is safe at some position, and what is not.
struct Cursor {
    names: BTreeMap<PathBuf, usize>,
    /// What was done to names since their directory was synced.
    renamed: Vec<Op>,
    nodes: Vec<Node>,
}

#[derive(Default, Clone)]
struct Node {
    safe: Vec<u8>,
    /// What was written since it was synced.
    pending: Vec<(u64, Arc<[u8]>)>,
}

pub(super) fn crashes(
    base: &Image,
    done: &[Op],
    from: usize,
    bounds: &Bounds,
    each: &mut dyn FnMut(usize, Image),
) {
    let mut cursor = Cursor::of(base);
    for position in 0..=done.len() {
        if position >= from {
            cursor.images(bounds, position as u64, &mut |image| each(position, image));
        }
        if let Some(op) = done.get(position) {
            cursor.step(op);
        }
    }
}

impl Cursor {
    fn of(base: &Image) -> Self {
        let names = base.files().map(|(path, _)| path.to_owned());
        let nodes = base.files().map(|(_, bytes)| Node {
            safe: bytes.to_vec(),
            pending: Vec::new(),
        });
        Self {
            names: names.zip(0..).collect(),
            renamed: Vec::new(),
            nodes: nodes.collect(),
        }
    }

    fn step(&mut self, op: &Op) {
        match op {
            Op::Create(_, node) => {
                self.nodes.resize(node + 1, Node::default());
                self.renamed.push(op.clone());
            }
            Op::Rename(..) | Op::Remove(_) => self.renamed.push(op.clone()),
            Op::SyncDir(dir) => {
                let renamed = std::mem::take(&mut self.renamed);
                let (safe, other): (Vec<_>, Vec<_>) =
                    renamed.into_iter().partition(|op| dir_of(op) == Some(dir));
                safe.iter().for_each(|op| rename(&mut self.names, op));
                self.renamed = other;
            }
            Op::Write(node, at, bytes) => self.nodes[*node].pending.push((*at, bytes.clone())),
            Op::Sync(node) => {
                let node = &mut self.nodes[*node];
                for (at, bytes) in std::mem::take(&mut node.pending) {
                    put(&mut node.safe, &bytes, at as usize);
                }
            }
            Op::SyncLost(node) => self.nodes[*node].pending.clear(),
        }
    }

    fn images(&self, bounds: &Bounds, seed: u64, each: &mut dyn FnMut(Image)) {
        for names in self.names_after_a_cut() {
            self.contents_after_a_cut(bounds, seed, &mut |kept| {
                let mut image = Image::default();
                for (path, node) in &names {
                    let mut file = self.nodes[*node].safe.clone();
                    for piece in kept.iter().filter(|piece| piece.node == *node) {
                        put(&mut file, piece.bytes, piece.at);
                    }
                    image.insert_shared(path.clone(), file.into());
                }
                each(image);
            });
        }
    }

    /// Names that were given since the last sync are there up to any point, or all but one of them.
    fn names_after_a_cut(&self) -> Vec<BTreeMap<PathBuf, usize>> {
        let count = self.renamed.len();
        let up_to = (0..=count).map(|kept| (0..count).map(|at| at < kept).collect::<Vec<_>>());
        let but_one = (0..count).map(|lost| (0..count).map(|at| at != lost).collect());
        let mut all = Vec::new();
        for choice in up_to.chain(but_one) {
            let mut names = self.names.clone();
            for (op, _) in self.renamed.iter().zip(&choice).filter(|(_, is)| **is) {
                rename(&mut names, op);
            }
            if !all.contains(&names) {
                all.push(names);
            }
        }
        all
    }

    fn contents_after_a_cut(&self, bounds: &Bounds, seed: u64, each: &mut dyn FnMut(&[Piece<'_>])) {
        let pieces = self.pieces();
        each(&[]);
        if pieces.is_empty() {
            return;
        }
        each(&pieces);
        // The last write of each file broke off, all before it arrived.
        for (node, Node { pending, .. }) in self.nodes.iter().enumerate() {
            let Some((at, bytes)) = pending.last() else {
                continue;
            };
            let is_before =
                |piece: &&Piece<'_>| !(piece.node == node && piece.write == pending.len() - 1);
            let before: Vec<_> = pieces.iter().filter(is_before).copied().collect();
            for length in 1..bytes.len() {
                let edge = (*at as usize + length) % SECTOR;
                let is_near_an_edge = edge <= 1 || edge == SECTOR - 1;
                if length % bounds.torn_every != 0 && !is_near_an_edge {
                    continue;
                }
                let mut kept = before.clone();
                kept.push(Piece {
                    node,
                    write: pending.len() - 1,
                    at: *at as usize,
                    bytes: &bytes[..length],
                });
                each(&kept);
            }
        }
        if bounds.sectors && pieces.len() > 1 {
            for at in 0..pieces.len() {
                each(&pieces[at..=at]);
                let mut others = pieces.clone();
                others.remove(at);
                each(&others);
            }
        }
        let mut dice = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for _ in 0..bounds.subsets {
            let kept: Vec<_> = pieces.iter().filter(|_| toss(&mut dice)).copied().collect();
            each(&kept);
        }
    }

    /// All that was written and not synced, by sectors, in the order in which it was written.
    fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        for (node, Node { pending, .. }) in self.nodes.iter().enumerate() {
            for (write, (at, bytes)) in pending.iter().enumerate() {
                let (mut at, mut rest) = (*at as usize, &bytes[..]);
                while !rest.is_empty() {
                    let length = (SECTOR - at % SECTOR).min(rest.len());
                    let (bytes, after) = rest.split_at(length);
                    pieces.push(Piece {
                        node,
                        write,
                        at,
                        bytes,
                    });
                    (at, rest) = (at + length, after);
                }
            }
        }
        pieces
    }
}

/// A sector of a write.
#[derive(Clone, Copy)]
struct Piece<'a> {
    node: usize,
    write: usize,
    at: usize,
    bytes: &'a [u8],
}

fn toss(dice: &mut u64) -> bool {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice & 64 != 0
}

fn dir_of(op: &Op) -> Option<&Path> {
    match op {
        Op::Create(path, _) | Op::Remove(path) | Op::Rename(_, path) => path.parent(),
        Op::SyncDir(_) | Op::Write(..) | Op::Sync(_) | Op::SyncLost(_) => None,
    }
}

fn rename(names: &mut BTreeMap<PathBuf, usize>, op: &Op) {
    match op {
        Op::Create(path, node) => drop(names.insert(path.clone(), *node)),
        Op::Rename(from, to) => {
            // A rename that overtook the making of its file does nothing yet.
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
        Op::Remove(path) => drop(names.remove(path)),
        Op::SyncDir(_) | Op::Write(..) | Op::Sync(_) | Op::SyncLost(_) => {}
    }
}
