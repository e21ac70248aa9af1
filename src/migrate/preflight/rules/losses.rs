//! What the schema's conversion lost, as findings; and extensions that arrive in another version.

use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::{Finding, Severity};
use crate::migrate::schema::{Consequence, ExtensionState, Loss};
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
    s.losses.iter().map(finding).chain(versions).collect()
}

fn finding(loss: &Loss) -> Finding {
    let severity = match loss.consequence {
        Consequence::Blocks => Severity::Blocker,
        Consequence::Consent => Severity::Warning,
        Consequence::Note => Severity::Note,
    };
    let listed = |word: &str, names: &[String]| match names {
        [] => None,
        [one] => Some(format!("{word}: {one}")),
        [one, rest @ ..] => Some(format!("{word}: {one} and {} more", rest.len())),
    };
    let consequence = [listed("with it", &loss.takes), listed("called by", &loss.callers)];
    let consequence = consequence.into_iter().flatten().collect::<Vec<_>>().join("; ");
    Finding {
        code: loss.code.clone(),
        severity,
        object: loss.object.clone(),
        what: loss.what.clone(),
        consequence,
        remedy: loss.remedy.clone(),
    }
}
