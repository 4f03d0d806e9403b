//! What is sealed: every table that says who, what, when, why, which build. It must never leave a table out that a page, an
//! announcement or a decision reads: [`NOT_SEALED`] names those that are made of others, and a test holds the two lists against
//! the schema.

/// A kind of thing that has seals of its own.
pub(super) struct Kind {
    /// Its name in the audit.
    pub name: &'static str,
    /// The table that it lies in.
    pub table: &'static str,
    /// The columns that tell one from another.
    pub key: &'static [&'static str],
    /// What of a row is sealed, as name and SQL; all columns where empty.
    pub columns: &'static [(&'static str, &'static str)],
    /// Which rows of the table `t` are.
    pub only: &'static str,
    /// In which order the rows of one key are taken.
    pub order: &'static str,
    /// When it is sealed anew.
    pub watch: Watch,
}

/// What makes a new seal necessary.
pub(super) enum Watch {
    /// Whatever happens to a row; updates only under this condition.
    Rows(&'static str),
    /// A row that is written: it never changes afterwards.
    Written,
    /// The end of its push, whose number is the key.
    End,
}

/// Tables without seals: the audit is what seals, and how far it was sent on no history; answers are kept for a day for who sends a request again, and
/// nothing is decided by them; the others are made of what is sealed, and `verify` makes them again.
#[cfg(test)]
pub(super) const NOT_SEALED: [&str; 5] = ["answers", "audit", "audit_sent", "outbox_counts", "words"];

const PUSH: &[&str] = &["push"];
const OF_ENDED: &str = "(SELECT p.ended_at FROM pushes p WHERE p.id = t.push) IS NOT NULL";

/// What is known when a button is pressed, and never changes.
pub const PRESSED: &[(&str, &str)] = &[
    ("approved_by", "approved_by"),
    ("branch", "branch"),
    ("build", "build"),
    ("button", "button"),
    ("commit_count", "commit_count"),
    ("diff", "diff"),
    ("id", "id"),
    ("kind", "kind"),
    ("nonce", "nonce"),
    ("old_build", "old_build"),
    ("old_sha", "old_sha"),
    ("override_why", "override_why"),
    ("plan", "plan"),
    ("plan_hash", "plan_hash"),
    ("pressed_at", "pressed_at"),
    ("proof", "proof"),
    ("reason", "reason"),
    ("resumes", "resumes"),
    ("sha", "sha"),
    ("stack", "stack"),
    ("stage", "stage"),
    ("who", "who"),
];

/// An announcement that waits may be tried again and again; what was told, and what was given up, stays.
const ANNOUNCED: &[(&str, &str)] = &[
    ("channel", "channel"),
    ("event", "event"),
    ("id", "id"),
    ("next_at", "CASE WHEN state <> 'waiting' THEN next_at END"),
    ("payload", "payload"),
    ("problem", "CASE WHEN state <> 'waiting' THEN problem END"),
    ("push", "push"),
    ("state", "state"),
    ("told", "told"),
    ("told_at", "told_at"),
    ("tries", "CASE WHEN state <> 'waiting' THEN tries END"),
];

/// When a session was last used is written every few minutes, and says nothing of who came in.
const SESSION: &[(&str, &str)] = &[
    ("address", "address"),
    ("browser", "browser"),
    ("groups", "groups"),
    ("id_hash", "id_hash"),
    ("made_at", "made_at"),
    ("who", "who"),
];

/// And when a person was confirmed.
const ACCOUNT: &[(&str, &str)] = &[("groups", "groups"), ("who", "who")];

/// The same holds of a token.
const TOKEN: &[(&str, &str)] = &[
    ("expires_at", "expires_at"),
    ("id", "id"),
    ("made_at", "made_at"),
    ("name", "name"),
    ("scopes", "scopes"),
    ("secret_hash", "secret_hash"),
    ("who", "who"),
];

const fn rows(name: &'static str, table: &'static str, key: &'static [&'static str]) -> Kind {
    Kind { name, table, key, columns: &[], only: "1", order: "1", watch: Watch::Rows("1") }
}

const fn at_end(name: &'static str, table: &'static str, order: &'static str) -> Kind {
    Kind { name, table, key: PUSH, columns: &[], only: OF_ENDED, order, watch: Watch::End }
}

