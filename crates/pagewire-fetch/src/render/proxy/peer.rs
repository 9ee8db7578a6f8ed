//! Whose a connection on this machine is: the proxy of a page is for the browser alone, which runs as this server does.
//!
//! The system is asked for the very connection (sock_diag(7)), and where that is not to be had, its table is looked
//! through. A machine that tells neither is not asked to trust: then no page is let through.

use std::net::SocketAddr;

/// Whether the other end of a connection to `ours` belongs to the user that this process runs as.
#[cfg(target_os = "linux")]
pub(super) fn is_ours(peer: SocketAddr, ours: Option<SocketAddr>) -> bool {
    let (SocketAddr::V4(peer), Some(SocketAddr::V4(ours))) = (peer, ours) else { return false };
    let owner = linux::asked(peer, ours).or_else(|| linux::looked_up(peer, ours));
    owner == Some(rustix::process::geteuid().as_raw())
}

/// Whether the other end of a connection belongs to the user that this process runs as. What is not Linux cannot be asked.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_ours(peer: SocketAddr, _ours: Option<SocketAddr>) -> bool {
    peer.ip().is_loopback()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, net::SocketAddrV4};

    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
    };

    /// `sizeof(struct nlmsghdr)` and `sizeof(struct inet_diag_req_v2)`.
    const REQUEST_BYTES: u32 = 16 + 56;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const NLM_F_REQUEST: u16 = 1;
    const IPPROTO_TCP: u8 = 6;
    const AF_INET: u8 = 2;
    /// Where the user stands in the answer: after the header, four bytes, the connection's id and three numbers.
    const UID_AT: usize = 16 + 4 + 48 + 12;

    /// The user of the connection's other end, by one question.
    pub(super) fn asked(peer: SocketAddrV4, ours: SocketAddrV4) -> Option<u32> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::DGRAM);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG)).ok()?;
        send(&socket, &question(peer, ours), SendFlags::empty()).ok()?;
        let mut answer = [0_u8; 1024];
        let (_, length) = recv(&socket, answer.as_mut_slice(), RecvFlags::DONTWAIT).ok()?;
        let answer = answer.get(..length)?;
        let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
        if kind != SOCK_DIAG_BY_FAMILY {
            return None;
        }
        Some(u32::from_ne_bytes(answer.get(UID_AT..UID_AT + 4)?.try_into().ok()?))
    }

    /// A question for the one connection that leads from the peer to us.
    fn question(peer: SocketAddrV4, ours: SocketAddrV4) -> Vec<u8> {
        let mut question = Vec::with_capacity(REQUEST_BYTES as usize);
        question.extend_from_slice(&REQUEST_BYTES.to_ne_bytes());
        question.extend_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        question.extend_from_slice(&NLM_F_REQUEST.to_ne_bytes());
        question.extend_from_slice(&[0; 8]); // sequence and port
        question.extend_from_slice(&[AF_INET, IPPROTO_TCP, 0, 0]);
        question.extend_from_slice(&u32::MAX.to_ne_bytes()); // in any state
        question.extend_from_slice(&peer.port().to_be_bytes());
        question.extend_from_slice(&ours.port().to_be_bytes());
        for address in [peer.ip(), ours.ip()] {
            question.extend_from_slice(&address.octets());
            question.extend_from_slice(&[0; 12]);
        }
        question.extend_from_slice(&[0; 4]); // any interface
        question.extend_from_slice(&[0xff; 8]); // no cookie
        question
    }

    /// The same, out of the table of all connections.
    pub(super) fn looked_up(peer: SocketAddrV4, ours: SocketAddrV4) -> Option<u32> {
        owner_in(&fs::read_to_string("/proc/self/net/tcp").ok()?, peer, ours)
    }

    fn owner_in(table: &str, peer: SocketAddrV4, ours: SocketAddrV4) -> Option<u32> {
        let hex = |address: SocketAddrV4| {
            format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port())
        };
        let (local, remote) = (hex(peer), hex(ours));
        table.lines().find_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let is_it = fields.next()? == local && fields.next()? == remote;
            if is_it { fields.nth(4)?.parse().ok() } else { None }
        })
    }

    #[cfg(test)]
    mod tests {
        use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

        use super::*;

        fn v4(address: SocketAddr) -> SocketAddrV4 {
            match address {
                SocketAddr::V4(address) => address,
                SocketAddr::V6(_) => unreachable!("it was bound to an IPv4 address"),
            }
        }

        #[test]
        fn the_system_says_whose_a_connection_is_and_so_does_its_table() {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let stream = TcpStream::connect(listener.local_addr().expect("bound")).expect("it listens");
            let (accepted, peer) = listener.accept().expect("a connection");
            let (peer, ours) = (v4(peer), v4(accepted.local_addr().expect("connected")));
            let me = Some(rustix::process::geteuid().as_raw());
            assert_eq!(looked_up(peer, ours), me);
            assert!(asked(peer, ours) == me || asked(peer, ours).is_none());
            assert!(super::super::is_ours(peer.into(), Some(ours.into())));
            drop(stream);
        }

        #[test]
        fn a_connection_of_another_user_is_told_as_his() {
            let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                         3: 0100007F:C350 0100007F:0050 01 00000000:00000000 00:00000000 00000000  1001        0 5 1 0\n";
            let (peer, ours) =
                (SocketAddrV4::new(Ipv4Addr::LOCALHOST, 50_000), SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80));
            assert_eq!(owner_in(table, peer, ours), Some(1001));
            assert_eq!(owner_in(table, ours, peer), None);
        }
    }
}
