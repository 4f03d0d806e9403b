-- The ledger, version 2 (`migrate.rs` has the way from version 1). Times are RFC 3339 text in UTC with milliseconds: they sort as they read.
-- One writer (the server); every table STRICT; what ended never changes (see the triggers).

CREATE TABLE pushes (
  id            INTEGER PRIMARY KEY,              -- the number: 1, 2, 3… for ever
  stack         TEXT NOT NULL,
  stage         TEXT NOT NULL,
  kind          TEXT NOT NULL DEFAULT 'push',     -- 'push', 'rollback', 'resume' or 'catch-up'
  resumes       INTEGER,                          -- the push that a resume goes on with
  build         TEXT NOT NULL,                    -- made or used
  sha           TEXT NOT NULL,
  root          TEXT,                             -- known once the build is frozen
  old_build     TEXT,
  old_sha       TEXT,
  branch        TEXT NOT NULL,
  who           TEXT NOT NULL,
  reason        TEXT,
  state         TEXT NOT NULL,                    -- 'running' or an end: 'succeeded', 'failed' …
  why           TEXT,                             -- why it did not end well, one sentence
  ended_by      TEXT,                             -- who cancelled it
  paused_by     TEXT,                             -- who paused it; none while it goes on
  paused_at     TEXT,
  paused_why    TEXT,
  waits_since   TEXT,                             -- since when it waits for a person: paused, or for an answer
  waited_ms     INTEGER NOT NULL DEFAULT 0,       -- how long it has waited so in all, what lasts still left out
  plan_hash     TEXT NOT NULL,
  approved_by   TEXT,                             -- who approved it, where its stage asks for that
  override_why  TEXT,                             -- why an admin pushed it without approval
  diff          TEXT,                             -- the address of the difference
  button        TEXT NOT NULL DEFAULT '',         -- what the stage's button said, for announcements
  commit_count  INTEGER NOT NULL DEFAULT 0,       -- how many commits it brings in all (`commits` keeps 50)
  nonce         TEXT UNIQUE,                      -- the press's idempotency key
  pressed_at    TEXT NOT NULL,
  started_at    TEXT,
  ended_at      TEXT,
  duration_ms   INTEGER,
  hosts_total   INTEGER NOT NULL,
  hosts_ok      INTEGER NOT NULL DEFAULT 0,       -- hosts that hold the build, as far as is known (plan::Proof)
  lines         INTEGER NOT NULL DEFAULT 0,       -- lines of output folded so far
  journal_hash  TEXT,
  proof         TEXT,                             -- the commands that say what a host holds, a plan::Proof as JSON
  plan          TEXT NOT NULL                     -- the assignment, as written to plan.json: the longest comes last
) STRICT;
CREATE INDEX pushes_by_stage ON pushes (stack, stage, id);
CREATE INDEX pushes_by_sha ON pushes (stack, stage, sha, id);
CREATE INDEX pushes_by_build ON pushes (stack, build, stage, state, id);
-- One for each filter of the push log, in the order of the numbers.
CREATE INDEX pushes_by_stack ON pushes (stack, id);
CREATE INDEX pushes_in_stage ON pushes (stage, id);
CREATE INDEX pushes_by_who ON pushes (who, id);
CREATE INDEX pushes_by_state ON pushes (state, id);
CREATE INDEX pushes_by_end ON pushes (stack, state, id);
CREATE INDEX pushes_pressed ON pushes (pressed_at, id);
-- All that the stats page reads of a push.
CREATE INDEX pushes_by_time ON pushes (stage, pressed_at, stack, who, kind, state, duration_ms, ended_at);
CREATE INDEX pushes_first ON pushes (stage, who, pressed_at);

-- The words of each push, by its number: what it is, who, why, its commits. Only the index is kept, not the text again.
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2',
                                       prefix = '2 3 4 5 6 7 8');

