//! Daily work: the services' logs, commands on the host and in containers.

use tokio::io::AsyncWrite;

use super::deploy::site_script;
use super::error::HostError;
use super::progress::Progress;
use super::script::quote;
use super::session::Session;
use super::site::Site;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogOptions {
    /// All of them when empty.
    pub services: Vec<String>,
    pub follow: bool,
    /// Lines from the end; all of them when None.
    pub tail: Option<u32>,
    /// As Docker takes it: `10m`, or a time.
    pub since: Option<String>,
}

impl Session {
    /// Copies the services' logs to `out` until they end, or, when following, until dropped.
    pub async fn logs(
        &self,
        site: &Site,
        options: &LogOptions,
        out: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), HostError> {
        let script = site_script("reading logs", include_str!("scripts/logs.sh"), site)
            .set("FOLLOW", if options.follow { "yes" } else { "" })
            .set("TAIL", options.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()))
            .set("SINCE", options.since.as_deref().unwrap_or_default())
            .list("SERVICES", &options.services);
        let mut running = self.start(&script).await?;
        // Input stays open: its end tells the far side that nobody reads any more.
        let stdin = running.stdin.take();
        let mut stdout = running.child.stdout.take().expect("standard output is piped");
        // A reader that went away (`| head`) ends the copy; that is no error.
        let _ = tokio::io::copy(&mut stdout, out).await;
        drop((stdin, stdout));
        let finished = running.finish(&Progress::none()).await?;
        finished.success(&self.host(), script.name()).map(drop)
    }
}

/// One argument for ssh that runs `argv` on the host, word for word.
pub fn remote_command(argv: &[String]) -> String {
    argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// The argv, on the host, that runs `command` in a service's container.
pub fn service_argv(site: &Site, user: &str, service: &str, tty: bool, command: &[String]) -> Vec<String> {
    let root: &[&str] = if user == "root" { &[] } else { &["sudo", "-n"] };
    let compose = ["docker", "compose", "--project-name", site.plan.as_str(), "exec"];
    let mut argv: Vec<String> = root.iter().chain(&compose).map(|word| (*word).to_owned()).collect();
    if !tty {
        argv.push("-T".to_owned());
    }
    argv.push(service.to_owned());
    argv.extend(command.iter().cloned());
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words_on_the_host() {
        let argv = ["psql", "-c", "select 'a b', $$x$$"].map(str::to_owned);
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf '%s|' {}", remote_command(&argv))])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "psql|-c|select 'a b', $$x$$|");
    }

    #[test]
    fn a_command_in_a_service_goes_through_compose() {
        let site = Site::new("phase1".parse().unwrap(), "vault".parse().unwrap(), vec![]);
        let argv = |user| service_argv(&site, user, "db", false, &["psql".to_owned()]).join(" ");
        assert_eq!(argv("ubuntu"), "sudo -n docker compose --project-name phase1 exec -T db psql");
        assert_eq!(argv("root"), "docker compose --project-name phase1 exec -T db psql");
    }
}