/// All kinds.
pub(super) const KINDS: [Kind; 30] = [
    Kind {
        name: "press",
        table: "pushes",
        key: &["id"],
        columns: PRESSED,
        only: "1",
        order: "1",
        watch: Watch::Written,
    },
    Kind {
        name: "push",
        table: "pushes",
        key: &["id"],
        columns: &[],
        only: "t.ended_at IS NOT NULL",
        order: "1",
        watch: Watch::End,
    },
    Kind {
        name: "commits",
        table: "commits",
        key: PUSH,
        columns: &[],
        only: "1",
        order: "t.place",
        watch: Watch::Written,
    },
    Kind {
        name: "hosts",
        table: "push_hosts",
        key: PUSH,
        columns: &[],
        only: "1",
        order: "t.place",
        watch: Watch::Written,
    },
    at_end("commands", "commands", "t.command"),
    at_end("results", "results", "t.command, t.host"),
    at_end("links", "links", "t.place"),
    at_end("measurements", "measurements", "t.place"),
    at_end("questions", "questions", "t.ask"),
    at_end("fold", "fold", "1"),
    rows("completed", "completed_stages", PUSH),
    rows("lock", "locks", &["stack"]),
    rows("hold", "holds", &["scope"]),
    rows("request", "approval_requests", &["id"]),
    rows("approval", "approvals", &["request", "person"]),
    rows("unresolved", "unresolved_pushes", PUSH),
    rows("build", "builds", &["stack", "id"]),
    rows("published", "published", &["stack", "build"]),
    rows("mark", "marks", &["stack", "build", "stage"]),
    rows("status", "commit_statuses", &["stack", "sha", "context"]),
    rows("auto", "auto_switches", &["stack", "stage"]),
    rows("current", "current", &["stack", "stage"]),
    rows("user", "users", &["name"]),
    Kind {
        name: "session",
        table: "sessions",
        key: &["id_hash"],
        columns: SESSION,
        only: "1",
        order: "1",
        // When it was used and confirmed is written every few minutes, with what it is confirmed by.
        watch: Watch::Rows(
            "NEW.id_hash <> OLD.id_hash OR NEW.made_at <> OLD.made_at OR NEW.who <> OLD.who OR NEW.address IS NOT OLD.address
             OR NEW.browser IS NOT OLD.browser OR NEW.groups IS NOT OLD.groups",
        ),
    },
    Kind {
        name: "token",
        table: "tokens",
        key: &["id"],
        columns: TOKEN,
        only: "1",
        order: "1",
        watch: Watch::Rows("NEW.seen_at IS OLD.seen_at"),
    },
    Kind {
        name: "account",
        table: "accounts",
        key: &["who"],
        columns: ACCOUNT,
        only: "1",
        order: "1",
        watch: Watch::Rows("NEW.who <> OLD.who OR NEW.groups <> OLD.groups"),
    },
    rows("known", "known", &["who", "place"]),
    rows("code", "chat_codes", &["hash"]),
    rows("chat", "chat_accounts", &["place", "id"]),
    Kind {
        name: "announcement",
        table: "outbox",
        key: &["id"],
        columns: ANNOUNCED,
        only: "1",
        order: "1",
        watch: Watch::Rows("NEW.state <> OLD.state"),
    },
];

impl Kind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// One thing of this kind, in words, by the parts of its key.
    pub fn words(&self, key: &[String]) -> String {
        let part = |at: usize| key.get(at).map_or("?", String::as_str);
        let first = part(0);
        match self.name {
            "press" => format!("who started push {first}, when, why and for what"),
            "push" => format!("the row of push {first}"),
            "commits" => format!("the commits of push {first}"),
            "hosts" => format!("the hosts of push {first}"),
            "commands" => format!("the commands of push {first}"),
            "results" => format!("what became of push {first} on its hosts"),
            "links" => format!("the links of push {first}"),
            "measurements" => format!("what push {first} has measured"),
            "questions" => format!("the questions and answers of push {first}"),
            "fold" => format!("how far the journal of push {first} was read"),
            "completed" => format!("that push {first} completed its stage"),
            "lock" => format!("the lock of {first}"),
            "hold" => format!("the hold on {first}"),
            "request" => format!("the request for approval {first}"),
            "approval" => format!("the approval of request {first} by {}", part(1)),
            "unresolved" => format!("that push {first} is unresolved"),
            "build" => format!("build {} of {first}", part(1)),
            "published" => format!("the publishing of build {} of {first}", part(1)),
            "mark" => format!("the mark of build {} of {first}", part(1)),
            "status" => format!("the status {} of {:.12} in {first}", part(2), part(1)),
            "auto" => format!("whether {first} {} is pushed automatically", part(1)),
            "current" => format!("what {first} {} runs", part(1)),
            "user" => format!("the user {first}"),
            "session" => format!("the session {:.12}", first),
            "token" => format!("the token {first}"),
            "account" => format!("what the provider says of {first}"),
            "known" => format!("that {first} has signed in by {:.28}", part(1)),
            "code" => format!("the code of a chat {:.12}", first),
            "chat" => format!("that {} of {first} is bound", part(1)),
            "announcement" => format!("the announcement {first}"),
            name => format!("{name} {}", key.join(" ")),
        }
    }
}