-- History cannot be rewritten: a push that ended keeps every word, and no push is ever removed.
CREATE TRIGGER pushes_ended_never_change BEFORE UPDATE ON pushes WHEN OLD.ended_at IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a push that ended never changes'); END;
CREATE TRIGGER pushes_never_go BEFORE DELETE ON pushes
BEGIN SELECT RAISE(ABORT, 'a push is kept for ever'); END;

CREATE TABLE push_hosts (                         -- the frozen host list of a push, by name
  push          INTEGER NOT NULL REFERENCES pushes (id),
  place         INTEGER NOT NULL,                 -- from 1, in the order of its plan
  host          TEXT NOT NULL,
  PRIMARY KEY (push, place)
) STRICT;
CREATE TRIGGER push_hosts_never_change BEFORE UPDATE ON push_hosts
BEGIN SELECT RAISE(ABORT, 'the hosts of a push never change'); END;
CREATE TRIGGER push_hosts_never_go BEFORE DELETE ON push_hosts
BEGIN SELECT RAISE(ABORT, 'a push is kept for ever'); END;

CREATE TABLE locks (                              -- automatic: one push at a time per stack
  stack         TEXT PRIMARY KEY,
  push          INTEGER NOT NULL REFERENCES pushes (id)
) STRICT;

CREATE TABLE holds (                              -- a person's stop sign; scope is 'STACK' or 'STACK/STAGE'
  scope         TEXT PRIMARY KEY,
  who           TEXT NOT NULL,
  reason        TEXT NOT NULL,
  at            TEXT NOT NULL,
  push          INTEGER REFERENCES pushes (id),   -- the push that ended badly, when a push set it
  until         TEXT                              -- when it is over by itself; none stands until somebody releases it
) STRICT;
CREATE INDEX holds_ending ON holds (until) WHERE until IS NOT NULL;

CREATE TABLE approval_requests (                  -- that a push of exactly this plan be approved by others
  id            INTEGER PRIMARY KEY,
  stack         TEXT NOT NULL,
  stage         TEXT NOT NULL,
  plan_hash     TEXT NOT NULL,
  plan          TEXT NOT NULL,                    -- as JSON, to say later what has changed
  seen          TEXT NOT NULL,                    -- what the button offered: a revision or a build
  sha           TEXT NOT NULL,
  version       TEXT,                             -- the revision that was chosen instead of it
  who           TEXT NOT NULL,
  reason        TEXT,
  at            TEXT NOT NULL,
  ends_at       TEXT NOT NULL,
  state         TEXT NOT NULL,                    -- 'open', 'used', 'declined', 'withdrawn' or 'replaced'
  closed_by     TEXT,
  closed_at     TEXT,
  closed_why    TEXT,
  push          INTEGER REFERENCES pushes (id)    -- the one that took it
) STRICT;
CREATE INDEX approval_requests_of_stage ON approval_requests (stack, stage, id);
CREATE INDEX approval_requests_open ON approval_requests (stack, stage, plan_hash) WHERE state = 'open';
CREATE TRIGGER approval_requests_closed_never_change BEFORE UPDATE ON approval_requests WHEN OLD.state <> 'open'
BEGIN SELECT RAISE(ABORT, 'a request that is closed never changes'); END;
CREATE TRIGGER approval_requests_never_go BEFORE DELETE ON approval_requests
BEGIN SELECT RAISE(ABORT, 'a request for approval is kept for ever'); END;

CREATE TABLE approvals (                          -- one for each person who said yes to a request
  request       INTEGER NOT NULL REFERENCES approval_requests (id),
  person        TEXT NOT NULL,                    -- of a program the owner of its token
  who           TEXT NOT NULL,
  at            TEXT NOT NULL,
  reason        TEXT,
  place         TEXT,                             -- from where: an address, 'push host'
  PRIMARY KEY (request, person)
) STRICT;
CREATE TRIGGER approvals_never_change BEFORE UPDATE ON approvals
BEGIN SELECT RAISE(ABORT, 'an approval never changes'); END;
CREATE TRIGGER approvals_never_go BEFORE DELETE ON approvals
BEGIN SELECT RAISE(ABORT, 'an approval is kept for ever'); END;

