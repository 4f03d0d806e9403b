//! Who may send to whom: a pure account of who holds the release, who sends at this moment, and who failed at it. It must
//! never let anybody send to more hosts at once than the plan says, and never leave a host that waits without a source for
//! ever: when no host can send, the push host does.

use crate::stack::{Host, Relay};
use std::collections::BTreeMap;

/// How many hosts a host may fail to send to, one after the other, before it is asked no more: one failure may be the fault of
/// the one that copied.
const STRIKES: usize = 2;
/// How many other hosts are tried before the push host sends to a host itself.
const TRIES: usize = 2;
/// How many hosts the push host sends to at once where hosts cannot: the chunk of a direct transfer, when nobody says
/// anything.
const AT_ONCE: usize = 10;

/// Who can send to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// The push host.
    PushHost,
    /// A host that holds the verified release.
    Host(Host),
}

/// How a copy went, as far as it says something of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CopyResult {
    /// It did what it should.
    Ok,
    /// It may not have been its fault.
    Unclear,
    /// It could not be reached, or broke off.
    Failed,
    /// It cannot be known, or gave what is not the build: it is not asked again.
    Hopeless,
}

/// What each holder does.
#[derive(Clone, Debug, Default)]
struct Holder {
    sending: usize,
    copied: usize,
    strikes: usize,
}

