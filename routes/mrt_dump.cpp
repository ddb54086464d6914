// SPDX-License-Identifier: Apache-2.0
#include "routes/mrt_dump.hpp"

#include <algorithm>
#include <string>

namespace strait::routes {
namespace {

constexpr std::size_t dump_piece = std::size_t{1} << 18U;
constexpr std::size_t most_entries = 0xffff;  // of one record
constexpr std::uint16_t table_dump_v2 = 13;
constexpr std::uint16_t peer_index_table = 1;

void put_u8(std::string& to, std::uint32_t value) { to += static_cast<char>(value & 0xffU); }
void put_u16(std::string& to, std::uint32_t value) {
  put_u8(to, value >> 8U);
  put_u8(to, value);
}
void put_u32(std::string& to, std::uint32_t value) {
  put_u16(to, value >> 16U);
  put_u16(to, value);
}

// The first `count` octets of the address.
void put_address(std::string& to, const Address& address, std::size_t count) {
  const auto put = [&](const auto& octets) {
    for (std::size_t i = 0; i < count && i < octets.size(); ++i) put_u8(to, octets[i]);
  };
  if (address.is_v4()) {
    put(address.to_v4().to_bytes());
  } else {
    put(address.to_v6().to_bytes());
  }
}

class DumpWriter {
 public:
  DumpWriter(const Rib& rib, const MrtDumpHeader& header,
             const std::function<bool(std::string_view)>& write)
      : rib_{rib}, header_{header}, write_{write} {
    const auto since = header.taken.time_since_epoch();
    seconds_ =
        static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
  }

  MrtDumpResult run() {
    peers();
    rib_.for_each([this](const RibEntry& entry) {
      if (!going_) return;
      auto rest = entry.routes;
      while (!rest.empty()) {
        const std::size_t count = std::min(rest.size(), most_entries);
        prefix(entry.prefix, rest.first(count));
        rest = rest.subspan(count);
      }
    });
    flush(1);
    return {.written = going_, .left_out = left_out_};
  }

 private:
  // RFC 6396 section 4.3.1; AS numbers of four octets throughout.
  void peers() {
    body_.clear();
    put_u32(body_, header_.collector_id);
    const std::string_view view = header_.view.substr(0, 0xffff);
    put_u16(body_, static_cast<std::uint32_t>(view.size()));
    body_ += view;
    put_u16(body_, static_cast<std::uint32_t>(rib_.peers().size()));
    for (const RibPeer& peer : rib_.peers()) {
      put_u8(body_, peer.address.is_v6() ? 3 : 2);
      put_u32(body_, peer.bgp_id);
      put_address(body_, peer.address, 16);
      put_u32(body_, peer.asn.value());
    }
    record(peer_index_table);
  }

  // RFC 6396 section 4.3.2, RFC 8050 section 4.1.
  void prefix(const Prefix& prefix, std::span<const RibRoute> routes) {
    const bool add_path =
        std::ranges::any_of(routes, [](const RibRoute& route) { return route.path_id != 0; });
    body_.clear();
    put_u32(body_, sequence_++);
    put_u8(body_, prefix.length);
    put_address(body_, prefix.network, (prefix.length + 7U) / 8U);
    const auto fits = [this](const RibRoute& route) {
      return rib_.attributes().octets(route.attributes).size() <= 0xffff;
    };
    const auto count = static_cast<std::size_t>(std::ranges::count_if(routes, fits));
    left_out_ += routes.size() - count;
    if (count == 0) return;
    put_u16(body_, static_cast<std::uint32_t>(count));
    for (const RibRoute& route : routes) {
      if (fits(route)) entry(route, add_path);
    }
    const std::uint16_t plain = prefix.network.is_v4() ? 2 : 4;
    record(static_cast<std::uint16_t>(add_path ? plain + 6 : plain));
  }

  void entry(const RibRoute& route, bool add_path) {
    put_u16(body_, route.peer);
    put_u32(body_, seconds_);
    if (add_path) put_u32(body_, route.path_id);
    const auto octets = rib_.attributes().octets(route.attributes);
    put_u16(body_, static_cast<std::uint32_t>(octets.size()));
    body_.append(reinterpret_cast<const char*>(octets.data()), octets.size());
  }

  void record(std::uint16_t subtype) {
    put_u32(text_, seconds_);
    put_u16(text_, table_dump_v2);
    put_u16(text_, subtype);
    put_u32(text_, static_cast<std::uint32_t>(body_.size()));
    text_ += body_;
    flush(dump_piece);
  }

  void flush(std::size_t least) {
    if (!going_ || text_.size() < least) return;
    going_ = write_(text_);
    text_.clear();
  }

  const Rib& rib_;
  const MrtDumpHeader& header_;
  const std::function<bool(std::string_view)>& write_;
  std::uint32_t seconds_ = 0;
  std::uint32_t sequence_ = 0;
  std::string body_;
  std::string text_;
  bool going_ = true;
  std::uint64_t left_out_ = 0;
};

}  // namespace

MrtDumpResult write_mrt_dump(const Rib& rib, const MrtDumpHeader& header,
                             const std::function<bool(std::string_view)>& write) {
  return DumpWriter{rib, header, write}.run();
}

}  // namespace strait::routes