CREATE TABLE unresolved_pushes (                  -- pushes that ended badly and hold their stack until somebody decides
  push          INTEGER PRIMARY KEY REFERENCES pushes (id),
  stack         TEXT NOT NULL,
  stage         TEXT NOT NULL
) STRICT;

CREATE TABLE fold (                               -- how far a push's journal is folded in
  push          INTEGER PRIMARY KEY REFERENCES pushes (id),
  offset        INTEGER NOT NULL,
  n             INTEGER NOT NULL
) STRICT;

CREATE TABLE builds (
  id            TEXT NOT NULL,
  stack         TEXT NOT NULL,
  sha           TEXT NOT NULL,
  branch        TEXT NOT NULL,
  root          TEXT NOT NULL,
  files         INTEGER NOT NULL,
  bytes         INTEGER NOT NULL,
  push          INTEGER REFERENCES pushes (id),   -- that made it; none of one that was published
  made_at       TEXT NOT NULL,
  pruned_at     TEXT,                             -- when its files were left out here; none while they are here
  PRIMARY KEY (stack, id)
) STRICT;
CREATE INDEX builds_by_push ON builds (stack, push);

CREATE TABLE published (                          -- builds that somebody else made and published, in the order that they came
  n             INTEGER PRIMARY KEY,
  stack         TEXT NOT NULL,
  sha           TEXT NOT NULL,
  build         TEXT NOT NULL,                    -- a row of builds
  title         TEXT NOT NULL,                    -- what it is, in its publisher's words; may be empty
  who           TEXT NOT NULL,
  UNIQUE (stack, sha),
  UNIQUE (stack, build)
) STRICT;
CREATE INDEX published_in_order ON published (stack, n);

CREATE TABLE marks (                              -- what people say of a build
  stack         TEXT NOT NULL,
  build         TEXT NOT NULL,                    -- a row of builds
  stage         TEXT NOT NULL,                    -- the stage that it is good for; '' of a bad one: it is bad everywhere
  who           TEXT NOT NULL,
  at            TEXT NOT NULL,
  reason        TEXT,
  PRIMARY KEY (stack, build, stage)
) STRICT;

CREATE TABLE commit_statuses (                    -- what was told last of a commit, by each who tests it
  stack         TEXT NOT NULL,
  sha           TEXT NOT NULL,
  context       TEXT NOT NULL,                    -- 'ci/test'
  state         TEXT NOT NULL,                    -- 'pending', 'success', 'failure' or 'error'
  description   TEXT,
  url           TEXT,                             -- http or https
  who           TEXT NOT NULL,                    -- a person, a program, 'GitHub webhook'
  at            TEXT NOT NULL,
  as_of         TEXT,                             -- when it was so, as who told it says
  PRIMARY KEY (stack, sha, context)
) STRICT;
CREATE INDEX commit_statuses_by_time ON commit_statuses (stack, at);

CREATE TABLE auto_switches (                      -- stages that are pushed automatically, as they were turned on or off last
  stack         TEXT NOT NULL,
  stage         TEXT NOT NULL,
  is_on         INTEGER NOT NULL,
  who           TEXT NOT NULL,
  at            TEXT NOT NULL,
  why           TEXT,
  push          INTEGER REFERENCES pushes (id),   -- the newest push to the stage then
  PRIMARY KEY (stack, stage)
) STRICT;

CREATE TABLE current (                            -- what each stage runs: the build of its last succeeded push
  stack         TEXT NOT NULL,
  stage         TEXT NOT NULL,
  build         TEXT NOT NULL,
  push          INTEGER NOT NULL REFERENCES pushes (id),
  PRIMARY KEY (stack, stage)
) STRICT;

CREATE TABLE completed_stages (                   -- catch-ups that brought the last hosts that a degraded push had missed
  push          INTEGER PRIMARY KEY REFERENCES pushes (id)
) STRICT;

