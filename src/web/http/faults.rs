//! What a request can get wrong, or the server with it: title, cause and cure of each, as `desk/cases.rs` has them for what
//! the desk refuses. Words only, pure.

use crate::desk::rows;

rows! {
    /// What the web itself answers instead of doing it.
    Fault {
        /// No such address.
        Unknown = "page": "Page not found",
            "nothing is at this address, or nobody may know of it",
            "look at all stacks, or in the push log";
        /// What was sent is wrong.
        BadRequest = "bad_request": "That was not understood",
            "something in the request is not what it must be; the reason names it",
            "put that right, and send it again";
        /// Something is missing in what was sent.
        Missing = "missing": "Something is missing",
            "the request does not say all that is needed; the reason names what, with an example",
            "add it, and send it again";
        /// Nobody is signed in.
        SignedOut = "signed_out": "Sign in first",
            "nobody is signed in here, or the session has ended",
            "sign in, and try again";
        /// From elsewhere.
        Foreign = "foreign": "That came from somewhere else",
            "a form was sent by a page that is not of Pushbutton, or a proxy changed the address that the browser sees",
            "open the page on Pushbutton itself and push there; behind a proxy, `url` must be the address in the browser";
        /// Another name.
        Misdirected = "misdirected": "This server has another address",
            "the request names a host that is not the one in `url` of the server's file",
            "use the address of `url`; behind a proxy, let it pass on the host that the browser named";
        /// Another method.
        WrongMethod = "wrong_method": "That cannot be done at this address",
            "the address exists and takes other methods, which the answer's Allow line names",
            "use the buttons of the page, or one of those methods";
        /// No length.
        NoLength = "no_length": "The length is missing",
            "a body must say its length here, and this one came in pieces (`transfer-encoding: chunked`)",
            "send it with `content-length`; curl does with --data-binary @FILE or -T FILE";
        /// Compressed.
        Encoded = "encoded": "The body is compressed",
            "what is sent is taken as it is, so that little on the wire is never much in memory",
            "send it without `Content-Encoding`";
        /// Too long.
        TooLarge = "too_large": "That is too long",
            "what was sent is longer than the server takes",
            "send less; for builds, `upload_mib` under [limits] in the server's file sets the most";
        /// Too slow.
        TooSlow = "too_slow": "That took too long",
            "the request did not come to its end in time: the connection is slow, or broke off",
            "send it again";
        /// Too often.
        TooOften = "too_often": "Not so fast",
            "one person did this many times within a minute, which is mostly a script gone wrong",
            "wait as long as the reason says, then try again";
        /// Many at once.
        Busy = "busy": "Others are doing that right now",
            "only a few do this at a time, so that pushes are not slowed down",
            "try again in a few seconds";
        /// Still runs.
        Running = "running": "That push is running",
            "lines of a push by number are there when it has ended",
            "follow the push on its page, or take its log or events until then";
        /// A bug.
        Broken = "broken": "Something in Pushbutton broke",
            "that is a fault of Pushbutton, not yours; no push was touched by it",
            "try again; if it stays so, tell who runs this server: its log has the cause";
        /// SQLite does not.
        Ledger = "ledger": "The ledger does not answer",
            "the database of the server cannot be read, so nothing can be shown or done; pushes that run go on",
            "try again; if it stays so, who runs this server looks at the disk of its data directory and at its log";
    }
}
