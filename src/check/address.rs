//! Which addresses this box has, for `ha_suspend`.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::{Handle, MulticastGroup, new_multicast_connection};
use tokio::sync::mpsc;

/// This box's addresses, kept current while somebody awaits [`Addresses::changed`].
#[derive(Debug)]
pub struct Addresses {
    here: HashSet<IpAddr>,
    changes: mpsc::UnboundedReceiver<(IpAddr, bool)>,
}

impl Addresses {
    /// Begins to watch. At first no address is known; those that are there are reported as the first changes.
    ///
    /// # Errors
    /// When the kernel gives no netlink socket.
    pub fn watch() -> io::Result<Self> {
        let groups = [MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
        let (connection, handle, mut messages) = new_multicast_connection(&groups)?;
        let (tell, changes) = mpsc::unbounded_channel();
        tokio::spawn(connection);
        tokio::spawn(async move {
            report_present(&handle, &tell).await;
            while let Some((message, _)) = messages.next().await {
                let NetlinkPayload::InnerMessage(message) = message.payload else { continue };
                let Some(change) = change(&message) else { continue };
                if tell.send(change).is_err() {
                    return;
                }
            }
        });
        Ok(Addresses { here: HashSet::new(), changes })
    }

    /// Whether the box has `address`.
    pub fn has(&self, address: IpAddr) -> bool {
        self.here.contains(&address)
    }

    /// The next address that came (`true`) or went. None when the kernel ended the conversation.
    pub async fn changed(&mut self) -> Option<(IpAddr, bool)> {
        loop {
            let (address, here) = self.changes.recv().await?;
            let news = if here { self.here.insert(address) } else { self.here.remove(&address) };
            if news {
                return Some((address, here));
            }
        }
    }
}

async fn report_present(handle: &Handle, tell: &mpsc::UnboundedSender<(IpAddr, bool)>) {
    let mut present = handle.address().get().execute();
    while let Ok(Some(message)) = present.try_next().await {
        if let Some(address) = address(&message) {
            let _ = tell.send((address, true));
        }
    }
}

fn change(message: &RouteNetlinkMessage) -> Option<(IpAddr, bool)> {
    match message {
        RouteNetlinkMessage::NewAddress(message) => Some((address(message)?, true)),
        RouteNetlinkMessage::DelAddress(message) => Some((address(message)?, false)),
        _ => None,
    }
}

/// The box's own end, also of a point-to-point link.
fn address(message: &AddressMessage) -> Option<IpAddr> {
    let mut found = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => return Some(*address),
            AddressAttribute::Address(address) => found = Some(*address),
            _ => {}
        }
    }
    found
}
