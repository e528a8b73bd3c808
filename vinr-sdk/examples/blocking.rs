//! Takes a payment in a program without `async`.
//!
//! ```text
//! cargo run -p vinr-sdk --example blocking
//! ```

use vinr_sdk::CreateLocal;
use vinr_sdk::blocking::Vinr;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let vinr = Vinr::local_simulator()?;
    let payment = vinr.payments().create_local(CreateLocal {
        reader_id: "term_local_simulator",
        amount: 2500,
        currency: "USD",
        reference: "order_8821",
        ..CreateLocal::default()
    })?;
    println!("{}: {}", payment.reference, payment.status);
    Ok(())
}
