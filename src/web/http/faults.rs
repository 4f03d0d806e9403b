//! What a request can get wrong, or the server with it: title, cause and cure of each, as `desk/cases.rs` has them for what
//! the desk refuses. Words only, pure.

use crate::desk::rows;

rows! {
    /// What the web itself answers instead of doing it.
    Fault {
        /// No such address.
        Unknown = "page": "Page not found",
            "there is no page at this address",
            "look in the list of stacks or in the push log";
        /// What was sent is wrong.
        BadRequest = "bad_request": "Invalid request",
            "part of the request is not valid; the reason says which",
            "correct it, then send the request again";
        /// Something is missing in what was sent.
        Missing = "missing": "Something is missing",
            "the request is incomplete; the reason says what is missing, with an example",
            "add it, then send the request again";
        /// Nobody is signed in.
        SignedOut = "signed_out": "Sign in first",
            "nobody is signed in here, or the session has ended",
            "sign in, and try again";
        /// A token of nobody.
        Token = "token": "Token not accepted",
            "the token was revoked, has expired, was cut when it was copied, or its owner was removed",
            "look for it in `pushbutton token list`, and create a new one there or on the page *Your account*";
        /// A webhook of somebody else.
        Signature = "signature": "Signature not accepted",
            "the secret in the settings of the webhook is not the one in the server's configuration, or the body was changed on the way",
            "enter the secret of the file that [hooks] names in the settings of the webhook, then send it again from there";
        /// A token for something else.
        Scope = "scope": "The token may not do that",
            "no scope of the token allows this here",
            "use a token whose scopes do; its owner can create one, with `pushbutton token add` or on the page *Your account*";
        /// For administrators.
        Admin = "admin": "Only an administrator may do that",
            "this is for those whom the server's configuration names under [rights] as `admin`",
            "ask an administrator, or use the command line on the push host";
        /// From elsewhere.
        Foreign = "foreign": "The request came from another site",
            "the form was sent by a page of another site, or a proxy changes the address that the browser uses",
            "open the page in Pushbutton and try again there; behind a proxy, `url` must be the address that the browser shows";
        /// Another name.
        Misdirected = "misdirected": "This server has another address",
            "the request's Host header is not the host of `url` in the server's configuration",
            "use the address in `url`; a proxy must pass on the browser's Host header";
        /// Another method.
        WrongMethod = "wrong_method": "Method not allowed",
            "the address exists, but takes other methods; the Allow header of the answer lists them",
            "use the buttons of the page, or one of those methods";
        /// No length.
        NoLength = "no_length": "The length is missing",
            "the body must come with its length, and this one was sent in chunks (`transfer-encoding: chunked`)",
            "send it with `content-length`; curl does with --data-binary @FILE or -T FILE";
        /// Compressed.
        Encoded = "encoded": "The body is compressed",
            "compressed bodies are not accepted, so that a small request cannot fill the memory",
            "send it without `Content-Encoding`";
        /// Too long.
        TooLarge = "too_large": "That is too long",
            "the body is larger than the server accepts",
            "send less; for builds, `upload_mib` under [limits] in the server's configuration sets the limit";
        /// Too slow.
        TooSlow = "too_slow": "That took too long",
            "the request was not complete in time: the connection is slow, or was lost",
            "send it again";
        /// Too often.
        TooOften = "too_often": "Too many requests",
            "one person did this too often within a minute; usually a script is at fault",
            "wait as long as the reason says, then try again";
        /// Many at once.
        Busy = "busy": "The server is busy",
            "only a few of these requests run at a time, so that pushes are not slowed down",
            "try again in a few seconds";
        /// Sent again too early.
        UnderWay = "under_way": "That request is being done",
            "the same request was sent before and is not answered yet, so it was not begun a second time",
            "send it again in a second, with the same Idempotency-Key: the answer will be that of the first one";
        /// One key for two requests.
        OtherRequest = "other_request": "That key was used already",
            "within the last day another request was sent with the same Idempotency-Key; the body or the address is different",
            "use a new random key for each request, and the same one only to send that request again";
        /// Still runs.
        Running = "running": "That push is running",
            "the lines of a push can be read by number only after it has ended",
            "until then, follow the push on its page, or read its log or events";
        /// A bug.
        Broken = "broken": "Internal error",
            "this is a bug in Pushbutton; pushes are not affected",
            "try again; if that does not help, tell the administrator: the server's log has the cause";
        /// SQLite does not.
        Ledger = "ledger": "The ledger does not answer",
            "the server's database cannot be read, so nothing can be shown or done; running pushes continue",
            "try again; if that does not help, tell the administrator to check the disk of the data directory and the server's log";
    }
}
