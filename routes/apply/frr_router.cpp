// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/frr_router.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/file.hpp"
#include "core/program.hpp"
#include "routes/apply/json_fields.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/words.hpp"

namespace strait::routes {
namespace {

constexpr std::string_view map_header = "route-map STRAIT-";
constexpr std::string_view v4_header = "ip prefix-list STRAIT-";
constexpr std::string_view v6_header = "ipv6 prefix-list STRAIT-";

using LineSet = std::set<std::string, std::less<>>;

bool begins_list(std::string_view line) {
  return line.starts_with(v4_header) || line.starts_with(v6_header);
}

// "ip prefix-list STRAIT-u1-200-V4" of a member, "route-map STRAIT-u1" of an entry.
std::string_view object_of(std::string_view line) {
  const std::size_t words = line.starts_with(map_header) ? 2 : 3;
  std::size_t end = 0;
  for (std::size_t i = 0; i < words && end != std::string_view::npos; ++i) {
    end = line.find(' ', end == 0 ? 0 : end + 1);
  }
  return line.substr(0, end);
}

LineSet objects_of(const LineSet& lines) {
  LineSet objects;
  for (const std::string& line : lines) objects.emplace(object_of(line));
  return objects;
}

// What takes away the lists and maps that `running` has and `wanted` has not; maps first, for they
// use the lists.
std::string removal(const LineSet& running, const LineSet& wanted) {
  const LineSet keep = objects_of(wanted);
  std::string maps;
  std::string lists;
  for (const std::string& object : objects_of(running)) {
    if (keep.contains(object)) continue;
    (object.starts_with(map_header) ? maps : lists) += fmt::format("no {}\n", object);
  }
  return maps + lists;
}

std::string difference(const LineSet& running, const LineSet& wanted) {
  for (const std::string& line : wanted) {
    if (!running.contains(line)) return fmt::format("'{}' is not in it", line);
  }
  for (const std::string& line : running) {
    if (!wanted.contains(line)) return fmt::format("'{}' is still in it", line);
  }
  return {};
}

// RFC 8326 and RFC 7999, by the names that FRR has for them.
bool is_marked(const std::string& communities) {
  return communities.find("graceful-shutdown") != std::string::npos ||
         communities.find("blackhole") != std::string::npos;
}

SeenRoute route_of(const boost::json::value& path, const std::vector<Path>& paths) {
  static const boost::json::value nothing;
  const auto part = [&](std::string_view name) -> const boost::json::value& {
    const auto* const found = member(path, name);
    return found == nullptr ? nothing : *found;
  };
  SeenRoute route;
  route.session = text_member(part("peer"), "peerId");
  if (const auto address = parse_address(route.session)) {
    route.from = *address;
    route.session = session_of(paths, *address);
  }
  for (const auto& hop : array_member(path, "nexthops")) {
    // Of two for IPv6 the link-local one is of use on the link alone.
    if (text_member(hop, "scope") == "link-local") continue;
    if (const auto address = parse_address(text_member(hop, "ip"))) route.next_hop = *address;
  }
  if (const auto value = number_member(path, "locPrf")) route.local_pref = LocalPref{*value};
  route.best = flag_member(part("bestpath"), "overall");
  route.marked = is_marked(text_member(part("community"), "string"));
  return route;
}

class FrrRouter final : public RouterControl {
 public:
  FrrRouter(const RouterTarget& target, const ApplyLock* lock) : target_{target}, lock_{lock} {}

  [[nodiscard]] std::string_view name() const override { return "FRR"; }
  [[nodiscard]] bool has_timer() const override { return false; }

  // The grammar only: vtysh -C knows no values.
  Result<void> check() override {
    const std::vector<std::string> words{program("vtysh"), "-C", "-f", target_.include_file};
    const auto end = run_program(words, target_.reply_timeout, descriptor());
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0 && end->output.empty()) return {};
    return fail(Errc::unsupported,
                fmt::format("FRR: vtysh -C -f {}: status {}: {}", target_.include_file, end->status,
                            last_words(end->output)));
  }

