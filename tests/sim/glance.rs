//! What a check needs to know of a datagram, read without the library's own parser.

/// A message at a glance. What is missing is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glance<'a> {
    /// Of a request.
    pub(crate) method: &'a str,
    /// Of a response.
    pub(crate) status: u16,
    pub(crate) branch: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) cseq: u32,
    pub(crate) cseq_method: &'a str,
    pub(crate) to_tag: &'a str,
    pub(crate) rseq: &'a str,
    pub(crate) start: &'a str,
}

impl<'a> Glance<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        let text = str::from_utf8(bytes).unwrap_or_default();
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default();
        let mut glance = Self { start, ..Self::default() };
        match start.strip_prefix("SIP/2.0 ") {
            Some(rest) => glance.status = rest.get(..3).unwrap_or_default().parse().unwrap_or(0),
            None => glance.method = start.split(' ').next().unwrap_or_default(),
        }
        for line in lines {
            let Some((name, value)) = line.split_once(": ") else { continue };
            match name {
                "Via" if glance.branch.is_empty() => glance.branch = parameter(value, ";branch="),
                "Call-ID" => glance.call_id = value,
                "CSeq" => {
                    let (number, method) = value.split_once(' ').unwrap_or_default();
                    glance.cseq = number.parse().unwrap_or(0);
                    glance.cseq_method = method;
                }
                "To" => glance.to_tag = parameter(value, ">;tag="),
                "RSeq" => glance.rseq = value,
                _ => {}
            }
        }
        glance
    }

    pub(crate) fn is_response_to(&self, method: &str) -> bool {
        self.status > 0 && self.cseq_method == method
    }
}

fn parameter<'a>(value: &'a str, name: &str) -> &'a str {
    let Some((_, rest)) = value.split_once(name) else { return "" };
    rest.split([';', ' ', ',']).next().unwrap_or_default()
}
