use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// The header in which a proxy says for whom it asks.
pub const FORWARDED_FOR: &str = "x-forwarded-for";

/// Where a request comes from; `forwarded_for` are the values of all [`FORWARDED_FOR`] lines in the order that they came.
///
/// A proxy is believed only if it is one of `trusted`: then the last address that it names, and that is not a trusted
/// proxy itself, is the client's. What a client writes into the header by itself stands before that, be it in the same
/// line or, before a proxy that adds a line of its own, in another (RFC 9110, section 5.3: the lines are one list), and
/// counts for nothing.
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded_for: impl IntoIterator<Item = &'a [u8]>,
    trusted: &[IpNet],
) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let lines: Vec<&[u8]> = forwarded_for.into_iter().collect();
    let mut named = lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b','));
    let mut client = peer.to_canonical();
    while is_trusted(&client) {
        let address = named.next().and_then(|name| std::str::from_utf8(name).ok()?.trim().parse::<IpAddr>().ok());
        match address {
            Some(address) => client = address.to_canonical(),
            None => break,
        }
    }
    client
}

/// The network that one customer of a provider has: an IPv4 address, or the first 64 bits of an IPv6 one.
pub fn customer_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_of(peer: &str, lines: &[&str]) -> String {
        let trusted = ["127.0.0.0/8".parse().expect("a network"), "10.0.0.0/8".parse().expect("a network")];
        let lines = lines.iter().map(|line| line.as_bytes());
        client_address(peer.parse().expect("an address"), lines, &trusted).to_string()
    }

    fn client(peer: &str, forwarded_for: &str) -> String {
        client_of(peer, &[forwarded_for])
    }

    #[test]
    fn only_what_trusted_proxies_say_is_believed() {
        assert_eq!(client("198.51.100.7", "203.0.113.9"), "198.51.100.7", "a client may write what it likes");
        assert_eq!(client("10.0.0.1", "203.0.113.9"), "203.0.113.9");
        assert_eq!(
            client("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2"),
            "203.0.113.9",
            "1.2.3.4 is the client's own word"
        );
        assert_eq!(client("10.0.0.1", "nonsense"), "10.0.0.1");
        assert_eq!(client("127.0.0.1", ""), "127.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1", "203.0.113.9"), "203.0.113.9", "the same address in IPv6's way");
    }

    #[test]
    fn all_lines_are_one_list_so_that_a_proxy_may_add_a_line_of_its_own() {
        assert_eq!(
            client_of("10.0.0.1", &["1.2.3.4", "203.0.113.9"]),
            "203.0.113.9",
            "1.2.3.4 is the client's own word"
        );
        assert_eq!(client_of("10.0.0.1", &["1.2.3.4, 203.0.113.9", "10.0.0.2, 10.0.0.3"]), "203.0.113.9");
        assert_eq!(client_of("10.0.0.1", &["1.2.3.4", ""]), "10.0.0.1", "an empty line names nobody");
        assert_eq!(client_of("10.0.0.1", &["1.2.3.4", "\u{fffd}"]), "10.0.0.1", "what is no address ends the list");
        assert_eq!(client_of("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn an_ipv6_customer_is_known_by_the_first_64_bits() {
        let network = |text: &str| customer_network(text.parse().expect("an address")).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("203.0.113.9"), "203.0.113.9");
    }
}
