//! What a run knows and no file of its bundle may hold. \[SEC-1\]

use vinr_simulator::cards::TEST_CARDS;

use crate::bundle::Secret;
use crate::profile::{Capability, CloudProfile, Driver, Profile};
use crate::subject::Subject;

/// All that is known before anybody is asked. What comes up during a run, such as the token of a page for operators, is
/// told to the journal: see [`Journal::keep_out`](crate::journal::Journal::keep_out).
pub fn secrets(subject: &Subject, profile: &Profile) -> Vec<Secret> {
    let mut secrets = keys(subject);
    let control = subject.control.as_ref();
    secrets.extend(control.map(|control| Secret::new("the control token", control.token())));
    secrets.extend(told(subject, profile));
    if let Some(CloudProfile::At { api_key_env, .. }) = &profile.cloud
        && let Ok(key) = std::env::var(api_key_env)
    {
        secrets.push(Secret::new("the cloud's API key", &key));
    }
    secrets.extend(cards());
    secrets
}

/// The numbers of the cards that are tapped.
pub fn cards() -> impl Iterator<Item = Secret> {
    TEST_CARDS
        .iter()
        .map(|card| Secret::new("a card number", card.number))
}

/// The keys of everybody whom the suite pretends to be.
fn keys(subject: &Subject) -> Vec<Secret> {
    let till = [("the till's private key".to_owned(), &subject.till)];
    let strangers = subject
        .strangers
        .values()
        .map(|stranger| (format!("the private key of {}", stranger.name()), stranger));
    let revoked = subject.lists.iter().map(|lists| {
        let name = lists.till.name();
        (format!("the private key of {name}"), &lists.till)
    });
    till.into_iter()
        .chain(strangers)
        .chain(revoked)
        .map(|(what, identity)| Secret::new(what, &identity.key_text()))
        .collect()
}

/// What the commands and services of the profile are told.
fn told(subject: &Subject, profile: &Profile) -> Vec<Secret> {
    let public = [
        subject.terminal.as_str(),
        &profile.vendor,
        &profile.product,
        &profile.version,
    ];
    let mut secrets = Vec::new();
    for capability in Capability::ALL {
        for driver in profile.drivers(capability) {
            let (what, words) = match driver {
                Driver::Exec(command) => ("a token of a driver's command", command.clone()),
                Driver::Http(url) => ("a token of a driver's URL", url.text()),
                Driver::Control(_) | Driver::Operator | Driver::OperatorPage(_) => continue,
            };
            secrets.extend(Secret::told_in(what, &words, &public));
        }
    }
    if let Some(command) = &profile.revocation {
        let what = "a token of the command that signs lists";
        secrets.extend(Secret::told_in(what, command, &public));
    }
    secrets.dedup();
    secrets
}
