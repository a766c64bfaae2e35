#[hotcell::tool(effect = "none")]
fn unknown_effect() -> u8 {
    0
}

#[hotcell::tool(effects = "pure")]
fn unknown_key() -> u8 {
    0
}

#[hotcell::tool(effect = pure)]
fn no_text() -> u8 {
    0
}

#[hotcell::tool(effect = "pure", effect = "read")]
fn twice() -> u8 {
    0
}

#[hotcell::tool(name = "calc.eval")]
fn dotted_name() -> u8 {
    0
}

#[hotcell::tool]
fn größe() -> u8 {
    0
}

fn main() {}
