//! What the schema's conversion lost, as findings; and extensions that arrive in another version.

use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;
use crate::migrate::schema::ExtensionState;
use crate::migrate::timescale::EXTENSION;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let versions =
        s.catalog.extensions.iter().filter_map(|extension| match s.abilities.extensions.get(&extension.name)? {
            ExtensionState::Installed { version } | ExtensionState::Available { version }
                if *version != extension.version && extension.name != EXTENSION =>
            {
                Some(
                    Finding::note(
                        "extension-version",
                        format!("EXTENSION {}", extension.name),
                        format!("is {} here, {version} at the target", extension.version),
                    )
                    .so("its functions may behave differently")
                    .remedy("read its release notes"),
                )
            }
            _ => None,
        });
    s.losses.iter().map(Finding::from).chain(versions).collect()
}
