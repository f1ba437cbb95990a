//! The binary `kastellan`: arguments in, exit code out; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kastellan_operator::command::main()
}