CREATE TABLE commits (                            -- what a push brings, newest first
  push          INTEGER NOT NULL REFERENCES pushes (id),
  place         INTEGER NOT NULL,
  sha           TEXT NOT NULL,
  author        TEXT NOT NULL,
  email         TEXT NOT NULL,
  at            TEXT NOT NULL,
  subject       TEXT NOT NULL,
  PRIMARY KEY (push, place)
) STRICT;
CREATE INDEX commits_by_sha ON commits (sha, push, subject);
CREATE INDEX commits_waited ON commits (push, at);
CREATE TRIGGER commits_ended_never_change BEFORE UPDATE ON commits
WHEN (SELECT ended_at FROM pushes WHERE id = OLD.push) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a push that ended never changes'); END;
CREATE TRIGGER commits_never_go BEFORE DELETE ON commits
BEGIN SELECT RAISE(ABORT, 'a push is kept for ever'); END;

CREATE TABLE commands (
  push          INTEGER NOT NULL REFERENCES pushes (id),
  command       INTEGER NOT NULL,
  title         TEXT NOT NULL,
  result        TEXT,                             -- none while it runs or was not begun
  hosts         INTEGER NOT NULL,
  ok            INTEGER NOT NULL DEFAULT 0,
  not_ok        INTEGER NOT NULL DEFAULT 0,
  started_at    TEXT,
  duration_ms   INTEGER,
  skew_ms       INTEGER,                          -- from the first flip of `current` to the last, where it flips more than one
  PRIMARY KEY (push, command)
) STRICT;
CREATE TRIGGER commands_ended_never_change BEFORE UPDATE ON commands
WHEN (SELECT ended_at FROM pushes WHERE id = OLD.push) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a push that ended never changes'); END;
CREATE TRIGGER commands_never_go BEFORE DELETE ON commands
BEGIN SELECT RAISE(ABORT, 'a push is kept for ever'); END;

CREATE TABLE results (                            -- a command on a host; host '' is the push host
  push          INTEGER NOT NULL REFERENCES pushes (id),
  command       INTEGER NOT NULL,
  host          TEXT NOT NULL,
  result        TEXT,                             -- none while it runs
  code          INTEGER,
  why           TEXT,
  started_at    TEXT NOT NULL,
  duration_ms   INTEGER,
  before_drop   TEXT,                             -- how it had ended where the host has left since; none elsewhere
  PRIMARY KEY (push, command, host)
) STRICT;
CREATE TRIGGER results_ended_never_change BEFORE UPDATE ON results
WHEN (SELECT ended_at FROM pushes WHERE id = OLD.push) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a push that ended never changes'); END;
CREATE TRIGGER results_never_go BEFORE DELETE ON results
BEGIN SELECT RAISE(ABORT, 'a push is kept for ever'); END;

CREATE TABLE links (                              -- what `before` and `finally` linked to: a ticket, a graph
  push          INTEGER NOT NULL REFERENCES pushes (id),
  place         INTEGER NOT NULL,
  title         TEXT NOT NULL,
  url           TEXT NOT NULL,                    -- http or https
  host          TEXT,                             -- who said so; none: the push host
  PRIMARY KEY (push, place)
) STRICT;
CREATE TRIGGER links_never_go BEFORE DELETE ON links
BEGIN SELECT RAISE(ABORT, 'a push is kept for ever'); END;

CREATE TABLE measurements (                       -- what a push has measured: values of a graph that it watches
  push          INTEGER NOT NULL REFERENCES pushes (id),
  place         INTEGER NOT NULL,                 -- from 1, in the order in which they were read
  command       INTEGER NOT NULL,
  at            TEXT NOT NULL,
  value         REAL,                             -- none when there was no data
  max           REAL,                             -- at most this was allowed
  min           REAL,                             -- at least this was
  before        INTEGER NOT NULL,                 -- 1: the mean before the push
  PRIMARY KEY (push, place)
) STRICT;
CREATE TRIGGER measurements_never_go BEFORE DELETE ON measurements
BEGIN SELECT RAISE(ABORT, 'a push is kept forever'); END;

