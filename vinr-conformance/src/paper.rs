//! What a command line gives beside its work: keys, a schema, completions, a manual.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::Shell;
use vinr_conformance::bundle::Signer;

use crate::Failure;
use crate::cli::Cli;

/// The shape of `result.json`.
const SCHEMA: &str = include_str!("../schema/result.schema.json");

/// Writes a new pair of keys; never over another.
pub(crate) fn keygen(file: &Path) -> Result<u8, Failure> {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    let public = PathBuf::from(name);
    for path in [file, &public] {
        if path.exists() {
            let why = format!(
                "{} is there already: a key is never overwritten",
                path.display()
            );
            return Err(Failure::usage(why));
        }
    }
    let (signer, private) = Signer::generate().map_err(Failure::fault)?;
    write(file, &private, 0o600)?;
    write(&public, &signer.public().pem(), 0o644)?;
    say!("{}  signs, keep it to yourself", file.display());
    say!("{}  checks, give it to whoever asks", public.display());
    say!("key id {}", signer.public().id());
    Ok(0)
}

fn write(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::fault(format!("{}: {error}", path.display())))
}

/// Prints the JSON Schema of `result.json`.
pub(crate) fn schema() -> u8 {
    say!("{}", SCHEMA.trim_end());
    0
}

/// Prints a completion script.
pub(crate) fn completions(shell: Shell) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vinr-conformance", &mut text);
    say!("{}", String::from_utf8_lossy(&text).trim_end());
    0
}

/// Prints the manual page, or writes one for each command.
pub(crate) fn man(out: Option<&Path>) -> Result<u8, Failure> {
    let command = Cli::command();
    let Some(out) = out else {
        let mut text = Vec::new();
        let page = clap_mangen::Man::new(command);
        page.render(&mut text).map_err(Failure::fault)?;
        say!("{}", String::from_utf8_lossy(&text).trim_end());
        return Ok(0);
    };
    std::fs::create_dir_all(out)
        .and_then(|()| clap_mangen::generate_to(command, out))
        .map_err(|error| Failure::fault(format!("{}: {error}", out.display())))?;
    Ok(0)
}
