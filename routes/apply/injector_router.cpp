// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/injector_router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "core/file.hpp"
#include "core/program.hpp"
#include "routes/apply/injected_lines.hpp"
#include "routes/apply/plan_file.hpp"
#include "routes/apply/words.hpp"

namespace strait::routes {
namespace {

constexpr auto pause_between_looks = std::chrono::milliseconds{100};

std::vector<std::string> words_in(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    if (end > 0) words.emplace_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

// The prefix of an injected line, its second word.
std::string prefix_of(const std::string& line) {
  const auto words = words_in(line);
  return words.size() < 2 ? std::string{} : words[1];
}

class InjectorRouter : public RouterControl {
 public:
  InjectorRouter(const RouterTarget& target, const ApplyLock* lock, const Injector& injector,
                 RouterTarget site)
      : target_{target}, lock_{lock}, injector_{injector}, site_target_{std::move(site)} {}

  // The site's router, which must answer.
  Result<void> open() {
    auto site = reach(site_target_, lock_);
    if (!site) return fail(std::move(site));
    site_ = std::move(*site);
    return {};
  }

  [[nodiscard]] std::string_view name() const override { return to_string(target_.kind); }
  [[nodiscard]] bool has_timer() const override { return false; }

  Result<void> load() override {
    const auto text = read_file(target_.include_file);
    if (!text) return tl::make_unexpected(text.error());
    return have_it_injected(*text);
  }
  Result<void> confirm() override { return {}; }
  Result<void> undo(const std::optional<std::string>& before) override { return settle_on(before); }

  Result<void> settle_on(const std::optional<std::string>& text) override {
    // Of a file that is not there or not ours plain BGP is what is left.
    if (text && read_plan_file(*text)) return have_it_injected(*text);
    const auto plain = plan_file_text(Plan{}, target_);
    if (!plain) return tl::make_unexpected(plain.error());
    return have_it_injected(*plain);
  }

  Result<std::vector<SeenRoute>> routes(const Prefix& prefix) override {
    auto seen = site_->routes(prefix);
    if (!seen) return seen;
    return as_raised(*seen, injector().local_address);
  }

 protected:
  // Gives the speaker the file.
  virtual Result<void> tell(const std::string& text) = 0;

  [[nodiscard]] const RouterTarget& target() const { return target_; }
  [[nodiscard]] const Injector& injector() const { return injector_; }
  [[nodiscard]] std::string program(std::string_view name) const {
    return target_.programs.empty() ? std::string{name}
                                    : fmt::format("{}/{}", target_.programs, name);
  }
  [[nodiscard]] Result<ProgramEnd> run(const std::vector<std::string>& words,
                                       Nanos patience) const {
    return run_program(words, patience,
                       lock_ == nullptr ? std::nullopt : std::optional{lock_->descriptor()});
  }
  [[nodiscard]] bool site_has(const std::vector<Prefix>& wanted) {
    const auto heard = site_->heard_from(injector().local_address);
    return heard && *heard == wanted;
  }

 private:
  Result<void> have_it_injected(const std::string& text) {
    if (auto told = tell(text); !told) return told;
    return await(injected_prefixes(text));
  }

  // Nobody acknowledges: the site's router has the routes, and no others, or has not.
  Result<void> await(const std::vector<Prefix>& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + target_.load_within;
    while (true) {
      const auto heard = site_->heard_from(injector().local_address);
      if (!heard) return tl::make_unexpected(heard.error());
      if (*heard == wanted) return {};
      if (std::chrono::steady_clock::now() >= deadline) {
        return fail(
            Errc::unsupported,
            fmt::format("{}: {} later {} has {} prefixes from {}, want the plan's {}: is their "
                        "session up, and does its import policy take what is injected?",
                        name(), strait::to_string(target_.load_within), site_->name(),
                        heard->size(), injector().local_address.to_string(), wanted.size()));
      }
      std::this_thread::sleep_for(pause_between_looks);
    }
  }

  const RouterTarget& target_;
  const ApplyLock* lock_;
  const Injector& injector_;
  RouterTarget site_target_;
  std::unique_ptr<RouterControl> site_;
};

class ExabgpInjector final : public InjectorRouter {
 public:
  using InjectorRouter::InjectorRouter;

  Result<void> check() override {
    const std::vector<std::string> words{program("exabgp"), "--validate", target().include_file};
    const auto end = run(words, target().load_within);
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0) return {};
    return fail(Errc::unsupported, fmt::format("ExaBGP: {}: status {}: {}", fmt::join(words, " "),
                                               end->status, last_words(end->output)));
  }

 private:
  // The file is ExaBGP's when it starts anew, too. Bytes that it has already are not loaded again.
  Result<void> tell(const std::string& text) override {
    const auto before = read_file(target().configuration);
    if (before && *before == text) return {};
    if (auto written = replace_file(target().configuration, text); !written) return written;
    const auto end = run(target().reload, target().reply_timeout);
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0) return {};
    return fail(Errc::unsupported,
                fmt::format("ExaBGP: reload: {}: status {}: {}", fmt::join(target().reload, " "),
                            end->status, last_words(end->output)));
  }
};

class GobgpInjector final : public InjectorRouter {
 public:
  using InjectorRouter::InjectorRouter;