  Result<void> load() override {
    const auto text = read_file(target_.include_file);
    if (!text) return tl::make_unexpected(text.error());
    return run(*text);
  }
  // What runs is all that there is: nothing of it is written to FRR's own files.
  Result<void> confirm() override { return {}; }
  Result<void> undo(const std::optional<std::string>& before) override { return settle_on(before); }

  Result<void> settle_on(const std::optional<std::string>& text) override {
    // Of a file that is not there or not ours plain BGP is what is left.
    if (text && read_plan_file(*text)) return run(*text);
    const auto plain = plan_file_text(Plan{}, target_);
    if (!plain) return tl::make_unexpected(plain.error());
    return run(*plain);
  }

  Result<std::vector<SeenRoute>> routes(const Prefix& prefix) override {
    const std::string question = fmt::format(
        "show bgp {} unicast {} json", prefix.network.is_v4() ? "ipv4" : "ipv6", to_string(prefix));
    const auto said = ask({question});
    if (!said) return tl::make_unexpected(said.error());
    auto seen = read_frr_routes(*said, target_.paths);
    if (seen) return seen;
    return fail(seen.error().code, fmt::format("FRR: {}: {}", question, seen.error().message));
  }

  Result<std::vector<Prefix>> heard_from(const Address& neighbor) override {
    std::vector<Prefix> all;
    for (const std::string_view family : {"ipv4", "ipv6"}) {
      const std::string question =
          fmt::format("show bgp {} unicast neighbors {} routes json", family, neighbor.to_string());
      const auto said = ask({question});
      if (!said) return tl::make_unexpected(said.error());
      auto heard = read_frr_heard(*said);
      if (!heard) {
        return fail(heard.error().code,
                    fmt::format("FRR: {}: {}", question, heard.error().message));
      }
      all.insert(all.end(), heard->begin(), heard->end());
    }
    std::ranges::sort(all);
    return all;
  }

  Result<LineSet> running() {
    const auto text = ask({"show running-config bgpd"});
    if (!text) return tl::make_unexpected(text.error());
    if (text->find("\nend") != std::string::npos) return strait_lines(*text);
    return fail(Errc::io,
                fmt::format("FRR: show running-config: cut short, or none: {}", last_words(*text)));
  }

 private:
  [[nodiscard]] std::string program(std::string_view name) const {
    return target_.programs.empty() ? std::string{name}
                                    : fmt::format("{}/{}", target_.programs, name);
  }
  [[nodiscard]] std::optional<int> descriptor() const {
    return lock_ == nullptr ? std::nullopt : std::optional{lock_->descriptor()};
  }

  // bgpd alone: zebra would get the lists, too, and has no use for them.
  [[nodiscard]] std::vector<std::string> vtysh() const {
    return {program("vtysh"), "--vty_socket", target_.control_socket, "-d", "bgpd"};
  }

  Result<std::string> ask(const std::vector<std::string>& commands) {
    auto words = vtysh();
    for (const std::string& command : commands) {
      words.insert(words.end(), {"-c", command});
    }
    auto end = run_program(words, target_.reply_timeout, descriptor());
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0) return std::move(end->output);
    return fail(Errc::io,
                fmt::format("FRR: vtysh --vty_socket {} -c '{}': status {}: {}; is bgpd running, "
                            "and are its sockets there ([routes.frr] sockets)?",
                            target_.control_socket, commands.front(), end->status,
                            last_words(end->output)));
  }

