//! Who may feed whom: a pure account of who holds the release, who feeds at this moment, and who failed at it. It must
//! never let anybody feed more hosts at once than the plan says, and never leave a host that waits without a source for
//! ever: when no host can feed, the push host does.

use crate::stack::{Host, Relay};
use std::collections::BTreeMap;

/// How many hosts a host may fail to feed, one after the other, before it is asked no more: one failure may be the fault of
/// the one that was fed.
const STRIKES: usize = 2;
/// How many other hosts are tried before the push host feeds a host itself.
const TRIES: usize = 2;
/// How many hosts the push host feeds at once where hosts cannot: the chunk of a direct transfer, when nobody says
/// anything.
const AT_ONCE: usize = 10;

/// Who can feed a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Feeder {
    /// The push host.
    PushHost,
    /// A host that holds the verified release.
    Host(Host),
}

/// How feeding went, as far as it says something of the feeder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// It did what it should.
    Well,
    /// It may not have been its fault.
    Unclear,
    /// It could not be reached, or broke off.
    Badly,
    /// It cannot be known, or gave what is not the build: it is not asked again.
    Hopeless,
}

/// What each holder does.
#[derive(Clone, Debug, Default)]
struct Holder {
    feeding: usize,
    fed: usize,
    strikes: usize,
}

/// Who holds the release, and who feeds.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    relay: Relay,
    push_host: Holder,
    hosts: BTreeMap<Host, Holder>,
}

impl Tree {
    /// Begins with the push host alone.
    pub(super) fn new(relay: Relay) -> Self {
        Self { relay, push_host: Holder::default(), hosts: BTreeMap::new() }
    }

    /// A host holds the verified release from now on.
    pub(super) fn add(&mut self, host: Host) {
        self.hosts.entry(host).or_default();
    }

    /// Whether one more host can be begun while `running` are on their way, fed or about to be.
    pub(super) fn has_room(&self, running: usize) -> bool {
        let feeding = self.push_host.feeding + self.hosts.values().map(|holder| holder.feeding).sum::<usize>();
        self.free() > running.saturating_sub(feeding)
    }

    /// The one that feeds a host now, which is taken from then on; none when it must wait. `tried` are the hosts that could
    /// not feed it.
    pub(super) fn take(&mut self, tried: &[Host]) -> Option<Feeder> {
        let able = |(host, holder): &(&Host, &mut Holder)| holder.strikes < STRIKES && !tried.contains(host);
        let mut able: Vec<_> = self.hosts.iter_mut().filter(able).collect();
        let own = !tried.is_empty() && (able.is_empty() || tried.len() >= TRIES);
        if !own {
            able.retain(|(_, holder)| holder.feeding < self.relay.width);
            if let Some((host, holder)) = able.into_iter().min_by_key(|(_, holder)| holder.fed) {
                holder.feeding += 1;
                holder.fed += 1;
                return Some(Feeder::Host(host.clone()));
            }
        }
        let free = if own { AT_ONCE.saturating_sub(self.push_host.feeding) } else { self.push_host_free() };
        (free > 0).then(|| {
            self.push_host.feeding += 1;
            self.push_host.fed += 1;
            Feeder::PushHost
        })
    }

    /// The one that fed is free again.
    pub(super) fn give_back(&mut self, feeder: &Feeder, went: Went) {
        let holder = match feeder {
            Feeder::PushHost => &mut self.push_host,
            Feeder::Host(host) => match self.hosts.get_mut(host) {
                Some(holder) => holder,
                None => return,
            },
        };
        holder.feeding = holder.feeding.saturating_sub(1);
        match went {
            Went::Well => holder.strikes = 0,
            Went::Unclear => {}
            Went::Badly => holder.strikes += 1,
            Went::Hopeless => holder.strikes = STRIKES,
        }
    }

    fn able(&self) -> impl Iterator<Item = &Holder> {
        self.hosts.values().filter(|holder| holder.strikes < STRIKES)
    }

    /// How many hosts can be fed beside those that are.
    fn free(&self) -> usize {
        let hosts: usize = self.able().map(|holder| self.relay.width.saturating_sub(holder.feeding)).sum();
        hosts + self.push_host_free()
    }

