//! The `shipgate` program: everything it does is in the library, starting at [`shipgate::cli`].

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// musl's own allocator, which the static binary would have, is slow.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    shipgate::cli::main()
}
