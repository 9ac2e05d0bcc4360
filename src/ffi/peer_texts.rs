//! The texts of peers as C strings. They are rendered when a caller first reads one, and kept with
//! the peers.

use std::ffi::CStr;
use std::fmt::{Display, Write};
use std::sync::OnceLock;

use crate::discovery::chunked_list::{Block, Cache};
use crate::discovery::snapshot::{Peer, Snapshot};

/// A text of a peer besides its address.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Field {
    Host,
    Name,
    Uid,
    NodeName,
    Revision,
}

const FIELDS: [Field; 5] = [Field::Host, Field::Name, Field::Uid, Field::NodeName, Field::Revision];

/// Returns `ip:port`, with an IPv6 address in brackets.
pub fn address(snapshot: &Snapshot, index: usize) -> Option<&CStr> {
    let (block, at) = snapshot.view().peers.at(index)?;
    address_texts(block).get(at)
}

/// Returns all addresses, each with a terminating NUL, in pieces.
pub fn addresses(snapshot: &Snapshot) -> impl Iterator<Item = &str> {
    snapshot.view().peers.blocks().map(|block| &*address_texts(block).text)
}

/// Returns a text of a peer.
pub fn text(snapshot: &Snapshot, index: usize, field: Field) -> Option<&CStr> {
    let (block, at) = snapshot.view().peers.at(index)?;
    let all = || block.items.iter().flat_map(|peer| FIELDS.map(|field| field.of(peer)));
    rendered(block).records.get_or_init(|| Texts::of(all())).get(at * FIELDS.len() + field as usize)
}

/// The texts of the peers of one block.
#[derive(Debug, Default)]
struct Rendered {
    addresses: OnceLock<Texts>,
    /// Separate from the addresses, because most callers need only those.
    records: OnceLock<Texts>,
}

fn rendered(block: &Block<Peer, Cache>) -> &Rendered {
    block.cache.get_or_init(Rendered::default)
}

fn address_texts(block: &Block<Peer, Cache>) -> &Texts {
    rendered(block).addresses.get_or_init(|| Texts::of(block.items.iter().map(|peer| peer.address)))
}

impl Field {
    fn of(self, peer: &Peer) -> Box<dyn Display + '_> {
        match self {
            Self::Host => Box::new(peer.address.ip()),
            Self::Name => Box::new(&peer.pod.name),
            Self::Uid => Box::new(&peer.pod.uid),
            Self::NodeName => Box::new(&peer.pod.node_name),
            Self::Revision => Box::new(&peer.pod.revision),
        }
    }
}

/// Texts in one allocation, each with a terminating NUL, so that C reads them in place.
#[derive(Debug)]
struct Texts {
    text: String,
    /// The end of each text.
    ends: Vec<usize>,
}

impl Texts {
    fn of(texts: impl Iterator<Item = impl Display>) -> Self {
        let mut all = Self { text: String::new(), ends: Vec::with_capacity(texts.size_hint().0) };
        for text in texts {
            write!(all.text, "{text}\0").expect("a String accepts every text");
            all.ends.push(all.text.len());
        }
        all
    }

    fn get(&self, index: usize) -> Option<&CStr> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        CStr::from_bytes_until_nul(&self.text.as_bytes()[start..end]).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::pod::{Port, PortName};
    use crate::discovery::pod_index::view_of;
    use crate::discovery::policy::tests::{pod, policy};
    use std::sync::Arc;

    #[test]
    fn texts_are_those_of_the_peer() {
        let mut full = pod("a", "fd00::7");
        full.ready = true;
        let port = |name: &str, number| Port { name: PortName::new(name).unwrap(), number };
        full.ports = [port("gossip", 1), port("peers", 2), port("remoting", 3)].into();
        let pods = [full, pod("b", "10.0.0.2"), pod("me", "10.0.0.1")].map(Arc::new);
        let snapshot = Snapshot::new(1, view_of(pods.iter(), &policy("me")).into());
        let field = |index, field| text(&snapshot, index, field).map(|text| text.to_str().unwrap());
        assert_eq!(
            FIELDS.map(|name| field(1, name).unwrap()),
            ["fd00::7", "a", "uid-a", "node-1", "r1"]
        );
        assert_eq!(field(0, Field::Name), Some("b"));
        assert_eq!(field(2, Field::Name), None);
        let addresses: Vec<_> = (0..3).map(|index| address(&snapshot, index)).collect();
        assert_eq!(addresses, [Some(c"10.0.0.2:3322"), Some(c"[fd00::7]:1"), None]);
        let peers = [0, 1].map(|i| snapshot.peer(i).unwrap());
        assert_eq!(
            peers.map(|p| (p.address.port(), p.peers_port, p.remoting_port)),
            [(3322, 0, 0), (1, 2, 3)]
        );
        assert_eq!(peers.map(|p| p.pod.ready), [false, true]);
    }
}
