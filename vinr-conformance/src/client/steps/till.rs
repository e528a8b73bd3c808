//! The till: what it is asked to do.

use crate::client::protocol::Op;
use crate::client::scene::Scene;
use crate::steps::words::Words;

pub(super) async fn pays(scene: &mut Scene, words: &Words) {
    begins(scene, words).await;
    scene.answer().await;
}

pub(super) async fn begins(scene: &mut Scene, words: &Words) {
    let (amount, currency) = words.money(0);
    let sale = scene.sale(amount, currency);
    scene.begin(Op::Pay(sale)).await;
}

pub(super) async fn waits(scene: &mut Scene, _: &Words) {
    scene.answer().await;
}
