//! What the examples take from the command line.

use std::path::PathBuf;

use anyhow::{Context, bail};
use vinr_sdk::{Builder, Vinr};

pub(crate) struct Arguments {
    /// Where a terminal is; without it the example starts a simulator.
    pub(crate) address: Option<String>,
    pub(crate) reader: Option<String>,
    pub(crate) dir: PathBuf,
    pub(crate) amount: u64,
    pub(crate) reference: String,
}

impl Arguments {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let mut arguments = Self {
            address: None,
            reader: None,
            dir: "vinr-local".into(),
            amount: 1000,
            reference: "local_test_001".to_owned(),
        };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            match (name.as_str(), words.next()) {
                ("--address", Some(value)) => arguments.address = Some(value),
                ("--reader", Some(value)) => arguments.reader = Some(value),
                ("--dir", Some(value)) => arguments.dir = value.into(),
                ("--amount", Some(value)) => {
                    arguments.amount = value.parse().context("--amount is a number")?;
                }
                ("--reference", Some(value)) => arguments.reference = value,
                ("--address" | "--reader" | "--dir" | "--amount" | "--reference", None) => {
                    bail!("{name} takes a value")
                }
                _ => bail!("{name} is none of --address --reader --dir --amount --reference"),
            }
        }
        Ok(arguments)
    }

    /// A till with the files of a provisioned directory; its attempts are kept there, too. With a
    /// passphrase in the environment it opens the `.p12`, else the PEM files beside it.
    pub(crate) fn till(&self) -> anyhow::Result<Builder> {
        let file = |name| self.dir.join(name);
        let trusting = Vinr::builder().terminal_ca_file(file("terminal-ca.pem"))?;
        let builder = match std::env::var("VINR_LOCAL_CERT_PASSPHRASE") {
            Ok(passphrase) => trusting.identity_p12_file(file("pos.p12"), &passphrase)?,
            Err(_) => trusting.identity_pem_files(file("pos.pem"), file("pos.key"))?,
        };
        Ok(builder.store_dir(file("till")))
    }
}
