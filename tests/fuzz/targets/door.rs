//! One door of `pushbutton::fuzz`, given whatever libFuzzer comes up with: the one that is named as this binary is. It must never
//! say itself what is right: the door asserts it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pushbutton::fuzz::TARGETS;

fuzz_target!(|bytes: &[u8]| {
    let door = TARGETS.iter().find(|door| door.name == env!("CARGO_BIN_NAME"));
    (door.expect("each binary of this package is named as a door").run)(bytes);
});
