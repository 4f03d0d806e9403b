//! How each refusal of the desk is said: parts of its reasons, as the code has them. Title, cause and cure of a case are in
//! `src/desk/cases.rs`; here stands which sentences lead to them. A case that nobody lists does not compile.

use pushbutton::desk::Case;

/// Parts of the reasons of a case, in lower case, `{}` for what is filled in. Empty where the reason is another room's own words (what a
/// source, a runner or the disk says), which have rows of their own.
pub const fn marks(case: Case) -> &'static [&'static str] {
    match case {
        Case::Unknown => &["{what} does not exist"],
        // Of `stack/access/caller.rs`.
        Case::NoRight => &[],
        Case::Locked => {
            &["is pushing {stack} to {stage} right now", "{stack} is being pushed, and it has one push at a time"]
        }
        Case::LockedWaits => &["is paused by {}"],
        Case::CancelFirst => &["is running: cancel it first"],
        Case::Held => &["{scope} is held by {who}"],
        Case::HeldByPush => &[
            "was {state} before anything ran",
            "was {state} before all steps were done",
            "was {state}, and the state of",
        ],
        Case::Moved => &[
            "{what}; nothing was pushed",
            "{branch} is now at {} instead of {}",
            "the newest published build is now",
            "{} now runs {} instead of {}",
            "was added to the hosts of",
            "was taken from the hosts of",
            "stacks/{}.toml was changed",
            "the plan is not the one you saw",
            "the hosts of {} should now run {} instead of",
        ],
        Case::NeedsApproval => &["by someone else, and nobody has asked for it yet"],
        Case::ApprovalWaits => &["it waits for someone else who may approve"],
        Case::ApprovalVoid => {
            &["so the approval that {asker} asked for does not hold any more", "would not go out any more"]
        }
        Case::ApprovalExpired => &["the approval that {asker} asked for has expired", "the request of {} has expired"],
        Case::Declined => &["the push that {asker} asked for was declined"],
        Case::OwnApproval => &[
            "you approved this push to {stage}",
            "{} asked for this push, so someone else must approve it",
            "{} asked for this push: withdraw the request",
            "{} asked for this push, so only they withdraw it",
        ],
        Case::StatusWaits => &["waiting for {} ({} of {} green)"],
        Case::StatusFailed => &["{} {what} for {}{said}{url}"],
        Case::NoAuto => &["{} of {} is pushed by people alone: its file does not say auto = true"],
        Case::TooManyStatuses => &["{} has statuses of {most_contexts} contexts already"],
        Case::NoApproval => &["a push to {stage} of {} needs no approval"],
        Case::AskedAlready => &["{} has asked for the approval of this push already"],
        Case::NotAsked => &["nobody is waiting for the approval of this plan"],
        Case::DeclineReason => &["a decline needs a reason"],
        Case::OverrideReason => &["a push without approval needs a reason"],
        Case::NoChannel => &["config.toml has no channel"],
        Case::KeepsMoving => &["would push changes faster than it can be checked"],
        Case::BadStack => &["has errors, so {stack} cannot be pushed", "has never been read without an error"],
        Case::NoHosts => &["{stack} cannot be pushed to {stage}: {why}"],
        Case::FewerHosts => &["leaves it {now} of the {before} hosts"],
        Case::StageBefore => &["has never been pushed, so {stage} has nothing to take"],
        Case::NotFetched => &["has not been fetched yet, so there is nothing to push"],
        Case::NothingPublished => &["has been published yet, so there is nothing to push"],
        Case::OtherBranch => &[
            "accepts only {refs}, and the next version is from",
            "accepts only {refs}, and this is from",
            "{short} is {branches}, and {stage} accepts only {refs}",
        ],
        Case::NeverPushed => &["has been completed yet, so there is no build for a host to catch up with"],
        Case::NobodyBehind => &["every host of {name} has {}, as far as is known"],
        Case::StrangeHost => &["{} is not a host of {name}"],
        Case::MarkedBad => &["build {} is marked as bad by {}"],
        Case::NotMarkedGood => &["{} takes only builds that are marked as good on {}"],
        Case::NeverRanThere => &["build {build} has never been pushed to {stage} successfully"],
        Case::NotMarked => &["nobody has marked {}"],
        Case::MarkReason => &["marking a build as bad needs a reason", "taking a mark away needs a reason"],
        Case::NoWayBack => &[
            "there is no earlier successful build",
            "and nothing before that has succeeded there",
            "{none} that would change anything",
            "{none}: {} is no longer on the push host",
            "{none}: {} {verb} marked as bad",
        ],
        Case::RunsAlready => &["runs {to} already, so there is nothing to roll back"],
        Case::SameContent => &["has the same content as {runs}"],
        Case::BuildGone => &["build {to} is no longer on the push host"],
        Case::NotGood => &["is not one of the last {offered} that succeeded on"],
        Case::BackReason => &["a rollback needs a reason"],
        Case::StillRuns => &["push {} is still running"],
        Case::WentBack => &["was rolled back: none of it is left"],
        Case::NothingLeft => &["{state}: nothing is left to do"],
        Case::NewerCame => &["came after push {}, so there is nothing to resume"],
        Case::Ended => &["push {push} has ended already"],
        Case::Paused => &["push {push} is paused already"],
        Case::NotPaused => &["push {push} is not paused"],
        Case::AsksNothing => &["push {push} is not waiting for {what}"],
        Case::AnotherAnswers => {
            &["push {push} wants an answer of someone else than who started it", "someone else must answer"]
        }
        Case::SeenNewer => &["and the next push of this server would be"],
        Case::NumbersFit => &["has seen a newer push than this server's next"],
        Case::NoCopy => &["this data directory is no copy"],
        Case::NumberReason => &["say why this is the right pushbutton server"],
        Case::NotHeld => &["{scope} is not held"],
        Case::HoldReason => &["a hold needs a reason"],
        Case::HoldEnd => {
            &["is not a valid end of a hold", "the hold would end before it begins", "a hold ends within 30 days"]
        }
        Case::ReleaseReason => &["is held because push {push} did not end cleanly"],
        Case::Version => &[
            "{} is no whole revision: write all of its 40 or 64 digits",
            "gets exactly what {before} runs; choose the version there",
            "no build of {short} is published for",
            "has one version at a time",
            "is not among the last commits of {branch}",
            "is not known here; was it pushed to",
            "is not a revision: write at least",
        ],
        Case::Ambiguous => &["matches {count}"],
        Case::Text => &["the reason is {long} characters long"],
        Case::Repeated => &["this form was used for push"],
        Case::NotPublished => &["makes its own builds, so none can be published for it"],
        Case::PublishedWords => &["is not the name of a branch", "the title must be one line"],
        Case::Upload => &[
            "the build was not accepted: {",
            "the artifact is larger than {} mib",
            "the artifact has the sha-256 {found}",
            "the upload has the sha-256 {found}",
        ],
        Case::ArtifactAddress => &[
            "`sha256` must be the sha-256 of the artifact",
            "{what} is not an address: https",
            "{what} has a user or a password",
            "{what} names no server",
            "{what} must be https",
            "artifacts may not be fetched from",
            "{host} is at {}, an address of the inside",
        ],
        Case::ArtifactFetch => &[
            "it took longer than {} s",
            "no answer within {} s",
            "a redirect that leads nowhere",
            "the answer is {status} instead of 200",
            "more than {redirects} redirects",
            "the answer is compressed, which was not asked for",
            "nothing came for {} s",
            "{host} has no address",
            "this machine has no certificate authorities",
        ],
        Case::Uploads => &["has too many uploads that were begun and not ended"],
        Case::UploadOffset => &["and the piece begins at {given}", "another request is writing to this upload"],
        Case::FewerFiles => &["it has {}, and build"],
        Case::Pushed => &["cannot be withdrawn: push {push} deployed it to"],
        Case::Taken => &[
            "was already published, by {}",
            "is of another revision that also begins with",
            "so it cannot be replaced",
            "it has not been pushed yet: pushbutton build withdraw",
        ],
        Case::DiskFull => &["the disk under {data} has"],
        Case::RunnerSilent => &["the runner of push {push} does not answer"],
        Case::Stopping => &["the server is stopping"],
        Case::Ledger => &["the ledger does not work, so nothing was done"],
        Case::LedgerRow => &[
            "the ledger contains an invalid value",
            "has a fold but no row",
            "push {push} has no fold",
            "is held by nobody",
        ],
        Case::NotKept => &[
            "cannot be asked for its free space",
            "the build cannot be unpacked",
            "the build was not packed",
            "the upload cannot be stored",
            "the artifact cannot be stored",
        ],
        Case::Broke => &["{what} broke: {error}"],
        Case::Source | Case::PathValue | Case::Order => &[],
    }
}
