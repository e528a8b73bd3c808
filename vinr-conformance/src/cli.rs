//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use vinr_conformance::plan::Shard;
use vinr_conformance::profile::Sheet;
use vinr_protocol::TerminalId;

/// Does it conform? Drives a payment terminal over real mutual TLS, judges the wire, writes the report.
#[derive(Debug, Parser)]
#[command(name = "vinr-conformance", version, after_help = EXITS)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// One JSON document on standard output, for programs; progress and errors stay on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No progress, and of a result one line.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

const EXITS: &str = "\
Exit codes:
  0 every binding rule that was planned and applies passed    64 bad usage or profile
  1 a binding rule failed                                      69 the terminal cannot be reached
  2 warnings, with --strict                                    70 the suite itself went wrong
  3 a planned rule could not be tested                        130 interrupted; a partial bundle is left
  4 the list of known failures is stale";

const CLIENT_EXITS: &str = "\
The adapter speaks JSON lines on stdin and stdout: see docs/certify-a-till.md.
A till with a screen needs none: see docs/certify-a-till-with-a-screen.md.

Exit codes:
  0 every binding rule that was planned and applies passed    64 bad usage or profile
  1 a binding rule failed                                      69 the adapter cannot be started or relied on
  2 warnings, with --strict                                    70 the suite itself went wrong
  3 a planned rule could not be tested                        130 interrupted; a partial bundle is left";

const DOCTOR_EXITS: &str = "\
Starts no payment and sends nothing but GET /v1/reader, and that only to a terminal that proved who it is.

Exit codes:
  0 all well                       64 bad usage
  1 something is wrong, see which  69 the terminal cannot be reached";

const REJUDGE_EXITS: &str = "\
The bundle itself is never changed. A newer suite may judge otherwise.

Exit codes:
  0 the same result     64 no bundle, or one that was altered
  1 another result      70 the new bundle could not be written";

const VERIFY_EXITS: &str = "\
Exit codes:
  0 nothing was altered
  1 something was: the first file is named
  3 another version of the suite judged it, and this one cannot say
 64 there is no such directory";

const DIFF_EXITS: &str = "\
Exit codes:
  0 no rule is worse than before
  1 a rule is
 64 no bundle, or one that was altered";

const MERGE_EXITS: &str = "\
The bundles are those of `terminal` or `client` with --shard 1/N to --shard N/N, each as the run left it.

Exit codes:
  0 to 4 as one run of the whole plan would have ended
 64 no bundle, one that was altered, or bundles that do not belong together: which and why is said
 70 the merged bundle could not be written";

const KEYGEN_EXITS: &str = "\
Writes FILE, which nobody else may read and which signs bundles, and FILE.pub, which checks them. The same with OpenSSL:
  openssl genpkey -algorithm ed25519 -out certifier.pem && chmod 600 certifier.pem
  openssl pkey -in certifier.pem -pubout -out certifier.pem.pub

Exit codes:
  0 both files are written
 64 one of them is there already
 70 they cannot be written";

const BADGE_EXITS: &str = "\
Exit codes:
  0 drawn, whatever the verdict
 64 no bundle, or one that was altered
 70 the picture could not be written";

const PROFILE_INIT_EXITS: &str = "\
Exit codes:
  0 written
 64 bad usage, or the file is there already
 69 nobody answers at the address";

