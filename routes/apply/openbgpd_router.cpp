// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/openbgpd_router.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/file.hpp"
#include "core/program.hpp"
#include "routes/apply/json_fields.hpp"
#include "routes/apply/words.hpp"

namespace strait::routes {
namespace {

// RFC 8326 and RFC 7999, by the names that OpenBGPD has for them.
bool is_marked(const boost::json::value& route) {
  return std::ranges::any_of(
      array_member(route, "communities"), [](const boost::json::value& community) {
        return text_of(community) == "GRACEFUL_SHUTDOWN" || text_of(community) == "BLACKHOLE";
      });
}

class OpenbgpdRouter final : public RouterControl {
 public:
  OpenbgpdRouter(const RouterTarget& target, const ApplyLock* lock)
      : target_{target}, lock_{lock} {}

  [[nodiscard]] std::string_view name() const override { return "OpenBGPD"; }
  [[nodiscard]] bool has_timer() const override { return false; }
  [[nodiscard]] bool follows_file() const override { return true; }

  Result<void> check() override {
    // It reads no file that others may read or write.
    if (::chmod(target_.include_file.c_str(), S_IRUSR | S_IWUSR) != 0) {
      return fail(Errc::io, fmt::format("OpenBGPD: take {} from others: {}", target_.include_file,
                                        std::strerror(errno)));
    }
    const auto end = run({program("bgpd"), "-n", "-f", target_.configuration});
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0) return {};
    return fail(Errc::unsupported,
                fmt::format("OpenBGPD: bgpd -n -f {}: status {}: {}", target_.configuration,
                            end->status, last_words(end->output)));
  }

  // The status of a reload is 0 whatever became of it.
  Result<void> load() override {
    const auto end = run(bgpctl({"reload"}));
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0 && end->output.find("request processed") != std::string::npos) return {};
    return fail(Errc::unsupported, fmt::format("OpenBGPD: bgpctl reload: status {}: {}",
                                               end->status, last_words(end->output)));
  }
  Result<void> confirm() override { return {}; }

  Result<void> undo(const std::optional<std::string>& before) override {
    const auto now = read_file(target_.include_file);
    if (now.value_or("") == before.value_or("")) return load();
    return fail(Errc::unsupported,
                fmt::format("OpenBGPD runs what {} holds, and that is not what it held before",
                            target_.include_file));
  }
  Result<void> settle_on(const std::optional<std::string>& /*text*/) override { return load(); }

  Result<std::vector<SeenRoute>> routes(const Prefix& prefix) override {
    const auto end = run(bgpctl({"-j", "show", "rib", "detail", to_string(prefix)}));
    if (!end) return tl::make_unexpected(end.error());
    auto seen = end->status == 0
                    ? read_openbgpd_routes(end->output, prefix, target_.paths)
                    : Result<std::vector<SeenRoute>>{fail(Errc::io, last_words(end->output))};
    if (seen) return seen;
    return fail(seen.error().code, fmt::format("OpenBGPD: bgpctl show rib detail {}: {}",
                                               to_string(prefix), seen.error().message));
  }

  // Whether it answers.
  Result<void> look() {
    const auto end = run(bgpctl({"-j", "show", "sets"}));
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0) return {};
    return fail(Errc::io, fmt::format("OpenBGPD: bgpctl show sets: {}; is bgpd running, and is "
                                      "that its control socket ([routes.openbgpd] socket)?",
                                      last_words(end->output)));
  }

 private:
  [[nodiscard]] std::string program(std::string_view name) const {
    return target_.programs.empty() ? std::string{name}
                                    : fmt::format("{}/{}", target_.programs, name);
  }
  [[nodiscard]] std::vector<std::string> bgpctl(std::vector<std::string> command) const {
    std::vector<std::string> words{program("bgpctl")};
    if (!target_.control_socket.empty()) {
      words.insert(words.end(), {"-s", target_.control_socket});
    }
    std::ranges::move(command, std::back_inserter(words));
    return words;
  }
  [[nodiscard]] Result<ProgramEnd> run(const std::vector<std::string>& words) const {
    return run_program(words, target_.load_within,
                       lock_ == nullptr ? std::nullopt : std::optional{lock_->descriptor()});
  }

  const RouterTarget& target_;
  const ApplyLock* lock_;
};

}  // namespace

Result<std::vector<SeenRoute>> read_openbgpd_routes(std::string_view json, const Prefix& prefix,
                                                    const std::vector<Path>& paths) {
  const auto document = parse_json(json);
  if (!document) return tl::make_unexpected(document.error());
  static const boost::json::value nothing;
  std::vector<SeenRoute> routes;
  for (const auto& shown : array_member(*document, "rib")) {
    if (text_member(shown, "prefix") != to_string(prefix)) continue;  // one that covers it
    SeenRoute route;
    const auto* const neighbor = member(shown, "neighbor");
    route.session = text_member(neighbor == nullptr ? nothing : *neighbor, "remote_addr");
    if (const auto address = parse_address(route.session)) {
      route.session = session_of(paths, *address);
    }
    if (const auto value = number_member(shown, "localpref")) route.local_pref = LocalPref{*value};
    route.best = flag_member(shown, "best");
    route.marked = is_marked(shown);
    routes.push_back(std::move(route));
  }
  return routes;
}

Result<std::unique_ptr<RouterControl>> reach_openbgpd(const RouterTarget& target,
                                                      const ApplyLock* lock) {
  auto router = std::make_unique<OpenbgpdRouter>(target, lock);
  if (auto there = router->look(); !there) return fail(std::move(there));
  return router;
}

}  // namespace strait::routes
