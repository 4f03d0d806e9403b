//! What is said of a release on a host, and of what `rsync` brings.

use crate::advice::Case;

/// What our own code says of them.
pub const CASES: &[Case] = &[
    // Releases.
    Case {
        marks: &["a release needs an absolute directory", "cannot be shared between releases"],
        cause: "a directory or shared path in the stack file is not valid",
        cure: "fix it in the stack file; `pushbutton check` shows the line",
        again: false,
    },
    Case {
        marks: &[
            "not verified:",
            "was verified before, but has changed",
            "not verified any more",
            "with another revision",
            "some bytes differ",
            "the copy from {} does not match the build",
            "the host has something that cannot be part",
        ],
        cause: "the release on the host differs from the build: someone changed it, or the disk is faulty",
        cure: "push again, which uploads what differs; if it happens again, find out who writes there, and check the disk",
        again: false,
    },
    Case {
        marks: &[
            "the manifest of {} here",
            "cannot read the manifest",
            "of the manifest is wrong",
            "it does not end with a line feed",
            "it does not have four fields",
            "a directory's third field",
            "a file's third field",
            "a link's mode",
            "a link's target is",
            "its type is none",
            "its path is not",
            "its path does not come",
            "its mode is not",
            "is the release's own file",
            "points to {found} instead of",
            "{path} is {} instead of",
            "mode of {path} is",
        ],
        cause: "the manifest of the build on the push host is damaged, or does not match what a host reports",
        cure: "push its revision again, which makes a new build; `pushbutton verify` shows what is damaged",
        again: false,
    },
    Case {
        marks: &["flipped, but reads back", "after the push, not"],
        cause: "after the push, the host does not run the release that was deployed",
        cure: "check `current` on that host, then deploy the build of its stage with a catch-up",
        again: false,
    },
    Case {
        marks: &[
            "a directory of {entries}",
            "nothing (current",
            "there is no current",
            "current points to {}, which pushbutton did not create",
        ],
        cause: "the host runs something that Pushbutton did not deploy",
        cure: "push, or start a catch-up for the host; what is there is not removed",
        again: false,
    },
    Case {
        marks: &[
            "is a real directory with",
            "is a mount point",
            "is a file, not a link",
            "is not a {what}, as it must be",
            "may not write to",
        ],
        cause: "a path that the release needs is taken or belongs to another user, so no host was flipped",
        cure: "run the command at the end of the reason on that host, then push again",
        again: false,
    },
    Case {
        marks: &["is missing, and every release", "but `shared` says", "is a broken link ({}"],
        cause: "what releases share (`shared`) is not on the host as the stack file says",
        cure: "create it, or write its name with or without a slash, as the reason says",
        again: false,
    },
    Case {
        marks: &["no release to upload", "no build was packed"],
        cause: "the build is incomplete on the push host",
        cure: "push its revision again",
        again: false,
    },
    Case {
        marks: &[
            "it must be uploaded first",
            "leads to nowhere or elsewhere",
            "as something else than a directory",
            "holds $name itself",
            "releases/$push_build is a link",
            "revision does not say",
            "is not the link to what",
            "is not the directory of what",
        ],
        cause: "the release on the host does not match its build and `shared` in the stack file",
        cure: "remove the conflicting path from the build or from `shared`; otherwise push again, which uploads what differs",
        again: false,
    },
    // Rsync.
    Case {
        marks: &[
            "rsync takes a path inside",
            "is a broken link in the build",
            "points outside the build",
            "is not a directory in the build",
            "but `{}{slash}` is",
            "fix `rsync` in the stack file",
            "`{from}` is not in the build",
            "is a directory on {}",
        ],
        cause: "the `rsync` options in the stack file do not match the build or the files on the host",
        cure: "fix the stack file as the reason says",
        again: false,
    },
    Case {
        marks: &["rsync exited with {code}: trying again"],
        cause: "some files were not transferred correctly",
        cure: "they are compared again by content; if it fails again, the lines above show which files and why",
        again: false,
    },
    Case {
        marks: &["rsync is not installed", "cannot start rsync", "is too old"],
        cause: "the push host has no rsync, or one older than 3.2.3",
        cure: "apt install rsync there, or update it",
        again: false,
    },
    Case {
        marks: &["neither zstd nor lz4"],
        cause: "the host's rsync does not support fast compression (zstd or lz4)",
        cure: "nothing to do, files are sent uncompressed; to compress them, update rsync there",
        again: false,
    },
    Case {
        marks: &["cannot delete non-empty directory", "could not make way for", "file has vanished"],
        cause: "a file cannot be written: another file or directory has its path, on the host or in the build",
        cure: "move what the reason names to another place",
        again: false,
    },
];
