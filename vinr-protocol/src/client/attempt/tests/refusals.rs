use super::*;

fn refused(status: u16, code: Code) -> Story {
    Story::sent().then(Input::Refused {
        status,
        error: error(code),
    })
}

#[test]
fn a_4xx_that_is_about_the_request_alone_is_told_at_once() {
    for code in [
        Code::InvalidAmount,
        Code::TerminalBusy,
        Code::OfflineQueueFull,
        Code::LocalModeDisabled,
    ] {
        let status = code.status();
        let story = refused(status, code.clone());
        assert_eq!(
            story.outcome(),
            &Outcome::Refused {
                status,
                error: error(code),
                attempts: vec![]
            }
        );
    }
}

#[test]
fn a_conflict_of_the_sale_is_looked_up_before_anyone_is_told() {
    for code in [
        Code::IdempotencyConflict,
        Code::ReferenceInProgress,
        Code::ReferenceAlreadyPaid,
    ] {
        let story = refused(409, code.clone());
        story.looks_up();
        let paid = payment("other_till", Status::Completed);
        let story = story.then(Input::LookedUp(list(vec![paid.clone()])));
        assert_eq!(
            story.outcome(),
            &Outcome::Refused {
                status: 409,
                error: error(code),
                attempts: vec![paid]
            }
        );
    }
}

#[test]
fn a_conflict_that_cannot_be_looked_up_is_unknown_not_unpaid() {
    let story = refused(409, Code::ReferenceInProgress)
        .then(Input::LookUpFailed)
        .then(Input::Elapsed(Timer::Deadline));
    assert!(matches!(story.is_unknown(), Unsettled::Deadline(_)));
}

#[test]
fn a_code_from_a_newer_terminal_is_looked_up_unless_it_says_what_next() {
    refused(409, Code::from("quota")).looks_up();
    let story = Story::sent().then(Input::Refused {
        status: 429,
        error: ErrorBody {
            next: Some(Next::RetryLater),
            ..error(Code::from("quota"))
        },
    });
    assert!(matches!(story.outcome(), Outcome::Refused { .. }));
}

// [REC-5]
#[test]
fn a_status_outside_4xx_is_a_lost_answer() {
    for status in [200, 302, 399, 500, 503] {
        refused(status, Code::TerminalUnavailable).looks_up();
    }
}

#[test]
fn the_first_and_last_4xx_are_refusals() {
    for status in [400, 499] {
        let story = refused(status, Code::TerminalBusy);
        assert!(matches!(story.outcome(), Outcome::Refused { .. }));
    }
}

#[test]
fn a_refusal_after_the_head_is_a_lost_answer() {
    Story::sent()
        .then(Input::Head)
        .then(Input::Refused {
            status: 409,
            error: error(Code::TerminalBusy),
        })
        .looks_up();
}

// [REC-10] [REC-23] found by a seed: the device was swapped between the refusal and the look-up
#[test]
fn a_terminal_that_refused_for_the_sake_of_another_and_lists_none_proves_nothing() {
    for journal_id in [JOURNAL, "jrn_other"] {
        let empty = PaymentList {
            journal_id: Some(journal(journal_id)),
            ..list(vec![])
        };
        let story = refused(409, Code::ReferenceAlreadyPaid).then(Input::LookedUp(empty));
        assert!(
            matches!(story.outcome(), Outcome::Unknown { .. }),
            "{:?}",
            story.effects
        );
    }
}
