//! A small bundle to deploy: one service, built here from the base image that the machine's setup provides.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use infra::host::{
    BuiltImage, Bundle, LocalImage, Progress, ReleaseEnv, ReleaseSpec, Site, build_images, bundle_hash, image_tag,
};
use infra::inventory::host_facts::PushedImage;

const COMPOSE: &str = r#"
services:
  app:
    image: "infra-host-test/${APP:?}:${INFRA_TAG:-dev}"
    build: { context: ., dockerfile: "${APP_DOCKERFILE:-Dockerfile}", args: { FLAVOUR: "${FLAVOUR}" } }
    init: true
    env_file: "${INFRA_SECRETS}/APP_PASSWORD.env"
    environment: { GREETING: "${GREETING}", RELEASE: "${INFRA_RELEASE}" }
    volumes: [ "./etc:/etc/app:ro" ]
    command: [ "sh", "-c", "echo started release $$RELEASE; exec sleep 100000" ]
    healthcheck: { test: [ "CMD", "sh", "/program" ], interval: 500ms, timeout: 5s, retries: 3 }
"#;

pub struct TestBundle {
    pub folder: tempfile::TempDir,
    pub site: Site,
    /// Characters that are special to shells and to Compose.
    pub greeting: String,
}

impl TestBundle {
    /// `health` is the shell script that says whether the service is healthy.
    pub fn new(site: Site, health: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bundle = Self { folder, site, greeting: "it's $5 \"or\" \\ more # now".to_owned() };
        bundle.write("compose.yaml", COMPOSE);
        bundle.write(
            "Dockerfile",
            "FROM debian:trixie-slim\nARG FLAVOUR\nRUN echo $FLAVOUR > /flavour\nCOPY program /program\n",
        );
        bundle.write(".dockerignore", "*\n!program\n!Dockerfile\n");
        bundle.write("etc/ok", "configuration");
        bundle.program(health);
        bundle
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(path)).unwrap()
    }

    pub fn program(&self, health: &str) {
        self.write("program", health);
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn vars(&self) -> BTreeMap<String, String> {
        let app = format!(
            "app-{}",
            self.path().file_name().unwrap().to_string_lossy().trim_start_matches('.').to_lowercase()
        );
        [("GREETING", self.greeting.clone()), ("FLAVOUR", "plain".to_owned()), ("APP", app)]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    /// Reads, tags and builds, as an operator's run would.
    pub async fn release(&self) -> (ReleaseSpec, Vec<BuiltImage>) {
        let bundle = Bundle::read(self.path()).unwrap();
        let vars = self.vars();
        let build = bundle.compose.build("app", &|name| vars.get(name).cloned()).unwrap();
        let hashes = [("app".to_owned(), bundle.build_hash(&build).unwrap())].into();
        let env = ReleaseEnv::new(&self.site, vars, "127.0.0.1", 1024, &image_tag(&hashes));
        let image = LocalImage {
            service: "app".to_owned(),
            reference: bundle.compose.image("app", &|name| env.get(name)).unwrap(),
            context: bundle.root.join(&build.context),
            dockerfile: build.dockerfile,
            target: build.target,
            args: build.args,
            platform: build.platform,
        };
        let built = build_images(&[image], &Progress::none()).await.unwrap();
        let secrets = vec!["APP_PASSWORD".to_owned()];
        let spec = ReleaseSpec {
            site: self.site.clone(),
            bundle_hash: bundle_hash(&bundle, &env, &secrets),
            bundle,
            env,
            secrets,
            images: built
                .iter()
                .map(|image| PushedImage {
                    service: image.service.clone(),
                    reference: image.reference.clone(),
                    id: image.id.clone(),
                })
                .collect(),
            overlay: None,
            by: "ada@desk".to_owned(),
            health_timeout: Duration::from_secs(30),
        };
        (spec, built)
    }
}

/// Images of these tests stay small, but they need not stay.
impl Drop for TestBundle {
    fn drop(&mut self) {
        let remove = format!(
            "docker image ls --quiet infra-host-test/{} | xargs -r docker image rm --force",
            self.vars()["APP"]
        );
        let _ = std::process::Command::new("sh").args(["-c", &remove]).output();
    }
}
