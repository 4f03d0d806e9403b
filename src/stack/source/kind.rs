//! The kinds of sources by their words, and the keys that each cannot have. The one list of them: the reader takes a kind only from
//! here. It must never know what one source says.

/// A kind of source, as the stack file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceKind {
    Git,
    Svn,
    Dir,
    Published,
}

/// Keys, each with what to do about it.
type Refused = &'static [(&'static str, &'static str)];

/// What only git has.
const OF_GIT: Refused = &[
    ("branch", "take it out: only git has branches here"),
    ("submodules", "take it out: only git has submodules"),
    ("lfs", "take it out: Git LFS belongs to git; what is published or copied must hold the files themselves"),
];
/// What only a source of the network has.
const OF_NETWORK: Refused =
    &[("insecure", NO_NETWORK), ("user", NO_NETWORK), ("token_file", NO_NETWORK), ("key_file", NO_NETWORK)];
const NO_NETWORK: &str = "take it out: nothing is fetched over the network";

impl SourceKind {
    /// All of them, in the order in which error messages name them.
    pub const ALL: [Self; 4] = [Self::Git, Self::Svn, Self::Dir, Self::Published];

    /// Its key in the table of a source.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Svn => "svn",
            Self::Dir => "dir",
            Self::Published => "published",
        }
    }

    /// The keys that it cannot have.
    pub const fn refused(self) -> [Refused; 2] {
        match self {
            Self::Git => [&[], &[]],
            Self::Svn => [OF_GIT, &[]],
            Self::Dir | Self::Published => [OF_GIT, OF_NETWORK],
        }
    }
}
