//! `kastellan completions`: what a shell needs to complete our command line.

use std::io::Write as _;

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use crate::failure::Failure;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

const EXAMPLES: &str = "Examples:
  source <(kastellan completions bash)
  kastellan completions zsh > \"${fpath[1]}/_kastellan\"
  kastellan completions fish > ~/.config/fish/completions/kastellan.fish";

/// Prints the script.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    // clap_complete writes to a Vec without failing, and panics where a pipe closes
    let mut script = Vec::new();
    generate(arguments.shell, &mut super::Arguments::command(), "kastellan", &mut script);
    let mut out = std::io::stdout().lock();
    out.write_all(&script).and_then(|()| out.flush()).map_err(|why| Failure::stdout(&why))
}
