//! Sizes and durations as people say them. What is estimated is rounded as an estimate is.

/// `40 s`, `6 min`, `2 h 10 min`, `3 days`: two figures at most.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..10 => format!("{seconds} s"),
        10..90 => format!("{} s", seconds.div_ceil(5) * 5),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        5400..172_800 => {
            let tens = (seconds + 300) / 600;
            match tens % 6 {
                0 => format!("{} h", tens / 6),
                minutes => format!("{} h {} min", tens / 6, minutes * 10),
            }
        }
        _ => format!("{} days", (seconds + 43_200) / 86_400),
    }
}

/// `512 bytes`, `1.9 GB`: decimal units, as disks are sold.
pub fn bytes(count: u64) -> String {
    let (unit, size) = match count {
        0..1000 => return format!("{count} bytes"),
        1000..1_000_000 => ("kB", 1e3),
        1_000_000..1_000_000_000 => ("MB", 1e6),
        1_000_000_000..1_000_000_000_000 => ("GB", 1e9),
        _ => ("TB", 1e12),
    };
    let number = count as f64 / size;
    if number < 10.0 { format!("{number:.1} {unit}") } else { format!("{number:.0} {unit}") }
}

/// `4,120,000`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_as_they_grow() {
        let said = [3, 41, 89, 90, 300, 5399, 5400, 7800, 90_000, 200_000].map(duration);
        let meant = ["3 s", "45 s", "90 s", "2 min", "5 min", "90 min", "1 h 30 min", "2 h 10 min", "25 h", "2 days"];
        assert_eq!(said, meant);
    }

    #[test]
    fn sizes_and_counts() {
        let said = [0, 999, 1500, 64_000_000, 1_900_000_000, 4_000_000_000_000].map(bytes);
        assert_eq!(said, ["0 bytes", "999 bytes", "1.5 kB", "64 MB", "1.9 GB", "4.0 TB"]);
        assert_eq!([0, 999, 1000, 4_120_000].map(count), ["0", "999", "1,000", "4,120,000"]);
    }
}
