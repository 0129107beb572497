//! `shipgate man`: the manual pages, made from the flags themselves.

use std::{fs, io, path::PathBuf};

use clap::Args;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::{Session, VERSION};
use crate::{
    event::{Ending, Failure, Outcome},
    exit,
    yaml::typed,
};

/// Flags of `man`.
#[derive(Debug, Args)]
pub struct ManArguments {
    /// The page of one command; the program's own if left out
    pub command: Option<String>,
    /// Write all pages into this folder instead, as shipgate.1, shipgate-deploy.1 and so on
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub dir: Option<PathBuf>,
}

/// Runs `man`.
///
/// # Errors
/// There is no such command; the pages cannot be written.
pub fn run(arguments: &ManArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let program = super::definition();
    if let Some(folder) = &arguments.dir {
        return write_all(&program, folder).map_err(|error| {
            Failure::new(
                Ending::Usage,
                format!(
                    "the manual pages cannot be written into {}: {error}",
                    folder.display()
                ),
            )
            .hint("name a folder that you may write to")
        });
    }
    let page = match arguments.command.as_deref() {
        None => page(&program),
        Some(name) => {
            let command = program.find_subcommand(name).ok_or_else(|| {
                let known: Vec<String> = program
                    .get_subcommands()
                    .map(|known| known.get_name().to_owned())
                    .collect();
                Failure::new(Ending::Usage, typed::unknown("command", name, &known))
            })?;
            page(command)
        }
    };
    let page = page.map_err(|error| Failure::new(Ending::Internal, error.to_string()))?;
    session.context.print(&String::from_utf8_lossy(&page));
    Ok(Outcome::new(Ending::Shown, ""))
}

fn write_all(program: &clap::Command, folder: &std::path::Path) -> io::Result<Outcome> {
    fs::create_dir_all(folder)?;
    let mut count = 0;
    for command in std::iter::once(program).chain(program.get_subcommands()) {
        fs::write(folder.join(file_name(command)), page(command)?)?;
        count += 1;
    }
    Ok(Outcome::new(
        Ending::Shown,
        format!("{count} manual pages are in {}", folder.display()),
    ))
}

fn file_name(command: &clap::Command) -> String {
    let name = command.get_display_name().unwrap_or(command.get_name());
    format!("{name}.1")
}

/// One page, as `man` and its relatives read it (man-pages(7)), with what the exit codes mean.
fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone().version(VERSION.as_str()))
        .source(format!("shipgate {}", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(help) = command.get_after_help() {
        let mut examples = Roff::new();
        examples.control("SH", ["EXAMPLES"]);
        // As they are, line by line: they are there to be copied.
        examples.control("nf", []);
        for line in help.to_string().lines().filter(|line| *line != "Examples:") {
            examples.text([roman(line)]);
        }
        examples.control("fi", []);
        examples.to_writer(&mut page)?;
    }
    let mut codes = Roff::new();
    codes.control("SH", ["EXIT STATUS"]);
    for code in exit::ALL {
        codes.control("TP", []);
        codes.text([
            bold(code.number.to_string()),
            roman(format!(" {}", code.name)),
        ]);
        codes.text([roman(format!(
            "{}. Next: {}.",
            code.meaning, code.next_step
        ))]);
    }
    codes.to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}
