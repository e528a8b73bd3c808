//! Writes every document of `vinr-protocol/schemas/` anew, from the types:
//!
//! ```sh
//! cargo run -p vinr-protocol --features schema --example schemas
//! ```

use std::path::Path;
use std::{fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    fs::create_dir_all(&folder)?;
    for document in vinr_protocol::schema::documents() {
        fs::write(folder.join(document.file), document.json)?;
    }
    Ok(())
}
