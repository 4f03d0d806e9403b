//! What is said of a release on a host, and of what `rsync` brings.

use crate::advice::Case;

/// What our own code says of them.
pub const CASES: &[Case] = &[
    // Releases.
    Case {
        marks: &["a release needs an absolute directory", "cannot be shared between releases"],
        cause: "the stack file names a directory or a shared path that cannot be one",
        cure: "fix it in the stack file; `pushbutton check` shows the line",
        again: false,
    },
    Case {
        marks: &[
            "not verified:",
            "is not what it was",
            "not verified any more",
            "with another revision",
            "some bytes differ",
            "what {} gave is not the build",
            "the host has something that no build",
        ],
        cause: "the release on the host is not, byte for byte, the build: someone changed it, or its disk does not keep what it is given",
        cure: "push again, which brings what differs; when it comes back, look who writes there, and at the disk",
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
        cause: "the record of what the build holds, on the push host, or what a host says of its files, is damaged or differs",
        cure: "push its revision again, which makes a new build; `pushbutton verify` names what is damaged",
        again: false,
    },
    Case {
        marks: &["flipped, but reads back", "after the push, not"],
        cause: "the host did not end up with what the push put there",
        cure: "look at `current` on that host, then bring it to the build of its stage (catch-up)",
        again: false,
    },
    Case {
        marks: &["a directory of {entries}", "nothing (current", "there is no current", "current leads to"],
        cause: "what a host runs is no release of Pushbutton",
        cure: "push, or bring the host to the build of its stage; what is there is not removed",
        again: false,
    },
    Case {
        marks: &[
            "is a real directory with",
            "is a mount point",
            "is a file, not a link",
            "is no {what}, as it has to be",
            "may not write to",
        ],
        cause: "something stands where a release needs its place, or belongs to someone else, so nothing was flipped on any host",
        cure: "run the line that the reason ends with on that host, then push again",
        again: false,
    },
    Case {
        marks: &["is missing, and every release", "but `shared` says", "is a link to nowhere ({}"],
        cause: "what releases share (`shared`) is not on the host as the stack file says",
        cure: "put it there, or write its name with or without a slash as the reason says",
        again: false,
    },
    Case {
        marks: &["no release to bring", "no build was frozen"],
        cause: "the build that is to go out is not whole on the push host",
        cure: "push its revision again",
        again: false,
    },
    Case {
        marks: &[
            "it must be brought first",
            "leads to nowhere or elsewhere",
            "as something else than a directory",
            "holds $name itself",
            "releases/$push_build is a link",
            "revision does not say",
            "is not the link to what",
            "is not the directory of what",
        ],
        cause: "the release on the host is not as its build and `shared` in the stack file make it",
        cure: "take what is in the way out of the build or out of `shared`; else push again, which brings what differs",
        again: false,
    },
    // Rsync.
    Case {
        marks: &[
            "rsync takes a path inside",
            "is a link to nowhere in the build",
            "leads out of the build",
            "is no directory in the build",
            "but `{}{slash}` is",
            "fix `rsync` in the stack file",
            "`{from}` is not in the build",
            "is a directory on {}",
        ],
        cause: "what the stack file says to `rsync` does not fit the build, or what is on the host",
        cure: "fix it in the stack file as the reason says",
        again: false,
    },
    Case {
        marks: &["rsync ended with code"],
        cause: "some files did not arrive whole",
        cure: "they are compared once more by content; when it stays so, the lines above say which files and why",
        again: false,
    },
    Case {
        marks: &["rsync is not installed", "cannot start rsync", "is too old"],
        cause: "the push host has no rsync, or one before 3.2.3",
        cure: "apt install rsync there, or update it",
        again: false,
    },
    Case {
        marks: &["neither zstd nor lz4"],
        cause: "the host's rsync cannot compress as fast as needed",
        cure: "nothing must be done; to compress, update rsync there",
        again: false,
    },
    Case {
        marks: &["cannot delete non-empty directory", "could not make way for", "file has vanished"],
        cause: "something on the host, or in the build, is in the way of a file",
        cure: "move away what the reason names",
        again: false,
    },
];