/// Who holds the release, and who sends.
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

    /// Whether one more host can be begun while `running` are on their way, copying or about to.
    pub(super) fn has_room(&self, running: usize) -> bool {
        let sending = self.push_host.sending + self.hosts.values().map(|holder| holder.sending).sum::<usize>();
        self.free() > running.saturating_sub(sending)
    }

    /// The one that sends to a host now, which is taken from then on; none when it must wait. `tried` are the hosts that could
    /// not send to it.
    pub(super) fn take(&mut self, tried: &[Host]) -> Option<Sender> {
        let able = |(host, holder): &(&Host, &mut Holder)| holder.strikes < STRIKES && !tried.contains(host);
        let mut able: Vec<_> = self.hosts.iter_mut().filter(able).collect();
        let own = !tried.is_empty() && (able.is_empty() || tried.len() >= TRIES);
        if !own {
            able.retain(|(_, holder)| holder.sending < self.relay.width);
            if let Some((host, holder)) = able.into_iter().min_by_key(|(_, holder)| holder.copied) {
                holder.sending += 1;
                holder.copied += 1;
                return Some(Sender::Host(host.clone()));
            }
        }
        let free = if own { AT_ONCE.saturating_sub(self.push_host.sending) } else { self.push_host_free() };
        (free > 0).then(|| {
            self.push_host.sending += 1;
            self.push_host.copied += 1;
            Sender::PushHost
        })
    }

    /// The one that sent is free again.
    pub(super) fn give_back(&mut self, sender: &Sender, result: CopyResult) {
        let holder = match sender {
            Sender::PushHost => &mut self.push_host,
            Sender::Host(host) => match self.hosts.get_mut(host) {
                Some(holder) => holder,
                None => return,
            },
        };
        holder.sending = holder.sending.saturating_sub(1);
        match result {
            CopyResult::Ok => holder.strikes = 0,
            CopyResult::Unclear => {}
            CopyResult::Failed => holder.strikes += 1,
            CopyResult::Hopeless => holder.strikes = STRIKES,
        }
    }

    fn able(&self) -> impl Iterator<Item = &Holder> {
        self.hosts.values().filter(|holder| holder.strikes < STRIKES)
    }

    /// How many hosts can be sent to beside those that are.
    fn free(&self) -> usize {
        let hosts: usize = self.able().map(|holder| self.relay.width.saturating_sub(holder.sending)).sum();
        hosts + self.push_host_free()
    }

    /// The push host sends a few times, so that its uplink carries a few copies only; and whenever nobody else can.
    fn push_host_free(&self) -> usize {
        let alone = self.able().next().is_none();
        let at_once = match alone {
            // Hosts were there and failed: it is as if nobody had thought of them.
            true if !self.hosts.is_empty() => AT_ONCE,
            true if self.push_host.sending == 0 => self.relay.width,
            _ if self.push_host.copied < self.relay.seeds => self.relay.width,
            _ => 0,
        };
        at_once.saturating_sub(self.push_host.sending)
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

    /// How many rounds it takes when every copy takes one, and how often the push host sends.
    fn rounds(hosts: usize, seeds: usize) -> (usize, usize) {
        let mut tree = Tree::new(relay(seeds));
        let (mut begun, mut rounds) = (0, 0);
        while begun < hosts {
            let mut copies = Vec::new();
            while begun < hosts && tree.has_room(copies.len()) {
                copies.push((host(begun), tree.take(&[]).unwrap()));
                begun += 1;
            }
            for (host, sender) in copies {
                tree.give_back(&sender, CopyResult::Ok);
                tree.add(host);
            }
            rounds += 1;
        }
        (rounds, tree.push_host.copied)
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
    fn a_host_that_fails_is_replaced_and_at_last_the_push_host_sends() {
        let mut tree = Tree::new(relay(1));
        assert_eq!(tree.take(&[]), Some(Sender::PushHost));
        assert_eq!(tree.take(&[]), None, "one at a time");
        tree.give_back(&Sender::PushHost, CopyResult::Ok);
        tree.add(host(1));
        assert_eq!(tree.take(&[]), Some(Sender::Host(host(1))));
        assert_eq!(tree.take(&[]), None, "the push host has sent its copy");
        tree.give_back(&Sender::Host(host(1)), CopyResult::Failed);
        assert_eq!(tree.take(&[host(1)]), Some(Sender::PushHost), "no other host holds it");
        tree.give_back(&Sender::PushHost, CopyResult::Ok);
        for n in 2..=4 {
            tree.add(host(n));
        }
        assert_eq!(tree.take(&[host(1)]), Some(Sender::Host(host(2))));
        assert_eq!(tree.take(&[host(1), host(3)]), Some(Sender::PushHost), "two hosts have been tried");
        let sender = Sender::Host(host(1));
        assert_eq!(tree.take(&[host(2), host(3)][..1]), Some(Sender::Host(host(3))), "who has sent least");
        tree.give_back(&sender, CopyResult::Failed);
        assert!((0..9).all(|_| tree.take(&[]) != Some(sender.clone())), "it failed twice");
    }

    #[test]
    fn where_hosts_cannot_send_to_each_other_the_push_host_sends_as_it_does_without_them() {
        let mut tree = Tree::new(relay(2));
        tree.add(host(1));
        tree.give_back(&Sender::Host(host(1)), CopyResult::Hopeless);
        let taken: Vec<_> = std::iter::from_fn(|| tree.take(&[])).collect();
        assert_eq!(taken, vec![Sender::PushHost; AT_ONCE]);
    }

    proptest! {
        #[test]
        fn every_host_is_sent_to_in_the_end_and_nobody_sends_to_more_than_it_may(
            hosts in 1usize..60, width in 1usize..4, seeds in 1usize..5, dice in proptest::collection::vec(0u8..100, 400),
        ) {
            let mut dice = dice.into_iter().cycle();
            let mut tree = Tree::new(Relay { width, seeds, ..Relay::default() });
            let mut waiting: Vec<(usize, Vec<Host>)> = Vec::new();
            let mut copies: Vec<(usize, Vec<Host>, Sender)> = Vec::new();
            let (mut begun, mut done, mut steps) = (0, 0, 0);
            while done < hosts {
                steps += 1;
                prop_assert!(steps < 100 * hosts, "it ends");
                while begun < hosts && tree.has_room(waiting.len() + copies.len()) {
                    waiting.push((begun, Vec::new()));
                    begun += 1;
                }
                let mut still = Vec::new();
                for (n, tried) in waiting.drain(..) {
                    match tree.take(&tried) {
                        Some(sender) => copies.push((n, tried, sender)),
                        None => still.push((n, tried)),
                    }
                }
                waiting = still;
                prop_assert!(!copies.is_empty(), "someone is always sent to");
                prop_assert!(tree.hosts.values().all(|holder| holder.sending <= width));
                prop_assert!(tree.push_host.sending <= AT_ONCE.max(width));
                let at = usize::from(dice.next().unwrap()) % copies.len();
                let (n, mut tried, sender) = copies.swap_remove(at);
                let result = match (&sender, dice.next().unwrap()) {
                    (Sender::PushHost, _) | (_, 0..60) => CopyResult::Ok,
                    (_, 60..80) => CopyResult::Failed,
                    (_, 80..95) => CopyResult::Unclear,
                    _ => CopyResult::Hopeless,
                };
                tree.give_back(&sender, result);
                match (result, sender) {
                    (CopyResult::Ok, _) | (_, Sender::PushHost) => {
                        tree.add(host(n));
                        done += 1;
                    }
                    (_, Sender::Host(source)) => {
                        tried.push(source);
                        waiting.push((n, tried));
                    }
                }
            }
        }
    }
}
