// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "cli/frame/cli11_names.hpp"
#include "cli/routes/bmp_command.hpp"
#include "cli/routes/rib_command.hpp"
#include "core/clock.hpp"

namespace strait::cli {

// What all of `strait routes ...` read.
struct RoutesSource {
  std::string config = "/etc/strait/strait.toml";
  bool json = false;  // one object a line instead of text
};

// `strait routes recommend`: the verdict of every class, and the plan that would express them.
struct RecommendOptions {
  RoutesSource source;
  std::optional<WallTime> at;  // as it stood then; nothing: now
};

// `strait routes explain [SUBJECT]`: why; a class, a path or a prefix, or everything.
struct ExplainOptions {
  RoutesSource source;
  std::optional<WallTime> at;  // as of RecommendOptions
  std::string subject;
};

// `strait routes diff`: what the plan would change.
struct DiffOptions {
  RoutesSource source;
  std::string against;  // a rendered file; empty: the include file of [routes.bird]
};

// `strait routes render`: the plan in a router's language.
struct RenderOptions {
  RoutesSource source;
  std::string dialect = "bird";
  std::string output;  // empty: standard output
};

// `strait routes inbound`: how traffic would best come to us.
struct InboundCommand {
  RoutesSource source;
  std::optional<WallTime> made;  // when announcements were changed, whose effect is asked for
};

// `strait routes apply`: gives the plan to the router, and takes it back if the router does not
// follow.
struct ApplyOptions {
  RoutesSource source;
  bool withdraw = false;  // the empty plan: plain BGP decides again
};

// `strait routes pending` and `strait routes approve ID`: what waits, and letting it through.
struct PendingOptions {
  RoutesSource source;
};
struct ApproveOptions {
  RoutesSource source;
  std::string id;
};

// `strait routes history`: what was told to the router, and whether the journal is whole.
struct HistoryOptions {
  RoutesSource source;
  std::size_t last = 20;  // entries; 0: all
  std::string export_to;  // a file that gets a copy; empty: none
};

// `strait routes rollback [ENTRY]`: what was in force before, again.
struct RollbackOptions {
  RoutesSource source;
  std::optional<std::uint64_t> entry;  // of the journal; nothing: the newest that differs
};

// `strait routes verify`: does the router do what the plan in force says?
struct VerifyOptions {
  RoutesSource source;
  std::size_t sample = 20;  // prefixes read back of each preference
};

// `strait routes expire`: takes back a plan that has expired, and finishes what was killed.
struct ExpireOptions {
  RoutesSource source;
  bool watch = false;  // wait at the standard input for the end of who applies
};

// `strait routes stop [REASON]` and `strait routes resume`: the switch that keeps every plan away.
struct StopOptions {
  RoutesSource source;
  std::string reason;
};
struct ResumeOptions {
  RoutesSource source;
};

// The work behind each command; returns the exit status.
struct RoutesWork {
  std::function<int(const RecommendOptions&)> recommend;
  std::function<int(const ExplainOptions&)> explain;
  std::function<int(const DiffOptions&)> diff;
  std::function<int(const RenderOptions&)> render;
  std::function<int(const InboundCommand&)> inbound;
  std::function<int(const ApplyOptions&)> apply;
  std::function<int(const PendingOptions&)> pending;
  std::function<int(const ApproveOptions&)> approve;
  std::function<int(const HistoryOptions&)> history;
  std::function<int(const RollbackOptions&)> rollback;
  std::function<int(const VerifyOptions&)> verify;
  std::function<int(const ExpireOptions&)> expire;
  std::function<int(const StopOptions&)> stop;
  std::function<int(const ResumeOptions&)> resume;
  std::function<int(const RibOptions&)> rib;
  std::function<int(const BmpOptions&)> bmp;
};

// Adds `strait routes` and its commands. They only read words; `work` does the rest.
void add_routes_command(CLI::App& app, RoutesWork work);

}  // namespace strait::cli
