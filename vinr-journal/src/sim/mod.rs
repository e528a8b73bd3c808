//! A disk in memory that remembers every operation, so that a test can cut the power after each of them and look at
//! every image that a lawful disk may then hold.
//!
//! What is promised is what POSIX and the usual file systems promise, and no more. A write is safe after a sync of its
//! file; until then each of its sectors is there or not, in any order, and the last one may have broken off at any
//! byte. A name is safe after a sync of its directory; names given since may be there up to any point. A sync that
//! fails has lost what it was to make safe, while reading goes on to show it.
//!
//! ```
//! use std::path::Path;
//! use vinr_journal::sim::{Bounds, SimDisk};
//! use vinr_journal::Disk;
//!
//! let disk = SimDisk::default();
//! let file = disk.create(Path::new("/data/file"))?;
//! file.write_at(b"one", 0)?;
//! let mut kinds = std::collections::BTreeSet::new();
//! disk.crashes(0, &Bounds::ALL, &mut |_, image| {
//!     kinds.insert(image.bytes(Path::new("/data/file")).map(<[u8]>::to_vec));
//! });
//! // Its name is not safe, and its bytes are not.
//! assert_eq!(kinds.len(), 5);
//! # std::io::Result::Ok(())
//! ```

mod crash;
mod image;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Access, Disk, DiskFile};
pub use crash::Bounds;
pub use image::Image;

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What was there in the beginning.
    base: Image,
    names: BTreeMap<PathBuf, usize>,
    nodes: Vec<Vec<u8>>,
    done: Vec<Op>,
    /// How many operations that change something were tried.
    tried: u64,
    faults: Vec<(u64, Fault)>,
    is_broken: bool,
    capacity: Option<u64>,
}

/// What was done. Nodes are numbered: those of the base first, in the order of their names, then in that of their
/// making.
#[derive(Debug, Clone)]
enum Op {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    SyncDir(PathBuf),
    Write(usize, u64, Arc<[u8]>),
    Sync(usize),
    /// It failed: what was written and not synced never reaches the disk.
    SyncLost(usize),
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It says so and does nothing; a sync loses what it was to make safe, and reading goes on to show it.
    Error,
    /// A write says so and has written this much.
    Short(usize),
    /// It says that the disk is full, and does nothing; a sync loses what it was to make safe, as for any error.
    Full,
    /// It and all after it say so.
    Broken,
}

impl SimDisk {
    /// A disk that holds an image.
    pub fn of(base: Image) -> Self {
        let nodes: Vec<Vec<u8>> = base.files().map(|(_, bytes)| bytes.to_vec()).collect();
        let names = base.files().map(|(path, _)| path.to_owned());
        Self(Arc::new(Mutex::new(State {
            names: names.zip(0..).collect(),
            nodes,
            base,
            ..State::default()
        })))
    }

    /// How many operations were done: where a crash can be put.
    pub fn position(&self) -> usize {
        self.state().done.len()
    }

    /// How many operations that change something were tried so far, those that failed included.
    pub fn tried(&self) -> u64 {
        self.state().tried
    }

    /// The operation after so many more fails.
    pub fn fail_after(&self, operations: u64, fault: Fault) {
        let mut state = self.state();
        let nth = state.tried + operations;
        state.faults.push((nth, fault));
    }

