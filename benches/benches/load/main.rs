//! What a long day and a full house ask of a terminal. `cargo bench -p vinr-benches --bench load`, and
//! `-- payments`, `-- held` or `-- start-up` for a part of it.

mod held;
mod payments;
mod start_up;

use std::process::ExitCode;

use vinr_benches::shop::Failure;

/// Prints its table, and says whether what is wanted is reached.
type Part = fn() -> Result<bool, Failure>;

fn main() -> Result<ExitCode, Failure> {
    if let Some(kind) = std::env::var_os(held::SERVE) {
        held::serve(&kind)?;
        return Ok(ExitCode::SUCCESS);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs it without measuring.
    if !arguments.iter().any(|it| it == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let parts: [(&str, Part); 3] = [
        ("payments", payments::measure),
        ("held", held::measure),
        ("start-up", start_up::measure),
    ];
    let chosen = |part: &str| {
        let mut words = arguments
            .iter()
            .filter(|it| !it.starts_with('-'))
            .peekable();
        words.peek().is_none() || words.any(|word| word == part)
    };
    let mut is_good = true;
    for (name, measure) in parts {
        if chosen(name) {
            println!("\n{name}\n");
            is_good &= measure()?;
        }
    }
    Ok(match is_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// A number in the environment.
fn number<T: std::str::FromStr>(variable: &str) -> Result<Option<T>, Failure> {
    match std::env::var(variable) {
        Ok(text) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{variable}={text} is no number").into()),
        },
        Err(_) => Ok(None),
    }
}
