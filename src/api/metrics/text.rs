//! The text format that every Prometheus and `promtool` read, out of the newer OpenMetrics text: there a counter is
//! described without its suffix `_total`, here with it.

/// Writes OpenMetrics text in the older format (version 0.0.4).
pub(super) fn classic(open: &str) -> String {
    let mut out = String::with_capacity(open.len() + 1024);
    let mut lines = open.lines().peekable();
    while let Some(line) = lines.next() {
        let described = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '));
        match described {
            Some((name, help)) => {
                let kind = lines.peek().and_then(|next| kind(next, name));
                let suffix = if kind == Some("counter") { "_total" } else { "" };
                // The library ends each help text with a full stop of its own.
                let help = help.strip_suffix('.').unwrap_or(help);
                out.push_str(&format!("# HELP {name}{suffix} {help}\n"));
                if let Some(kind) = kind {
                    out.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
                    lines.next();
                }
            }
            None if line.starts_with('#') => {}
            None => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

/// The type that this line gives to that name.
fn kind<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix("# TYPE ")?.strip_prefix(name)?.strip_prefix(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_described_by_the_name_that_they_have() {
        let open = "# HELP a_calls Calls.\n# TYPE a_calls counter\na_calls_total{x=\"# y\"} 1\n\
                    # HELP a_open Open.\n# TYPE a_open gauge\na_open 2\n# EOF\n";
        let wanted = "# HELP a_calls_total Calls\n# TYPE a_calls_total counter\na_calls_total{x=\"# y\"} 1\n\
                      # HELP a_open Open\n# TYPE a_open gauge\na_open 2\n";
        assert_eq!(classic(open), wanted);
    }
}
