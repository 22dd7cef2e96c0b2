//! The trace header of AWS.

use std::fmt;
use std::str::FromStr;

/// The header in which API Gateway passes on the trace of a request.
pub const TRACE_HEADER: &str = "x-amzn-trace-id";

/// A trace as AWS passes it on: `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`. An HTTP API
/// states the root alone, Lambda all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceHeader {
    /// The id of the trace, which is not 0.
    pub trace_id: u128,
    /// The id of the span that the next one belongs to, which is not 0.
    pub parent: Option<u64>,
    /// Whether the trace is recorded, if that is decided.
    pub is_sampled: Option<bool>,
}

/// The text is not a trace header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a trace header")]
pub struct InvalidTraceHeader;

impl TraceHeader {
    /// A new trace, which starts at this time in seconds since 1970. 96 bits of `random` are used.
    #[must_use]
    pub fn start(seconds: u32, random: u128) -> Self {
        Self { trace_id: u128::from(seconds) << 96 | random >> 32, parent: None, is_sampled: None }
    }
}

impl FromStr for TraceHeader {
    type Err = InvalidTraceHeader;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut trace_id, mut parent, mut is_sampled) = (None, None, None);
        for part in text.split(';') {
            match part.trim().split_once('=') {
                Some(("Root", root)) => trace_id = root_id(root),
                Some(("Parent", id)) => parent = hexadecimal(id, 16).and_then(|id| u64::try_from(id).ok()),
                Some(("Sampled", "0")) => is_sampled = Some(false),
                Some(("Sampled", "1")) => is_sampled = Some(true),
                // Others, such as Self and Lineage, are of AWS alone.
                _ => {}
            }
        }
        let trace_id = trace_id.ok_or(InvalidTraceHeader)?;
        Ok(Self { trace_id, parent, is_sampled })
    }
}

/// The id in `1-5759e988-bd862e3fe1be46a994272793`.
fn root_id(root: &str) -> Option<u128> {
    let (seconds, random) = root.strip_prefix("1-")?.split_once('-')?;
    Some(hexadecimal(seconds, 8)? << 96 | hexadecimal(random, 24)?)
}

/// The number with exactly so many hexadecimal digits, if it is not 0.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_hexadecimal = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|number| is_hexadecimal && *number != 0)
}

impl fmt::Display for TraceHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, random) = (self.trace_id >> 96, self.trace_id & (u128::MAX >> 32));
        write!(f, "Root=1-{seconds:08x}-{random:024x}")?;
        if let Some(parent) = self.parent {
            write!(f, ";Parent={parent:016x}")?;
        }
        match self.is_sampled {
            Some(is_sampled) => write!(f, ";Sampled={}", u8::from(is_sampled)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: u128 = 0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793;

    #[test]
    fn a_header_has_a_root_and_perhaps_a_parent_and_a_decision() {
        let expected = |parent, is_sampled| Ok(TraceHeader { trace_id: ROOT, parent, is_sampled });
        let parent = Some(0x5399_5c3f_42cd_8ad8);
        for (text, header) in [
            ("Root=1-5759e988-bd862e3fe1be46a994272793", expected(None, None)),
            ("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0", expected(None, Some(false))),
            (
                "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
                expected(parent, Some(true)),
            ),
            (
                "Self=1-67891234-12456789abcdef012345678a; Root=1-5759e988-bd862e3fe1be46a994272793",
                expected(None, None),
            ),
            (
                "Parent=53995c3f42cd8ad8;Sampled=?;Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=a:0",
                expected(parent, None),
            ),
        ] {
            assert_eq!(text.parse(), header, "{text}");
        }
    }

    #[test]
    fn a_header_is_written_as_it_is_read() {
        for text in [
            "Root=1-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-000000000000000000000001;Parent=0000000000000001;Sampled=1",
            "Root=1-00000001-bd862e3fe1be46a994272793;Sampled=0",
        ] {
            assert_eq!(text.parse::<TraceHeader>().unwrap().to_string(), text);
        }
        let started = TraceHeader::start(0x5759_e988, u128::MAX);
        assert_eq!(started.to_string(), "Root=1-5759e988-ffffffffffffffffffffffff");
    }

    #[test]
    fn what_is_no_trace_is_refused_and_what_is_no_parent_is_left_out() {
        for text in [
            "",
            "a",
            "Root=",
            "Root=1-5759e988",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=1-+759e988-bd862e3fe1be46a994272793",
            "Root=1-5759e988-000000000000000000000000",
            "Parent=53995c3f42cd8ad8;Sampled=1",
        ] {
            assert_eq!(text.parse::<TraceHeader>(), Err(InvalidTraceHeader), "{text}");
        }
        for parent in ["", "0000000000000000", "5399", "53995c3f42cd8ad8a", "é"] {
            let text = format!("Root=1-5759e988-bd862e3fe1be46a994272793;Parent={parent}");
            assert_eq!(text.parse::<TraceHeader>().unwrap().parent, None, "{text}");
        }
    }
}
