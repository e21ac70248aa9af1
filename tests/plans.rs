//! Every plan that the repository ships is valid.

#[test]
fn every_shipped_plan_deserializes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        toml::from_str::<infra::plan::Plan>(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
