//! The vocabulary of the features that judge a till: which words do what.
//!
//! As in the other role a *given* or *when* acts and records, and a *then* writes a claim; the judge decides afterwards.

mod claims;
mod faults;
mod network;
mod shop;
mod till;
mod webhooks;

use super::scene::Scene;
use crate::steps::words::steps;

/// Finds the step for a line of a feature.
pub(super) type Collection = cucumber::step::Collection<Scene>;

steps! {
    pub(super) collection;

    given "a shop with a terminal" => shop::opens;
    given "a shop with {number} terminals" => shop::opens_several;
    given "the customer taps after {number} ms" => shop::taps_after;
    given "the first customer does not tap" => shop::first_does_not_tap;
    given "nobody taps" => shop::nobody_taps;
    given "the card is declined" => shop::is_declined;
    given "the host takes {number} ms" => shop::host_takes;
    given "the terminal has no internet" => shop::has_no_internet;
    given "an older attempt of the sale was declined" => shop::has_an_older_attempt;
    given "another sale is on the screen of {name} for {number} ms" => shop::is_busy;
    given "another sale is on the screen of {name} until the till was told" => shop::is_busy_until_told;
    given "another sale is on the screen of {name} until the till has passed {name} by" => shop::is_busy_until_passed_by;

    given "the first answer to a payment is lost: {rest}" => faults::first_answer_is_lost;
    given "the first answer to a payment never comes" => faults::answer_never_comes;
    given "the first payment never arrives: {rest}" => faults::never_arrives;
    given "the answer to a payment comes after {number} s, its head at once" => faults::body_is_late;
    given "the answer to a payment comes after {number} s" => faults::answer_is_late;
    given "the answer to a payment is about another {word}" => faults::answer_is_foreign;
    given "the answer to a payment shows a status that nobody knows" => faults::answer_is_unknown;
    given "the first {number} look-ups show a status that nobody knows" => faults::look_ups_are_unknown;
    given "the customer taps in the moment in which the till cancels" => faults::cancel_comes_too_late;
    given "the first cancel is answered after {number} ms" => faults::cancel_is_late;
    given "the first answer to a cancel is lost" => faults::cancel_is_lost;
    given "the terminal sends no head before the outcome" => faults::has_no_head;
    given "the terminal is silent" => faults::is_silent;
    given "the terminal does not answer payments" => faults::does_not_answer_payments;
    given "the cloud refuses payments as {word}" => faults::cloud_refuses;
    given "the terminal takes payments and says nothing" => faults::takes_and_says_nothing;
    given "the terminal goes away when it has the payment" => faults::goes_away;
    given "the terminal goes away when it has accepted the payment" => faults::goes_away_behind_the_head;
    given "the terminal comes back {number} s later" => faults::comes_back;
    given "the terminal is mute" => faults::is_mute;
    given "the connection ends behind the answer to a payment" => faults::ends_behind_the_answer;
    given "the first {number} connections break: {rest}" => faults::first_connections_break;
    given "the terminal refuses payments as {word}" => faults::refuses;
    given "the terminal speaks plain HTTP" => faults::speaks_plain;
    given "the terminal shows {rest}" => faults::shows;
    given "nobody listens at terminal {name}" => faults::nobody_listens;

    given "the terminals advertise themselves" => network::advertise;
    given "terminal {name} is advertised once more" => network::is_advertised_again;
    given "somebody listens for mDNS questions" => network::listens;
    when "terminal {name} says goodbye" => network::says_goodbye;

    given "the till finds its terminals by itself" => till::knows_no_host;
    given "the till has only its .p12" => till::has_a_p12;
    given "the till has only its .p12, and a wrong passphrase" => till::has_a_wrong_passphrase;
    given "the till may take {number} s for a payment" => till::may_take;
    when "the till is set up" => till::is_set_up;
    when "the till takes a payment of {money}" => till::pays;
    when "the till takes a payment of {money} for a later capture" => till::pays_for_a_later_capture;
    when "the till takes another payment of {money}" => till::pays_another;
    when "the till takes the same payment again" => till::pays_again;
    when "the till takes {number} payments of {money}, one after the other" => till::pays_many;
    when "the till begins a payment of {money}" => till::begins;
    when "the till takes a hybrid payment of {money}" => till::pays_hybrid;
    when "the till takes a payment of {money} at the first free terminal" => till::pays_at_a_group;
    when "the till begins to look for terminals" => till::begins_to_look_for_terminals;
    when "the till has looked for terminals" => till::has_looked_for_terminals;
    when "the till looks for terminals" => till::looks_for_terminals;
    when "the till looks for terminals at their addresses" => till::asks_static_hosts;
    when "the till is killed" => till::is_killed;
    when "the till is started again" => till::is_started_again;
    when "the till settles what it left open" => till::settles;
    when "the till is asked what became of the sale" => till::is_asked_about_the_sale;
    when "the till is handed a webhook {rest}" => webhooks::is_handed;

    when "the terminal has the payment" => shop::has_the_payment;
    when "the payment is completed at the terminal" => shop::has_completed_it;
    when "the customer taps now" => shop::taps_now;
    when "every connection ends" => faults::every_connection_ends;
    when "terminal {name} is switched off" => faults::nobody_listens;
    when "the terminal shows {rest} from now on" => faults::shows_from_now_on;

    then "the payment was sent as the page says" => claims::sent_as_the_page_says;
    then "the till says completed" => claims::completed;
    then "the till says failed" => claims::failed;
    then "the till says an error" => claims::an_error;
    then "the till says that it is accepted offline" => claims::accepted_offline;
    then "the till says that the identity is wrong" => claims::identity_is_wrong;
    then "the till says that its files are wrong" => claims::files_are_wrong;
    then "the till says that nobody knows" => claims::nobody_knows;
    then "the till says that it was paid, or that nobody knows" => claims::true_or_unknown;
    then "the till says that the path was {word}" => claims::path;
    then "the till was not fooled" => claims::not_fooled;
    then "the till remembers the sale" => claims::remembers;
    then "the sale is settled as {word}" => claims::settled;
    then "the till keeps its secrets" => claims::discreet;
    then "the connection was held for {number} s" => claims::held;
    then "nobody asked while it was held" => claims::not_polled;
    then "each but the first {number} was sent within {number} microseconds" => claims::quick;
    then "the sale was looked up within {number} s" => claims::looked_up;
    then "nothing was sent before the look-up" => claims::looked_up_first;
    then "nothing that takes money was sent again" => claims::nothing_again;
    then "the pending payment was cancelled before there was another" => claims::cancelled_first;
    then "what the terminal did not know was buried first" => claims::buried_first;
    then "each attempt had a key of its own" => claims::own_keys;
    then "the payment was buried before anybody was told" => claims::buried_before_told;
    then "the customer was charged once" => claims::charged_once;
    then "the customer was charged at most once" => claims::charged_at_most_once;
    then "nothing reached the stranger" => claims::nothing_to_strangers;
    then "the till offered nothing but new TLS" => claims::new_tls_only;
    then "the till showed its certificate everywhere" => claims::certificate_everywhere;
    then "the cloud was not asked" => claims::cloud_idle;
    then "the cloud was not asked to pay" => claims::cloud_takes_nothing;
    then "the LAN was tried first" => claims::lan_first;
    then "the cloud was asked after {number} to {number} ms" => claims::fell_back;
    then "both paths carried one attempt" => claims::one_attempt;
    then "no two attempts were live at a time" => claims::one_at_a_time;
    then "the payment was taken at {name}" => claims::taken_at;
    then "the till names the terminal that took it" => claims::names_its_terminal;
    then "the till found {name} and {name}" => claims::found;
    then "the till does not take {name} for a reader" => claims::left_out;
    then "nobody asked by mDNS" => claims::no_query;
    then "the till asked by mDNS" => claims::asked;
    then "the webhook is believed" => claims::believed;
    then "the webhook is not believed" => claims::disbelieved;
}

#[cfg(test)]
mod tests {
    use super::collection;
    use crate::features::{cites, tills};

    #[test]
    fn every_step_of_every_feature_is_defined_exactly_once() {
        let collection = collection();
        for case in tills() {
            for step in &case.steps {
                let mut bare = step.clone();
                bare.value = cites(&step.value).0.to_owned();
                let defined = matches!(collection.find(&bare), Ok(Some(_)));
                assert!(
                    defined,
                    "{}: {:?} {}",
                    case.scenario.id, step.ty, step.value
                );
            }
        }
    }
}
