//! What counts only after a restart.

use super::Config;

impl Config {
    /// Names of the settings that differ from those of `other` and count only after a restart; everything else that differs
    /// counts at once.
    #[must_use]
    pub fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let (api, theirs) = (&self.api, &other.api);
        let changed = [
            ("sip.listen", self.sip.listen != other.sip.listen),
            ("api.listen", api.listen != theirs.listen),
            ("api.tls", api.tls != theirs.tls),
            ("api.body_max", api.body_max != theirs.body_max),
            ("api.head_max", api.head_max != theirs.head_max),
            ("api.read_timeout", api.read_timeout != theirs.read_timeout),
            ("api.connections_max", api.connections_max != theirs.connections_max),
            ("api.socket", api.socket != theirs.socket),
            ("store.dir", self.store.dir != other.store.dir),
            ("cdr.file", self.cdr_files != other.cdr_files),
            ("log.format", self.log.format != other.log.format),
            ("log.level", self.log.level != other.log.level),
            ("limits.calls", self.limits.calls != other.limits.calls),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
    }
}
