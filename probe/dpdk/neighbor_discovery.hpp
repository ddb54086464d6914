// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "probe/dpdk/link_header.hpp"
#include "probe/dpdk/parse.hpp"
#include "probe/dpdk/wire_address.hpp"

namespace strait::probe::dpdk {

// A Neighbour Solicitation (RFC 4861 §4.3) or Advertisement (§4.4).
struct NeighborMessage {
  bool advertisement = false;
  WireAddress source;       // of the packet; :: in a solicitation that detects duplicates
  WireAddress destination;  // of the packet
  WireAddress target;
  std::optional<MacAddress> link_address;  // source's (solicitation) or target's (advertisement)
  bool solicited = false;                  // of an advertisement
  bool override = true;                    // likewise
};

inline constexpr std::size_t longest_neighbor_frame = 104;
inline constexpr std::size_t longest_report_frame = 104;

// Reads a frame of kind `neighbor`. Nothing for what RFC 4861 §7.1 calls invalid.
[[nodiscard]] std::optional<NeighborMessage> read_neighbor(const ParsedFrame& parsed);
// Writes a frame (`frame` has room for longest_neighbor_frame) and returns its length.
std::size_t write_neighbor(const NeighborMessage& message, const MacAddress& to,
                           const MacAddress& from, const Encapsulation& encapsulation,
                           std::span<std::byte> frame);

// Multicast Listener Report, version 2 (RFC 3810 §5.2): tells switches that snoop to pass on what
// is sent to the solicited-node address of `address`. Needs a link-local source: `from`'s (RFC 4291
// appendix A).
std::size_t write_listener_report(const WireAddress& address, const MacAddress& from,
                                  const Encapsulation& encapsulation, std::span<std::byte> frame);

[[nodiscard]] WireAddress solicited_node(const WireAddress& address);  // RFC 4291 §2.7.1
[[nodiscard]] MacAddress multicast_mac(const WireAddress& group);      // RFC 2464 §7
[[nodiscard]] WireAddress link_local(const MacAddress& mac);           // RFC 4291 appendix A
inline const WireAddress all_nodes{0xff02'0000'0000'0000, 1};

}  // namespace strait::probe::dpdk
