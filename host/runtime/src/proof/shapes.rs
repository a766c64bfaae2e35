//! Components that no compiler makes, written byte by byte: each has one function, `run`, and a core module of one shape.
//!
//! Only as much of the format is written here as these shapes need. Nothing of it is read by the serving process.

/// What a core module has beside its function `run`.
#[derive(Debug, Clone, Default)]
pub(super) struct Core {
    /// The pages that each of its memories begins with.
    memories: Vec<u32>,
    /// Whether it has a table, empty at first.
    table: bool,
    /// Whether `run` is what it starts with, too.
    starts: bool,
    /// How many 64-bit locals `run` has.
    locals: u32,
    /// The instructions of `run`.
    body: Vec<u8>,
}

const HEADER_OF_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const HEADER_OF_MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// A function or a block that takes and gives nothing.
const NOTHING: u8 = 0x40;
const END: u8 = 0x0b;

/// As many memories, each of so many pages.
pub(super) fn memories(count: u32, pages: u32) -> Vec<u8> {
    let memories = (0..count).map(|_| pages).collect();
    Core { memories, ..Core::default() }.component(1)
}

/// A table that grows by 1 000 elements until the engine says no, and then traps.
pub(super) fn table() -> Vec<u8> {
    // loop; ref.null func; i32.const 1000; table.grow 0; i32.const -1; i32.ne; br_if 0; end; unreachable
    let body = [0x03, NOTHING, 0xd0, 0x70, 0x41, 0xe8, 0x07, 0xfc, 0x0f, 0x00, 0x41, 0x7f, 0x47, 0x0d, 0x00, END, 0x00];
    Core { table: true, body: body.to_vec(), ..Core::default() }.component(1)
}

/// A start function without an end: nothing of it is ever called.
pub(super) fn start() -> Vec<u8> {
    // loop; br 0; end
    Core { starts: true, body: vec![0x03, NOTHING, 0x0c, 0x00, END], ..Core::default() }.component(1)
}

/// So many core instances.
pub(super) fn instances(count: u32) -> Vec<u8> {
    Core::default().component(count)
}

/// Loops in loops, as many as locals, and all of these change in the innermost: what has to be kept for the next round of each loop
/// is the product of the two. A small file that a compiler can't get done with.
pub(super) fn loops(count: u32) -> Vec<u8> {
    let depth = usize::try_from(count).unwrap_or_default();
    let mut body = [0x03, NOTHING].repeat(depth);
    for local in 0..count {
        let local = number(local);
        // local.get; i64.const 1; i64.add; local.set
        body.extend([&[0x20][..], &local, &[0x42, 0x01, 0x7c, 0x21], &local].concat());
    }
    // local.get 0; i32.wrap_i64; br_if 0; end
    body.extend([0x20, 0x00, 0xa7, 0x0d, 0x00, END].repeat(depth));
    Core { locals: count, body, ..Core::default() }.component(1)
}

impl Core {
    /// The module as a component that makes so many instances of it, and exports the first one's `run`.
    fn component(&self, instances: u32) -> Vec<u8> {
        let mut component = HEADER_OF_COMPONENT.to_vec();
        section(&mut component, 1, &self.module());
        section(&mut component, 2, &list((0..instances).map(|_| vec![0x00, 0x00, 0x00])));
        section(&mut component, 6, &list([[&[0x00, 0x00, 0x01, 0x00][..], &name("run")].concat()]));
        // A function type: no parameters, no result.
        section(&mut component, 7, &list([vec![NOTHING, 0x00, 0x01, 0x00]]));
        // That type lifted from the core function, without options.
        section(&mut component, 8, &list([vec![0x00, 0x00, 0x00, 0x00, 0x00]]));
        section(&mut component, 11, &list([[&[0x00][..], &name("run"), &[0x01, 0x00, 0x00]].concat()]));
        component
    }

    fn module(&self) -> Vec<u8> {
        let mut module = HEADER_OF_MODULE.to_vec();
        section(&mut module, 1, &list([vec![0x60, 0x00, 0x00]]));
        section(&mut module, 3, &list([vec![0x00]]));
        if self.table {
            section(&mut module, 4, &list([vec![0x70, 0x00, 0x00]]));
        }
        if !self.memories.is_empty() {
            section(&mut module, 5, &list(self.memories.iter().map(|pages| [&[0x00][..], &number(*pages)].concat())));
        }
        section(&mut module, 7, &list([[&name("run")[..], &[0x00, 0x00]].concat()]));
        if self.starts {
            section(&mut module, 8, &number(0));
        }
        let locals = (self.locals > 0).then(|| [number(self.locals), vec![0x7e]].concat());
        let code = [&list(locals)[..], &self.body, &[END]].concat();
        section(&mut module, 10, &list([[number(length(&code)), code].concat()]));
        module
    }
}

fn section(to: &mut Vec<u8>, id: u8, content: &[u8]) {
    to.push(id);
    to.extend(number(length(content)));
    to.extend(content);
}

fn list(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let items: Vec<_> = items.into_iter().collect();
    [number(u32::try_from(items.len()).unwrap_or(u32::MAX)), items.concat()].concat()
}

fn name(text: &str) -> Vec<u8> {
    [number(length(text.as_bytes())), text.as_bytes().to_vec()].concat()
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

/// A number as LEB128.
fn number(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_seven_bits_at_a_time() {
        for (value, bytes) in [(0, &[0][..]), (127, &[0x7f]), (128, &[0x80, 1]), (u32::MAX, &[255, 255, 255, 255, 15])]
        {
            assert_eq!(number(value), bytes);
        }
    }

    #[test]
    fn each_shape_is_small_and_a_component() {
        for shape in [memories(5, 64), table(), start(), instances(33)] {
            assert!(shape.starts_with(HEADER_OF_COMPONENT) && shape.len() < 512, "{} bytes", shape.len());
        }
        let bomb = loops(2_000);
        assert!(bomb.starts_with(HEADER_OF_COMPONENT) && bomb.len() < 64 << 10, "{} bytes", bomb.len());
    }
}