const PROFILE_CHECK_EXITS: &str = "\
Exit codes:
  0 a run would take it
 64 it would not: each fault with its line, its column, the words, and what to write";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Plays the till and judges a terminal.
    #[command(override_usage = "\
        vinr-conformance terminal --simulator [OPTIONS]\n       \
        vinr-conformance terminal [ADDRESS] --dir DIR [OPTIONS]\n       \
        vinr-conformance terminal [ADDRESS] --profile FILE [OPTIONS]")]
    Terminal(Terminal),
    /// Plays terminals, network and cloud, and judges a till.
    #[command(
        after_help = CLIENT_EXITS,
        override_usage = "\
        vinr-conformance client --profile FILE [OPTIONS] -- ADAPTER [ARGUMENTS]...\n       \
        vinr-conformance client --profile FILE [OPTIONS]"
    )]
    Client(Client),
    /// Why can't I connect? Looks at every step from a till's files to its terminal's answer.
    #[command(
        after_help = DOCTOR_EXITS,
        override_usage = "\
        vinr-conformance doctor ADDRESS --dir DIR [OPTIONS]\n       \
        vinr-conformance doctor ADDRESS --terminal-ca FILE --identity FILE --passphrase-file FILE [OPTIONS]\n       \
        vinr-conformance doctor ADDRESS --terminal-ca FILE --pos-cert FILE --pos-key FILE [OPTIONS]"
    )]
    Doctor(Doctor),
    /// Shows what would be run, in order, and the plan's hash.
    Plan(Choice),
    /// Judges a bundle's journal again, and says whether the result is the same.
    #[command(after_help = REJUDGE_EXITS)]
    Rejudge(Rejudge),
    /// Checks that nothing in a bundle was altered.
    #[command(after_help = VERIFY_EXITS)]
    Verify {
        /// What a run left behind.
        bundle: PathBuf,
        /// It must be signed by this key (a public key, PEM).
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Joins the bundles of the shards of a plan into that of one run.
    #[command(after_help = MERGE_EXITS)]
    Merge {
        /// One of each shard, in any order.
        #[arg(required = true)]
        bundles: Vec<PathBuf>,
        /// Where the merged bundle goes.
        #[arg(long, value_name = "DIR", default_value = "vinr-report")]
        out: PathBuf,
        /// Merges also where a shard is missing or was interrupted: what it had is not run, the verdict never conformant.
        #[arg(long)]
        partial: bool,
        /// Signs it with this Ed25519 key (PKCS#8, PEM).
        #[arg(long, value_name = "FILE")]
        sign_key: Option<PathBuf>,
    },
    /// Makes an Ed25519 key for `--sign-key`, and the one that checks what it signed.
    #[command(after_help = KEYGEN_EXITS)]
    Keygen {
        /// Where the private key goes.
        file: PathBuf,
    },
    /// Prints the JSON Schema of a bundle's result.json.
    Schema,
    /// Prints a completion script for a shell.
    Completions {
        /// Which one.
        shell: Shell,
    },
    /// Prints the manual page, or writes those of all commands into a directory.
    Man {
        /// Where the pages go.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Shows what changed from one bundle to another, rule by rule.
    #[command(after_help = DIFF_EXITS)]
    Diff {
        /// The bundle from before.
        old: PathBuf,
        /// The bundle from now.
        new: PathBuf,
    },
    /// Draws a bundle's verdict and counts as an SVG.
    #[command(after_help = BADGE_EXITS)]
    Badge {
        /// What a run left behind.
        bundle: PathBuf,
        /// Where the picture goes; without it, to standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Begins or checks a profile: what a maker claims of a terminal.
    Profile {
        #[command(subcommand)]
        command: ProfileCommand,
    },
    /// Lists every requirement and the scenarios that judge it.
    List,
    /// Explains a requirement: its words, its basis, what it takes to see it, who judges it.
    Explain {
        /// Such as REC-4.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// Writes a profile to start from; what can be seen of the device is filled in.
    #[command(after_help = PROFILE_INIT_EXITS)]
    Init(ProfileInit),
    /// Reads a profile as a run would: says what is wrong, where, and what to write instead.
    #[command(after_help = PROFILE_CHECK_EXITS)]
    Check {
        /// The profile.
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ProfileInit {
    /// Where the device is; without it, the sheet alone is written. Nothing but GET /v1/reader is sent to it.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) probe: Option<String>,
    /// The device sheet, such as nexgo-ct20; without it, that of the model that the device says it is.
    #[arg(long, value_name = "SHEET", value_parser = sheet)]
    pub(crate) base: Option<Sheet>,
    /// A directory that `vinr-simulator provision` made.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["terminal_ca", "pos_cert", "pos_key"])]
    pub(crate) dir: Option<PathBuf>,
    /// The terminal CA bundle, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) terminal_ca: Option<PathBuf>,
    /// The till's certificate, PEM.
    #[arg(long, value_name = "FILE", requires_all = ["pos_key", "terminal_ca"])]
    pub(crate) pos_cert: Option<PathBuf>,
    /// The till's key, PEM.
    #[arg(long, value_name = "FILE", requires = "pos_cert")]
    pub(crate) pos_key: Option<PathBuf>,
    /// Where the profile goes; without it, to standard output. A file that is there is never overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

fn sheet(word: &str) -> Result<Sheet, String> {
    let own = Sheet::ALL.into_iter().find(|sheet| sheet.word() == word);
    own.ok_or_else(|| format!("the sheets are {}", Sheet::ALL.map(Sheet::word).join(", ")))
}

/// Which scenarios, and by which profile.
#[derive(Debug, Clone, Args)]
pub(crate) struct Choice {
    /// What the maker claims; without it, the simulator's.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) part: Part,
}

/// Which scenarios of those that apply.
#[derive(Debug, Clone, Args)]
pub(crate) struct Part {
    /// Only what speaks of this requirement (PAY-8, REC-4) or has this id (pay.approved); may be repeated.
    #[arg(long, value_name = "ID")]
    pub(crate) only: Vec<String>,
    /// Only scenarios with one of these tags.
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(crate) tags: Vec<String>,
    /// Only a share of them, such as 3/16: the others run elsewhere, and `merge` joins the bundles.
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
}

/// One sitting of a run, whoever is judged.
#[derive(Debug, Args)]
pub(crate) struct Sitting {
    /// Where the bundle goes.
    #[arg(long, value_name = "DIR", default_value = "vinr-report")]
    pub(crate) out: PathBuf,
    /// Goes on with the run that left this partial bundle, and runs only what was not run.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "only", "tags", "shard", "seed", "known_failures"])]
    pub(crate) resume: Option<PathBuf>,
    /// What is known to be broken: known-failures.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) known_failures: Option<PathBuf>,
    /// Signs the bundle with this Ed25519 key (PKCS#8, PEM); `keygen` makes one.
    #[arg(long, value_name = "FILE")]
    pub(crate) sign_key: Option<PathBuf>,
    /// Picks timings, and the bytes at which connections break; printed and stored.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Warnings count.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Terminal {
    /// Where the terminal is: host, host:port, or an IP address. Port 8443 unless said otherwise.
    #[arg(conflicts_with = "simulator", required_unless_present_any = ["simulator", "profile", "dir"])]
    pub(crate) address: Option<String>,
    /// Starts a simulator in this process and judges it.
    #[arg(long, conflicts_with_all = ["profile", "dir", "id"])]
    pub(crate) simulator: bool,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// A directory that `vinr-simulator provision` made: identities, CAs, control file.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The terminal's id in that directory, where it holds several.
    #[arg(long, value_name = "ID", requires = "dir")]
    pub(crate) id: Option<TerminalId>,
    #[command(flatten)]
    pub(crate) sitting: Sitting,
    /// Breaks a promise of the embedded simulator; may be repeated.
    // Not `requires = "simulator"`: clap lets that pass where an address rules the simulator out.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["address", "profile", "dir"])]
    pub(crate) defect: Vec<vinr_simulator::Defect>,
    /// Sets no clock of a simulator ahead: what lasts a minute is waited for, what lasts a day is not tested.
    #[arg(long)]
    pub(crate) real_time: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Client {
    /// What the maker of the till claims.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: PathBuf,
    #[command(flatten)]
    pub(crate) part: Part,
    #[command(flatten)]
    pub(crate) sitting: Sitting,
    /// Shows what would be run, and runs nothing.
    #[arg(long)]
    pub(crate) list: bool,
    /// The adapter, and its arguments; none for a till with a screen.
    #[arg(last = true)]
    pub(crate) adapter: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Rejudge {
    /// What a run left behind.
    pub(crate) bundle: PathBuf,
    /// Where a bundle with the new result goes; without it nothing is written.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Where the terminal is: host, host:port, an IP address, or its id, which mDNS finds. Port 8443 unless said otherwise.
    pub(crate) address: String,
    /// A directory that `vinr-simulator provision` made.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The terminal CA bundle, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) terminal_ca: Option<PathBuf>,
    /// The till's identity, PKCS#12.
    #[arg(long, value_name = "FILE", requires = "passphrase_file", conflicts_with_all = ["pos_cert", "pos_key"])]
    pub(crate) identity: Option<PathBuf>,
    /// A file that holds the passphrase of the identity and nothing else.
    #[arg(long, value_name = "FILE", requires = "identity")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The till's certificate, PEM.
    #[arg(long, value_name = "FILE", requires = "pos_key")]
    pub(crate) pos_cert: Option<PathBuf>,
    /// The till's key, PEM.
    #[arg(long, value_name = "FILE", requires = "pos_cert")]
    pub(crate) pos_key: Option<PathBuf>,
    /// The terminal that is meant; the only one of the directory where absent.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<TerminalId>,
    /// How long each step may take, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 3000, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub(crate) within: u64,
    /// Does not ask by mDNS.
    #[arg(long)]
    pub(crate) no_mdns: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_terminal_must_be_named_somehow() {
        assert!(Cli::try_parse_from(["x", "terminal"]).is_err());
        assert!(Cli::try_parse_from(["x", "terminal", "--simulator"]).is_ok());
        assert!(Cli::try_parse_from(["x", "terminal", "127.0.0.1"]).is_ok());
        assert!(Cli::try_parse_from(["x", "terminal", "127.0.0.1", "--simulator"]).is_err());
    }

    #[test]
    fn a_run_that_goes_on_takes_its_plan_from_its_bundle() {
        for role in [
            ["terminal", "--simulator"],
            ["client", "--profile=mypos.toml"],
        ] {
            let resumed = [&["x"], &role[..], &["--resume", "vinr-report"]].concat();
            assert!(Cli::try_parse_from(&resumed).is_ok(), "{role:?}");
            for more in [
                ["--only", "PAY-3"],
                ["--shard", "1/2"],
                ["--out", "elsewhere"],
            ] {
                let words = resumed.iter().chain(&more);
                assert!(Cli::try_parse_from(words).is_err(), "{more:?}");
            }
        }
    }

    #[test]
    fn only_the_embedded_simulator_can_be_broken() {
        let broken = ["x", "terminal", "127.0.0.1", "--defect", "amount-altered"];
        assert!(Cli::try_parse_from(broken).is_err());
    }
}
