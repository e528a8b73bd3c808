//! Every moment at which it may go wrong, and every way.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use vinr_journal::OpenError;
use vinr_journal::sim::{self, Fault, Image, SimDisk};
use vinr_protocol::terminal::Record;

use super::design::Design;
use super::judge::{Fails, Judged, Late, Violation};
use super::scene::{Keys, Moment, Scene, Stage};
use super::script::{Script, Step};
use super::told::World;

/// How far it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The images of the first power cut.
    pub first: sim::Bounds,
    /// The images of a power cut during a start.
    pub again: sim::Bounds,
    /// From one image in so many the start is interrupted again.
    pub deeper_every: u64,
    /// How many power cuts in a row.
    pub depth: usize,
    /// One operation of the disk in so many fails.
    pub faults_every: usize,
    /// One byte in so many has a bit flipped.
    pub flips_every: usize,
}

impl Bounds {
    /// Every torn length, every failing operation, every byte.
    pub const ALL: Self = Self {
        first: sim::Bounds::ALL,
        again: sim::Bounds::FEW,
        deeper_every: 31,
        depth: 3,
        faults_every: 1,
        flips_every: 1,
    };

    /// What a test has time for.
    pub const FEW: Self = Self {
        first: sim::Bounds {
            torn_every: 211,
            sectors: false,
            subsets: 1,
        },
        again: sim::Bounds {
            torn_every: 1009,
            sectors: false,
            subsets: 0,
        },
        deeper_every: 61,
        depth: 3,
        faults_every: 7,
        flips_every: 397,
    };
}

/// What was done to the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It ran undisturbed.
    Undisturbed,
    /// So many power cuts in a row.
    PowerCut(usize),
    /// An operation of the disk failed, then the process started again.
    FailedOperation,
    /// An operation of the disk failed, then the power went.
    FailedThenPowerCut,
    /// An operation of the disk failed during a start.
    FailedStart,
    /// The disk was full at a start.
    FullDisk,
    /// A bit was flipped.
    FlippedBit,
    /// A file was gone.
    MissingFile,
    /// An older image was put back.
    RolledBack,
}

impl Kind {
    /// May it refuse service?
    fn is_damage(self) -> bool {
        matches!(
            self,
            Kind::FlippedBit | Kind::MissingFile | Kind::RolledBack
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Undisturbed => "undisturbed",
            Kind::PowerCut(1) => "power cut",
            Kind::PowerCut(2) => "power cut during the start after one",
            Kind::PowerCut(_) => "power cut during the start after two",
            Kind::FailedOperation => "failed operation, new process",
            Kind::FailedThenPowerCut => "failed operation, power cut",
            Kind::FailedStart => "failed operation during a start",
            Kind::FullDisk => "full disk at a start",
            Kind::FlippedBit => "flipped bit",
            Kind::MissingFile => "missing file",
            Kind::RolledBack => "older image",
        })
    }
}

/// How much was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// States that were looked at, no two of them with the same disk and the same world.
    pub states: u64,
    /// Of these, those in which the terminal refused service.
    pub refused: u64,
    /// Of these, those in which something was wrong.
    pub violations: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// By what was done.
    pub tallies: BTreeMap<Kind, Tally>,
    /// The first violations, with where they were found.
    pub found: Vec<(String, Violation)>,
}

impl Report {
    /// Takes another one in.
    pub fn add(&mut self, other: Report) {
        for (kind, tally) in other.tallies {
            let sum = self.tallies.entry(kind).or_default();
            sum.states += tally.states;
            sum.refused += tally.refused;
            sum.violations += tally.violations;
        }
        self.found.extend(other.found);
    }

    /// Over all kinds.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in self.tallies.values() {
            total.states += tally.states;
            total.refused += tally.refused;
            total.violations += tally.violations;
        }
        total
    }
}

/// Tries a script. It ends at the first violation where `until_found`.
pub fn explore(
    script: &Script,
    keys: &Keys,
    design: Design,
    bounds: Bounds,
    until_found: bool,
) -> Report {
    let stage = Stage {
        script,
        keys,
        design,
    };
    let mut engine = Engine {
        stage,
        bounds,
        until_found,
        seen: HashSet::new(),
        report: Report::default(),
        counted: 0,
    };
    engine.run();
    engine.report
}

struct Engine<'a> {
    stage: Stage<'a>,
    bounds: Bounds,
    until_found: bool,
    seen: HashSet<u64>,
    report: Report,
    counted: u64,
}

/// How many violations are told in full.
const TOLD: usize = 5;

/// A script that was played.
struct Played {
    disk: SimDisk,
    moments: Vec<Moment>,
    written: Vec<(usize, Record)>,
    world: World,
    /// Disk and world before each step.
    before: Vec<(Image, World)>,
}

