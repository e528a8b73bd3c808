//! The table as a picture: how many times the floor each takes to the head, on a scale where twice as long is as far
//! everywhere.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use vinr_benches::ratio::Rounds;
use vinr_benches::shop::Failure;

use crate::program::target;
use crate::table::Table;

const WIDTH: i32 = 900;
const LINE: i32 = 24;
const NAMES: i32 = 220;
const MARGIN: i32 = 60;
const TITLE: i32 = 64;

/// The marks of the scale.
const MARKS: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Writes `target/peers/peers.svg`.
pub(crate) fn write(tables: &[&Table]) -> Result<(), Failure> {
    std::fs::create_dir_all(target())?;
    let path = target().join("peers.svg");
    let lines: usize = tables.iter().map(|it| it.heads.len() + 2).sum();
    let height = TITLE + LINE * i32::try_from(lines)? + LINE;
    let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
    let root = SVGBackend::new(&path, size).into_drawing_area();
    root.fill(&WHITE)?;
    let black = |size: i32, h| {
        let style = TextStyle::from(("sans-serif", size).into_font());
        style.pos(Pos::new(h, VPos::Center))
    };
    let write = |text: &str, at, style| root.draw(&Text::new(text.to_owned(), at, style));
    write(
        "From the call to the head of the answer, as a multiple of the floor",
        (16, 20),
        black(17, HPos::Left),
    )?;
    write(&taken(), (16, 42), black(12, HPos::Left))?;
    let mut y = TITLE;
    for table in tables {
        write(table.kind, (16, y + LINE / 2), black(15, HPos::Left))?;
        let bottom = y + LINE * (i32::try_from(table.heads.len())? + 1);
        for mark in MARKS {
            let grey = ShapeStyle::from(&BLACK.mix(0.2));
            root.draw(&PathElement::new(
                [(x(mark), y + LINE), (x(mark), bottom)],
                grey,
            ))?;
            write(
                &format!("{mark}"),
                (x(mark), y + LINE / 2),
                black(11, HPos::Center),
            )?;
        }
        y += LINE;
        for rounds in &table.heads {
            line(&root, rounds, y)?;
            let (middle, ratio) = (y + LINE / 2, rounds.ratio(0.5));
            write(rounds.name(), (NAMES - 8, middle), black(12, HPos::Right))?;
            let behind = x(rounds.ratio(0.75).max(ratio)) + 6;
            write(
                &format!("{ratio:.2}"),
                (behind, middle),
                black(12, HPos::Left),
            )?;
            y += LINE;
        }
        y += LINE;
    }
    root.present()?;
    println!("\nplotted in {}", path.display());
    Ok(())
}

/// A bar to the median, and a thin one over the middle half of the rounds.
fn line(
    root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    rounds: &Rounds,
    y: i32,
) -> Result<(), Failure> {
    let is_ours = rounds.name().starts_with("our") || rounds.name().starts_with("SDK");
    let colour = if is_ours {
        RGBColor(31, 119, 180)
    } else {
        RGBColor(160, 160, 160)
    };
    let bar = [(x(1.0), y + 4), (x(rounds.ratio(0.5)), y + LINE - 4)];
    root.draw(&Rectangle::new(bar, colour.filled()))?;
    let middle = y + LINE / 2;
    let half = [
        (x(rounds.ratio(0.25)), middle),
        (x(rounds.ratio(0.75)), middle),
    ];
    root.draw(&PathElement::new(half, BLACK))?;
    Ok(())
}

/// Where a ratio is on the scale.
fn x(ratio: f64) -> i32 {
    let last = MARKS[MARKS.len() - 1].log2();
    let share = ratio.log2().clamp(-0.5, last) / last;
    NAMES + (share * f64::from(WIDTH - NAMES - MARGIN)).round() as i32
}

/// When and where.
fn taken() -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("an unknown processor", |it| {
        it.trim_start_matches([' ', '\t', ':'])
    });
    // This thread has one of them.
    let is_core = |line: &&str| line.starts_with("processor");
    let cores = cpus.lines().filter(is_core).count();
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
    format!(
        "{date}; {cores} cores, {model}; loopback; cargo bench -p vinr-benches --features peers --bench peers"
    )
}
