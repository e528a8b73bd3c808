//! What a terminal may answer: a till reads it or not, keeps words it does not know, and never panics.

use std::fmt::Debug;

use serde_json::{from_slice, to_vec};
use vinr_protocol::error_body::ErrorEnvelope;
use vinr_protocol::{Cancellation, Payment, PaymentList, Reader};

/// The body of any answer.
pub(crate) fn answer(data: &[u8]) {
    read_back::<Payment>(data);
    read_back::<PaymentList>(data);
    read_back::<Cancellation>(data);
    read_back::<ErrorEnvelope>(data);
    read_back::<Reader>(data);
}

fn read_back<T>(data: &[u8])
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    let Ok(answer) = from_slice::<T>(data) else {
        return;
    };
    let written = to_vec(&answer).expect("what was read can be written");
    let again = from_slice::<T>(&written).expect("what was written can be read");
    assert_eq!(again, answer);
}
