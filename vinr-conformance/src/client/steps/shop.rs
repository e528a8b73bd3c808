//! The shop: its terminals, its customers, and what goes wrong.

use std::time::Duration;

use crate::client::scene::Scene;
use crate::client::stage::{Booth, Customer};
use crate::steps::words::Words;

pub(super) async fn opens(scene: &mut Scene, _: &Words) {
    scene.open(1).await;
}

pub(super) async fn opens_several(scene: &mut Scene, words: &Words) {
    scene
        .open(usize::try_from(words.number(0)).unwrap_or(3))
        .await;
}

pub(super) async fn taps_after(scene: &mut Scene, words: &Words) {
    usually(scene, |customer| {
        customer.taps_after = Some(Duration::from_millis(words.number(0)));
    });
}

pub(super) async fn nobody_taps(scene: &mut Scene, _: &Words) {
    usually(scene, |customer| customer.taps_after = None);
}

fn usually(scene: &Scene, change: impl Fn(&mut Customer)) {
    for desk in scene.terminals.iter().filter_map(Booth::desk) {
        let mut customer = desk.usual();
        change(&mut customer);
        desk.usually(customer);
    }
}
