use super::*;

impl NotifyTargets {
    /// Those of a file with one channel of each kind, and of no stack.
    pub(crate) fn all() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("config.toml");
        let channels = [
            "[irc]\nserver = \"x\"\nchannel = \"#x\"\n",
            "[email]\nserver = \"x\"\nfrom = \"a@x\"\nto = [\"b@x\"]\n",
            "[webhook]\nurl = \"https://x\"\n",
        ];
        let text = format!("url = \"http://push\"\n{}", channels.concat());
        std::fs::write(&file, text).expect("a file");
        let config = Config::load(&file).expect("a configuration");
        Self::new(Arc::new(config), watch::channel(Arc::default()).1)
    }
}
