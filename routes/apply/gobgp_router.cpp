// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/gobgp_router.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "core/file.hpp"
#include "core/program.hpp"
#include "routes/apply/json_fields.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/words.hpp"
#include "routes/model/route.hpp"

namespace strait::routes {
namespace {

using Members = std::set<std::string, std::less<>>;

constexpr std::uint32_t communities_type = 8;  // RFC 1997
constexpr std::uint32_t local_pref_type = 5;   // RFC 4271 section 5.1.5
constexpr auto pause_between_looks = std::chrono::milliseconds{100};

bool is_mark(const boost::json::value& community) {
  boost::json::error_code error;
  const auto number = community.to_number<std::uint32_t>(error);
  return !error && (number == graceful_shutdown || number == blackhole);
}

void read_attribute(const boost::json::value& attribute, SeenRoute& route) {
  const auto type = number_member(attribute, "type");
  if (type == local_pref_type) {
    if (const auto value = number_member(attribute, "value")) route.local_pref = LocalPref{*value};
  } else if (type == communities_type) {
    route.marked = std::ranges::any_of(array_member(attribute, "communities"), is_mark);
  }
}

// The text between the quotes of `key = "..."`; empty where the line is another.
std::string_view quoted(std::string_view line, std::string_view key) {
  const auto start = line.find_first_not_of(' ');
  if (start == std::string_view::npos) return {};
  line.remove_prefix(start);
  if (!line.starts_with(key)) return {};
  const auto open = line.find('"');
  const auto close = line.rfind('"');
  return open == close ? std::string_view{} : line.substr(open + 1, close - open - 1);
}

class GobgpRouter final : public RouterControl {
 public:
  GobgpRouter(const RouterTarget& target, const ApplyLock* lock) : target_{target}, lock_{lock} {}

  [[nodiscard]] std::string_view name() const override { return "GoBGP"; }
  [[nodiscard]] bool has_timer() const override { return false; }

  // Of the TOML only: gobgpd -d looks at no value.
  Result<void> check() override {
    const auto text = read_file(target_.include_file);
    if (!text) return tl::make_unexpected(text.error());
    const auto whole = behind_operators(*text);
    if (!whole) return tl::make_unexpected(whole.error());
    const std::string file = target_.include_file + ".load";
    if (auto written = replace_file(file, *whole); !written) return written;
    const auto end = run({program("gobgpd"), "-d", "-f", file});
    ::unlink(file.c_str());
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0) return {};
    return fail(Errc::unsupported, fmt::format("GoBGP: gobgpd -d -f {}: status {}: {}", file,
                                               end->status, last_words(end->output)));
  }

  Result<void> load() override {
    const auto text = read_file(target_.include_file);
    if (!text) return tl::make_unexpected(text.error());
    return have_it_run(*text);
  }
  Result<void> confirm() override { return {}; }
  Result<void> undo(const std::optional<std::string>& before) override { return settle_on(before); }

  Result<void> settle_on(const std::optional<std::string>& text) override {
    // Of a file that is not there or not ours plain BGP is what is left.
    if (text && read_plan_file(*text)) return have_it_run(*text);
    const auto plain = plan_file_text(Plan{}, target_);
    if (!plain) return tl::make_unexpected(plain.error());
    return have_it_run(*plain);
  }

  Result<std::vector<SeenRoute>> routes(const Prefix& prefix) override {
    const auto said =
        ask({"global", "rib", "-a", prefix.network.is_v4() ? "ipv4" : "ipv6", to_string(prefix)});
    if (!said) return tl::make_unexpected(said.error());
    auto seen = read_gobgp_routes(*said, prefix, target_.paths);
    if (seen) return seen;
    return fail(seen.error().code, fmt::format("GoBGP: gobgp global rib {}: {}", to_string(prefix),
                                               seen.error().message));
  }

  Result<Members> running() {
    const auto said = ask({"policy", "prefix"});
    if (!said) return tl::make_unexpected(said.error());
    return members_in_json(*said);
  }

