use super::*;

#[test]
fn the_first_result_of_either_path_is_the_result() {
    for path in [Path::Lan, Path::Cloud] {
        Story::both()
            .then(Input::Answered(path, payment(FIRST, Status::Completed)))
            .is_final(payment(FIRST, Status::Completed));
    }
}

#[test]
fn an_offline_acceptance_on_either_path_is_the_result() {
    for path in [Path::Lan, Path::Cloud] {
        let queued = one_path::queued(FIRST);
        let story = Story::both().then(Input::Answered(path, queued.clone()));
        assert_eq!(story.outcome(), &Outcome::AcceptedOffline(queued));
    }
}

#[test]
fn a_loss_or_a_5xx_ends_only_its_own_path() {
    for (path, other) in [(Path::Lan, Path::Cloud), (Path::Cloud, Path::Lan)] {
        for end in [
            Input::Lost(path, broken()),
            refused(path, Code::TerminalUnavailable),
            Input::NeverSent(path, unreachable()),
            Input::Answered(path, payment(FIRST, Status::Processing)),
            Input::Answered(path, payment(SECOND, Status::Completed)),
        ] {
            let story = Story::both().then(end);
            story.is_silent();
            story
                .then(Input::Answered(other, payment(FIRST, Status::Completed)))
                .is_final(payment(FIRST, Status::Completed));
        }
    }
}

#[test]
fn when_both_have_ended_the_terminal_is_asked() {
    Story::lost().asks(Path::Lan);
}

#[test]
fn a_cloud_that_cannot_be_reached_leaves_the_lan_its_time() {
    let story = Story::both().then(Input::NeverSent(Path::Cloud, unreachable()));
    story.is_silent();
    story.then(Input::Lost(Path::Lan, broken())).asks(Path::Lan);
}

#[test]
fn what_could_be_sent_on_neither_path_was_not_sent() {
    Story::sent()
        .then(Input::NeverSent(Path::Lan, unreachable()))
        .then(Input::Stored)
        .then(Input::NeverSent(Path::Cloud, NotSent::ConnectionClosed))
        .is_not_sent(unreachable());
}

#[test]
fn the_heads_of_both_paths_change_nothing() {
    let story = Story::both()
        .then(Input::Head(Path::Cloud))
        .then(Input::Head(Path::Lan));
    story.is_silent();
}

#[test]
fn silence_on_both_for_the_whole_hold_is_a_lost_answer() {
    Story::both()
        .then(Input::Elapsed(own(attempt::Timer::Hold)))
        .asks(Path::Lan);
}

#[test]
fn nothing_follows_the_end() {
    Story::both()
        .then(Input::Answered(
            Path::Cloud,
            payment(FIRST, Status::Completed),
        ))
        .then(Input::Answered(Path::Lan, payment(FIRST, Status::Failed)))
        .is_silent();
}
