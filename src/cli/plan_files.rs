//! Plans that were made before, as files.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Session, repository::RepositoryArguments};
use crate::{
    event::{Ending, Failure},
    ops::plan::PlannedBefore,
};

/// Largest file with plans, in bytes: those of some thousand services.
const LARGEST: u64 = 64 << 20;

/// Which plans.
#[derive(Debug, Clone, Default, Args)]
pub struct PlanFileArguments {
    /// Report of `plan --output json`: deploy what was planned there, or nothing of it where the values
    /// are others by now; several files or services are run like `--service a,b`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["service", "service_list", "all", "version"])]
    pub plan: Vec<PathBuf>,
}

impl PlanFileArguments {
    /// Reads the plans, and takes the environment from them; none where no file is given.
    ///
    /// # Errors
    /// A file that is no report with plans; plans of several environments, of another one than is
    /// asked for, or two of one service.
    pub fn read(
        &self,
        repository: &mut RepositoryArguments,
        session: &Session,
    ) -> Result<Option<Vec<PlannedBefore>>, Failure> {
        if self.plan.is_empty() {
            return Ok(None);
        }
        let mut plans: Vec<PlannedBefore> = Vec::new();
        for file in &self.plan {
            let shown = file.display().to_string();
            let bytes = bytes(&session.context.folder.join(file))
                .map_err(|error| Failure::new(Ending::Usage, format!("{shown}: {error}")))?;
            for plan in PlannedBefore::read(&shown, &bytes)? {
                let twice = plans.iter().find(|it| it.service() == plan.service());
                if let Some(other) = twice {
                    return Err(Failure::new(
                        Ending::Usage,
                        format!(
                            "{shown}: there is a plan of `{}` in {} already",
                            plan.service(),
                            other.file()
                        ),
                    )
                    .hint("give one plan for each service"));
                }
                let wanted = repository
                    .environment
                    .get_or_insert_with(|| plan.environment().to_owned());
                if wanted != plan.environment() {
                    return Err(Failure::new(
                        Ending::Usage,
                        format!(
                            "{shown}: is a plan for environment `{}`, expected `{wanted}`",
                            plan.environment()
                        ),
                    )
                    .hint("one run deploys to one environment: give its plans"));
                }
                plans.push(plan);
            }
        }
        Ok(Some(plans))
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(read) if u64::try_from(read).is_ok_and(|read| read <= LARGEST) => Ok(bytes),
        Ok(_) => Err(format!("is larger than the limit of {LARGEST} bytes")),
    }
}
