//! What the other nodes follow, as they said themselves. Counted in rounds of this node, not by a
//! clock: a node that was stopped for a while does not forget everybody when it goes on.

use std::collections::HashMap;

use super::slices::Slices;
use crate::events::Slice;

/// So many rounds after a connection was made every node has said what it follows.
const SETTLING_ROUNDS: u32 = 4;
/// A node that was not heard for so many rounds is gone; one that comes back asks again what plays.
const SILENT_ROUNDS_MAX: u32 = 5;
/// More nodes than this are no fleet but a fault.
const PEERS_MAX: usize = 4_096;

/// The other nodes.
pub(super) struct Peers {
    nodes: HashMap<String, Peer>,
    /// What any of them follows.
    followed: Slices,
    unsettled_rounds: u32,
}

struct Peer {
    follows: Slices,
    silent_rounds: u32,
}

impl Peers {
    /// Nobody was heard yet.
    pub(super) fn new() -> Self {
        Self {
            nodes: HashMap::new(),
            followed: Slices::default(),
            unsettled_rounds: SETTLING_ROUNDS,
        }
    }

    /// A node says what it follows.
    pub(super) fn hear(&mut self, node: &str, follows: Slices) {
        if follows.is_empty() {
            self.nodes.remove(node);
        } else if let Some(peer) = self.nodes.get_mut(node) {
            peer.silent_rounds = 0;
            if peer.follows == follows {
                return;
            }
            peer.follows = follows;
        } else if self.nodes.len() < PEERS_MAX {
            self.nodes.insert(node.to_owned(), Peer { follows, silent_rounds: 0 });
        }
        self.add_up();
    }

    /// Time went by.
    pub(super) fn round(&mut self) {
        self.unsettled_rounds = self.unsettled_rounds.saturating_sub(1);
        let before = self.nodes.len();
        self.nodes.retain(|_, peer| {
            peer.silent_rounds += 1;
            peer.silent_rounds <= SILENT_ROUNDS_MAX
        });
        if self.nodes.len() < before {
            self.add_up();
        }
    }

    /// Whether everybody who follows anything was heard.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled_rounds == 0
    }

    /// Whether someone follows accounts of a slice.
    pub(super) fn follow(&self, slice: Slice) -> bool {
        self.followed.contains(slice)
    }

    /// Whether changes in a slice are to be kept for others: somebody follows it, or might.
    pub(super) fn want(&self, slice: Slice) -> bool {
        !self.is_settled() || self.follow(slice)
    }

    fn add_up(&mut self) {
        self.followed = Slices::default();
        for peer in self.nodes.values() {
            self.followed.add(&peer.follows);
        }
    }
}
