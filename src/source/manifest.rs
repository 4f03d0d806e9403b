//! The manifest of a tree: one line a path, sorted; its SHA-256 is the root hash. The hosts make the very same text.
