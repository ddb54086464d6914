// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/result.hpp"
#include "tests/lab/profile.hpp"
#include "tests/lab/tags.hpp"

namespace strait::lab {

// The emulator's language, one command a line, the same in its start file, on its timetable and on
// its control socket:
//
//   path NAME SITE_INTERFACE FAR_INTERFACE [vlans=ID,ID] [mpls=LABEL,...]   (start file only)
//   set PATH out|back|both [PREFIX|-] KEY=VALUE...      delay= jitter= shape=uniform|normal
//                                                       loss=0..1 blackhole=on|off member=DURATION
//                                                       dscp=0..63|keep duplicate=0..1
//                                                       reorder=0..1 hold=DURATION
//   cut PATH [hard]      repair PATH
//   at DURATION COMMAND...                              set, cut or repair, after the start
//   show      stats      truth PATH out|back PREFIX|- [DURATION]

struct AddPath {
  std::string path;
  std::string site_interface;
  std::string far_interface;
  Tags tags;  // several paths may share the site's interface, each by its VLAN
};

// Changes those parts of a profile that are named.
struct SetProfile {
  std::string path;
  std::vector<Direction> directions;
  ProfileTable::Key key;
  std::optional<Nanos> delay;
  std::optional<Nanos> jitter;
  std::optional<JitterShape> shape;
  std::optional<double> loss;
  std::optional<double> duplicate;
  std::optional<double> reorder;
  std::optional<Nanos> hold;
  std::optional<bool> blackhole;
  std::optional<Nanos> member;
  std::optional<std::optional<std::uint8_t>> dscp;

  void apply(Profile& profile) const;
};

// A plain cut drops what has a prefix of its own, and spares the link to the upstream: its router
// stands on the near side of the break, so ARP, ND and BGP live on. A hard cut drops every frame.
struct Cut {
  std::string path;
  bool hard = false;
};

struct Repair {
  std::string path;
};

struct Show {};
struct Stats {};

struct AskTruth {
  std::string path;
  Direction direction = Direction::out;
  ProfileTable::Key key;
  Nanos last{};
};

using Change = std::variant<SetProfile, Cut, Repair>;

struct At {
  Nanos after{};
  Change change;
};

using Command = std::variant<AddPath, SetProfile, Cut, Repair, At, Show, Stats, AskTruth>;

[[nodiscard]] Result<Command> parse_command(std::string_view line);

}  // namespace strait::lab
