//! `shipgate recover`: finishes or takes back whatever an interrupted run left.

use clap::Args;

use super::{
    Session,
    audit::{self, AuditArguments},
    authorship::AuthorshipArguments,
    pipeline,
    repository::{RepositoryArguments, Whole, has_regions},
    services::{PaceArguments, ServicesArguments},
    signals,
};
use crate::{
    config::Config,
    event::{Event, Failure, Outcome, Reporter},
    ops::{
        deploy::Outside,
        fleet::{Fleet, Pace},
        load::Target,
        notifications, recover,
        regions::{self, Asked, Others},
        unnamed,
    },
};

/// Flags of `recover`.
#[derive(Debug, Args)]
pub struct RecoverArguments {
    /// Which repository, service and environment.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// Of which services.
    #[command(flatten)]
    pub services: ServicesArguments,
    /// As whom it commits.
    #[command(flatten)]
    pub authorship: AuthorshipArguments,
    /// Show what would be changed; push nothing
    #[arg(long)]
    pub dry_run: bool,
    /// For a step that always runs last: recover only what this pipeline itself left unfinished, and
    /// leave alone what others have under way
    #[arg(long)]
    pub if_unfinished: bool,
    /// Where it is written down.
    #[command(flatten)]
    pub audit: AuditArguments,
}

/// Runs `recover`.
///
/// # Errors
/// As [`recover::recover`].
pub async fn run(arguments: RecoverArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let audit = arguments.audit.open(session, arguments.dry_run)?;
    let run = audit::run(session, &arguments.repository, None);
    let ended = recover(arguments, session).await;
    audit::finish(ended, audit.as_ref(), run, session)
}

async fn recover(arguments: RecoverArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let services = arguments
        .services
        .without_versions(&arguments.repository, session)?;
    // Who is asked for a passphrase must be able to leave with Ctrl-C.
    let opened = arguments
        .repository
        .open_as(session, &arguments.authorship)
        .await?;
    let stop = signals::listen(&session.context);
    let outside = opened.outside();
    let actor = pipeline::actor(&session.context);
    let (dry_run, if_unfinished) = (arguments.dry_run, arguments.if_unfinished);
    let own = pipeline::run_url(&session.context);
    let one = async |target: &Target, outside: &Outside<'_>, reporter: &mut dyn Reporter| {
        if dry_run {
            return recover::show(outside, target).await;
        }
        let mut notifier = notifications::listen(outside, reporter);
        let who = (actor.as_deref(), own.as_deref());
        notifications::begin(&mut notifier, outside, target, None, who);
        let told = &mut notifier;
        let (actor, asked) = (actor.clone(), stop.clone());
        let recovered = if if_unfinished {
            let own = own.as_deref();
            Box::pin(recover::own(own, outside, target, actor, asked, told)).await
        } else {
            Box::pin(recover::recover(outside, target, actor, asked, told)).await
        };
        notifications::end(notifier, &recovered, stop.clone()).await;
        recovered
    };
    let are_several = arguments.services.are_several(&services);
    if !are_several && arguments.repository.region.len() < 2 {
        match arguments.repository.target(&opened).await {
            Err(failure) if has_regions(&failure) => {}
            target => {
                let target = target?;
                if !if_unfinished {
                    tell_unnamed(&target.config, &target.config_path, &outside, session).await;
                }
                return one(&target, &outside, session).await;
            }
        }
    }
    let asked = |service: Option<&str>| Asked {
        service: service.map(str::to_owned),
        config: arguments.repository.config.clone(),
        branch: arguments.repository.branch.clone(),
        actor: actor.clone(),
        pipeline: own.clone(),
    };
    let others = match (dry_run, if_unfinished) {
        (true, _) => Others::Nothing,
        (false, true) => Others::OfWhatIsTakenBack,
        (false, false) => Others::All,
    };
    if !are_several {
        let group = arguments.repository.group(&opened).await?;
        let asked = asked(arguments.repository.one_service()?);
        let stop = stop.clone();
        let recover = regions::recover(&group, &asked, others, &outside, stop, session, &one);
        return Box::pin(recover).await;
    }
    let Whole { site, group } = arguments.repository.whole(&opened).await?;
    if !if_unfinished {
        tell_unnamed(&site.config, &site.config_path, &outside, session).await;
    }
    let fleet = Fleet::of(&site.config, &services, &site.config_path)?.in_any_order();
    let run = fleet.run(
        Pace::from(&PaceArguments::all()),
        &site.environment_name,
        &outside,
        session,
        async |name, outside, reporter| {
            let end = match &group {
                None => {
                    let target = site.target(&site.config.services[name]);
                    one(&target, outside, reporter).await
                }
                Some(group) => {
                    let (asked, stop) = (asked(Some(name)), stop.clone());
                    let recover =
                        regions::recover(group, &asked, others, outside, stop, reporter, &one);
                    Box::pin(recover).await
                }
            };
            end.unwrap_or_else(Outcome::from)
        },
    );
    Ok(Box::pin(run).await)
}

/// Warns of runs that nobody finishes, because the configuration does not name their service any more.
async fn tell_unnamed(
    config: &Config,
    config_path: &str,
    outside: &Outside<'_>,
    reporter: &mut dyn Reporter,
) {
    for run in unnamed::runs(config, config_path, outside).await {
        reporter.event(&Event::Warning(run));
    }
}
