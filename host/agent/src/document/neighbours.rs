//! What other hosts call it, and what it is called here.
//!
//! People bring files from elsewhere. A key that is right there and unknown here gets a hint that names ours, or says that
//! there is nothing of the kind yet, instead of the nearest spelling. So do keys that will be ours.

const NET: &str = "[net] allow = [\"GET https://api.example.com/v1/*\"]";
const MEMORY: &str = "[limits] memory = \"64MiB\"";
const TIME: &str = "[limits] timeout = \"2s\": guest and host time of one call";
const FUEL: &str = "[limits] fuel = \"50M\": one unit is about one instruction";
const FILES: &str = "[fs] read = [\"data\"] and write = [\"out\"]";
const ENV: &str = "[env] allow = [\"TZ\"]: names alone, the operator gives the values";
const SECRET: &str = "[tools.X.secrets.KEY] from, to, header in hotcell.toml: the host puts it on requests";
const EFFECT: &str = "a tool says its effect in its own code: #[hotcell::tool(effect = \"read\")]";
const APPROVE: &str = "[approve] ask = [\"effect:write\"] in an agent's file";
const BUDGET: &str = "[budget] turns, tokens, cost, calls and time in an agent's file; [limits] bounds each call";
const ALLOW: &str = "[tools] allow = [\"text.*\", \"calc.eval\"]: what is not named is not allowed";
const MODEL: &str = "[model] use = \"provider/model\" in an agent's file, and [agent] prompt";
const FRESH: &str = "there is nothing to set: each call has a fresh store";

/// Sorted by the key.
const NAMES: &[(&str, &str)] = &[
    ("WASM_FUEL_LIMIT", FUEL),
    ("allowedHosts", NET),
    ("allowed_hosts", NET),
    ("allowed_outbound_hosts", NET),
    ("allowed_paths", FILES),
    ("allowed_secrets", SECRET),
    ("approve", APPROVE),
    ("budget", BUDGET),
    ("capabilities", "[fs], [env], [net], [clock] and [random] say what is wanted or granted"),
    ("consume_fuel", FUEL),
    ("cpu", FUEL),
    ("credentials", SECRET),
    ("default_permission", APPROVE),
    ("destructiveHint", EFFECT),
    ("effects", EFFECT),
    ("env_vars", ENV),
    ("environment", ENV),
    ("filesystem", FILES),
    ("idempotentHint", EFFECT),
    ("interrupt_before", APPROVE),
    ("max-memory-size", MEMORY),
    ("maxInvocations", FRESH),
    ("max_cost_per_hour_usd", BUDGET),
    ("max_cpu_time_ms", FUEL),
    ("max_instance_memory", MEMORY),
    ("max_instance_reuse_count", FRESH),
    ("max_iter", BUDGET),
    ("max_iterations", BUDGET),
    ("max_llm_tokens_per_hour", BUDGET),
    ("max_memory_bytes", MEMORY),
    ("max_pages", MEMORY),
    ("memory_limit", MEMORY),
    ("model", MODEL),
    ("network", NET),
    ("network_targets", NET),
    ("poolSize", FRESH),
    ("preopened_dir", FILES),
    ("prompt", MODEL),
    ("prompt_file", MODEL),
    ("readOnlyHint", EFFECT),
    ("request_timeout", TIME),
    ("require_approval", APPROVE),
    ("resources", MEMORY),
    ("secretFrom", SECRET),
    ("secrets", SECRET),
    ("skip_tools", ALLOW),
    ("storage", FILES),
    ("timeout_ms", TIME),
    ("timeout_secs", TIME),
    ("tool_allowlist", ALLOW),
    ("tool_blocklist", ALLOW),
    ("variables", SECRET),
];

/// The hint for a key of another host.
pub(super) fn ours(key: &str) -> Option<&'static str> {
    let place = NAMES.binary_search_by(|(name, _)| (*name).cmp(key)).ok()?;
    NAMES.get(place).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_so_each_name_is_found() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(ours("timeout_ms"), Some(TIME));
        assert_eq!(ours("timeout"), None);
    }
}
