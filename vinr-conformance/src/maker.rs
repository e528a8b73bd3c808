//! `profile init` and `profile check`: for the maker who writes down what a terminal can do.

use std::fs;
use std::path::{Path, PathBuf};

use vinr_conformance::features;
use vinr_conformance::plan::Selection;
use vinr_conformance::probe::{Identity, read, read_key};
use vinr_conformance::profile::{Capability, Opens, Profile, Seen, Sheet, draft, look};
use vinr_conformance::{run, subject};

use crate::cli::{ProfileCommand, ProfileInit};
use crate::{Failure, USAGE};

/// Nobody answers.
const UNREACHABLE: u8 = 69;

pub(crate) fn run(command: &ProfileCommand) -> Result<u8, Failure> {
    match command {
        ProfileCommand::Init(asked) => init(asked),
        ProfileCommand::Check { file } => check(file),
    }
}

/// Writes a profile to start from.
fn init(asked: &ProfileInit) -> Result<u8, Failure> {
    let seen = match &asked.probe {
        Some(address) => probe(address, asked)?,
        None => Seen::default(),
    };
    let base = match (asked.base, seen.base) {
        (Some(base), _) | (None, Some(base)) => base,
        (None, None) => {
            return Err(Failure::usage(format!(
                "which device is it? Say --base with one of {}{}",
                Sheet::ALL.map(Sheet::word).join(", "),
                match asked.probe {
                    Some(_) =>
                        "; the device itself does not say, or nothing was given to ask it with: --dir, or --pos-cert and --pos-key",
                    None => "",
                }
            )));
        }
    };
    let text = draft(base, &seen);
    match &asked.out {
        None => say!("{}", text.trim_end()),
        Some(path) => {
            let mut file = fs::File::create_new(path).map_err(|error| {
                Failure::usage(format!("{} is not written: {error}", path.display()))
            })?;
            std::io::Write::write_all(&mut file, text.as_bytes()).map_err(Failure::fault)?;
            say!(
                "{} is written; change what is not marked as seen, then: vinr-conformance profile check {}",
                path.display(),
                path.display()
            );
        }
    }
    Ok(0)
}

fn probe(address: &str, asked: &ProfileInit) -> Result<Seen, Failure> {
    let address = subject::resolve(address).map_err(Failure::usage)?;
    let files = files(asked);
    let opens = Opens {
        terminal_ca: match files.first() {
            Some((_, ca)) if ca.is_file() => Some(read(ca).map_err(Failure::usage)?),
            _ => None,
        },
        till: match files.get(1..) {
            Some([(_, cert), (_, key)]) => {
                let cert = read(cert).map_err(Failure::usage)?;
                let key = read_key(key).map_err(Failure::usage)?;
                Some(Identity::from_pem("pos", &cert, &key).map_err(Failure::usage)?)
            }
            _ => None,
        },
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::fault)?;
    let seen = runtime.block_on(look(address, &opens));
    let mut seen = seen.map_err(|error| Failure {
        code: UNREACHABLE,
        sentence: error.to_string(),
    })?;
    for (key, path) in files {
        seen.files.insert(key, path.display().to_string());
    }
    Ok(seen)
}

/// The CA first, then certificate and key, as far as they were given; by their keys in `[wire]`.
fn files(asked: &ProfileInit) -> Vec<(&'static str, PathBuf)> {
    if let Some(dir) = &asked.dir {
        return vec![
            ("terminal_ca", dir.join("terminal-ca.pem")),
            ("pos_cert", dir.join("pos.pem")),
            ("pos_key", dir.join("pos.key")),
        ];
    }
    let given = [
        ("terminal_ca", &asked.terminal_ca),
        ("pos_cert", &asked.pos_cert),
        ("pos_key", &asked.pos_key),
    ];
    let given = given
        .into_iter()
        .filter_map(|(key, path)| Some((key, path.clone()?)));
    given.collect()
}

/// Reads a profile as a run would, and says what will come of it.
fn check(file: &Path) -> Result<u8, Failure> {
    let profile = Profile::read(file).map_err(Failure::usage)?;
    let plan = run::plan(features::all(), &profile, &Selection::all());
    let facts = profile.facts();
    say!(
        "{}: lawful. {} {} {}, sheet {}, {} scenarios",
        file.display(),
        facts.vendor,
        facts.product,
        facts.version,
        facts.base,
        plan.scenarios.len()
    );
    let nobody: Vec<_> = Capability::ALL
        .into_iter()
        .filter(|capability| profile.drivers(*capability).is_empty())
        .map(Capability::word)
        .collect();
    if !nobody.is_empty() {
        say!(
            "nobody is named in [drivers] for {}: what needs them will be could-not-test",
            nobody.join(", ")
        );
    }
    if let Err(error) = profile.interlock([192, 0, 2, 1].into()) {
        say!(
            "only for a device on this machine. {}",
            safety(&error.to_string())
        );
    }
    let missing = missing(&profile);
    for what in &missing {
        say!("missing: {what}");
    }
    Ok(if missing.is_empty() { 0 } else { USAGE })
}

/// The sentence of the interlock from where it says what is to be said.
fn safety(sentence: &str) -> &str {
    sentence
        .find("Say in [safety]")
        .and_then(|at| sentence.get(at..))
        .unwrap_or(sentence)
}

/// Files that a run would not find.
fn missing(profile: &Profile) -> Vec<String> {
    let wire = &profile.wire;
    let files = [
        ("terminal_ca", &wire.terminal_ca),
        ("pos_cert", &wire.pos_cert),
        ("pos_key", &wire.pos_key),
        ("certification", &wire.certification),
    ];
    files
        .into_iter()
        .filter_map(|(key, path)| Some((key, path.as_deref()?)))
        .filter(|(_, path)| !path.exists())
        .map(|(key, path)| format!("[wire] {key} = {}", path.display()))
        .collect()
}
