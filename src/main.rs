//! The `shipgate` program: everything it does is in the library, starting at [`shipgate::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    shipgate::cli::main()
}
