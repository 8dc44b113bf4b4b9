//! Trunks by name, looked up: a trunk that cannot be found takes no calls until it can, and the others go on.

use crate::api::TrunkWay;
use crate::base::flow::FlowId;
use crate::config::resolve::Local;
use crate::config::{Config, TrunkConfig};
use crate::sip::ua::Trunk;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// What is known of each trunk's way.
pub(super) struct Trunks {
    local: Local,
    /// What is in the way of a trunk, as it was told last.
    lost: BTreeMap<Arc<str>, String>,
}

impl Trunks {
    pub(super) const fn new(sip: SocketAddr, media_port: u16) -> Self {
        Self { local: Local { flow: FlowId(0), sip, media_port }, lost: BTreeMap::new() }
    }

    pub(super) const fn local(&self) -> SocketAddr {
        self.local.sip
    }

    /// Every trunk of the configuration, in its order.
    pub(super) async fn resolve(&mut self, config: &Config) -> Vec<Trunk> {
        let mut trunks = Vec::with_capacity(config.trunks.len());
        let mut lost = BTreeMap::new();
        for trunk in &config.trunks {
            let found = self.look_up(trunk, config).await;
            match found {
                Ok(trunk) => {
                    if self.lost.contains_key(&trunk.name) {
                        tracing::info!(trunk = %trunk.name, "the trunk can be called again");
                    }
                    trunks.push(trunk);
                }
                Err(problem) => {
                    // Once for each change of state.
                    if self.lost.get(&trunk.name) != Some(&problem) {
                        tracing::error!(trunk = %trunk.name, %problem, "the trunk takes no calls");
                    }
                    lost.insert(Arc::clone(&trunk.name), problem);
                    trunks.push(trunk.nowhere(&config.sip, self.local));
                }
            }
        }
        self.lost = lost;
        trunks
    }

    /// Where the calls of each go, as it was looked up last.
    pub(super) fn ways(&self, trunks: &[Trunk]) -> Vec<TrunkWay> {
        let way = |trunk: &Trunk| TrunkWay {
            name: Arc::clone(&trunk.name),
            targets: trunk.targets.clone(),
            problem: self.lost.get(&trunk.name).cloned(),
        };
        trunks.iter().map(way).collect()
    }

    /// The same, if anything was lost; none where nothing has changed.
    pub(super) async fn look_again(&mut self, config: &Config) -> Option<Vec<Trunk>> {
        if self.lost.is_empty() {
            return None;
        }
        let before = self.lost.clone();
        let trunks = self.resolve(config).await;
        (self.lost != before).then_some(trunks)
    }

    /// DNS may take long, and nothing else may wait for it.
    async fn look_up(&self, trunk: &TrunkConfig, config: &Config) -> Result<Trunk, String> {
        let (trunk, sip, local) = (trunk.clone(), config.sip.clone(), self.local);
        let looked = tokio::task::spawn_blocking(move || trunk.resolve(&sip, local));
        match looked.await {
            Ok(found) => found.map_err(|problem| problem.to_string()),
            Err(_) => Err("the lookup ended in a panic".to_owned()),
        }
    }
}
