// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/rib_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>

#include "cli/frame/exit_status.hpp"
#include "cli/routes/rib_judge.hpp"
#include "cli/routes/rib_text.hpp"
#include "routes/bgpdump_text.hpp"
#include "routes/model/decision.hpp"
#include "routes/sources/mrt.hpp"

namespace strait::cli {
namespace {

using routes::Rib;
using routes::RibEntry;
using routes::RibRoute;

// Answers attributes_match() once for each set of attributes.
class Matcher {
 public:
  Matcher(const Rib& rib, const routes::RouteFilter& filter) : rib_{rib}, filter_{filter} {
    for (const routes::RibPeer& peer : rib.peers()) peers_.push_back(filter.peer_matches(peer));
  }

  [[nodiscard]] std::vector<RibRoute> routes_of(const RibEntry& entry) {
    std::vector<RibRoute> found;
    if (!filter_.prefix_matches(entry.prefix)) return found;
    std::ranges::copy_if(entry.routes, std::back_inserter(found),
                         [&](const RibRoute& route) { return matches(route); });
    return found;
  }

 private:
  bool matches(const RibRoute& route) {
    if (!peers_[route.peer]) return false;
    if (!filter_.wants_attributes()) return true;
    const auto [it, fresh] = known_.try_emplace(route.attributes, false);
    if (fresh) {
      it->second =
          filter_.attributes_match(rib_.head(route), rib_.attributes().octets(route.attributes));
    }
    return it->second;
  }