CREATE TABLE questions (                          -- what a push asked a person in its middle
  push          INTEGER NOT NULL REFERENCES pushes (id),
  ask           INTEGER NOT NULL,                 -- from 1
  command       INTEGER NOT NULL,
  question      TEXT NOT NULL,
  asked_at      TEXT NOT NULL,
  ends_at       TEXT NOT NULL,
  another       INTEGER,                          -- 1: someone else must answer than who started the push
  answer        TEXT,                             -- 'yes', 'no', 'nobody'; none while the push waits
  who           TEXT,
  reason        TEXT,
  PRIMARY KEY (push, ask)
) STRICT;
CREATE TRIGGER questions_ended_never_change BEFORE UPDATE ON questions
WHEN (SELECT ended_at FROM pushes WHERE id = OLD.push) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a push that ended never changes'); END;
CREATE TRIGGER questions_never_go BEFORE DELETE ON questions
BEGIN SELECT RAISE(ABORT, 'a push is kept for ever'); END;

CREATE TABLE outbox (                             -- announcements, written with the change that they tell of
  id            INTEGER PRIMARY KEY,
  push          INTEGER REFERENCES pushes (id),   -- none of what happened while nothing was pushed
  event         TEXT NOT NULL,                    -- 'started', 'asked-N', 'paused-N', 'resumed-N' (N: which) or 'ended'; 'approval-N-asked'
  channel       TEXT NOT NULL,                    -- where it goes: the name of a channel, and perhaps a place in it: 'irc', 'irc:#web'
  payload       TEXT NOT NULL,                    -- a ledger::outbox::Announcement or StageNews as JSON
  state         TEXT NOT NULL DEFAULT 'waiting',  -- 'waiting', 'told', 'given up'
  tries         INTEGER NOT NULL DEFAULT 0,
  next_at       TEXT NOT NULL,
  told_at       TEXT,
  told          TEXT,                             -- the very words that were told
  problem       TEXT,                             -- why the last try failed
  UNIQUE (push, event, channel)
) STRICT;
CREATE INDEX outbox_waiting ON outbox (next_at) WHERE state = 'waiting';
CREATE INDEX outbox_of_channel ON outbox (channel, id);
CREATE INDEX outbox_in_state ON outbox (state, channel, id);
CREATE INDEX outbox_by_state ON outbox (state, id);
CREATE INDEX outbox_told ON outbox (channel, told_at);

CREATE TABLE outbox_counts (                      -- how many announcements each channel has in each state
  channel       TEXT NOT NULL,
  state         TEXT NOT NULL,
  announcements INTEGER NOT NULL,
  PRIMARY KEY (channel, state)
) STRICT;
CREATE TRIGGER outbox_counts_begin AFTER INSERT ON outbox
BEGIN
  INSERT INTO outbox_counts (channel, state, announcements) VALUES (NEW.channel, NEW.state, 1)
  ON CONFLICT (channel, state) DO UPDATE SET announcements = announcements + 1;
END;
CREATE TRIGGER outbox_counts_move AFTER UPDATE OF state ON outbox WHEN OLD.state <> NEW.state
BEGIN
  UPDATE outbox_counts SET announcements = announcements - 1 WHERE channel = OLD.channel AND state = OLD.state;
  INSERT INTO outbox_counts (channel, state, announcements) VALUES (NEW.channel, NEW.state, 1)
  ON CONFLICT (channel, state) DO UPDATE SET announcements = announcements + 1;
END;

