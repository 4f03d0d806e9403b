//! The channels of the server that the bot is in, enters, or was kept out of, and when it asks again. Decides from events and a given time
//! alone: it must never speak to the server itself. Called by the session.

use std::time::Duration;
use tokio::time::Instant;

/// How long a server may take to let the bot in.
pub(super) const ENTER_TIMEOUT: Duration = Duration::from_secs(30);
/// At most one attempt to join in this time (TRUST section 8); who is thrown out again and again waits longer.
pub(super) const JOIN_EVERY: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(16 * 60);
/// A stay that lasted this long was a good one: after it the waits begin anew.
const GOOD_STAY: Duration = Duration::from_secs(10 * 60);
/// Channels that stacks name; more are refused, so that a typing error in many files is no flood of JOINs.
const MOST_ROOMS: usize = 50;

/// How the bot stands to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has asked to be let in, and waits until then.
    Joining(Instant),
    /// It is in.
    Inside,
    /// It is not in, why, and when it asks again.
    Outside(String, Instant),
}

/// A channel.
struct Room {
    name: String,
    standing: Standing,
    last_join: Option<Instant>,
    wait: Duration,
}

/// All of them; the first is the one of the server's file.
pub(super) struct Rooms(Vec<Room>);

impl Rooms {
    /// None is entered yet.
    pub(super) fn new<'a>(names: impl IntoIterator<Item = &'a String>, now: Instant) -> Self {
        Self(names.into_iter().map(|name| Room::new(name, now)).collect())
    }

    /// The name, as the server's file or a stack writes it, of a channel that the server names.
    pub(super) fn known(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|room| room.is(name)).map(|room| room.name.as_str())
    }

    /// Whether it is the channel of the server's file.
    pub(super) fn is_first(&self, name: &str) -> bool {
        self.0.first().is_some_and(|room| room.is(name))
    }

    /// How the bot stands to a channel, which is known from now on.
    pub(super) fn standing(&mut self, name: &str, now: Instant) -> Standing {
        if let Some(room) = self.0.iter().find(|room| room.is(name)) {
            return room.standing.clone();
        }
        if self.0.len() == MOST_ROOMS {
            return Standing::Outside(format!("the bot is in {MOST_ROOMS} channels already"), now + LONGEST_WAIT);
        }
        let room = Room::new(name, now);
        let standing = room.standing.clone();
        self.0.push(room);
        standing
    }

    /// The channels that are to be asked now.
    pub(super) fn due(&self, now: Instant) -> Vec<String> {
        let due = |room: &&Room| matches!(&room.standing, Standing::Outside(_, at) if *at <= now);
        self.0.iter().filter(due).map(|room| room.name.clone()).collect()
    }

    /// The channels that have not answered in time.
    pub(super) fn late(&self, now: Instant) -> Vec<String> {
        let late = |room: &&Room| matches!(&room.standing, Standing::Joining(until) if *until <= now);
        self.0.iter().filter(late).map(|room| room.name.clone()).collect()
    }

    /// A channel that the bot waits to be let into: what a refusal is about that names none.
    pub(super) fn joining(&self) -> Option<String> {
        let joining = self.0.iter().find(|room| matches!(room.standing, Standing::Joining(_)));
        joining.map(|room| room.name.clone())
    }

    /// The next moment at which something is to be done.
    pub(super) fn next(&self) -> Option<Instant> {
        let next = |room: &Room| match &room.standing {
            Standing::Joining(at) | Standing::Outside(_, at) => Some(*at),
            Standing::Inside => None,
        };
        self.0.iter().filter_map(next).min()
    }

    /// Notes that the bot asks to be let in.
    pub(super) fn asks(&mut self, name: &str, now: Instant) {
        if let Some(room) = self.room(name) {
            room.last_join = Some(now);
            room.standing = Standing::Joining(now + ENTER_TIMEOUT);
        }
    }

    /// Notes that it is in.
    pub(super) fn enters(&mut self, name: &str) {
        if let Some(room) = self.room(name) {
            room.standing = Standing::Inside;
        }
    }

    /// Notes that it is not in, or no more.
    pub(super) fn leaves(&mut self, name: &str, why: String, now: Instant) {
        let Some(room) = self.room(name) else { return };
        let since = room.last_join.map_or(Duration::MAX, |last| now.duration_since(last));
        if since >= GOOD_STAY {
            room.wait = JOIN_EVERY;
        }
        let next = room.last_join.map_or(now, |last| (last + room.wait).max(now));
        room.wait = (room.wait * 2).min(LONGEST_WAIT);
        room.standing = Standing::Outside(why, next);
    }

    fn room(&mut self, name: &str) -> Option<&mut Room> {
        self.0.iter_mut().find(|room| room.is(name))
    }
}

impl Room {
    fn new(name: &str, now: Instant) -> Self {
        let standing = Standing::Outside("the bot has not asked yet".to_owned(), now);
        Self { name: name.to_owned(), standing, last_join: None, wait: JOIN_EVERY }
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_thrown_out_again_and_again_waits_longer_and_after_a_good_stay_it_begins_anew() {
        let start = Instant::now() + Duration::from_secs(3600);
        let mut rooms = Rooms::new([&"#push".to_owned()], start);
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..7 {
            assert_eq!(rooms.due(now), ["#push"]);
            rooms.asks("#PUSH", now);
            rooms.enters("#push");
            rooms.leaves("#push", "kicked".to_owned(), now);
            let next = rooms.next().unwrap();
            waits.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 960, 960]);
        rooms.asks("#push", now);
        rooms.enters("#push");
        now += GOOD_STAY;
        rooms.leaves("#push", "kicked".to_owned(), now);
        assert_eq!(rooms.due(now), ["#push"], "at once after a good stay");
    }

    #[test]
    fn a_channel_that_a_stack_names_is_known_from_then_on_and_there_are_not_too_many() {
        let now = Instant::now();
        let mut rooms = Rooms::new([&"#push".to_owned()], now);
        assert!(rooms.is_first("#Push") && !rooms.is_first("#web"));
        assert!(matches!(rooms.standing("#web", now), Standing::Outside(_, at) if at == now));
        rooms.asks("#web", now);
        assert_eq!(rooms.standing("#WEB", now), Standing::Joining(now + ENTER_TIMEOUT));
        assert_eq!(rooms.joining().as_deref(), Some("#web"));
        assert_eq!(rooms.late(now + ENTER_TIMEOUT), ["#web"]);
        for n in 0..MOST_ROOMS {
            rooms.standing(&format!("#{n}"), now);
        }
        assert!(matches!(rooms.standing("#more", now), Standing::Outside(_, at) if at > now));
        assert_eq!(rooms.known("#more"), None);
    }
}
