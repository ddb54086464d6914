// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/bmp_story.hpp"

#include <fmt/format.h>

#include "exporters/json_lines.hpp"
#include "exporters/json_writer.hpp"

namespace strait::cli {
namespace {

using exporters::JsonWriter;
using routes::BmpPeer;
using routes::BmpTable;

// "192.0.2.1 AS65001", "its Loc-RIB", "192.0.2.1 AS65001 in a VRF".
std::string name_of(const BmpPeer& peer) {
  const auto& header = peer.header;
  std::string name = header.is_loc_rib()
                         ? std::string{"its Loc-RIB"}
                         : fmt::format("{} AS{}", header.address.to_string(), header.asn.value());
  if (header.filtered) name += " (filtered)";
  for (const std::string& table : peer.table_names) name += fmt::format(" '{}'", table);
  return peer.is_ours() ? name : name + " in a VRF";
}

// "pre-policy IPv4"
std::string dump_name(std::size_t dump) {
  return fmt::format("{} IPv{}", to_string(static_cast<BmpTable>(dump / 2)), dump % 2 == 0 ? 4 : 6);
}

}  // namespace

std::string BmpStory::line(const Address& router, WallTime now, std::string_view event,
                           const BmpPeer* peer, std::string_view text) const {
  if (!json_) {
    return fmt::format("{} {}: {}{}{}{}\n", strait::to_string(now), router.to_string(),
                       peer == nullptr ? "" : name_of(*peer) + ": ", event,
                       text.empty() ? "" : ": ", text);
  }
  JsonWriter json;
  json.begin_object()
      .member("strait", exporters::json_version)
      .member("type", "bmp")
      .member("at", now)
      .member("router", router.to_string())
      .member("event", event)
      .member("text", text);
  if (peer != nullptr) {
    json.member("peer", peer->header.address.to_string())
        .member("peer_asn", peer->header.asn.value())
        .member("loc_rib", peer->header.is_loc_rib());
  }
  return json.end_object().take() + "\n";
}

std::string BmpStory::news_of(const Address& router, const BmpPeer& peer, SeenPeer& seen,
                              WallTime now) const {
  std::string text;
  if (peer.ups != seen.ups) {
    if (seen.up) text += line(router, now, "down", &peer, "it came up anew");
    seen = {.up = true, .ups = peer.ups, .ended = 0};
    text += line(router, now, "up", &peer, "");
  }
  for (std::size_t dump = 0; dump < peer.ended.size(); ++dump) {
    const std::uint64_t bit = std::uint64_t{1} << dump;
    if (!peer.ended.test(dump) || (seen.ended & bit) != 0) continue;
    seen.ended |= bit;
    text += line(router, now, "complete", &peer, dump_name(dump));
  }
  if (peer.up == seen.up) return text;
  seen.up = peer.up;
  return text + line(router, now, "down", &peer, peer.down_reason);
}

std::string BmpStory::news(const routes::MonitoredRouter& router, WallTime now) {
  Seen& seen = seen_[router.address];
  std::string text;
  if (router.sessions != seen.sessions) {
    seen = {.connected = true, .sessions = router.sessions, .name = {}, .peers = {}};
    text += line(router.address, now, "connected", nullptr, "");
  }
  if (router.router->name() != seen.name) {
    seen.name = router.router->name();
    text += line(router.address, now, "named", nullptr,
                 fmt::format("{}, {}", seen.name, router.router->description()));
  }
  for (const BmpPeer* const peer : router.router->peers()) {
    const auto& header = peer->header;
    auto& known = seen.peers[{header.type, header.distinguisher, header.address, header.bgp_id}];
    text += news_of(router.address, *peer, known, now);
  }
  if (router.connected != seen.connected) {
    seen.connected = router.connected;
    text += line(router.address, now, "gone", nullptr, router.trouble);
  }
  return text;
}

std::string BmpStory::file(const Address& router, std::string_view what, std::string_view text,
                           WallTime now) const {
  return line(router, now, what, nullptr, text);
}

std::string BmpStory::sum(const routes::MonitoredRouter& router) const {
  const routes::BmpReport& report = router.router->report();
  std::string skipped;
  for (const auto& [reason, times] : report.skipped) {
    skipped += fmt::format("; {} times {}", times, reason);
  }
  std::string text =
      line(router.address, router.since, "sum", nullptr,
           fmt::format("{} messages, {} octets, {} routes announced, {} withdrawn, {} damaged{}",
                       report.messages, router.octets, report.routes, report.withdrawn,
                       report.damaged, skipped));
  for (const BmpPeer* const peer : router.router->peers()) {
    text += line(router.address, peer->since, peer->up ? "is up" : "is down", peer,
                 fmt::format("{} routes announced, {} withdrawn", peer->routes, peer->withdrawn));
  }
  return text;
}

}  // namespace strait::cli
