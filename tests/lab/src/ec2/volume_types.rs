//! What AWS lets a volume of each type have.

use super::error::ApiError;

/// Size in GiB, IOPS and throughput in MiB/s, as they were asked for or as a volume has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    pub size_gb: u32,
    pub iops: Option<u32>,
    pub throughput: Option<u32>,
}

struct Limits {
    name: &'static str,
    size_gb: (u32, u32),
    /// None where IOPS follow from the size, or mean nothing.
    iops: Option<(u32, u32)>,
    /// At most so many IOPS for each GiB.
    iops_per_gb: u32,
    throughput: Option<(u32, u32)>,
}

const fn limits(name: &'static str, size_gb: (u32, u32), iops: Option<(u32, u32)>, iops_per_gb: u32) -> Limits {
    Limits { name, size_gb, iops, iops_per_gb, throughput: None }
}

static TYPES: [Limits; 7] = [
    Limits { throughput: Some((125, 2000)), ..limits("gp3", (1, 65536), Some((3000, 80000)), 500) },
    limits("gp2", (1, 16384), None, 0),
    limits("io1", (4, 16384), Some((100, 64000)), 50),
    limits("io2", (4, 65536), Some((100, 256_000)), 1000),
    limits("st1", (125, 16384), None, 0),
    limits("sc1", (125, 16384), None, 0),
    limits("standard", (1, 1024), None, 0),
];

/// What a volume of this type gets for what was asked; refuses what it cannot have.
pub fn grant(name: &str, asked: Figures) -> Result<Figures, ApiError> {
    let limits = TYPES.iter().find(|limits| limits.name == name).ok_or_else(|| {
        ApiError::new("UnknownVolumeType", format!("Unsupported volume type '{name}' for volume creation."))
    })?;
    within("Volume of", "GiB", name, asked.size_gb, limits.size_gb)?;
    Ok(Figures { size_gb: asked.size_gb, iops: iops(limits, asked)?, throughput: throughput(limits, asked)? })
}

fn within(what: &str, unit: &str, name: &str, value: u32, (least, most): (u32, u32)) -> Result<(), ApiError> {
    let (word, limit) = match value {
        value if value > most => ("large; maximum", most),
        value if value < least => ("small; minimum", least),
        _ => return Ok(()),
    };
    Err(ApiError::invalid(format!("{what} {value}{unit} is too {word} for volume type {name} is {limit}{unit}")))
}

fn iops(limits: &Limits, asked: Figures) -> Result<Option<u32>, ApiError> {
    let name = limits.name;
    let Some((least, most)) = limits.iops else {
        return match (asked.iops, name) {
            (Some(_), _) => {
                Err(ApiError::combination(format!("The parameter iops is not supported for {name} volumes.")))
            }
            // gp2's follow from its size.
            (None, "gp2") => Ok(Some((asked.size_gb * 3).clamp(100, 16000))),
            (None, _) => Ok(None),
        };
    };
    let iops = match asked.iops {
        Some(iops) => iops,
        None if name == "gp3" => least,
        None => {
            let message = format!("The request must contain the parameter iops for {name} volumes");
            return Err(ApiError::new("MissingParameter", message));
        }
    };
    if iops < least || iops > most {
        let (word, limit) = if iops < least { ("low; minimum", least) } else { ("high; maximum", most) };
        return Err(ApiError::invalid(format!("Volume iops of {iops} is too {word} is {limit}.")));
    }
    // The least that a type has, it has at any size.
    if iops > least.max(asked.size_gb.saturating_mul(limits.iops_per_gb)) {
        let ratio = f64::from(iops) / f64::from(asked.size_gb);
        let most = limits.iops_per_gb;
        return Err(ApiError::invalid(format!(
            "Iops to volume size ratio of {ratio:.6} is too high; maximum is {most}"
        )));
    }
    Ok(Some(iops))
}

/// gp3: a quarter of a MiB/s for each of its IOPS, and 125 in any case.
fn throughput(limits: &Limits, asked: Figures) -> Result<Option<u32>, ApiError> {
    let Some((least, most)) = limits.throughput else {
        return match asked.throughput {
            None => Ok(None),
            Some(_) => {
                let message = format!("The parameter throughput is not supported for {} volumes.", limits.name);
                Err(ApiError::combination(message))
            }
        };
    };
    let throughput = asked.throughput.unwrap_or(least);
    if throughput < least || throughput > most {
        let (word, limit) = if throughput < least { ("low; minimum", least) } else { ("high; maximum", most) };
        return Err(ApiError::invalid(format!("Volume throughput of {throughput} is too {word} is {limit}.")));
    }
    let iops = asked.iops.unwrap_or(3000);
    if throughput > least.max(iops / 4) {
        let ratio = f64::from(throughput) / f64::from(iops);
        return Err(ApiError::invalid(format!(
            "Throughput (MiBps) to iops ratio of {ratio:.6} is too high; maximum is 0.250000 MiBps per iops."
        )));
    }
    Ok(Some(throughput))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(size_gb: u32, iops: Option<u32>, throughput: Option<u32>) -> Figures {
        Figures { size_gb, iops, throughput }
    }

    #[test]
    fn gp3_has_its_baseline_and_its_ratios() {
        assert_eq!(grant("gp3", asked(8, None, None)).unwrap(), asked(8, Some(3000), Some(125)));
        assert!(grant("gp3", asked(8, Some(4000), Some(1000))).is_ok());
        assert!(grant("gp3", asked(8, Some(4001), None)).unwrap_err().message.contains("ratio of 500.125000"));
        assert!(grant("gp3", asked(8, Some(2999), None)).unwrap_err().message.contains("minimum is 3000"));
        assert!(grant("gp3", asked(8, None, Some(751))).unwrap_err().message.contains("0.250333"));
        assert!(grant("gp3", asked(65537, None, None)).unwrap_err().message.contains("maximum"));
    }

    #[test]
    fn other_types_take_what_is_theirs() {
        assert_eq!(grant("gp2", asked(100, None, None)).unwrap().iops, Some(300));
        assert_eq!(grant("gp2", asked(8, Some(100), None)).unwrap_err().code, "InvalidParameterCombination");
        assert_eq!(grant("io2", asked(8, None, None)).unwrap_err().code, "MissingParameter");
        assert_eq!(grant("gp9", asked(8, None, None)).unwrap_err().code, "UnknownVolumeType");
        assert!(grant("st1", asked(8, None, None)).is_err());
    }
}