    /// The files may take so many bytes in all; `None` for any number.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity = bytes;
    }

    /// How many bytes the files take.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// What a process sees that starts now, without a power cut in between.
    pub fn image(&self) -> Image {
        let state = self.state();
        let files = state.names.iter();
        Image::of(files.map(|(path, node)| (path.clone(), state.nodes[*node].clone())))
    }

    /// Every image, within bounds, that a power cut may leave at each position from `from` on. An image may come more
    /// than once: they compare and hash.
    pub fn crashes(&self, from: usize, bounds: &Bounds, each: &mut dyn FnMut(usize, Image)) {
        let (base, done) = {
            let state = self.state();
            (state.base.clone(), state.done.clone())
        };
        crash::crashes(&base, &done, from, bounds, each);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn used(&self) -> u64 {
        let nodes = self
            .names
            .values()
            .map(|node| self.nodes[*node].len() as u64);
        nodes.sum()
    }

    /// Does the next operation that changes something fail?
    fn fault(&mut self) -> Option<Fault> {
        let now = self.tried;
        self.tried += 1;
        let fault = self.faults.iter().find(|(nth, _)| *nth == now);
        let fault = fault.map(|(_, fault)| *fault);
        self.is_broken |= fault == Some(Fault::Broken);
        if self.is_broken {
            Some(Fault::Broken)
        } else {
            fault
        }
    }

    fn may(&mut self) -> io::Result<()> {
        match self.fault() {
            Some(Fault::Full) => Err(ErrorKind::StorageFull.into()),
            Some(Fault::Error | Fault::Short(_) | Fault::Broken) => Err(broken()),
            None => Ok(()),
        }
    }

    fn node(&self, path: &Path) -> io::Result<usize> {
        let node = self.names.get(path).copied();
        node.ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn write(&mut self, node: usize, bytes: &[u8], at: u64) -> io::Result<()> {
        let begin = usize::try_from(at).map_err(|_| ErrorKind::FileTooLarge)?;
        let (written, said) = match self.fault() {
            None => (bytes.len(), Ok(())),
            Some(Fault::Short(kept)) => (kept.min(bytes.len()), Err(broken())),
            Some(Fault::Full) => (0, Err(ErrorKind::StorageFull.into())),
            Some(Fault::Error | Fault::Broken) => (0, Err(broken())),
        };
        let longer = (begin + written).saturating_sub(self.nodes[node].len()) as u64;
        if self
            .capacity
            .is_some_and(|it| longer > 0 && self.used() + longer > it)
        {
            return Err(ErrorKind::StorageFull.into());
        }
        if written > 0 {
            let bytes = &bytes[..written];
            put(&mut self.nodes[node], bytes, begin);
            self.done.push(Op::Write(node, at, bytes.into()));
        }
        said
    }

    fn sync(&mut self, node: usize) -> io::Result<()> {
        let may = self.may();
        self.done.push(match may {
            Ok(()) => Op::Sync(node),
            Err(_) => Op::SyncLost(node),
        });
        may
    }
}

fn broken() -> io::Error {
    io::Error::other("the disk reports an error")
}

/// Writes over a file; what is between its end and the beginning is zeros.
fn put(file: &mut Vec<u8>, bytes: &[u8], at: usize) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let node = self.state().node(path)?;
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            node,
            access,
        }))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.may()?;
        if state.names.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let node = state.nodes.len();
        state.nodes.push(Vec::new());
        state.names.insert(path.to_owned(), node);
        state.done.push(Op::Create(path.to_owned(), node));
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            node,
            access: Access::Write,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.may()?;
        let node = state.node(from)?;
        state.names.remove(from);
        state.names.insert(to.to_owned(), node);
        state.done.push(Op::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.may()?;
        state.node(path)?;
        state.names.remove(path);
        state.done.push(Op::Remove(path.to_owned()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        let names = inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(names.collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.may()?;
        state.done.push(Op::SyncDir(dir.to_owned()));
        Ok(())
    }
}

/// A file of a [`SimDisk`].
#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    node: usize,
    access: Access,
}

impl DiskFile for SimFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().nodes[self.node].len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let file = &state.nodes[self.node];
        let begin = usize::try_from(at).unwrap_or(usize::MAX).min(file.len());
        let read = buffer.len().min(file.len() - begin);
        buffer[..read].copy_from_slice(&file[begin..begin + read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        match self.access {
            Access::Read => Err(ErrorKind::PermissionDenied.into()),
            Access::Write => self.disk.state().write(self.node, bytes, at),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.state().sync(self.node)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk.state().sync(self.node)
    }
}
