// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/duration.hpp"
#include "core/strong.hpp"
#include "routes/model/injector.hpp"
#include "routes/model/path.hpp"

namespace strait::routes {

// The routers that are told, and read back; behind them the speakers that inject routes into one.
enum class RouterKind : std::uint8_t { bird, frr, gobgp, openbgpd, exabgp, gobgp_injector };
inline constexpr std::size_t router_kinds = 6;
[[nodiscard]] constexpr bool injects(RouterKind kind) { return kind >= RouterKind::exabgp; }
[[nodiscard]] std::string_view to_string(RouterKind kind);  // "BIRD"
[[nodiscard]] std::string_view table_of(RouterKind kind);   // "routes.bird", of the configuration

// The router to tell, and how patiently.
struct RouterTarget {
  RouterKind kind = RouterKind::bird;
  std::string include_file;  // the plan in the router's language: see plan_file.hpp
  // BIRD's and OpenBGPD's control socket; FRR: the directory of the sockets for vtysh; GoBGP: its
  // API, as gobgp --target wants it.
  std::string control_socket = "/run/bird/bird.ctl";
  std::string configuration;        // GoBGP, OpenBGPD, ExaBGP: the file that the daemon reads
  std::string operators_file;       // GoBGP: the operator's own part of that
  std::vector<std::string> reload;  // GoBGP, ExaBGP: the command that has it read its file again
  // Of injection: who speaks to whom, and the site's router, which is read back.
  std::optional<Injector> injector;
  RouterKind read_from = RouterKind::bird;
  std::string read_from_socket;  // as control_socket, of the site's router
  std::string programs;          // directory of the daemon's programs; empty: PATH
  Nanos confirm_timeout =
      std::chrono::seconds{30};  // BIRD undoes by itself after this, whole seconds
  Nanos reply_timeout = std::chrono::seconds{10};
  Nanos load_within = std::chrono::seconds{60};       // FRR takes seconds for 500 prefixes
  Nanos read_back_within = std::chrono::seconds{10};  // full tables take longer to move
  std::size_t sample = 20;                            // prefixes read back for each preference
  std::string journal_file;                           // empty: none
  // What speaks against this machine's wall clock, by which plans expire; empty words: nothing.
  // With `synchronised_clock` nothing is preferred by a clock that something speaks against.
  std::function<std::string()> clock_doubt;
  bool synchronised_clock = false;
  // All but BIRD: whose sessions there are, and the site's AS number.
  std::vector<Path> paths;
  Asn site_asn{0};
  // The same: the program that calls recover() when we die in the middle of an apply (see
  // Watchdog), started before the router is told anything. Empty: none.
  std::vector<std::string> watchdog;
};

// Whether they are the same router, told in the same way. Of the paths only the sessions count, and
// not with BIRD, whose plans name its sessions themselves.
[[nodiscard]] bool same_router(const RouterTarget& one, const RouterTarget& other);

}  // namespace strait::routes