    /// The push host sends a few times, so that its uplink carries a few copies only; and whenever nobody else can.
    fn push_host_free(&self) -> usize {
        let alone = self.able().next().is_none();
        let at_once = match alone {
            // Hosts were there and failed: it is as if nobody had thought of them.
            true if !self.hosts.is_empty() => AT_ONCE,
            true if self.push_host.feeding == 0 => self.relay.width,
            _ if self.push_host.fed < self.relay.seeds => self.relay.width,
            _ => 0,
        };
        at_once.saturating_sub(self.push_host.feeding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn host(n: usize) -> Host {
        format!("web{n}").parse().unwrap()
    }

    fn relay(seeds: usize) -> Relay {
        Relay { seeds, ..Relay::default() }
    }

    /// How many rounds it takes when every feed takes one, and how often the push host sends.
    fn rounds(hosts: usize, seeds: usize) -> (usize, usize) {
        let mut tree = Tree::new(relay(seeds));
        let (mut begun, mut rounds) = (0, 0);
        while begun < hosts {
            let mut feeds = Vec::new();
            while begun < hosts && tree.has_room(feeds.len()) {
                feeds.push((host(begun), tree.take(&[]).unwrap()));
                begun += 1;
            }
            for (host, feeder) in feeds {
                tree.give_back(&feeder, Went::Well);
                tree.add(host);
            }
            rounds += 1;
        }
        (rounds, tree.push_host.fed)
    }

    #[test]
    fn rounds_grow_with_the_logarithm_of_the_fleet() {
        for (hosts, expected) in [(1, 1), (3, 2), (7, 3), (8, 4), (40, 6), (100, 7), (127, 7), (128, 8), (1000, 10)] {
            assert_eq!(rounds(hosts, usize::MAX).0, expected, "{hosts} hosts, the push host whenever it is free");
        }
        for (hosts, expected) in [(1, (1, 1)), (3, (2, 2)), (8, (4, 2)), (40, (6, 2)), (100, (8, 2)), (1000, (11, 2))] {
            assert_eq!(rounds(hosts, 2), expected, "{hosts} hosts, the push host sends two copies");
        }
        assert_eq!(rounds(100, 1), (8, 1));
    }

    #[test]
    fn a_host_that_fails_is_replaced_and_at_last_the_push_host_feeds() {
        let mut tree = Tree::new(relay(1));
        assert_eq!(tree.take(&[]), Some(Feeder::PushHost));
        assert_eq!(tree.take(&[]), None, "one at a time");
        tree.give_back(&Feeder::PushHost, Went::Well);
        tree.add(host(1));
        assert_eq!(tree.take(&[]), Some(Feeder::Host(host(1))));
        assert_eq!(tree.take(&[]), None, "the push host has sent its copy");
        tree.give_back(&Feeder::Host(host(1)), Went::Badly);
        assert_eq!(tree.take(&[host(1)]), Some(Feeder::PushHost), "no other host holds it");
        tree.give_back(&Feeder::PushHost, Went::Well);
        for n in 2..=4 {
            tree.add(host(n));
        }
        assert_eq!(tree.take(&[host(1)]), Some(Feeder::Host(host(2))));
        assert_eq!(tree.take(&[host(1), host(3)]), Some(Feeder::PushHost), "two hosts have been tried");
        let feeder = Feeder::Host(host(1));
        assert_eq!(tree.take(&[host(2), host(3)][..1]), Some(Feeder::Host(host(3))), "who has fed least");
        tree.give_back(&feeder, Went::Badly);
        assert!((0..9).all(|_| tree.take(&[]) != Some(feeder.clone())), "it failed twice");
    }

    #[test]
    fn where_hosts_cannot_feed_each_other_the_push_host_feeds_as_it_does_without_them() {
        let mut tree = Tree::new(relay(2));
        tree.add(host(1));
        tree.give_back(&Feeder::Host(host(1)), Went::Hopeless);
        let taken: Vec<_> = std::iter::from_fn(|| tree.take(&[])).collect();
        assert_eq!(taken, vec![Feeder::PushHost; AT_ONCE]);
    }

    proptest! {
        #[test]
        fn every_host_is_fed_in_the_end_and_nobody_feeds_more_than_it_may(
            hosts in 1usize..60, width in 1usize..4, seeds in 1usize..5, dice in proptest::collection::vec(0u8..100, 400),
        ) {
            let mut dice = dice.into_iter().cycle();
            let mut tree = Tree::new(Relay { width, seeds, ..Relay::default() });
            let mut waiting: Vec<(usize, Vec<Host>)> = Vec::new();
            let mut fed: Vec<(usize, Vec<Host>, Feeder)> = Vec::new();
            let (mut begun, mut done, mut steps) = (0, 0, 0);
            while done < hosts {
                steps += 1;
                prop_assert!(steps < 100 * hosts, "it ends");
                while begun < hosts && tree.has_room(waiting.len() + fed.len()) {
                    waiting.push((begun, Vec::new()));
                    begun += 1;
                }
                let mut still = Vec::new();
                for (n, tried) in waiting.drain(..) {
                    match tree.take(&tried) {
                        Some(feeder) => fed.push((n, tried, feeder)),
                        None => still.push((n, tried)),
                    }
                }
                waiting = still;
                prop_assert!(!fed.is_empty(), "somebody is always fed");
                prop_assert!(tree.hosts.values().all(|holder| holder.feeding <= width));
                prop_assert!(tree.push_host.feeding <= AT_ONCE.max(width));
                let at = usize::from(dice.next().unwrap()) % fed.len();
                let (n, mut tried, feeder) = fed.swap_remove(at);
                let went = match (&feeder, dice.next().unwrap()) {
                    (Feeder::PushHost, _) | (_, 0..60) => Went::Well,
                    (_, 60..80) => Went::Badly,
                    (_, 80..95) => Went::Unclear,
                    _ => Went::Hopeless,
                };
                tree.give_back(&feeder, went);
                match (went, feeder) {
                    (Went::Well, _) | (_, Feeder::PushHost) => {
                        tree.add(host(n));
                        done += 1;
                    }
                    (_, Feeder::Host(source)) => {
                        tried.push(source);
                        waiting.push((n, tried));
                    }
                }
            }
        }
    }
}
