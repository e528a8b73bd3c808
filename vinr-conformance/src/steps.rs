//! The vocabulary of the features: which words do what.
//!
//! A *given* or *when* acts and records; a *then* waits for what it is about and writes a claim. None of them
//! decides anything: that is the judge's, afterwards.

mod bench;
mod claims;
mod groups;
mod hands;
mod left;
mod lists;
mod network;
mod offline;
mod patience;
mod scene;
mod secrets;
mod settled;
mod simulators;
mod storage;
mod strangers;
mod till;
pub(crate) mod words;

pub(crate) use left::put_right;
pub(crate) use scene::Scene;
use words::steps;

/// Finds the step for a line of a feature.
pub(crate) type Collection = cucumber::step::Collection<Scene>;

steps! {
    pub(crate) collection;

    given "the terminal is idle" => till::waits_until_idle;
    given "the host takes {number} ms to answer" => hands::slows_the_host;
    given "a revocation list that revokes nobody is in force" => lists::of_nobody_is_in_force;
    given "nothing is queued" => offline::is_empty;
    given "the internet is away" => offline::is_away;
    given "the owner halves each offline limit" => offline::halves_the_limits;
    given "a simulator that was started with simulateOffline" => simulators::starts_offline;
    given "a shop whose terminal is connected to the cloud" => simulators::is_connected;
    given "a shop of two terminals that are connected to the cloud" => groups::opens;
    given "a terminal that nobody else uses" => simulators::stands_apart;
    given "the host keeps silent" => patience::keeps_silent;
    given "a simulator whose memory can be damaged" => simulators::can_be_damaged;
    given "the merchant's server listens" => simulators::merchant_listens;
    given "the merchant's server refuses the first of all webhooks" => simulators::merchant_refuses_the_first;

    when "the till asks for {money} as {name}" => till::asks;
    when "the till asks for {money} without a key as {name}" => till::asks_without_a_key;
    when "the till asks for {money} for a later capture as {name}" => till::asks_for_a_later_capture;
    when "the till asks for {money} with a time-out of {number} ms as {name}" => till::asks_with_a_time_out;
    when "the till asks the terminal for {money} as {name} in another terminal's name" => till::asks_another;
    when "the till sends {name} again as {name}" => till::sends_again;
    when "the till sends {name} again for {money} as {name}" => till::sends_again_for;
    when "the till sends {name} again with a new key as {name}" => till::sends_again_with_a_new_key;
    when "the till sends {name} after all" => till::sends_after_all;
    when "the till hangs up on {name}" => till::hangs_up;
    when "the till of {name} hangs up" => till::closes;
    when "the answer to {name} arrives" => till::waits_for_the_answer;
    when "the terminal becomes idle" => till::waits_until_idle;
    when "the till asks who is there as {name}" => till::asks_who;
    when "the till looks up {name} as {name}" => till::looks_up;
    when "the till looks up {name} in other letters as {name}" => till::looks_up_in_other_letters;
    when "the till looks up a sale that never was as {name}" => till::looks_up_nothing;
    when "the till looks up {name} until it is final as {name}" => till::looks_up_until_final;
    when "the till cancels {name} as {name}" => till::cancels;
    when "the till cancels {name} before it was sent as {name}" => till::cancels_before;
    when "the till cancels the sale of {name} without a key as {name}" => till::cancels_the_sale;

    when "the customer taps the {word} card" => hands::taps;
    when "the customer presents the {word} card as {word}" => hands::presents;
    when "somebody taps the {word} card all the same" => hands::taps_all_the_same;
    when "somebody presents the {word} card as {word} all the same" => hands::presents_all_the_same;
    when "the power is cut and comes back" => hands::cuts_the_power;

    when "the internet goes away this very moment" => offline::goes_away_this_moment;
    when "the internet comes back" => offline::comes_back;
    when "the internet comes back for {number} ms" => offline::comes_back_for;
    when "everything that was queued is sent" => offline::is_sent;
    when "local mode is switched off" => offline::switches_local_mode_off;
    when "the terminal's clock is {number} hours and {number} minute(s) ahead" => offline::moves_the_clock;
    when "the till asks for {money} with a word that is nowhere else as {name}" => offline::asks_with_a_word;
    when "the till asks for a cent above each offline limit as {name}" => offline::asks_above_each_limit;
    when "the till asks for a cent above an offline limit as {name}" => offline::asks_above_a_limit;
    when "the till asks for each offline limit as {name}, paid with the {word} card" => offline::pays_each_limit;
    when "the till asks for {amount} in a currency without an offline limit as {name}" => offline::asks_in_another_currency;
    when "the till fills the queue with sales of {money} as {name}" => offline::fills_the_queue;
    when "the till queues {number} sale(s) of {money} as {name}" => offline::queues;
    when "the till looks up each {name} until it is final" => till::looks_up_each_until_final;
    when "somebody searches a copy of the terminal's memory" => storage::searches;
    when "the merchant's server hears of {name}" => simulators::merchant_hears;
    when "the till waits as long as any till" => patience::waits;
    when "somebody damages the terminal's memory" => simulators::is_damaged;
    when "the cloud is asked for {money} as {name}" => simulators::cloud_is_asked;
    when "the cloud tries again" => simulators::cloud_tries_again;
    when "a day of the simulator is played twice from one seed, and once from another" => simulators::plays_days;

    when "the cloud is asked for {money} at either terminal as {name}" => groups::asks;
    when "the cloud is asked for {money} at either terminal, {number} times at once, as {name}" => groups::asks_at_once;
    when "the till asks the second terminal for {money} as {name}" => groups::asks_the_second;
    when "a till at each terminal asks for {money}" => groups::lanes_ask;
    when "{name} comes to a terminal" => groups::appears;
    when "the customer taps the {word} card at the second terminal" => groups::taps_at_the_second;
    when "customers pay at both terminals until each {name} is paid" => groups::all_pay;
    when "the cloud says how {name} ended" => groups::cloud_says_how;

    when "each test card that can be read pays, with the longest PIN where it wants a wrong one" => secrets::pays_with_each_card;
    when "the till sends a card number, an API key and a passphrase in every wrong place" => secrets::sends_them_in_wrong_places;
    when "somebody searches a copy of the terminal's memory for secrets" => secrets::searches;
    when "the till sends a payment with {rest} as {name}" => strangers::sends_malformed;
    when "the till sends a payment as {word} as {name}" => strangers::sends_as;
    when "the till sends the body {rest} as {name}" => strangers::sends_the_body;
    when "the till sends a request with {rest} as {name}" => strangers::sends_a_monster;
    when "a browser asks for {money} as {name}" => strangers::browses;
    when "a till with {rest} asks for {money} as {name}" => strangers::knocks;
    when "a peer begins a request and never ends it" => strangers::begins_and_never_ends;
    when "the slow peer waits" => strangers::waits;

    when "the lost till asks who is there as {name}" => lists::asks_who;
    when "the lost till asks for {money} as {name}" => lists::asks;
    when "the lost till asks for {money} on the connection of {name} as {name}" => lists::asks_on_the_open_connection;
    when "the lost till is revoked" => lists::revokes;
    when "the revocation list ends" => lists::ends;
    when "a new revocation list comes" => lists::comes_anew;
    when "the revocation list before it is offered again" => lists::offers_the_older;
    when "a forged revocation list takes the till back" => lists::offers_a_forged;
    when "another authority's revocation list takes the till back" => lists::offers_a_foreign;

    when "the till dials port 8443 and asks who is there" => network::dials_the_port;
    when "somebody listens for terminals" => network::listens;
    when "somebody listens until the terminal is busy" => network::listens_for_busy;
    when "the till dials what was advertised" => network::dials_the_advertised;
    when "somebody speaks plain HTTP to the terminal" => network::speaks_plain;
    when "somebody offers TLS 1.2 and nothing newer" => network::offers_old_tls;
    when "{number} warm-ups and {number} activations are measured" => network::measures;

    then "{name} ended completed" => claims::completed;
    then "{name} ended failed with {word}" => claims::failed;
    then "{name} ended cancelled as {word}" => claims::cancelled;
    then "{name} shows {status}" => claims::shows;
    then "{name} shows {word} with {word}" => claims::shows_declined;
    then "{name} shows {name} in its place of the queue" => settled::still_queued;
    then "{name} is answered" => claims::answered;
    then "{name} is answered {word}" => claims::cancellation;
    then "{name} is answered {word}, without a payment" => claims::cancellation_of_nothing;
    then "{name} is refused" => claims::refused_somehow;
    then "{name} is refused as {word}" => claims::refused;
    then "each {name} is refused as {word}" => claims::each_refused;
    then "{name} is refused as {word}, naming {word}" => claims::refused_naming;
    then "{name} is refused as {word}, or the connection is closed" => claims::refused_or_closed;
    then "the slow peer is shown out" => claims::shown_out;
    then "{name} is answered all the same" => lists::answered_all_the_same;
    then "the till of {name} is refused" => claims::not_admitted;
    then "{name} lists nothing" => claims::lists_nothing;
    then "{name} lists {name}" => claims::lists_one;
    then "{name} lists {name} and {name}" => claims::lists_two;
    then "{name} and {name} are one payment" => claims::one_payment;
    then "{name} and {name} are two payments" => claims::two_payments;
    then "{name} names no key" => claims::names_no_key;
    then "{name} was answered while {name} was held" => claims::while_held;
    then "{name} tells nothing of {name}" => claims::tells_nothing_of;
    then "{name} says when to try again" => claims::retry_after;
    then "the terminal asks for a card for {name}" => claims::prompts;
    then "the head of {name} came before the card, with the activation time" => claims::head_before_card;
    then "the screen stays as it was" => claims::screen_stays;
    then "{name} was never prompted" => claims::never_prompted;
    then "nothing asked for a card again" => claims::no_prompt_after_the_cut;
    then "the host holds {number} charge(s) for {name}" => claims::charges;
    then "the ledger of {name} agrees" => claims::ledger_agrees;
    then "HTTPS is served on port 8443" => claims::on_port;
    then "nothing is served in plain text" => claims::no_plaintext;
    then "the terminal asked for a client certificate" => claims::mutual;
    then "the certificate is this terminal's own, from the terminal CA" => claims::own_certificate;
    then "the old TLS is refused" => claims::old_tls_refused;
    then "no resumption is offered to {name}" => claims::no_tickets;
    then "the advertisement leads to the terminal" => claims::advertised;
    then "the advertisement describes the terminal" => claims::describes_itself;
    then "the change of activity was announced" => claims::announces_activity;
    then "it is term_local_simulator at 127.0.0.1, model simulator" => claims::local_simulator;
    then "the screen was active in under 50 ms" => claims::quick;
    then "{name} was accepted offline" => settled::accepted_offline;
    then "each {name} was accepted offline" => settled::accepted_offline;
    then "{name} was not queued" => settled::never_queued;
    then "each {name} is completed, and charged once" => settled::charged_once;
    then "each {name} was sent after the one before, at {number} ms each" => settled::in_sequence;
    then "nothing of them stands there in clear text" => settled::nothing_in_clear_text;
    then "the merchant's server was told {word} of {name}" => settled::told;
    then "the merchant's server was told {word} with {word} of {name}" => settled::told_why;
    then "each webhook was signed, and the refused one came again" => settled::signed_and_repeated;
    then "the seed alone decides what happens" => settled::same_trace;
    then "{name} is at the {word} terminal and at no other" => groups::is_at_the;
    then "the cloud names the {word} terminal for {name}" => groups::named_is_the;
    then "each {name} was live on one terminal at most" => groups::live_on_one;
    then "no secret comes back in any answer" => secrets::none_said;
    then "no secret stands in the terminal's memory" => secrets::none_stored;
    then "{name} is the terminal that the profile describes" => bench::as_claimed;
    then "{name} was answered within {number} s" => patience::answered_within;
    then "the cloud refused {name} as {word}" => simulators::cloud_refused;
    then "everything that is asked of a terminal was kept" => settled::whole_plan;
}

#[cfg(test)]
mod tests {
    use super::collection;
    use crate::features::{all, cites};

    #[test]
    fn every_step_of_every_feature_is_defined_exactly_once() {
        let collection = collection();
        for case in all() {
            for step in &case.steps {
                let mut bare = step.clone();
                bare.value = cites(&step.value).0.to_owned();
                let found = collection.find(&bare);
                let defined = matches!(found, Ok(Some(_)));
                assert!(
                    defined,
                    "{}: {:?} {}",
                    case.scenario.id, step.ty, step.value
                );
            }
        }
    }
}
