//! The vocabulary of the features that judge a till: which words do what.
//!
//! As in the other role a *given* or *when* acts and records, and a *then* writes a claim; the judge decides afterwards.

mod claims;
mod shop;
mod till;

use cucumber::codegen::Regex;

use super::scene::Scene;
use crate::steps::words::{Words, pattern};

/// Finds the step for a line of a feature.
pub(super) type Collection = cucumber::step::Collection<Scene>;

/// Builds a collection from lines of `kind "words" => function`.
macro_rules! steps {
    ($($kind:ident $words:literal => $step:path;)+) => {
        /// Every step there is.
        pub(super) fn collection() -> Collection {
            let collection = Collection::new();
            $(let collection = collection.$kind(None, regex($words), |scene, context| {
                Box::pin(async move {
                    let words = Words::of(context);
                    $step(scene, &words).await;
                })
            });)+
            collection
        }
    };
}

fn regex(words: &str) -> Regex {
    Regex::new(&pattern(words))
        .expect("the words below are lawful patterns; a test builds them all")
}

steps! {
    given "a shop with a terminal" => shop::opens;
    given "a shop with {number} terminals" => shop::opens_several;
    given "the customer taps after {number} ms" => shop::taps_after;
    given "nobody taps" => shop::nobody_taps;

    when "the till takes a payment of {money}" => till::pays;
    when "the till begins a payment of {money}" => till::begins;
    when "the payment comes to its end" => till::waits;

    then "the payment was sent as the page says" => claims::sent_as_the_page_says;
    then "the till says {word}" => claims::result;
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
