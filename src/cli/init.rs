//! `infra init`: a first plan, by asking or from one that ships.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use inquire::validator::Validation;

use super::args::Global;
use super::out;
use crate::error::{CommandError, Exit};
use crate::plan::init::{Answers, render, size_for};
use crate::plan::{Email, Gigabytes, Region, ScalarError, Source, TEMPLATES, template};

#[derive(Debug, Clone, clap::Args)]
pub struct InitArgs {
    /// Take a plan that ships with infra instead of asking
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["name", "region", "agents", "disk_gb", "email", "ssh_from"])]
    pub from: Option<String>,
    /// List the plans that ship with infra
    #[arg(long)]
    pub list: bool,
    /// The plan's name
    #[arg(long)]
    pub name: Option<String>,
    /// AWS region
    #[arg(long)]
    pub region: Option<String>,
    /// How many agents will send telemetry
    #[arg(long)]
    pub agents: Option<String>,
    /// Size of the database's disk in GB
    #[arg(long)]
    pub disk_gb: Option<String>,
    /// Where alerts go; empty for nowhere
    #[arg(long)]
    pub email: Option<String>,
    /// The address or network from which SSH is allowed
    #[arg(long, value_name = "CIDR")]
    pub ssh_from: Option<String>,
    /// The bundle's folder, relative to the plan
    #[arg(long, value_name = "DIR", default_value = "../templates/phoenix")]
    pub source: String,
    /// The file to write [default: plans/NAME.toml]
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace a file that exists
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is no terminal to ask on.
    #[error("stopped at a question: {question}")]
    Question { question: &'static str, flag: &'static str },
    #[error("{flag}: {message}")]
    Answer { flag: &'static str, message: String },
    #[error("there is no plan called {0}")]
    UnknownTemplate(String),
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the question was not answered")]
    Unanswered(#[source] inquire::InquireError),
}

impl InitError {
    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Question { flag, .. } => Some(format!("answer it with {flag}")),
            Self::UnknownTemplate(_) => Some("`infra init --list` shows them".to_owned()),
            Self::Exists(_) => Some("--force replaces it, --out names another file".to_owned()),
            Self::Answer { .. } | Self::Write { .. } | Self::Unanswered(_) => None,
        }
    }
}

/// What was done.
#[derive(Debug, PartialEq, Eq)]
pub enum Initialized {
    Listed,
    Written(PathBuf),
}

impl Initialized {
    /// For programs.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Listed => TEMPLATES
                .iter()
                .map(|template| serde_json::json!({ "name": template.name, "description": template.description }))
                .collect(),
            Self::Written(path) => serde_json::json!({ "written": path }),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            Self::Listed => {
                TEMPLATES.iter().map(|template| format!("{}  {}\n", template.name, template.description)).collect()
            }
            Self::Written(path) => {
                let path = path.display();
                format!("wrote {path}\nnext: read it, then `infra plan {path}`\n")
            }
        }
    }
}

impl From<InitError> for CommandError {
    fn from(error: InitError) -> Self {
        let hint = error.hint();
        let failed = match &error {
            InitError::Question { .. } => Self::question(error),
            InitError::Answer { .. } | InitError::UnknownTemplate(_) | InitError::Exists(_) => Self::usage(error),
            InitError::Unanswered(inquire::InquireError::OperationInterrupted) => Self::new(Exit::Interrupted, error),
            InitError::Write { .. } | InitError::Unanswered(_) => Self::failed(error),
        };
        failed.hints(hint)
    }
}

/// The verb: what was written is said on stderr, what was asked for goes to stdout.
pub fn verb(global: &Global, args: &InitArgs) -> Result<Exit, CommandError> {
    let done = run(args)?;
    match (&done, global.json) {
        (_, true) => out::line(done.json()),
        (Initialized::Listed, false) => out::text(done.text()),
        (Initialized::Written(_), false) => eprint!("{}", done.text()),
    }
    Ok(Exit::Done)
}

/// Writes a plan, or lists those that ship.
pub fn run(args: &InitArgs) -> Result<Initialized, InitError> {
    if args.list {
        return Ok(Initialized::Listed);
    }
    let (name, text) = match &args.from {
        Some(from) => {
            let text = template(from).ok_or_else(|| InitError::UnknownTemplate(from.clone()))?;
            (from.clone(), text.to_owned())
        }
        None => {
            let answers = answers(args)?;
            (answers.name.to_string(), render(&answers))
        }
    };
    let path = args.out.clone().unwrap_or_else(|| PathBuf::from("plans").join(format!("{name}.toml")));
    write(&path, &text, args.force)?;
    Ok(Initialized::Written(path))
}

