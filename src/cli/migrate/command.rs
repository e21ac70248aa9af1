//! What the user typed, to be typed once more: without the codes, which come to it, and without a password.

use super::StartArgs;
use crate::postgres::Endpoint;

pub fn typed(args: &StartArgs, target: Option<&Endpoint>) -> String {
    let mut words = vec!["infra".to_owned(), "migrate".to_owned()];
    words.extend(args.plan.iter().map(|plan| plan.display().to_string()));
    let to = target.map(Endpoint::url).or_else(|| args.to.clone());
    words.extend(to.into_iter().flat_map(|to| ["--to".to_owned(), to]));
    words.extend(args.offline.then(|| "--offline".to_owned()));
    words.extend(args.online.then(|| "--online".to_owned()));
    if !args.cutover.is_empty() {
        words.push("--cutover".to_owned());
        words.push(args.cutover.join(" "));
    }
    words.extend(args.jobs.into_iter().flat_map(|jobs| ["--jobs".to_owned(), jobs.to_string()]));
    words.extend(args.max_rate.into_iter().flat_map(|rate| ["--max-rate".to_owned(), rate.to_string()]));
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// For a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args() -> StartArgs {
        StartArgs {
            plan: Some("my plans/p.toml".into()),
            to: Some("postgres://me:secret@db.example.com/app".into()),
            offline: true,
            online: false,
            cutover: vec!["at 02:30".into()],
            accept: vec![],
            jobs: Some(3),
            max_rate: None,
            plan_only: true,
        }
    }

    #[test]
    fn it_can_be_typed_again_and_shows_no_password() {
        let target = Endpoint::parse(args().to.as_deref().unwrap_or_default()).ok();
        let text = typed(&args(), target.as_ref());
        assert!(
            text.starts_with("infra migrate 'my plans/p.toml' --to 'postgres://me@db.example.com:5432/app?"),
            "{text}"
        );
        assert!(text.ends_with(" --offline --cutover 'at 02:30' --jobs 3") && !text.contains("secret"), "{text}");
        let rds =
            StartArgs { to: Some("rds".into()), plan: None, offline: false, cutover: vec![], jobs: None, ..args() };
        assert_eq!(typed(&rds, None), "infra migrate --to rds");
    }
}
