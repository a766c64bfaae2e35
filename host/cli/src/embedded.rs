//! What comes inside the binary: the starter tools and the shipped agents, as `build.rs` found them.

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// The text of a shipped agent.
#[cfg(test)]
pub(crate) fn agent(name: &str) -> Option<&'static str> {
    AGENTS.iter().find(|shipped| shipped.name == name).map(|shipped| shipped.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_tools_and_agents() {
        for starter in STARTERS {
            assert!(starter.name.parse::<hotcell_call::ToolName>().is_ok(), "{}", starter.name);
            assert!(starter.wasm.starts_with(b"\0asm"), "{}", starter.name);
        }
        for shipped in AGENTS {
            assert!(shipped.name.parse::<hotcell_call::AgentName>().is_ok(), "{}", shipped.name);
            assert_eq!(agent(shipped.name), Some(shipped.text));
        }
    }
}
