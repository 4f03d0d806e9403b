//! The output path: bytes in, cleaned lines out (TRUST section 3).