  const Rib& rib_;
  const routes::RouteFilter& filter_;
  std::vector<bool> peers_;
  std::map<routes::AttributeId, bool> known_;
};

// Calls f(prefix, routes that the filter lets through) for each prefix that has any.
template <class F>
void for_each_match(const Rib& rib, const routes::RouteFilter& filter, F f) {
  Matcher matcher{rib, filter};
  const auto visit = [&](const RibEntry& entry) {
    const auto found = matcher.routes_of(entry);
    if (!found.empty()) f(RibEntry{entry.prefix, found, entry.ordinal}, entry);
  };
  if (filter.within.size() != 1) {
    rib.for_each(visit);
  } else {
    rib.for_each_covered(filter.within.front().prefix, visit);
  }
}

// What is wrong with the routes, and what RPKI says of them.
void count(const RouteRemarks& remarks, RibSummary& summary) {
  for (const routes::ProblemKind& kind : routes::problem_kinds()) {
    if (remarks.problems.has(kind.problem)) ++summary.problems[kind.name];
  }
  if (remarks.rov) ++summary.rov[routes::to_string(remarks.rov->state)];
}

void count(const RibEntry& entry, const RibEntry& all, JudgedRib& judged, RibSummary& summary) {
  if (!judged.wants(all)) return;
  std::vector<RibRoute> wanted;
  std::ranges::copy_if(entry.routes, std::back_inserter(wanted),
                       [&](const RibRoute& route) { return judged.wants(entry.prefix, route); });
  if (wanted.empty()) return;
  if (const std::string region = judged.region(all); !region.empty()) {
    ++summary.regions[region];
    const auto placement = region == "none" ? judged.placement(all) : std::nullopt;
    if (placement) ++summary.no_region[placement->reason];
  }
  const bool v4 = entry.prefix.network.is_v4();
  ++(v4 ? summary.prefixes_v4 : summary.prefixes_v6);
  for (const RibRoute& route : wanted) {
    PeerSummary& peer = summary.peers[route.peer];
    ++(v4 ? peer.routes_v4 : peer.routes_v6);
    if (wanted.size() == 1) ++peer.alone;
    if (!judged.rib().peer(route).local()) count(judged.remarks(entry.prefix, route), summary);
  }
}

Result<int> summarise(const RibOptions& options, std::ostream& results, std::ostream& progress) {
  const auto loaded = JudgedRib::load(options, progress);
  if (!loaded) return tl::make_unexpected(loaded.error());
  JudgedRib& judged = **loaded;
  RibSummary summary;
  summary.peers.resize(judged.rib().peers().size());
  for_each_match(judged.rib(), options.filter, [&](const RibEntry& entry, const RibEntry& all) {
    count(entry, all, judged, summary);
  });
  results << (options.json ? to_json(judged.dump(), summary) : to_text(judged.dump(), summary));
  return judged.status();
}

Result<int> show(const RibOptions& options, std::ostream& results, std::ostream& progress) {
  const auto loaded = JudgedRib::load(options, progress);
  if (!loaded) return tl::make_unexpected(loaded.error());
  JudgedRib& judged = **loaded;
  const Rib& rib = judged.rib();
  for_each_match(rib, options.filter, [&](const RibEntry& found, const RibEntry& all) {
    if (!judged.wants(all)) return;
    const std::string region = judged.region(all);
    const auto decision = routes::decide(rib.contenders(all.routes), options.decision);
    const RibRoute& best = all.routes[decision->best];
    for (const RibRoute& route : found.routes) {
      if (!judged.wants(found.prefix, route)) continue;
      const bool is_best = !decision->open() && route.peer == best.peer &&
                           route.path_id == best.path_id && route.attributes == best.attributes;
      RouteRemarks remarks = judged.remarks(found.prefix, route);
      remarks.region = region;
      results << (options.json ? route_json(rib, found.prefix, route, is_best, &remarks)
                               : route_text(rib, found.prefix, route, is_best, remarks));
    }
  });
  return judged.status();
}

void show_candidates(const RibOptions& options, JudgedRib& judged, const RibEntry& entry,
                     const routes::Decision& decision, std::ostream& results) {
  const Rib& rib = judged.rib();
  for (std::size_t i = 0; i < entry.routes.size(); ++i) {
    const bool best = i == decision.best && !decision.open();
    const RouteRemarks remarks = judged.remarks(entry.prefix, entry.routes[i]);
    results << (options.json ? route_json(rib, entry.prefix, entry.routes[i], best, &remarks)
                             : route_text(rib, entry.prefix, entry.routes[i], best, remarks));
  }
}

Result<int> look_up(const RibOptions& options, std::ostream& results, std::ostream& progress) {
  if (!options.subject) return fail(Errc::bad_input, "rib: want an address or a prefix");
  const auto loaded = JudgedRib::load(options, progress);
  if (!loaded) return tl::make_unexpected(loaded.error());
  JudgedRib& judged = **loaded;
  const Rib& rib = judged.rib();
  const Prefix subject = options.subject.value_or(Prefix{});  // the command line wants one
  const auto entry = rib.longest(subject);
  const auto decision = entry ? routes::decide(rib.contenders(entry->routes), options.decision)
                              : std::optional<routes::Decision>{};
  if (!entry || !decision) {
    return fail(Errc::not_found,
                fmt::format("rib: no prefix covers {}", strait::to_string(subject)));
  }
  show_candidates(options, judged, *entry, *decision, results);
  results << (options.json ? decision_json(rib, *entry, *decision)
                           : decision_text(rib, *entry, *decision));
  if (const auto placement = judged.placement(*entry)) {
    results << (options.json ? placement_json(entry->prefix, *placement)
                             : placement_text(*placement));
  }
  for (const routes::Vrp& vrp : judged.covering(entry->prefix)) {
    results << (options.json ? vrp_json(vrp) : vrp_text(vrp));
  }
  return judged.status();
}

// Attributes of each route, by what names it in another dump: path ids do not (RFC 7911 section 1).
using Named = std::multimap<std::pair<Address, Asn>, const RibRoute*>;

Named named(const Rib& rib, const RibEntry& entry) {
  Named all;
  for (const RibRoute& route : entry.routes) {
    all.emplace(std::pair{rib.peer(route).address, rib.peer(route).asn}, &route);
  }
  return all;
}

// Compares the routes of one prefix; of one peer's several in the order of the dumps.
class Comparison {
 public:
  Comparison(JudgedRib& before, JudgedRib& after, const RibOptions& options, std::ostream& results)
      : before_{before},
        after_{after},
        json_{options.json},
        judges_{options.judges()},
        results_{results} {}

  void compare(const RibEntry& before, const RibEntry& after) {
    const Named old_ones = named(before_.rib(), before);
    const Named new_ones = named(after_.rib(), after);
    auto old_one = old_ones.begin();
    auto new_one = new_ones.begin();
    while (old_one != old_ones.end() || new_one != new_ones.end()) {
      if (new_one == new_ones.end() ||
          (old_one != old_ones.end() && old_one->first < new_one->first)) {
        tell("removed", before_, before.prefix, *(old_one++)->second);
      } else if (old_one == old_ones.end() || new_one->first < old_one->first) {
        tell("added", after_, after.prefix, *(new_one++)->second);
      } else {
        compare(before.prefix, *(old_one++)->second, *(new_one++)->second);
      }
    }
  }
  [[nodiscard]] bool same() const { return changes_ == 0; }

 private:
  void compare(const Prefix& prefix, const RibRoute& before, const RibRoute& after) {
    if (std::ranges::equal(before_.rib().attributes().octets(before.attributes),
                           after_.rib().attributes().octets(after.attributes))) {
      return;
    }
    tell("before", before_, prefix, before);
    tell("after", after_, prefix, after);
  }
  void tell(std::string_view what, JudgedRib& judged, const Prefix& prefix, const RibRoute& route) {
    ++changes_;
    const Rib& rib = judged.rib();
    std::optional<RouteRemarks> remarks;
    if (judges_) remarks = judged.remarks(prefix, route);
    const RouteRemarks* const said = remarks ? &*remarks : nullptr;
    results_ << (json_ ? change_json(what, rib, prefix, route, said)
                       : change_text(what, rib, prefix, route, said));
  }

