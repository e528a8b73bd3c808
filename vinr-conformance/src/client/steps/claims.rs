//! What must be true of the till: each step writes a claim.

use crate::client::scene::Scene;
use crate::journal::TillClaim;
use crate::steps::words::Words;

pub(super) async fn sent_as_the_page_says(scene: &mut Scene, _: &Words) {
    scene.claim(TillClaim::SentAsThePageSays { op: scene.op });
}

pub(super) async fn result(scene: &mut Scene, words: &Words) {
    scene.claim(TillClaim::Result {
        op: scene.op,
        status: words.text(0).to_owned(),
    });
}