  // Has FRR run a text, and sees that it does. One that it runs already is not loaded again: that
  // would take its lists away for a moment.
  Result<void> run(const std::string& text) {
    const LineSet wanted = strait_lines(text);
    const auto before = running();
    if (!before) return tl::make_unexpected(before.error());
    if (*before == wanted) return {};
    if (auto told = tell(text + removal(*before, wanted)); !told) return told;
    const auto after = running();
    if (!after) return tl::make_unexpected(after.error());
    if (*after != wanted) {
      return fail(Errc::unsupported, fmt::format("FRR: its running configuration is not what was "
                                                 "loaded: {}",
                                                 difference(*after, wanted)));
    }
    return look_again();
  }

  Result<void> tell(const std::string& text) {
    const std::string file = target_.include_file + ".load";
    if (auto written = replace_file(file, text); !written) return written;
    auto words = vtysh();
    words.insert(words.end(), {"-f", file});
    const auto end = run_program(words, target_.load_within, descriptor());
    ::unlink(file.c_str());
    if (!end) return tl::make_unexpected(end.error());
    // It says nothing when all is well.
    if (end->status == 0 && end->output.empty()) return {};
    return fail(Errc::unsupported, fmt::format("FRR: vtysh -f {}: status {}: {}", file, end->status,
                                               last_words(end->output)));
  }

  // Each upstream's routes by the new maps at once; without it FRR does so 5 s later. A neighbour
  // that FRR does not have is none of ours to report: the routes that are read back tell.
  Result<void> look_again() {
    std::vector<std::string> commands;
    for (const Path& path : target_.paths) {
      for (const auto& neighbor : {path.neighbor_v4, path.neighbor_v6}) {
        if (neighbor) add_clears(commands, *neighbor);
      }
    }
    if (commands.empty()) return {};
    const auto said = ask(commands);
    if (!said) return tl::make_unexpected(said.error());
    return {};
  }
  // A session carries routes of either family.
  static void add_clears(std::vector<std::string>& commands, const Address& neighbor) {
    for (const std::string_view family : {"ipv4", "ipv6"}) {
      commands.push_back(
          fmt::format("clear bgp {} unicast {} soft in", family, neighbor.to_string()));
    }
  }

  const RouterTarget& target_;
  const ApplyLock* lock_;
};

}  // namespace

LineSet strait_lines(std::string_view configuration) {
  LineSet lines;
  std::string_view entry;  // the route map's entry that is open
  while (!configuration.empty()) {
    const auto end = std::min(configuration.find('\n'), configuration.size());
    const std::string_view line = configuration.substr(0, end);
    configuration.remove_prefix(std::min(end + 1, configuration.size()));
    if (line.starts_with(' ') && !entry.empty()) {
      lines.insert(fmt::format("{}{}", entry, line));
      continue;
    }
    entry = line.starts_with(map_header) ? line : std::string_view{};
    if (!entry.empty() || begins_list(line)) lines.emplace(line);
  }
  return lines;
}

Result<std::vector<SeenRoute>> read_frr_routes(std::string_view json,
                                               const std::vector<Path>& paths) {
  const auto document = parse_json(json);
  if (!document) return tl::make_unexpected(document.error());
  std::vector<SeenRoute> routes;
  for (const auto& path : array_member(*document, "paths")) routes.push_back(route_of(path, paths));
  return routes;
}

Result<std::vector<Prefix>> read_frr_heard(std::string_view json) {
  const auto document = parse_json(json);
  if (!document) return tl::make_unexpected(document.error());
  std::vector<Prefix> prefixes;
  const auto* const routes = member(*document, "routes");
  if (routes == nullptr || !routes->is_object()) return prefixes;
  for (const auto& [text, route] : routes->get_object()) {
    const auto prefix = parse_prefix({text.data(), text.size()});
    if (!prefix) return tl::make_unexpected(prefix.error());
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

Result<std::unique_ptr<RouterControl>> reach_frr(const RouterTarget& target,
                                                 const ApplyLock* lock) {
  auto frr = std::make_unique<FrrRouter>(target, lock);
  if (const auto running = frr->running(); !running) return tl::make_unexpected(running.error());
  return frr;
}

}  // namespace strait::routes