impl<'a> Engine<'a> {
    fn run(&mut self) {
        let disk = SimDisk::default();
        let played = match self.play(disk) {
            Ok(played) => played,
            Err(error) => {
                let why = Violation(format!("it does not start: {error}"));
                return self.violates(Kind::Undisturbed, "the whole script", why);
            }
        };
        let operations = played.disk.tried();
        self.look(
            Kind::Undisturbed,
            "the end",
            &played.disk.image(),
            &played.world,
            None,
        );
        self.power_cuts(&played.disk, &played.moments, &played.written, 1);
        self.damage(&played);
        self.failed_operations(operations);
        self.failed_starts(&played);
        self.full_disks(&played);
    }

    fn play(&self, disk: SimDisk) -> Result<Played, OpenError> {
        let script = self.stage.script;
        let mut scene = Scene::start(self.stage, disk, World::new(script.guard), None)?;
        let mut before = Vec::new();
        for step in &script.steps {
            before.push((scene.disk.image(), scene.world.clone()));
            scene.play(*step)?;
        }
        Ok(Played {
            disk: scene.disk,
            moments: scene.moments,
            written: scene.written,
            world: scene.world,
            before,
        })
    }

    fn is_over(&self) -> bool {
        self.until_found && !self.report.found.is_empty()
    }

    /// Every image that a power cut may leave, with each moment of the world that fits.
    fn power_cuts(
        &mut self,
        disk: &SimDisk,
        moments: &[Moment],
        written: &[(usize, Record)],
        depth: usize,
    ) {
        let bounds = match depth {
            1 => self.bounds.first,
            _ => self.bounds.again,
        };
        let end = moments.last().map_or(0, |it| it.position);
        disk.crashes(0, &bounds, &mut |position, image| {
            if self.is_over() || depth > 1 && position > end {
                return;
            }
            let writing = written.iter().rev().find(|(from, _)| *from <= position);
            let writing = writing.map(|(_, record)| record);
            let before = moments
                .iter()
                .rposition(|it| it.position < position)
                .unwrap_or(0);
            let fits = moments[before..]
                .iter()
                .take_while(|it| it.position <= position);
            for moment in fits {
                self.power_cut(position, &image, moment, writing, depth);
            }
        });
    }

    fn power_cut(
        &mut self,
        position: usize,
        image: &Image,
        moment: &Moment,
        writing: Option<&Record>,
        depth: usize,
    ) {
        let world: &Rc<World> = &moment.world;
        let place = format!("position {position}");
        if !self.look(Kind::PowerCut(depth), &place, image, world, writing) {
            return;
        }
        self.counted += 1;
        if depth >= self.bounds.depth || !self.counted.is_multiple_of(self.bounds.deeper_every) {
            return;
        }
        let disk = SimDisk::of(image.clone());
        let world = World::clone(world);
        if let Ok(scene) = Scene::start(self.stage, disk, world, writing) {
            let Scene {
                disk,
                moments,
                written,
                ..
            } = scene;
            self.power_cuts(&disk, &moments, &written, depth + 1);
        }
    }

    fn damage(&mut self, played: &Played) {
        let image = played.disk.image();
        let world = &played.world;
        let files: Vec<(PathBuf, usize)> = image
            .files()
            .map(|(path, bytes)| (path.to_owned(), bytes.len()))
            .collect();
        for (path, length) in &files {
            for byte in (0..*length).step_by(self.bounds.flips_every) {
                // Which bit is left to the byte: over the bytes all of them are tried.
                let mut flipped = image.clone();
                flipped.flip(path, byte, (byte / self.bounds.flips_every) as u32);
                let place = format!("{} byte {byte}", path.display());
                self.look(Kind::FlippedBit, &place, &flipped, world, None);
            }
            let mut without = image.clone();
            without.remove(path);
            let place = format!("{} gone", path.display());
            self.look(Kind::MissingFile, &place, &without, world, None);
        }
        let data = Path::new("/data");
        let mut wiped = image.clone();
        for (path, _) in files.iter().filter(|(path, _)| path.starts_with(data)) {
            wiped.remove(path);
        }
        self.look(Kind::MissingFile, "all data gone", &wiped, world, None);
        for (nth, (older, _)) in played.before.iter().enumerate() {
            let mut back = image.clone();
            back.roll_back(data, older);
            let place = format!("the image before step {nth}");
            self.look(Kind::RolledBack, &place, &back, world, None);
        }
    }

    /// The Nth operation of the disk fails, for every N.
    fn failed_operations(&mut self, operations: u64) {
        let faults = [
            Fault::Error,
            Fault::Short(1),
            Fault::Short(300),
            Fault::Broken,
        ];
        for nth in (0..operations).step_by(self.bounds.faults_every) {
            for fault in faults {
                if self.is_over() {
                    return;
                }
                let disk = SimDisk::default();
                disk.fail_after(nth, fault);
                self.failed_operation(nth, fault, disk);
            }
        }
    }