  // There is no check of commands; each says what it does not like.
  Result<void> check() override { return {}; }

 private:
  Result<void> tell(const std::string& text) override {
    const InjectedLines wanted = injected_lines(text);
    const auto before = running();
    // One that is gone has taken its routes with it.
    if (!before && wanted.empty() && site_has({})) return {};
    if (!before) return tl::make_unexpected(before.error());
    // What goes, goes first: between the two plain BGP is seen, and nothing of both plans.
    if (auto gone = remove(*before, wanted); !gone) return gone;
    if (auto added = add(*before, wanted); !added) return added;
    const auto after = running();
    if (!after) return tl::make_unexpected(after.error());
    if (*after == wanted) return {};
    return fail(Errc::unsupported, fmt::format("GoBGP: its table is not what it was told: {} "
                                               "routes, want {}",
                                               after->size(), wanted.size()));
  }

  Result<void> remove(const InjectedLines& before, const InjectedLines& wanted) {
    std::set<std::string> stay;
    for (const std::string& line : wanted) stay.insert(prefix_of(line));
    for (const std::string& line : before) {
      const auto words = words_in(line);
      if (words.size() < 2 || stay.contains(words[1])) continue;
      if (auto said = ask({"global", "rib", "del", "-a", words[0], words[1]}); !said) {
        return fail(std::move(said));
      }
    }
    return {};
  }

  // A route to a prefix that has one takes its place.
  Result<void> add(const InjectedLines& before, const InjectedLines& wanted) {
    for (const std::string& line : wanted) {
      if (before.contains(line)) continue;
      std::vector<std::string> words{"global", "rib", "add", "-a"};
      std::ranges::move(words_in(line), std::back_inserter(words));
      if (auto said = ask(std::move(words)); !said) return fail(std::move(said));
    }
    return {};
  }

  Result<InjectedLines> running() {
    InjectedLines all;
    for (const char* const family : {"ipv4", "ipv6"}) {
      const auto said = ask({"-j", "global", "rib", "-a", family});
      if (!said) return tl::make_unexpected(said.error());
      auto lines = injected_in_json(*said, family);
      if (!lines) return lines;
      all.merge(*lines);
    }
    return all;
  }

  Result<std::string> ask(std::vector<std::string> command) {
    std::vector<std::string> words{program("gobgp"), "--target", target().control_socket};
    std::ranges::move(command, std::back_inserter(words));
    auto end = run(words, target().reply_timeout);
    if (!end) return tl::make_unexpected(end.error());
    if (end->status == 0) return std::move(end->output);
    return fail(Errc::io,
                fmt::format("GoBGP: {}: status {}: {}; is the gobgpd that injects running, and is "
                            "that its API ([routes.injector] api)?",
                            fmt::join(words, " "), end->status, last_words(end->output)));
  }
};

}  // namespace

std::vector<SeenRoute> as_raised(const std::vector<SeenRoute>& routes, const Address& injector) {
  std::vector<SeenRoute> others;
  for (const SeenRoute& each : routes) {
    if (each.from != injector) others.push_back(each);
  }
  for (const SeenRoute& injected : routes) {
    if (injected.from != injector || !injected.next_hop) continue;
    for (SeenRoute& own : others) {
      if (own.next_hop != injected.next_hop) continue;
      own.best = injected.best;
      own.local_pref = injected.local_pref;
    }
  }
  return others;
}

Result<std::unique_ptr<RouterControl>> reach_injector(const RouterTarget& target,
                                                      const ApplyLock* lock) {
  if (!target.injector) return fail(Errc::bad_input, "injection: want [routes.injector]");
  RouterTarget site = target;
  site.kind = target.read_from;
  site.control_socket = target.read_from_socket;
  std::unique_ptr<InjectorRouter> router;
  if (target.kind == RouterKind::exabgp) {
    router = std::make_unique<ExabgpInjector>(target, lock, *target.injector, std::move(site));
  } else {
    router = std::make_unique<GobgpInjector>(target, lock, *target.injector, std::move(site));
  }
  if (auto opened = router->open(); !opened) return fail(std::move(opened));
  return router;
}

}  // namespace strait::routes
