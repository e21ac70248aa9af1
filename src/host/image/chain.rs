//! Chain ids: what Docker's layer store calls a layer together with everything below it. A layer may stay at home only
//! when the host has its whole chain. Rule: OCI image spec, "Layer ChainID".

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

/// The chain id of each layer of an image, lowest first.
pub(super) fn chain_ids(layers: &[String]) -> Vec<String> {
    let mut chains: Vec<String> = Vec::with_capacity(layers.len());
    for layer in layers {
        let chain = match chains.last() {
            None => layer.clone(),
            Some(below) => format!("sha256:{}", hex::encode(Sha256::digest(format!("{below} {layer}")))),
        };
        chains.push(chain);
    }
    chains
}

/// The chains that a host has, from the layers of each of its images.
pub(super) fn known_chains<'a>(images: impl IntoIterator<Item = &'a [String]>) -> BTreeSet<String> {
    images.into_iter().flat_map(chain_ids).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_on_another_base_is_another_chain() {
        let ids = |layers: &[&str]| chain_ids(&layers.iter().map(|layer| (*layer).to_owned()).collect::<Vec<_>>());
        assert_eq!(ids(&["sha256:a"]), ["sha256:a"]);
        assert_eq!(ids(&["sha256:a", "sha256:b"])[1], ids(&["sha256:a", "sha256:b", "sha256:c"])[1]);
        assert_ne!(ids(&["sha256:a", "sha256:b"])[1], ids(&["sha256:x", "sha256:b"])[1]);
    }
}
