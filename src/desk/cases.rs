//! The table of what is refused: title, cause and cure of each case, in the order of `docs/operating.md`. Words only, pure. A
//! title says what is so; a cause says why in general, since the reason of each refusal names who and what; a cure says what
//! the reader does now, on a page or a command line alike, and must never name what makes no sense in that case.

/// One row: what a reader sees, why, and what to do now. Phrases without a full stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The case, as the API names it: `no_way_back`.
    pub name: &'static str,
    /// The heading.
    pub title: &'static str,
    /// Why, in general.
    pub cause: &'static str,
    /// What to do.
    pub cure: &'static str,
}

/// An enumeration whose every variant has its row: one without does not compile, and `ALL` misses none.
macro_rules! rows {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $case:ident = $as:literal: $title:literal, $cause:literal, $cure:literal;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $as)] $case,)*
        }

        impl $name {
            /// All of them, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$case),*];

            /// What is said of it.
            pub const fn row(self) -> &'static crate::desk::Row {
                match self {
                    $(Self::$case => &crate::desk::Row { name: $as, title: $title, cause: $cause, cure: $cure },)*
                }
            }
        }
    };
}
pub(crate) use rows;

rows! {
    /// What can be refused, case by case.
    Case {
        /// No such stack, stage, push or build.
        Unknown = "unknown": "Page not found",
            "there is no stack, stage, push or build of that name; a stage may have been renamed in the stack file",
            "look in the list of stacks or in the push log; `pushbutton status` lists stacks and stages";
        /// No right to it.
        NoRight = "no_right": "You do not have the right to do that",
            "the rights in the server's configuration, under [rights], do not allow it here",
            "ask one of those who may, or an administrator for the right";
        /// Another push runs.
        Locked = "locked": "A push is running",
            "a stack has one push at a time, on all its stages",
            "wait until that push has ended, then push again; if yours cannot wait, cancel that one first";
        /// Another push runs, and waits for a person.
        LockedWaits = "locked_waits": "A push is waiting for a person",
            "a stack has one push at a time, and the one that is running continues only when someone answers its question or resumes it",
            "open that push and answer it, or cancel it; then push again";
        /// A rollback under a running push.
        CancelFirst = "cancel_first": "Cancel the running push first",
            "a rollback is a push, and a stack has one at a time",
            "cancel that push (“Stop, then roll back” on its page, or `pushbutton cancel N`), then roll back";
        /// A person's hold.
        Held = "held": "This is on hold",
            "someone has set a hold, for the reason that is shown",
            "ask the person who set it; when it is no longer needed, release it on the stack's page. A rollback is still possible";
        /// A push left hosts in doubt.
        HeldByPush = "held_by_push": "On hold after a push that did not end cleanly",
            "a push ended in a state where its hosts may run different builds; the stage stays on hold until someone has checked it",
            "open that push: resume it, or roll back. If its hosts are in the right state, release the hold and say why";
        /// The page was older than the world.
        Moved = "moved": "Something changed since you looked",
            "there is a newer commit, another push, or a change in the stack file, so a push would not do what you saw",
            "check what would be deployed now, then push again";
        /// More commits than looks.
        KeepsMoving = "keeps_moving": "It changes faster than it can be pushed",
            "each time the newest version was checked, another one arrived before the push could start",
            "push again in a moment, or choose one version on the stage's page of versions";
        /// Others must approve.
        NeedsApproval = "needs_approval": "This push needs an approval",
            "`approval` in the stack file says that someone else must approve the plan before it goes out",
            "ask for it on the stage's plan, with “Ask for approval” (`pushbutton ask-approval STACK STAGE`); a rollback needs none";
        /// Others were asked.
        ApprovalWaits = "approval_waits": "It waits for an approval",
            "someone has asked for the approval of this push, and nobody else who may approve has answered yet",
            "ask someone who may approve to open the plan and approve it there (`pushbutton approve STACK STAGE`)";
        /// Others approved something else.
        ApprovalVoid = "approval_void": "The approval does not hold any more",
            "an approval is for one plan, and the plan has changed since: a commit, the stack file, the hosts or what the stage runs",
            "check the plan as it is now, and ask for its approval anew";
        /// The commit is not green yet.
        StatusWaits = "status_waits": "It waits for a status of its commit",
            "`needs` in the stack file names statuses that must be green before this goes out, and not all of them are yet",
            "wait until they are; whoever tests the commit tells them (docs/pushing.md), and the stack's page shows each one. A rollback needs none";
        /// It never will be.
        StatusFailed = "status_failed": "A status of its commit failed",
            "`needs` in the stack file names statuses that must be green before this goes out, and one of them is not",
            "follow its link to see what failed: run it again, or push the next commit. A rollback needs none";
        /// Too late.
        ApprovalExpired = "approval_expired": "The approval has expired",
            "a request for approval stands for a limited time (`approval_expires` in the stack file), also when it was approved",
            "ask for the approval anew";
        /// Someone said no.
        Declined = "declined": "The push was declined",
            "someone who may approve it has said no; the reason is theirs",
            "talk to them; when it is right, ask for the approval anew";
        /// One's own.
        OwnApproval = "own_approval": "Someone else must do that",
            "a push that needs an approval takes two people: nobody approves what they asked for, nor starts a push by their own \
             approval, and a token is its owner",
            "ask someone else who may; who asked can withdraw the request";
        /// Not pushed automatically.
        NoAuto = "no_auto": "Only people push this stage",
            "the stage has no `auto = true` in the stack file, so there is nothing to turn on or off",
            "write auto = true into the stage's table in the stack file";
        /// More than anybody looks at.
        TooManyStatuses = "too_many_statuses": "The commit has too many statuses",
            "a commit has statuses of 100 contexts at most, so that nobody can fill the ledger with them",
            "tell fewer: one for each thing that is tested, and not one for each run of it";
        /// Nothing to approve.
        NoApproval = "no_approval": "No approval is needed",
            "the stage has no `approval` in the stack file, so a push to it needs none",
            "push";
        /// Asked twice.
        AskedAlready = "asked_already": "Someone has asked already",
            "one request for approval of the same plan is enough",
            "wait for the answer; the stack's page shows the request";
        /// No such request.
        NotAsked = "not_asked": "Nobody waits for this approval",
            "nobody asked for the approval of this very plan, or it was answered, withdrawn, or used by a push",
            "open the stage's plan: it shows what waits for an approval now";
        /// A decline without reason.
        DeclineReason = "decline_reason": "A decline needs a reason",
            "whoever asked must be able to do something about it",
            "say in a few words what is missing, then decline again (`--reason` on the command line)";
        /// An override without reason.
        OverrideReason = "override_reason": "A push without approval needs a reason",
            "it is told to everyone, and stands in the history",
            "say in a few words why it cannot wait for an approval";
        /// The file is wrong.
        BadStack = "bad_stack": "The stack file has errors",
            "the last change of the file made it invalid; the page shows the last valid version, and pushing is disabled",
            "fix the file; `pushbutton check` shows every error with its line. The server reads it again automatically";

        /// The hosts are asked for, and no good answer came.
        NoHosts = "no_hosts": "The hosts are not known",
            "the command that lists the stage's hosts failed, or has not been run yet",
            "fix that command; `pushbutton check` runs it and shows its output. It is run again at the next push";
        /// Fewer hosts than before.
        FewerHosts = "fewer_hosts": "Many hosts are missing",
            "the command that lists the hosts returns far fewer than the last push to this stage had; usually the command is wrong",
            "compare its list with what you expect; if the hosts are really gone, allow one push with `shrink` as shown";

        /// The stage before has nothing.
        StageBefore = "stage_before": "The previous stage has not been pushed",
            "a stage gets exactly the build that the previous stage runs, and the previous stage runs none yet",
            "push the previous stage first";
        /// The branch is not here yet.
        NotFetched = "not_fetched": "Not fetched yet",
            "the server has just started, or the stack is new: its source is being fetched for the first time",
            "wait a few seconds; the stack's page shows when the fetch is finished";
        /// The source does not answer.
        Source = "source": "The source cannot be read",
            "the repository or directory gave an error; the reason shows its message",
            "fix what the reason names: the address, the branch, the key or the network. It is tried again every few seconds";
        /// Nothing published.
        NothingPublished = "nothing_published": "No build has been published yet",
            "builds of this stack are published from outside, for example by CI, and none has been published yet",
            "publish one: run `pushbutton build publish`, or call POST …/builds, as the last step of your build";
        /// The branch may not go there.
        OtherBranch = "other_branch": "This stage does not push that branch",
            "`refs` in the stack file says which branches may be pushed to the stage, and this version is from another branch",
            "push a version of an allowed branch through the earlier stages, or change `refs` in the file";

        /// Nothing to catch up with.
        NeverPushed = "never_pushed": "This stage has not been pushed",
            "a catch-up deploys to single hosts what their stage runs, and no push to this stage has been completed yet",
            "push the stage; that updates all its hosts";
        /// Nobody is behind.
        NobodyBehind = "nobody_behind": "No host is behind",
            "as far as is known, every host of the stage runs its build",
            "there is nothing to do; to deploy to a host anyway, name it";
        /// A host of someone else.
        StrangeHost = "strange_host": "That host does not belong to this stage",
            "only hosts that the stack file lists for the stage can catch up with its build",
            "compare the name with the stage's hosts on the stack's page; add a new host to the file first";

        /// Someone marked it.
        MarkedBad = "marked_bad": "That build is marked as bad",
            "someone has marked the build as bad, for the reason that is shown; it is not pushed anywhere until that is taken back",
            "push a fixed version. If the mark is wrong, take it away with a reason, on the stack's page or through the API";
        /// Nobody marked it.
        NotMarkedGood = "not_marked_good": "The build is not marked as good yet",
            "`needs = \"approved\"` in the stack file says that the stage takes only builds that someone has accepted on the stage before",
            "ask someone who may approve on the stage before to mark the build as good, in that stage's menu";
        /// It never was there.
        NeverRanThere = "never_ran_there": "That build never ran on this stage",
            "only a build that was pushed to the stage successfully can be marked as good there",
            "push it there first, and look at it";
        /// No such mark.
        NotMarked = "not_marked": "There is no such mark",
            "nobody has marked the build so, or someone has taken the mark away",
            "there is nothing to do; the stack's page shows the marks";
        /// Its channel is gone.
        NoChannel = "no_channel": "That channel of announcements is gone",
            "the announcement was for a channel that the server's configuration does not have any more",
            "add a channel of that name to the configuration, then send it again";
        /// A mark without reason.
        MarkReason = "mark_reason": "A mark needs a reason",
            "a bad build is refused everywhere, and others must know why; so must they when a mark is taken away",
            "say in a few words why, then mark it again";

        /// No earlier build.
        NoWayBack = "no_way_back": "No earlier build to roll back to",
            "no other build has been deployed successfully to this stage, so no build is known to work",
            "fix the fault in the code and push that; or, if the push stopped half-way, resume it";
        /// It runs that.
        RunsAlready = "runs_already": "It already runs that build",
            "all hosts of the stage run exactly the build that was chosen",
            "choose another build on the rollback page";
        /// Other build, same bytes.
        SameContent = "same_content": "That build has the same content",
            "the two builds differ only in their number, so a rollback would change no file on any host",
            "choose a build with another content hash on the rollback page";
        /// The build's files are gone.
        BuildGone = "build_gone": "That build is no longer available",
            "its files on the push host were removed or are damaged, so it cannot be deployed again",
            "choose another build, or push its revision again";
        /// Not among the good ones.
        NotGood = "not_good": "That build cannot be rolled back to",
            "a rollback can go only to one of the last builds that succeeded on this stage",
            "choose one from the list on the rollback page";
        /// A reason is wanted.
        BackReason = "back_reason": "A rollback needs a reason",
            "others must be able to see later what was wrong",
            "say in a few words what is wrong, then roll back again (`--reason` on the command line)";

        /// It runs.
        StillRuns = "still_runs": "That push is running",
            "only a push that has ended can be resumed",
            "wait until it has ended; if it must stop, pause or cancel it";
        /// It took itself back.
        WentBack = "went_back": "That push was rolled back",
            "its hosts run again what they ran before, so there is nothing to resume",
            "push once more";
        /// It is done.
        NothingLeft = "nothing_left": "Nothing is left to do",
            "that push has completed all its steps",
            "to push again, use the stage's push button";
        /// It is history.
        NewerCame = "newer_came": "A newer push came after it",
            "the hosts have changed since then; resuming the older push would mix two builds",
            "open the newer push and resume that one, or start a new push";
        /// The push has ended.
        Ended = "ended": "That push has ended",
            "only a running push can be paused, cancelled or answered",
            "open its page: it shows what was done, and offers resume and rollback where they are possible";
        /// It is paused.
        Paused = "paused": "It is already paused",
            "someone else was faster",
            "resume it when it should continue, or cancel it";
        /// It is not paused.
        NotPaused = "not_paused": "It is not paused",
            "it is running: someone else resumed it, or it was never paused",
            "there is nothing to do";
        /// It cannot be paused there.
        Order = "order": "The push cannot do that now",
            "that order is not possible in the push's current state; the reason says why",
            "open its page: it offers only what is possible now";
        /// No question.
        AsksNothing = "asks_nothing": "It is not waiting for an answer",
            "someone else answered the question, or it timed out",
            "open its page to see the answer, and whether there is another question";
        /// Who started it may not answer.
        AnotherAnswers = "another_answers": "Someone else must answer",
            "`by = \"another\"` in the stack file says that the question is answered by someone else than who started the push; a token is its owner",
            "ask someone else who may push the stage to answer it on the push's page; to stop the push, cancel it";
        /// Hosts saw newer pushes.
        SeenNewer = "seen_newer": "The hosts have seen newer pushes",
            "pushes are numbered, and a host refuses one with a lower number than the newest it has seen, so that an old server \
             cannot overwrite a newer push",
            "look for another Pushbutton server that pushes there; if this is the only one, let its numbers continue above: \
             `pushbutton number-above STACK --reason TEXT`, or the button on the stack's page";
        /// No host saw a newer one.
        NumbersFit = "numbers_fit": "The numbers fit",
            "every host of the stack that answers accepts the next push of this server",
            "there is nothing to do; push";
        /// It is no copy.
        NoCopy = "no_copy": "There is nothing to take over",
            "only a data directory that was restored from a backup or copied from another machine is taken over",
            "there is nothing to do";
        /// Numbers go on with a reason.
        NumberReason = "number_reason": "Say why this is the only Pushbutton",
            "two servers that push to the same hosts would overwrite each other's releases",
            "look for the other one first; then give what happened to it as the reason (`--reason` on the command line)";
        /// Nothing is held.
        NotHeld = "not_held": "There is no hold",
            "someone else released it, or it has expired",
            "there is nothing to do; the stack's page shows what is on hold";
        /// A hold without reason.
        HoldReason = "hold_reason": "A hold needs a reason",
            "others need to know what they are waiting for",
            "say in a few words what it is for, then set it again";
        /// A hold with a bad end.
        HoldEnd = "hold_end": "That is not a valid end of a hold",
            "a hold ends at a time within 30 days, or when someone releases it",
            "write a time with its zone (2026-11-22T16:00Z) or a length (90s, 30m, 2h, 3d), or leave it out";
        /// What a push set goes with a reason.
        ReleaseReason = "release_reason": "Say why it is safe to release",
            "this hold was set by a push that did not end cleanly: its hosts may run different builds",
            "check what each host runs, then release the hold and give what you found as the reason (`--reason` on the command line)";

        /// A value that makes no path.
        PathValue = "path_value": "A value cannot be used in a path",
            "a value of this push is used in a path of `rsync` (`to`, or the source), where it must be one plain name: not empty, \
             no slash, no dot at the start",
            "use another variable there in the stack file ({sha} is always valid), or push a branch whose name is valid there";

        /// No such version.
        Version = "version": "That version cannot be pushed here",
            "this is not a commit or build that may be pushed to this stage",
            "choose one on the stage's page of versions";
        /// Several match.
        Ambiguous = "ambiguous": "Several versions match",
            "the start of a revision or build was given, and it matches more than one",
            "give more characters; the reason lists the matches";
        /// The text is too long.
        Text = "text": "That text is too long",
            "a reason is one line of at most 1000 characters, since it appears unchanged in the history, in mail and on IRC",
            "shorten it";
        /// The form again.
        Repeated = "repeated": "This form was used already",
            "a form works once, so that a second click does not push twice; this one has already been sent",
            "reload the page, then push again";

        /// Not a stack of that kind.
        NotPublished = "not_published": "This stack makes its builds itself",
            "only a stack with `source = { published = true }` takes builds from outside",
            "push the stack, which makes the build; or change its source in the stack file";
        /// Said badly.
        PublishedWords = "published_words": "The build's description is not valid",
            "a published build needs its commit; branch and title are optional",
            "give the branch as git names it, and a title of one line";
        /// A bad tar.
        Upload = "upload": "The build was not accepted",
            "the upload is not a complete tar archive of regular files, directories and links; the reason names the first problem",
            "fix what the reason names, then publish again; nothing was stored";
        /// An address that may not be asked.
        ArtifactAddress = "artifact_address": "That artifact may not be fetched",
            "a build is fetched over https, from a server in `hosts` of [artifacts] in the server's configuration, and with its SHA-256",
            "correct the address or the hash; an administrator can add the server to [artifacts]";
        /// The server did not give it.
        ArtifactFetch = "artifact_fetch": "The artifact could not be fetched",
            "its server did not send it in time; the reason shows what it answered",
            "check that its address works from the push host, then publish again";
        /// Begun and not ended.
        Uploads = "uploads": "Too many uploads have begun",
            "a stack has a limit of uploads that are not complete; one to which nothing was added for a day is removed",
            "complete or delete one of them, or publish the build in one request";
        /// A piece that does not follow.
        UploadOffset = "upload_offset": "That is not the next part of the upload",
            "a part must begin where the upload ends; an answer may have been lost, or another request is still writing",
            "ask with HEAD for `Upload-Offset`, and send the rest from there";
        /// Far fewer files.
        FewerFiles = "fewer_files": "That build has far fewer files",
            "a build with far fewer files than the previous one is usually incomplete, or was made in the wrong directory",
            "check what was built; if it is right, confirm it as the reason shows";
        /// Someone pushed it.
        Pushed = "pushed": "That build was pushed",
            "a build that has been pushed is part of the history, and may be needed for a rollback",
            "publish a build of another commit; this one stays";
        /// Another one is there.
        Taken = "taken": "This commit already has another build",
            "a commit has exactly one build, so that what was tested is what is deployed",
            "make a new commit and publish its build; if the published one is right, there is nothing to do";

        /// No disk.
        DiskFull = "disk_full": "The disk of the server is full",
            "a push needs disk space for its build and its journal, and does not start without it",
            "free space where the reason says; the administrator finds in the docs, under Disk, what can be deleted";
        /// The runner is silent.
        RunnerSilent = "runner_silent": "The push does not answer",
            "the process of the push is still starting, hangs, or has died",
            "reload its page in a few seconds: a dead push is shown as interrupted and can be resumed. Cancel ends one that hangs";
        /// Going down.
        Stopping = "stopping": "The server is stopping",
            "it is being restarted, or the machine is shutting down; running pushes continue",
            "push again when it is back";
        /// A bug.
        Broke = "broke": "Internal error",
            "this is a bug in Pushbutton",
            "check whether it was done; if not, try again, and tell the administrator: the server's log has the cause";
        /// SQLite does not.
        Ledger = "ledger": "The ledger does not work",
            "the database of the server cannot be read or written, so nothing was done",
            "tell the administrator to check the disk of the data directory and the server's log; `pushbutton verify` checks the whole ledger";
        /// A row is wrong.
        LedgerRow = "ledger_row": "The ledger contains an invalid value",
            "a value in the server's database was not written by Pushbutton: the database is damaged, or something else changed it",
            "tell the administrator to run `pushbutton verify`, which names what is damaged, and to restore it from a backup";
        /// The disk does not take it.
        NotKept = "not_kept": "The server cannot store that",
            "a file in the server's data directory could not be written",
            "tell the administrator to check that disk: is it full, or read-only?";
    }
}
