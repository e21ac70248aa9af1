//! What was probably meant: near spellings, names that other tools use, values in the wrong type.

use std::ops::Range;

use toml::de::DeValue;

use super::finding::Finding;
use super::scalar::shorten;
use super::shape::{Shape, quoted};

/// How alike two words must be to suggest one for the other: `sise` and `size` are 0.85, `size` and `zone` 0.67.
const ALIKE: f64 = 0.8;

/// What other tools call it, and what a plan calls it.
const SYNONYMS: [(&str, &str); 20] = [
    ("ami", "image"),
    ("availability_zone", "zone"),
    ("blueprint", "image"),
    ("blueprint_id", "image"),
    ("bundle_id", "size"),
    ("cidr", "from"),
    ("cidrs", "from"),
    ("duration", "for"),
    ("instance_type", "size"),
    ("ip", "address"),
    ("mount_point", "mount"),
    ("path", "source"),
    ("period", "for"),
    ("retention", "keep"),
    ("servers", "hosts"),
    ("size_gib", "size_gb"),
    ("static_address", "static_ip"),
    ("userdata", "user_data"),
    ("variables", "vars"),
    ("volumes", "disks"),
];

/// A key that the table does not know.
pub fn unknown_key(key: &str, span: Range<usize>, table: &str, known: &[&str], meant: Option<&str>) -> Finding {
    let finding = Finding::error("unknown-key", format!("{table} has no key `{}`", shorten(key)))
        .at(span, "unknown key")
        .reason(format!("it knows {}", known.join(", ")));
    match meant {
        Some(meant) => finding.remedy(format!("did you mean `{meant}`?")),
        None => finding.remedy("remove it"),
    }
}

/// A word that is none of those which are allowed.
pub fn unknown_word(text: &str, of: &str, words: &[String], span: Range<usize>) -> Finding {
    let kind = match of {
        "Metric" => "a metric",
        "Action" => "an action",
        "Provider" => "a provider",
        "Protocol" => "a protocol",
        "MigrateMode" => "a mode of migration",
        "VolumeType" => "a volume type",
        _ => "allowed here",
    };
    let finding =
        Finding::error("unknown-word", format!("`{}` is not {kind}", shorten(text))).at(span, format!("not {kind}"));
    if let Some((reason, remedy)) = explained(text, of) {
        return finding.reason(reason).remedy(remedy);
    }
    let known: Vec<&str> = words.iter().map(String::as_str).collect();
    let finding = finding.reason(format!("it is one of {}", quoted(words)));
    match meant(text, &known) {
        Some(meant) => finding.remedy(format!("did you mean `\"{meant}\"`?")),
        None => finding,
    }
}

/// Words with a story of their own: why they cannot be, and what serves the same end.
fn explained(text: &str, of: &str) -> Option<(&'static str, &'static str)> {
    let lower = text.to_lowercase();
    let is_about = |word: &str| lower.contains(word);
    match of {
        "Metric" if is_about("balance") || (is_about("disk") && is_about("burst")) || is_about("iops") => Some((
            "BurstBalance exists for gp2, st1 and sc1 volumes only: on gp3 and on Lightsail disks it never gets data, \
             and an alarm on it never fires",
            "watch `disk.queue_depth`, which the host publishes for every kind of disk; or `disk.burst_percent` of those volumes",
        )),
        "Metric" if is_about("credit") => Some((
            "instances with unlimited credits never run out of them; what throttles is the burst capacity",
            "watch `cpu.burst_percent`",
        )),
        "Metric" if is_about("latency") || is_about("p95") || is_about("p99") => Some((
            "of requests, the times that 95 and 99 of 100 stay under are measured",
            "watch `api.p95_ms` or `api.p99_ms`",
        )),
        "Metric" if is_about("error") => {
            Some(("errors are measured as a part of all requests", "watch `api.error_percent`"))
        }
        "Provider" if ["aws", "amazon"].contains(&lower.as_str()) => {
            Some(("AWS has two kinds of hosts here", "write `\"lightsail\"` or `\"ec2\"`"))
        }
        "Provider"
            if ["digitalocean", "hetzner", "gcp", "azure", "linode", "kvm", "vps", "ovh"].contains(&lower.as_str()) =>
        {
            Some((
                "infra makes hosts in AWS only",
                "use a server that exists there with `provider = \"ssh\"` and its `address`",
            ))
        }
        "Protocol" if ["all", "any", "icmp", "icmpv6"].contains(&lower.as_str()) => Some((
            "a rule opens ports, and only TCP and UDP have them",
            "write one rule for `\"tcp\"` and one for `\"udp\"`",
        )),
        _ => None,
    }
}

/// The known word that is meant, if one is near enough.
pub fn meant<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    // Nobody misspells a name into a hundred characters; comparing costs the product of the lengths.
    if text.len() > 100 {
        return None;
    }
    let spelled = text.to_lowercase().replace('-', "_");
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == spelled).map(|(_, ours)| *ours);
    if let Some(found) = known.iter().find(|word| Some(**word) == synonym || **word == spelled) {
        return Some(found);
    }
    known
        .iter()
        .map(|word| (strsim::jaro_winkler(&spelled, word), *word))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, word)| word)
}

/// The value as it should be written, if only its type is wrong.
pub fn retyped(value: &DeValue<'_>, shape: &Shape) -> Option<String> {
    let written = match (shape, value) {
        (Shape::Integer { .. } | Shape::Number, DeValue::String(text)) => {
            let digits: String = text.chars().take_while(|c| c.is_ascii_digit()).take(10).collect();
            Some(digits).filter(|digits| !digits.is_empty())
        }
        (Shape::Integer { .. }, DeValue::Float(number)) => {
            Some(number.as_str().split('.').next().unwrap_or_default().chars().take(10).collect())
        }
        (Shape::Boolean, DeValue::String(text)) => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" => Some("true".to_owned()),
            "false" | "no" | "off" => Some("false".to_owned()),
            _ => None,
        },
        (Shape::Text(check), DeValue::Integer(number)) => {
            let fits = check.is_none_or(|check| check(number.as_str()).is_none());
            fits.then(|| format!("\"{}\"", shorten(number.as_str())))
        }
        (Shape::List(_), DeValue::String(text)) => Some(format!("[\"{}\"]", shorten(text))),
        (Shape::List(_), DeValue::Integer(number)) => Some(format!("[{}]", shorten(number.as_str()))),
        _ => None,
    };
    written.map(|written| format!("write `{written}`"))
}
