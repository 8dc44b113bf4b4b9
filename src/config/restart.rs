//! What counts only after a restart.

use super::Config;

impl Config {
    /// Names of the settings that differ from those of `other` and count only after a restart; everything else that differs
    /// counts at once.
    #[must_use]
    pub fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let (api, theirs) = (&self.api, &other.api);
        let (limits, their_limits) = (&api.limits, &theirs.limits);
        let kept = |config: &Self| (config.store.retain_cdrs, config.store.retain_verifications);
        let changed = [
            ("sip.listen", self.sip.listen != other.sip.listen),
            ("api.listen", api.listen != theirs.listen),
            ("api.tls", api.tls != theirs.tls),
            ("api.connections_max", limits.connections_max != their_limits.connections_max),
            (
                "api.connections_per_source_max",
                limits.connections_per_source_max != their_limits.connections_per_source_max,
            ),
            ("api.requests_max", limits.requests_max != their_limits.requests_max),
            ("api.streams_max", limits.streams_max != their_limits.streams_max),
            ("api.body_max", limits.body_max != their_limits.body_max),
            ("api.head_within", limits.head_within != their_limits.head_within),
            ("api.body_within", limits.body_within != their_limits.body_within),
            ("api.idle_max", limits.idle_max != their_limits.idle_max),
            ("api.socket", api.socket != theirs.socket),
            ("store.dir", self.store.dir != other.store.dir),
            ("store.retain", kept(self) != kept(other)),
            ("cdr.file", self.cdr_files != other.cdr_files),
            ("log.format", self.log.format != other.log.format),
            ("log.level", self.log.level != other.log.level),
            ("limits.calls", self.limits.calls != other.limits.calls),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
    }
}