CREATE TABLE audit (                              -- who did what; each row holds SHA-256(previous hash || row)
  id            INTEGER PRIMARY KEY,
  at            TEXT NOT NULL,
  who           TEXT NOT NULL,
  what          TEXT NOT NULL,
  detail        TEXT NOT NULL,
  hash          TEXT NOT NULL,
  place         TEXT,                             -- from where: an address, 'push host', 'server', 'unknown'
  object        TEXT                              -- to what: 'web/prod', 'push 214', a user
) STRICT;
CREATE INDEX audit_read ON audit (id) WHERE what <> 'seal';
CREATE INDEX audit_by_who ON audit (who, id) WHERE what <> 'seal';
CREATE INDEX audit_by_what ON audit (what, id) WHERE what <> 'seal';
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit never changes'); END;
CREATE TRIGGER audit_never_goes BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is kept for ever'); END;

CREATE TABLE audit_sent (                         -- up to which row the audit was sent on
  target        TEXT PRIMARY KEY,                 -- 'syslog' or 'file'
  number        INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
  name          TEXT PRIMARY KEY,
  full_name     TEXT NOT NULL,
  password      TEXT NOT NULL,                    -- argon2id, as a PHC string
  made_at       TEXT NOT NULL,
  totp          TEXT,                             -- the secret of their app, in base 32; none without a second factor
  totp_step     INTEGER,                          -- of the code that was used last: none works twice
  recovery      TEXT                              -- SHA-256 of the recovery codes that are left, a line each
) STRICT;

CREATE TABLE sessions (
  id_hash       TEXT PRIMARY KEY,                 -- SHA-256 of the cookie's value
  who           TEXT NOT NULL,
  made_at       TEXT NOT NULL,
  seen_at       TEXT NOT NULL,
  address       TEXT,                             -- from where it began, if that is known
  browser       TEXT,                             -- what the browser calls itself, in a few words
  groups        TEXT,                             -- of the person, as the provider of accounts says, a line each
  provider      TEXT,                             -- what that provider gave for it, encrypted
  checked_at    TEXT                              -- when it last confirmed it
) STRICT;

CREATE TABLE accounts (                           -- what a provider or a proxy said of a person last: their tokens live by it
  who           TEXT PRIMARY KEY,
  groups        TEXT NOT NULL,                    -- a line each
  confirmed_at  TEXT NOT NULL
) STRICT;

CREATE TABLE known (                              -- from where an account was signed in to: not slowed down with strangers
  who           TEXT NOT NULL,
  place         TEXT NOT NULL,                    -- 'browser SHA256', or 'address 192.0.2.7'
  seen_at       TEXT NOT NULL,
  PRIMARY KEY (who, place)
) STRICT;

CREATE TABLE chat_codes (                         -- that bind an account of a chat to a person, once; only SHA-256 is kept
  hash          TEXT PRIMARY KEY,
  who           TEXT NOT NULL,
  expires_at    TEXT NOT NULL
) STRICT;

CREATE TABLE chat_accounts (                      -- accounts of chats that are bound to people
  place         TEXT NOT NULL,                    -- 'slack T0241', 'irc irc.example.com'
  id            TEXT NOT NULL,
  who           TEXT NOT NULL,
  at            TEXT NOT NULL,
  PRIMARY KEY (place, id)
) STRICT;

CREATE TABLE tokens (                             -- `pb_ID_SECRET`; only SHA-256 of the secret is kept
  id            TEXT PRIMARY KEY,
  secret_hash   TEXT NOT NULL,
  who           TEXT NOT NULL,                    -- the owner
  made_at       TEXT NOT NULL,
  expires_at    TEXT NOT NULL,
  name          TEXT,                             -- what its owner calls it
  scopes        TEXT,                             -- `push:web/qa,see`
  seen_at       TEXT                              -- when it was last used, some minutes behind
) STRICT;

CREATE TABLE answers (                            -- to requests with an Idempotency-Key, for a day
  who           TEXT NOT NULL,
  key           TEXT NOT NULL,
  request       TEXT NOT NULL,                    -- SHA-256 of what was asked
  life          TEXT NOT NULL,                    -- of the server that began it
  at            TEXT NOT NULL,
  status        INTEGER,                          -- none while it is being done
  location      TEXT,
  body          TEXT NOT NULL,
  PRIMARY KEY (who, key)
) STRICT;