    fn failed_operation(&mut self, nth: u64, fault: Fault, disk: SimDisk) {
        let script = self.stage.script;
        let place = format!("operation {nth}: {fault:?}");
        let world = World::new(script.guard);
        let world = match Scene::start(self.stage, disk.clone(), world.clone(), None) {
            // It may not even be made; nobody was told anything.
            Err(_) => world,
            Ok(mut scene) => {
                for step in &script.steps {
                    // A restart over a broken disk: it stays down.
                    if scene.play(*step).is_err() {
                        break;
                    }
                }
                scene.world
            }
        };
        self.look(Kind::FailedOperation, &place, &disk.image(), &world, None);
        let bounds = self.bounds.again;
        disk.crashes(disk.position(), &bounds, &mut |_, image| {
            self.look(Kind::FailedThenPowerCut, &place, &image, &world, None);
        });
    }

    /// The Nth operation of a start fails; the next start must find everything.
    fn failed_starts(&mut self, played: &Played) {
        let every = self.bounds.faults_every;
        for (image, world) in &played.before {
            let disk = SimDisk::of(image.clone());
            if Scene::start(self.stage, disk.clone(), world.clone(), None).is_err() {
                continue;
            }
            for nth in (0..disk.tried()).step_by(every) {
                for fault in [Fault::Error, Fault::Short(40), Fault::Broken] {
                    if self.is_over() {
                        return;
                    }
                    let disk = SimDisk::of(image.clone());
                    disk.fail_after(nth, fault);
                    let world = match Scene::start(self.stage, disk.clone(), world.clone(), None) {
                        Err(_) => world.clone(),
                        Ok(scene) => scene.world,
                    };
                    let place = format!("operation {nth} of a start: {fault:?}");
                    self.look(Kind::FailedStart, &place, &disk.image(), &world, None);
                }
            }
        }
    }

    /// A terminal starts on a full disk, knows everything, and goes on when there is room.
    fn full_disks(&mut self, played: &Played) {
        for (nth, (image, world)) in played.before.iter().enumerate().skip(1) {
            if self.is_over() {
                return;
            }
            self.report
                .tallies
                .entry(Kind::FullDisk)
                .or_default()
                .states += 1;
            let judged = self.full_disk(image, world);
            let place = format!("before step {nth}");
            match judged {
                Ok(()) => {}
                Err(Fails::Refuses(why)) => {
                    let why = Violation(format!("it refuses what it knows: {why}"));
                    self.violates(Kind::FullDisk, &place, why);
                }
                Err(Fails::Violates(why)) => self.violates(Kind::FullDisk, &place, why),
            }
        }
    }

    fn full_disk(&self, image: &Image, world: &World) -> Judged {
        let disk = SimDisk::of(image.clone());
        disk.set_capacity(Some(disk.used()));
        let mut scene = Scene::start(self.stage, disk, world.clone(), None)
            .map_err(|error| Fails::Refuses(error.to_string()))?;
        scene.keeps_its_word()?;
        // Whatever is settled now has its room.
        let _ = scene.play(Step::DiskRoom);
        scene.comes_to_rest(Late::Never)
    }

    /// Judges a state; false where it was judged before.
    fn look(
        &mut self,
        kind: Kind,
        place: &str,
        image: &Image,
        world: &World,
        writing: Option<&Record>,
    ) -> bool {
        let mut hasher = DefaultHasher::new();
        (image.fingerprint(), world, kind.is_damage()).hash(&mut hasher);
        if self.is_over() || !self.seen.insert(hasher.finish()) {
            return false;
        }
        self.report.tallies.entry(kind).or_default().states += 1;
        let lates: &[Late] = match world.air.is_empty() {
            true => &[Late::Never],
            false => &[Late::Never, Late::First, Late::Last],
        };
        for late in lates {
            match self.judge(image, world, writing, *late) {
                Ok(()) => {}
                Err(Fails::Refuses(_)) if kind.is_damage() => {
                    self.report.tallies.entry(kind).or_default().refused += 1;
                    break;
                }
                Err(Fails::Refuses(why)) => {
                    let why =
                        Violation(format!("it refuses service, and nothing is damaged: {why}"));
                    self.violates(kind, place, why);
                    break;
                }
                Err(Fails::Violates(why)) => {
                    self.violates(kind, place, why);
                    break;
                }
            }
        }
        true
    }

    fn judge(&self, image: &Image, world: &World, writing: Option<&Record>, late: Late) -> Judged {
        let disk = SimDisk::of(image.clone());
        let mut scene = Scene::start(self.stage, disk, world.clone(), writing)
            .map_err(|error| Fails::Refuses(error.to_string()))?;
        scene.keeps_its_word()?;
        scene.comes_to_rest(late)
    }

    fn violates(&mut self, kind: Kind, place: &str, why: Violation) {
        self.report.tallies.entry(kind).or_default().violations += 1;
        if self.report.found.len() < TOLD {
            let script = self.stage.script.name;
            self.report
                .found
                .push((format!("{script}: {kind}, {place}"), why));
        }
    }
}