fn answers(args: &InitArgs) -> Result<Answers, InitError> {
    if args.source.is_empty() || args.source.contains('\0') {
        return Err(InitError::Answer { flag: "--source", message: "not a folder's name".to_owned() });
    }
    let question = |flag, text, default| Question { flag, text, default };
    let name = question("--name", "What is the plan called?", Some("phase1")).answer(args.name.as_deref(), scalar)?;
    let region = question("--region", "In which AWS region?", Some("us-east-1"));
    let region: Region = region.answer(args.region.as_deref(), scalar)?;
    let agents = question("--agents", "How many agents will send telemetry?", Some("50"));
    let agents = agents.answer(args.agents.as_deref(), count)?;
    if args.agents.is_none() {
        eprintln!("  that takes {}", size_for(agents));
    }
    let disk_gb = question("--disk-gb", "How many GB for the database's disk?", Some("80"));
    let email = question("--email", "Which e-mail address gets alerts? (empty: none)", Some(""));
    let ssh_from = question("--ssh-from", "From which address or network do you use SSH?", None);
    Ok(Answers {
        name,
        region,
        agents,
        disk_gb: disk_gb.answer(args.disk_gb.as_deref(), gigabytes)?,
        email: email.answer(args.email.as_deref(), address_or_none)?,
        ssh_from: ssh_from.answer(args.ssh_from.as_deref(), source)?,
        source: args.source.clone(),
    })
}

/// Something that a person has to say, here or in advance.
struct Question {
    flag: &'static str,
    text: &'static str,
    default: Option<&'static str>,
}

impl Question {
    fn answer<T>(&self, given: Option<&str>, parse: fn(&str) -> Result<T, String>) -> Result<T, InitError>
    where
        T: 'static,
    {
        let refused = |message| InitError::Answer { flag: self.flag, message };
        match given {
            Some(text) => parse(text).map_err(refused),
            None if !std::io::stdin().is_terminal() => {
                Err(InitError::Question { question: self.text, flag: self.flag })
            }
            None => parse(&self.ask(parse)?).map_err(refused),
        }
    }

    fn ask<T: 'static>(&self, parse: fn(&str) -> Result<T, String>) -> Result<String, InitError> {
        let valid = move |text: &str| {
            Ok(match parse(text) {
                Ok(_) => Validation::Valid,
                Err(message) => Validation::Invalid(message.into()),
            })
        };
        let prompt = inquire::Text::new(self.text).with_validator(valid);
        let prompt = self.default.into_iter().fold(prompt, inquire::Text::with_default);
        prompt.prompt().map_err(InitError::Unanswered)
    }
}

fn scalar<T: FromStr<Err = ScalarError>>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|error: ScalarError| format!("{error}: {}", error.rule))
}

fn count(text: &str) -> Result<u32, String> {
    text.trim().parse().ok().filter(|number| *number > 0).ok_or_else(|| "a whole number from 1".to_owned())
}

/// In the limits of a Lightsail disk.
fn gigabytes(text: &str) -> Result<Gigabytes, String> {
    let number = text.trim().parse().ok().filter(|number| (8..=16_000).contains(number));
    number.map(Gigabytes).ok_or_else(|| "a whole number from 8 to 16000".to_owned())
}

fn address_or_none(text: &str) -> Result<Option<Email>, String> {
    if text.trim().is_empty() { Ok(None) } else { scalar(text).map(Some) }
}

/// A network, or one address.
fn source(text: &str) -> Result<Source, String> {
    match text.trim().parse::<IpAddr>() {
        Ok(address) => scalar(&ipnet::IpNet::from(address).to_string()),
        Err(_) => scalar(text),
    }
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), InitError> {
    let failed = |source| InitError::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).truncate(force).create(force).create_new(!force);
    let mut file = options.open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => InitError::Exists(path.to_owned()),
        _ => failed(source),
    })?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        init: InitArgs,
    }

    fn init(arguments: &[&str]) -> Result<Initialized, InitError> {
        run(&Cli::try_parse_from([&["init"], arguments].concat()).unwrap().init)
    }

    const ANSWERS: [&str; 12] = [
        "--name",
        "acme",
        "--region",
        "eu-central-1",
        "--agents",
        "20",
        "--disk-gb",
        "40",
        "--email",
        "",
        "--ssh-from",
        "198.51.100.7",
    ];

    #[test]
    fn flags_answer_every_question_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("plans/acme.toml");
        let arguments = [&ANSWERS[..], &["--out", out.to_str().unwrap()]].concat();
        assert_eq!(init(&arguments).unwrap(), Initialized::Written(out.clone()));
        let written = std::fs::read(&out).unwrap();
        let checked = crate::plan::parse("acme.toml", &written).unwrap();
        assert_eq!(checked.plan().hosts["vault"].ports[0].from[0].to_string(), "198.51.100.7/32");

        assert!(matches!(init(&arguments), Err(InitError::Exists(_))));
        assert!(init(&[&arguments[..], &["--force"]].concat()).is_ok());
    }

    #[test]
    fn a_template_is_written_as_it_ships() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("phase1.toml");
        init(&["--from", "phase1", "--out", out.to_str().unwrap()]).unwrap();
        assert_eq!(std::fs::read_to_string(&out).unwrap(), template("phase1").unwrap());
        assert!(matches!(init(&["--from", "nothing"]), Err(InitError::UnknownTemplate(_))));
    }

    #[test]
    fn a_wrong_answer_names_its_flag() {
        let mut arguments = ANSWERS;
        arguments[7] = "4";
        assert_eq!(init(&arguments).unwrap_err().to_string(), "--disk-gb: a whole number from 8 to 16000");
    }
}
