// SPDX-License-Identifier: Apache-2.0
#include "routes/router_options.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <string>

namespace strait::routes {
namespace {

void read_bird(ConfigTable& table, RouterTarget& target) {
  table.require("include");
  target.include_file = table.text("include").value_or("");
  target.control_socket = table.text("socket").value_or("/run/bird/bird.ctl");
  const auto timeout = table.duration("confirm_timeout");
  if (!timeout) return;
  if (*timeout < std::chrono::seconds{2} || *timeout > std::chrono::hours{1}) {
    table.error("confirm_timeout", "want 2s to 1h");
  } else {
    target.confirm_timeout = *timeout;
  }
}

// A time that the router may take; 1s to 1h.
void read_patience(ConfigTable& table, std::string_view key, Nanos& patience) {
  const auto read = table.duration(key);
  if (!read) return;
  if (*read < std::chrono::seconds{1} || *read > std::chrono::hours{1}) {
    table.error(key, "want 1s to 1h");
  } else {
    patience = *read;
  }
}
void read_load_within(ConfigTable& table, RouterTarget& target) {
  read_patience(table, "load_within", target.load_within);
}

void read_frr(ConfigTable& table, RouterTarget& target) {
  table.require("file");
  target.include_file = table.text("file").value_or("");
  target.control_socket = table.text("sockets").value_or("/run/frr");
  read_load_within(table, target);
}

void read_gobgp(ConfigTable& table, RouterTarget& target) {
  for (const std::string_view key : {"file", "operators_file"}) table.require(key);
  target.include_file = table.text("file").value_or("");
  target.operators_file = table.text("operators_file").value_or("");
  target.configuration = table.text("configuration").value_or("/etc/gobgpd.conf");
  target.control_socket = table.text("api").value_or("127.0.0.1:50051");
  target.reload = table.texts("reload");
  if (target.reload.empty()) target.reload = {"systemctl", "reload", "gobgpd"};
  read_load_within(table, target);
}

void read_openbgpd(ConfigTable& table, RouterTarget& target) {
  table.require("include");
  target.include_file = table.text("include").value_or("");
  target.configuration = table.text("configuration").value_or("/etc/bgpd.conf");
  target.control_socket = table.text("socket").value_or("/run/openbgpd/bgpd.sock");
  read_load_within(table, target);
}

struct Reader {
  std::string_view table;
  RouterKind kind;
  void (*read)(ConfigTable& table, RouterTarget& target);
};
constexpr std::array readers{
    Reader{.table = "bird", .kind = RouterKind::bird, .read = read_bird},
    Reader{.table = "frr", .kind = RouterKind::frr, .read = read_frr},
    Reader{.table = "gobgp", .kind = RouterKind::gobgp, .read = read_gobgp},
    Reader{.table = "openbgpd", .kind = RouterKind::openbgpd, .read = read_openbgpd},
};

// The site's router, which is read back; it is told nothing.
void read_site_router(ConfigTable& routes, RouterTarget& target) {
  ConfigTable bird = routes.table("bird");
  ConfigTable frr = routes.table("frr");
  if (bird.exists() == frr.exists()) {
    routes.error("injector",
                 "a speaker wants [routes.bird] or [routes.frr] beside it, the site's "
                 "router, which is read back");
    return;
  }
  target.read_from = bird.exists() ? RouterKind::bird : RouterKind::frr;
  target.read_from_socket = bird.exists() ? bird.text("socket").value_or("/run/bird/bird.ctl")
                                          : frr.text("sockets").value_or("/run/frr");
}

void read_speaker(ConfigTable& table, RouterTarget& target) {
  table.require("file");
  target.include_file = table.text("file").value_or("");
  read_load_within(table, target);
  read_patience(table, "read_back_within", target.read_back_within);
  target.journal_file = table.text("journal").value_or("");
  if (target.kind == RouterKind::gobgp_injector) {
    target.control_socket = table.text("api").value_or("127.0.0.1:50051");
    return;
  }
  target.configuration = table.text("configuration").value_or("/etc/exabgp/exabgp.conf");
  target.reload = table.texts("reload");
  if (target.reload.empty()) target.reload = {"systemctl", "reload", "exabgp"};
}

// The router that is told, where that is a speaker that injects routes.
std::optional<RouterTarget> read_injection(ConfigTable& routes) {
  ConfigTable table = routes.table("injector");
  const auto speaker = table.exists() ? table.text("speaker") : std::nullopt;
  if (!speaker) return std::nullopt;
  RouterTarget target;
  target.kind = *speaker == "gobgp" ? RouterKind::gobgp_injector : RouterKind::exabgp;
  if (*speaker != "gobgp" && *speaker != "exabgp") {
    table.error("speaker", fmt::format("speaker '{}': want exabgp or gobgp", *speaker));
  }
  read_speaker(table, target);
  read_site_router(routes, target);
  return target;
}

}  // namespace

std::optional<RouterTarget> read_router(ConfigTable routes) {
  if (auto injection = read_injection(routes)) return injection;
  std::optional<RouterTarget> found;
  for (const Reader& reader : readers) {
    ConfigTable table = routes.table(reader.table);
    if (!table.exists()) continue;
    RouterTarget target;
    target.kind = reader.kind;
    reader.read(table, target);
    read_patience(table, "read_back_within", target.read_back_within);
    target.journal_file = table.text("journal").value_or("");
    if (found) {
      routes.error(reader.table, fmt::format("[{}] and [{}]: one router is told, want one of them",
                                             table_of(found->kind), table_of(target.kind)));
    } else {
      found = std::move(target);
    }
  }
  return found;
}

bool names_a_router(ConfigTable routes) {
  bool named = false;
  for (const Reader& reader : readers) named = named || routes.table(reader.table).exists();
  return named;
}

}  // namespace strait::routes