  JudgedRib& before_;
  JudgedRib& after_;
  bool json_;
  bool judges_;
  std::ostream& results_;
  std::uint64_t changes_ = 0;
};

struct Found {
  Prefix prefix;
  std::vector<RibRoute> routes;
};

// What the filters and the judgement let through.
std::vector<Found> all_matches(JudgedRib& judged, const routes::RouteFilter& filter) {
  std::vector<Found> all;
  for_each_match(judged.rib(), filter, [&](const RibEntry& entry, const RibEntry& whole) {
    if (!judged.wants(whole)) return;
    Found found{.prefix = entry.prefix, .routes = {}};
    std::ranges::copy_if(entry.routes, std::back_inserter(found.routes),
                         [&](const RibRoute& each) { return judged.wants(entry.prefix, each); });
    if (!found.routes.empty()) all.push_back(std::move(found));
  });
  return all;
}

Result<int> diff(const RibOptions& options, std::ostream& results, std::ostream& progress) {
  RibOptions one = options;
  one.files = {options.files[0]};
  const auto before = JudgedRib::load(one, progress);
  if (!before) return tl::make_unexpected(before.error());
  one.files = {options.files[1]};
  const auto after = JudgedRib::load(one, progress, (*before)->vrps());
  if (!after) return tl::make_unexpected(after.error());
  const auto old_ones = all_matches(**before, options.filter);
  const auto new_ones = all_matches(**after, options.filter);
  Comparison comparison{**before, **after, options, results};
  auto old_one = old_ones.begin();
  auto new_one = new_ones.begin();
  while (old_one != old_ones.end() || new_one != new_ones.end()) {
    const bool from_old = new_one == new_ones.end() ||
                          (old_one != old_ones.end() && old_one->prefix <= new_one->prefix);
    const Prefix prefix = from_old ? old_one->prefix : new_one->prefix;
    RibEntry was{.prefix = prefix, .routes = {}};
    RibEntry is{.prefix = prefix, .routes = {}};
    if (old_one != old_ones.end() && old_one->prefix == prefix) was.routes = (old_one++)->routes;
    if (new_one != new_ones.end() && new_one->prefix == prefix) is.routes = (new_one++)->routes;
    comparison.compare(was, is);
  }
  const int damage = std::max((*before)->status(), (*after)->status());
  return comparison.same() ? damage : exit_failed;
}

Result<int> export_bgpdump(const RibOptions& options, std::ostream& results,
                           std::ostream& progress) {
  int status = 0;
  for (const std::string& file : options.files) {
    const auto source = routes::open_source(file);
    if (!source) return tl::make_unexpected(source.error());
    const auto report =
        routes::write_bgpdump_text(**source, options.filter, [&](std::string_view text) {
          results << text;
          return results.good();
        });
    if (!report)
      return fail(report.error().code, fmt::format("{}: {}", file, report.error().message));
    for (const auto& [reason, times] : report->skipped) {
      progress << fmt::format("rib: {}: {} times: {}\n", file, times, reason);
    }
    if (report->damaged > 0) status = exit_failed;
  }
  return status;
}

Result<int> export_json(const RibOptions& options, std::ostream& results, std::ostream& progress) {
  const auto loaded = JudgedRib::load(options, progress);
  if (!loaded) return tl::make_unexpected(loaded.error());
  JudgedRib& judged = **loaded;
  for_each_match(judged.rib(), options.filter, [&](const RibEntry& entry, const RibEntry& all) {
    if (!judged.wants(all)) return;
    for (const RibRoute& route : entry.routes) {
      if (!judged.wants(entry.prefix, route)) continue;
      std::optional<RouteRemarks> remarks;
      if (options.judges()) remarks = judged.remarks(entry.prefix, route);
      results << route_json(judged.rib(), entry.prefix, route, std::nullopt,
                            remarks ? &*remarks : nullptr);
    }
  });
  return judged.status();
}

}  // namespace

Result<int> run_rib(const RibOptions& options, std::ostream& results, std::ostream& progress) {
  switch (options.action) {
    case RibAction::summary:
      return summarise(options, results, progress);
    case RibAction::show:
      return show(options, results, progress);
    case RibAction::lookup:
      return look_up(options, results, progress);
    case RibAction::diff:
      return diff(options, results, progress);
    case RibAction::export_lines:
      break;
  }
  return options.format == RibFormat::json ? export_json(options, results, progress)
                                           : export_bgpdump(options, results, progress);
}

}  // namespace strait::cli
