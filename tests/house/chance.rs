//! Chance that can be had again: numbers that look random, the same for the same seed.

/// Numbers that look random, the same for the same seed, which is never 0.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// The seed of this run: `PUSHBUTTON_SEED`, or another one each time; said, so that a run can be repeated.
pub fn seed() -> u64 {
    let said = std::env::var("PUSHBUTTON_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
    let seed: u64 = said.unwrap_or(u64::from(clock) | 1);
    println!("PUSHBUTTON_SEED={seed}");
    seed
}