 private:
  [[nodiscard]] std::string program(std::string_view name) const {
    return target_.programs.empty() ? std::string{name}
                                    : fmt::format("{}/{}", target_.programs, name);
  }
  [[nodiscard]] Result<ProgramEnd> run(const std::vector<std::string>& words) const {
    return run_program(words, target_.reply_timeout,
                       lock_ == nullptr ? std::nullopt : std::optional{lock_->descriptor()});
  }
  Result<std::string> ask(std::vector<std::string> command) {
    std::vector<std::string> words{program("gobgp"), "--target", target_.control_socket, "-j"};
    std::ranges::move(command, std::back_inserter(words));
    auto end = run(words);
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0) return std::move(end->output);
    return fail(Errc::io,
                fmt::format("GoBGP: {}: status {}: {}; is gobgpd running, and is that its API "
                            "([routes.gobgp] api)?",
                            fmt::join(words, " "), end->status, last_words(end->output)));
  }

  [[nodiscard]] Result<std::string> behind_operators(const std::string& text) const {
    auto whole = read_file(target_.operators_file);
    if (!whole) return whole;
    if (!whole->ends_with('\n')) *whole += '\n';
    return *whole + text;
  }

  // The file is gobgpd's when it starts anew, too.
  Result<void> have_it_run(const std::string& text) {
    const auto whole = behind_operators(text);
    if (!whole) return tl::make_unexpected(whole.error());
    if (auto written = replace_file(target_.configuration, *whole); !written) return written;
    const auto end = run(target_.reload);
    if (!end) return tl::make_unexpected(end.error());
    if (end->status != 0) {
      return fail(Errc::unsupported,
                  fmt::format("GoBGP: reload: {}: status {}: {}", fmt::join(target_.reload, " "),
                              end->status, last_words(end->output)));
    }
    return await(members_in_file(*whole));
  }

  // The reload is a signal, to which nobody answers.
  Result<void> await(const Members& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + target_.load_within;
    while (true) {
      const auto now = running();
      if (!now) return tl::make_unexpected(now.error());
      if (*now == wanted) return {};
      if (std::chrono::steady_clock::now() >= deadline) {
        return fail(Errc::unsupported,
                    fmt::format("GoBGP: {} later its prefix sets are not those of {}: {} members, "
                                "want {}",
                                strait::to_string(target_.load_within), target_.configuration,
                                now->size(), wanted.size()));
      }
      std::this_thread::sleep_for(pause_between_looks);
    }
  }

  const RouterTarget& target_;
  const ApplyLock* lock_;
};

}  // namespace

Members members_in_file(std::string_view toml) {
  Members members;
  std::string set;
  while (!toml.empty()) {
    const auto end = std::min(toml.find('\n'), toml.size());
    const std::string_view line = toml.substr(0, end);
    toml.remove_prefix(std::min(end + 1, toml.size()));
    if (const auto name = quoted(line, "prefix-set-name"); !name.empty()) set = name;
    const auto prefix = quoted(line, "ip-prefix");
    if (!prefix.empty() && set.starts_with("strait-")) {
      members.insert(fmt::format("{} {}", set, prefix));
    }
  }
  return members;
}

Result<Members> members_in_json(std::string_view json) {
  Members members;
  const auto document = parse_json(json);
  if (!document) return tl::make_unexpected(document.error());
  if (!document->is_array()) return members;  // "{}" or "null" where there is no set
  for (const auto& set : document->get_array()) {
    const std::string name = text_member(set, "name");
    if (!name.starts_with("strait-")) continue;
    for (const auto& member : array_member(set, "prefixes")) {
      members.insert(fmt::format("{} {}", name, text_member(member, "ip_prefix")));
    }
  }
  return members;
}

Result<std::vector<SeenRoute>> read_gobgp_routes(std::string_view json, const Prefix& prefix,
                                                 const std::vector<Path>& paths) {
  const auto document = parse_json(json);
  if (!document) return tl::make_unexpected(document.error());
  std::vector<SeenRoute> routes;
  for (const auto& shown : array_member(*document, to_string(prefix))) {
    SeenRoute route;
    route.session = text_member(shown, "neighbor-ip");
    if (const auto address = parse_address(route.session)) {
      route.session = session_of(paths, *address);
    }
    route.best = flag_member(shown, "best");
    for (const auto& attribute : array_member(shown, "attrs")) read_attribute(attribute, route);
    routes.push_back(std::move(route));
  }
  return routes;
}

Result<std::unique_ptr<RouterControl>> reach_gobgp(const RouterTarget& target,
                                                   const ApplyLock* lock) {
  auto router = std::make_unique<GobgpRouter>(target, lock);
  if (const auto there = router->running(); !there) return tl::make_unexpected(there.error());
  return router;
}

}  // namespace strait::routes
