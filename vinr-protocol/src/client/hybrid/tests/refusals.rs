use super::*;

#[test]
fn a_4xx_on_one_of_two_paths_is_told_only_once_the_key_is_cancelled() {
    // [REC-24]
    for path in [Path::Lan, Path::Cloud] {
        let story = Story::both().then(refused(path, Code::TerminalBusy));
        story.asks(Path::Lan);
        let story = story.then(Input::LookedUp(list(vec![])));
        story.asks(Path::Cloud);
        let story = story.then(answered_by_cloud(vec![], false));
        story.cancels(Path::Lan);
        story
            .then(Input::CancelAnswered(
                Path::Lan,
                cancellation(CancelOutcome::Cancelled, None),
            ))
            .is_refused(Code::TerminalBusy, vec![]);
    }
}

#[test]
fn a_copy_that_was_paid_after_a_4xx_is_the_result() {
    let paid = payment(FIRST, Status::Completed);
    Story::both()
        .then(refused(Path::Lan, Code::TerminalBusy))
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])))
        .then(Input::CancelAnswered(
            Path::Lan,
            cancellation(CancelOutcome::TooLate, Some(paid.clone())),
        ))
        .is_final(paid);
}

#[test]
fn a_copy_whose_answer_was_lost_may_still_be_there() {
    // [REC-24]
    Story::both()
        .then(Input::Lost(Path::Lan, broken()))
        .then(refused(Path::Cloud, Code::InvalidAmount))
        .asks(Path::Lan);
}

#[test]
fn the_clouds_4xx_is_the_last_word_where_nothing_was_sent_over_the_lan() {
    Story::sent()
        .then(Input::NeverSent(Path::Lan, unreachable()))
        .then(Input::Stored)
        .then(refused(Path::Cloud, Code::TerminalBusy))
        .is_refused(Code::TerminalBusy, vec![]);
}

#[test]
fn the_lans_4xx_is_the_last_word_where_nothing_was_sent_through_the_cloud() {
    Story::both()
        .then(Input::NeverSent(Path::Cloud, unreachable()))
        .then(refused(Path::Lan, Code::TerminalBusy))
        .is_refused(Code::TerminalBusy, vec![]);
}

#[test]
fn a_conflict_of_the_only_copy_may_be_looked_up_in_the_cloud() {
    let paid = payment("other_till", Status::Completed);
    let story = Story::sent()
        .then(Input::NeverSent(Path::Lan, unreachable()))
        .then(Input::Stored)
        .then(refused(Path::Cloud, Code::ReferenceAlreadyPaid));
    story.asks(Path::Lan);
    let story = story.then(Input::LookUpFailed(Path::Lan, Unasked::Dead));
    story.asks(Path::Cloud);
    story
        .then(answered_by_cloud(vec![paid.clone()], false))
        .is_refused(Code::ReferenceAlreadyPaid, vec![paid]);
}

// §5.4 found by a seed: the cloud knew of the other till's payment, and the terminal's empty list was all that counted
#[test]
fn what_the_cloud_lists_of_the_sale_is_told_even_where_the_terminal_lists_nothing() {
    let paid = payment("other_till", Status::Completed);
    Story::both()
        .then(refused(Path::Cloud, Code::ReferenceAlreadyPaid))
        .then(Input::LookedUp(list(vec![])))
        .then(answered_by_cloud(vec![paid.clone()], false))
        .then(Input::CancelAnswered(
            Path::Lan,
            cancellation(CancelOutcome::Cancelled, None),
        ))
        .is_refused(Code::ReferenceAlreadyPaid, vec![paid]);
}

// [REC-10] found by a seed
#[test]
fn refused_for_the_sake_of_another_that_nobody_lists_is_unknown() {
    let story = Story::both()
        .then(refused(Path::Cloud, Code::ReferenceInProgress))
        .then(Input::LookedUp(list(vec![])))
        .then(answered_by_cloud(vec![], false))
        .then(Input::CancelAnswered(
            Path::Lan,
            cancellation(CancelOutcome::Cancelled, None),
        ));
    assert!(
        matches!(
            story.outcome(),
            Outcome::Unknown {
                why: Unsettled::Elsewhere(_),
                ..
            }
        ),
        "{:?}",
        story.outcome()
    );
}

// [REC-10] found by a seed: the cloud need not know of the attempt that stands in the way
#[test]
fn an_empty_list_of_the_cloud_does_not_end_a_refusal_for_the_sake_of_another() {
    let story = Story::sent()
        .then(refused(Path::Lan, Code::ReferenceInProgress))
        .then(Input::LookUpFailed(Path::Lan, Unasked::Dead))
        .then(answered_by_cloud(vec![], false));
    story.pauses();
}

#[test]
fn a_4xx_on_one_of_two_copies_over_the_lan_is_told_only_once_the_key_is_cancelled() {
    // [REC-24]
    let story = Story::sent().then(Input::CopyRefused {
        path: Path::Lan,
        status: 409,
        error: error(Code::TerminalBusy),
    });
    story.asks(Path::Lan);
    let story = story.then(Input::LookedUp(list(vec![])));
    story.cancels(Path::Lan);
    let cancelled = cancellation(CancelOutcome::Cancelled, None);
    story
        .then(Input::CancelAnswered(Path::Lan, cancelled))
        .is_refused(Code::TerminalBusy, vec![]);
}
