//! Is this the terminal that the profile describes?

use super::scene::Scene;
use super::words::Words;
use crate::journal::Said;

pub(super) async fn as_claimed(scene: &mut Scene, words: &Words) {
    let reader = words.text(0);
    scene.claim(Said::AsClaimed {
        exchange: scene.number(reader),
        connection: scene.connection(reader),
    });
}
