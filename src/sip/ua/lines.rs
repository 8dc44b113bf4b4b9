//! The lines of all trunks: the current ones, and older ones as long as calls are on them.

use super::line::{Line, Trunk};
use std::net::{IpAddr, SocketAddr};

/// Which trunk, in the order of configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrunkId(pub u16);

/// Which line: a trunk in one generation of its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LineId(u32);

/// All lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: Vec<Option<Line>>,
    current: Vec<LineId>,
}

impl Lines {
    /// Replaces the configuration. Older lines stay until their calls are gone.
    pub(super) fn configure(&mut self, trunks: Vec<Trunk>) {
        for id in std::mem::take(&mut self.current) {
            if let Some(line) = self.get_mut(id) {
                line.current = false;
            }
            self.drop_if_unused(id);
        }
        for trunk in trunks {
            let line = Some(Line::new(trunk));
            let place = self.lines.iter().position(Option::is_none).unwrap_or(self.lines.len());
            match self.lines.get_mut(place) {
                Some(empty) => *empty = line,
                None => self.lines.push(line),
            }
            self.current.push(LineId(u32::try_from(place).unwrap_or(u32::MAX)));
        }
    }

    /// The current line of a trunk.
    pub(super) fn of(&self, trunk: TrunkId) -> Option<LineId> {
        self.current.get(usize::from(trunk.0)).copied()
    }

    pub(super) fn get(&self, id: LineId) -> Option<&Line> {
        self.lines.get(id.0 as usize)?.as_ref()
    }

    fn get_mut(&mut self, id: LineId) -> Option<&mut Line> {
        self.lines.get_mut(id.0 as usize)?.as_mut()
    }

    /// Another call is on the line.
    pub(super) fn hold(&mut self, id: LineId) {
        if let Some(line) = self.get_mut(id) {
            line.calls += 1;
        }
    }

    /// A call has left the line.
    pub(super) fn release(&mut self, id: LineId) {
        if let Some(line) = self.get_mut(id) {
            line.calls = line.calls.saturating_sub(1);
        }
        self.drop_if_unused(id);
    }

    fn drop_if_unused(&mut self, id: LineId) {
        if let Some(place) = self.lines.get_mut(id.0 as usize)
            && place.as_ref().is_some_and(|line| !line.current && line.calls == 0)
        {
            *place = None;
        }
    }

    /// The line that a datagram from this address most likely belongs to, if any: one that we call ourselves so on,
    /// then one whose target is there, then a current one.
    pub(super) fn admitting(&self, from: IpAddr, sent_by: &[u8]) -> Option<LineId> {
        let all = (0..).zip(&self.lines).filter_map(|(n, line)| Some((LineId(n), line.as_ref()?)));
        all.filter(|(_, line)| line.admits(from))
            .max_by_key(|(_, line)| {
                let named = line.trunk.advertised.as_bytes().eq_ignore_ascii_case(sent_by);
                (named, line.has_target(from), line.current)
            })
            .map(|(id, _)| id)
    }

    /// Every address that datagrams may come from.
    pub(super) fn peers(&self) -> Vec<IpAddr> {
        let mut peers: Vec<IpAddr> = self
            .lines
            .iter()
            .flatten()
            .flat_map(|line| {
                line.trunk
                    .peers
                    .iter()
                    .copied()
                    .chain(line.trunk.targets.iter().map(SocketAddr::ip))
            })
            .map(|peer| peer.to_canonical())
            .collect();
        peers.sort_unstable();
        peers.dedup();
        peers
    }
}
