struct Counter;

impl Counter {
    #[hotcell::tool]
    fn count(&self) -> u8 {
        0
    }
}

fn main() {}
