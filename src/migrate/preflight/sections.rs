//! Everything that was found, in the order in which it concerns a person: what stops the migration, what needs consent,
//! what has it, what is to be known. Pure.

use super::finding::{Finding, Severity};
use super::group::{Group, groups};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sections<'a> {
    pub stops: Vec<Group<'a>>,
    /// Until somebody agrees, by code.
    pub asks: Vec<Group<'a>>,
    pub agreed: Vec<Group<'a>>,
    pub notes: Vec<Group<'a>>,
}

impl<'a> Sections<'a> {
    /// `accepted` are codes.
    pub fn of(findings: impl IntoIterator<Item = &'a Finding>, accepted: &[String]) -> Self {
        let mut sections = Self { stops: vec![], asks: vec![], agreed: vec![], notes: vec![] };
        for group in groups(findings) {
            let section = match group.severity {
                Severity::Blocker => &mut sections.stops,
                Severity::Warning if accepted.iter().any(|code| code == group.code) => &mut sections.agreed,
                Severity::Warning => &mut sections.asks,
                Severity::Note => &mut sections.notes,
            };
            section.push(group);
        }
        sections
    }

    /// Nobody needs to do anything.
    pub fn are_clear(&self) -> bool {
        self.stops.is_empty() && self.asks.is_empty()
    }

    /// Without what only has to be known.
    #[must_use]
    pub fn open(self) -> Self {
        Self { agreed: vec![], notes: vec![], ..self }
    }

    /// With `most` objects of a kind at the most; ends with a line break unless it is empty.
    pub fn told(&self, most: usize) -> String {
        let sections = [
            ("In the way, and to be removed before it can begin:", &self.stops),
            ("Needs your yes, by its [code]:", &self.asks),
            ("Agreed to:", &self.agreed),
            ("To know:", &self.notes),
        ];
        let told = sections.into_iter().filter(|(_, groups)| !groups.is_empty()).map(|(title, groups)| {
            let lines: Vec<_> = groups.iter().map(|group| group.told(most)).collect();
            format!("{title}\n{}\n", lines.join("\n"))
        });
        told.collect::<Vec<_>>().join("\n")
    }

    /// Something is left out of that.
    pub fn is_shortened(&self, most: usize) -> bool {
        let all = [&self.stops, &self.asks, &self.agreed, &self.notes];
        let mut members = all.into_iter().flatten().map(|group| &group.members);
        members.any(|members| {
            members.len() > most || members.iter().any(|member| member.takes.len().max(member.callers.len()) > most)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_comes_first_and_what_is_left_out_is_known() {
        let lost = Finding { takes: vec!["x".into(); 9], ..Finding::warning("lost", "TABLE b", "goes") };
        let findings = [Finding::note("odd", "TABLE a", "is odd"), lost, Finding::blocker("bad", "TABLE c", "is bad")];
        let open = Sections::of(&findings, &[]);
        let told = open.told(5);
        let place = |text: &str| told.find(text).unwrap_or_else(|| panic!("{text}: {told}"));
        assert!(
            place("[bad]") < place("Needs your yes")
                && place("[lost]") < place("To know")
                && place("To know") < place("[odd]")
        );
        assert!(open.is_shortened(8) && !open.is_shortened(9) && !open.are_clear());
        let agreed = Sections::of(&findings[..2], &["lost".into()]);
        assert!(agreed.are_clear() && agreed.told(5).contains("Agreed to:\n  [lost] TABLE b"), "{}", agreed.told(5));
        assert_eq!(agreed.open().told(5), "");
    }
}
