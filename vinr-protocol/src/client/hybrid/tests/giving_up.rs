use super::*;

#[test]
fn a_caller_who_gave_up_gets_no_fallback() {
    let story = Story::looking()
        .then(Input::GiveUp)
        .then(Input::Elapsed(Timer::QuickLook));
    assert_eq!(story.effects, [Effect::Disarm(Timer::QuickLook)]);
    Story::sent()
        .then(Input::GiveUp)
        .then(Input::NeverSent(Path::Lan, unreachable()))
        .is_not_sent(unreachable());
}

#[test]
fn a_fallback_that_is_being_stored_is_dropped() {
    Story::storing()
        .then(Input::GiveUp)
        .then(Input::Stored)
        .is_silent();
    Story::sent()
        .then(Input::NeverSent(Path::Lan, unreachable()))
        .then(Input::GiveUp)
        .is_not_sent(unreachable());
}

#[test]
fn what_is_called_off_is_looked_up_and_cancelled() {
    for story in [
        Story::sent(),
        Story::looking(),
        Story::storing(),
        Story::both(),
    ] {
        let story = story.then(Input::CallOff);
        story.asks(Path::Lan);
        let story = story.then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])));
        story.cancels(Path::Lan);
        let cancelled = payment(FIRST, Status::Cancelled);
        story
            .then(Input::CancelAnswered(
                Path::Lan,
                cancellation(CancelOutcome::Cancelled, Some(cancelled.clone())),
            ))
            .is_final(cancelled);
    }
}

#[test]
fn what_is_called_off_too_late_is_still_told() {
    Story::both()
        .then(Input::CallOff)
        .then(Input::Answered(
            Path::Cloud,
            payment(FIRST, Status::Completed),
        ))
        .is_final(payment(FIRST, Status::Completed));
}
