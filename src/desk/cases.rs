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
            "there is no stack, stage, push or build of that name; a stage may have been renamed in the stack's file",
            "look for it among all stacks, or in the push log; `pushbutton status` lists stacks and stages";
        /// Another push runs.
        Locked = "locked": "A push is running",
            "a stack has one push at a time, on all its stages",
            "watch that push, and push again when it has ended; if yours cannot wait, cancel that one first";
        /// Another push runs, and waits for a person.
        LockedWaits = "locked_waits": "A push is waiting for a person",
            "a stack has one push at a time, and the one that runs goes on only when someone answers it, or lets it go on",
            "open that push and answer it, or cancel it; then push again";
        /// A rollback under a running push.
        CancelFirst = "cancel_first": "Cancel the running push first",
            "a rollback is a push, and a stack has one at a time",
            "cancel that push (“Stop, then roll back” on its page, or `pushbutton cancel N`), then roll back";
        /// A person's hold.
        Held = "held": "This is on hold",
            "someone has set a hold, for the reason that is shown",
            "ask who set it; when it may go, release the hold on the stack's page. A rollback is possible all the same";
        /// A push left hosts in doubt.
        HeldByPush = "held_by_push": "On hold after a push that ended badly",
            "a push ended so that its hosts may run different builds; the stage stays closed until someone has looked",
            "open that push: resume it, or roll back. If its hosts are right as they are, release the hold and say why";
        /// The page was older than the world.
        Moved = "moved": "Something changed since you looked",
            "there is a newer commit, another push, or a change in the stack's file, so a push would not do what you saw",
            "look at what would go out now, then push again";
        /// More commits than looks.
        KeepsMoving = "keeps_moving": "It changes faster than it can be pushed",
            "each time the newest version was looked at, another one was there before the push could begin",
            "push again in a moment, or choose one version on the stage's page of versions";
        /// The file is wrong.
        BadStack = "bad_stack": "The stack file has errors",
            "the file was changed, and is wrong now; the last good one is shown, and nothing is pushed by it",
            "fix the file; `pushbutton check` shows every error with its line. It is read again by itself";

        /// The hosts are asked for, and no good answer came.
        NoHosts = "no_hosts": "The hosts are not known",
            "the command that lists the stage's hosts failed, or has not been asked yet",
            "fix that command; `pushbutton check` runs it and shows what it says. It is asked again at the next push";
        /// Fewer hosts than before.
        FewerHosts = "fewer_hosts": "Many hosts are missing",
            "the command that lists hosts names far fewer than the stage's last push had, which is mostly a mistake of the command",
            "compare its list with what you expect; if the hosts are really gone, allow it with `shrink` as shown, for one push";

        /// The stage before has nothing.
        StageBefore = "stage_before": "The stage before it has not been pushed",
            "a later stage takes exactly the build that the stage before it runs, and that one runs none yet",
            "push the stage before it first";
        /// The branch is not here yet.
        NotFetched = "not_fetched": "Not fetched yet",
            "the server has just started, or the stack is new: its source is being fetched for the first time",
            "wait some seconds, then look again; the stack's page shows when it is there";
        /// The source does not answer.
        Source = "source": "The source cannot be read",
            "the repository or directory did not answer as it must; the reason shows what it said",
            "fix what the reason names: the address, the branch, the key or the network. It is asked again every few seconds";
        /// Nothing published.
        NothingPublished = "nothing_published": "No build has been published yet",
            "this stack does not make its builds itself: someone publishes them, and nobody has",
            "publish one: `pushbutton build publish`, or POST …/builds, as the last step of your build";
        /// The branch may not go there.
        OtherBranch = "other_branch": "This stage does not push that branch",
            "`refs` in the stack's file says which branches the stage pushes, and what would go out is of another",
            "push a version of an allowed branch through the stages before it, or change `refs` in the file";

        /// Nothing to catch up with.
        NeverPushed = "never_pushed": "This stage has not been pushed",
            "hosts are brought to what their stage runs, and no push to it has come to its end yet",
            "push the stage; that reaches all its hosts";
        /// Nobody is behind.
        NobodyBehind = "nobody_behind": "No host is behind",
            "every host of the stage has its build, as far as is known",
            "there is nothing to do; to bring a host all the same, name it";
        /// A host of someone else.
        StrangeHost = "strange_host": "That host is not of this stage",
            "only hosts that the stack's file lists for the stage can be brought to its build",
            "compare the name with the stage's hosts on the stack's page; a new host goes into the file first";

        /// No earlier build.
        NoWayBack = "no_way_back": "No earlier build to roll back to",
            "no other build has succeeded on this stage, so there is nothing that is known to be good",
            "fix the fault in the code and push that; or press Resume on the push if it stopped half-way";
        /// It runs that.
        RunsAlready = "runs_already": "It runs that build already",
            "the stage runs exactly the build that was chosen, on all its hosts",
            "choose another build on the page of the rollback";
        /// Other build, same bytes.
        SameContent = "same_content": "That build has the same content",
            "the two builds differ in nothing but their number, so a rollback to it would change no file on any host",
            "choose a build with another content hash on the page of the rollback";
        /// The build's files are gone.
        BuildGone = "build_gone": "That build is not here any more",
            "its files on the push host were removed, or are not whole, so it cannot be brought to a host again",
            "choose another build, or push its revision again";
        /// Not among the good ones.
        NotGood = "not_good": "That build cannot be rolled back to",
            "only the last builds that succeeded on this very stage can be put back",
            "choose one of those that the page of the rollback lists";
        /// A reason is wanted.
        BackReason = "back_reason": "A rollback needs a reason",
            "others must be able to see later what was wrong",
            "say in a few words what is wrong, then roll back again (`--reason` on the command line)";

        /// It runs.
        StillRuns = "still_runs": "That push is running",
            "only a push that has ended can be resumed",
            "watch it; if it has to stop, pause or cancel it";
        /// It took itself back.
        WentBack = "went_back": "That push was rolled back",
            "its hosts have again what they had before, so nothing of it is left to finish",
            "push once more";
        /// It is done.
        NothingLeft = "nothing_left": "Nothing is left to do",
            "that push has done all that it was to do",
            "to push again, press the stage's button";
        /// It is history.
        NewerCame = "newer_came": "A newer push came after it",
            "the hosts have moved on since; to resume the older push would mix two builds",
            "look at the newer push; resume that one, or press the stage's button";
        /// The push has ended.
        Ended = "ended": "That push has ended",
            "only a push that runs can be paused, cancelled or answered",
            "look at its page: what it did, what is left to resume, and where a rollback goes";
        /// It is paused.
        Paused = "paused": "It is paused already",
            "someone else was faster",
            "press Resume when it may continue, or cancel it";
        /// It is not paused.
        NotPaused = "not_paused": "It is not paused",
            "it goes on already: someone else was faster, or nobody paused it",
            "there is nothing to do";
        /// It cannot be paused there.
        Order = "order": "The push cannot do that now",
            "where the push is now, the order makes no sense; the reason is its own",
            "open its page: it offers only what is possible";
        /// No question.
        AsksNothing = "asks_nothing": "It is not waiting for an answer",
            "the question was answered, by someone else or by its time",
            "look at its page for what was answered, and what it asks now";
        /// Hosts saw newer pushes.
        SeenNewer = "seen_newer": "The hosts have seen newer pushes",
            "each push has a number, and a host takes none that is older than the newest it saw: so that no late push of a lost \
             server runs over a newer one",
            "look for another Pushbutton that pushes there; when this one is right and the only one, `pushbutton number-above \
             STACK --reason TEXT`, or the button on the stack's page, lets its numbers go on above";
        /// No host saw a newer one.
        NumbersFit = "numbers_fit": "The numbers fit",
            "every host of the stack that answers takes the next push of this server",
            "there is nothing to do; push";
        /// It is no copy.
        NoCopy = "no_copy": "There is nothing to take over",
            "only a data directory that was restored from a backup or copied from another machine is taken over",
            "there is nothing to do";
        /// Numbers go on with a reason.
        NumberReason = "number_reason": "Say why this is the only Pushbutton",
            "two servers that push to the same hosts would undo each other's work",
            "look for the other one first; then say what became of it as the reason (`--reason` on the command line)";
        /// Nothing is held.
        NotHeld = "not_held": "There is no hold",
            "someone else released it, or it was over by itself",
            "there is nothing to do; the stack's page shows what is on hold";
        /// A hold without reason.
        HoldReason = "hold_reason": "A hold needs a reason",
            "others must know what they wait for",
            "say in a few words what it is for, then set it again";
        /// A hold with a bad end.
        HoldEnd = "hold_end": "That is no end of a hold",
            "a hold ends at a time within 30 days, or when someone releases it",
            "write a time with its zone (2026-11-22T16:00Z) or a length (90s, 30m, 2h, 3d), or leave it out";
        /// What a push set goes with a reason.
        ReleaseReason = "release_reason": "Say why it is safe to release",
            "this hold was set by a push that ended badly: its hosts may run different builds",
            "look at what each host runs, then release the hold with that as the reason (`--reason` on the command line)";

        /// A value that makes no path.
        PathValue = "path_value": "A value cannot stand in a path",
            "a value of this push stands in a path of `rsync` (`to`, or the source), where it has to be one plain name: no slash, \
             not empty, no dot at its beginning",
            "write another variable there in the stack file ({sha} always fits), or push a branch whose name fits";

        /// No such version.
        Version = "version": "That version cannot be pushed here",
            "a version is one commit or build that the stage may push, and this is none",
            "choose one on the stage's page of versions";
        /// Several begin so.
        Ambiguous = "ambiguous": "Several begin like that",
            "the beginning of a revision or build was given, and more than one has it",
            "write more of it; the reason names those that are meant";
        /// The text is too long.
        Text = "text": "That text cannot be kept",
            "a reason is one line of at most 1000 characters, and goes into history, mails and IRC as it is",
            "shorten it";
        /// The form again.
        Repeated = "repeated": "This form was used already",
            "a form pushes once, so that a second click does not push twice; this one was sent for something else before",
            "load the page again, then push";

        /// Not a stack of that kind.
        NotPublished = "not_published": "This stack makes its builds itself",
            "only a stack with `source = { published = true }` takes builds from outside",
            "push the stack, and it makes the build; or change its source in the file";
        /// Said badly.
        PublishedWords = "published_words": "The build is not named well",
            "with a build comes the commit that it is of; branch and title may be added",
            "give the branch as git names it, and a title of one line";
        /// A bad tar.
        Upload = "upload": "The build was not taken",
            "what was sent is no whole tar of ordinary files, directories and links; the reason names the first that is wrong",
            "fix what the reason names, and publish again; nothing of it was kept";
        /// Far fewer files.
        FewerFiles = "fewer_files": "That build has far fewer files",
            "a build with many files less than the one before is mostly cut off, or built in the wrong place",
            "look at what was built; when it is right, say so as the reason shows, and it is taken";
        /// Someone pushed it.
        Pushed = "pushed": "That build was pushed",
            "what was pushed once is part of the history, and may be needed for a rollback",
            "publish a build of another commit; this one stays";
        /// Another one is there.
        Taken = "taken": "Another build of this commit is there",
            "a commit has one build forever, so that what was tested is what goes out",
            "make a commit and publish the build of that; if the published one is right, there is nothing to do";

        /// No disk.
        DiskFull = "disk_full": "The disk of the server is full",
            "a push needs room for its build and its journal, and begins only when that is there",
            "make room where the reason says; who runs this server finds what may go in the docs, under Disk";
        /// The runner is silent.
        RunnerSilent = "runner_silent": "The push does not answer",
            "the process of the push is just starting, hangs, or has died",
            "look at its page in some seconds: a dead push is shown as interrupted, and can be resumed. Cancel ends one that hangs";
        /// Going down.
        Stopping = "stopping": "The server is stopping",
            "it is being restarted, or the machine goes down; pushes that run go on",
            "push again when it is back";
        /// A bug.
        Broke = "broke": "Something in Pushbutton broke",
            "that is a fault of Pushbutton, not yours",
            "look whether it was done; if not, try again, and tell who runs this server: its log has the cause";
        /// SQLite does not.
        Ledger = "ledger": "The ledger does not work",
            "the database of the server cannot be read or written, so nothing was done",
            "who runs this server looks at the disk of its data directory, then at its log; `pushbutton verify` reads all of it";
        /// A row is wrong.
        LedgerRow = "ledger_row": "The ledger holds what it cannot",
            "a value in the server's database is not as Pushbutton writes it: damage, or another hand",
            "who runs this server calls `pushbutton verify`, which names what is damaged; a backup has it as it was";
        /// The disk does not take it.
        NotKept = "not_kept": "The server cannot keep that",
            "a file in the server's data directory could not be written",
            "who runs this server looks at that disk: is it full, or read-only?";
    }
}
