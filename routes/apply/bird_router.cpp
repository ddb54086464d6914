// SPDX-License-Identifier: Apache-2.0
#include "routes/apply/bird_router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <utility>

#include "routes/apply/bird_control.hpp"
#include "routes/apply/bird_routes.hpp"

namespace strait::routes {
namespace {

// Reply codes of BIRD's control protocol.
constexpr unsigned reconfigured = 3;
constexpr unsigned reconfiguring = 4;
constexpr unsigned confirmed = 18;
constexpr unsigned configuration_ok = 20;

bool is_marked(const BirdRoute& route) {
  return route.community.find("(65535,0)") != std::string::npos ||
         route.community.find("(65535,666)") != std::string::npos;
}

std::optional<Address> address(const std::string& text) {
  const auto parsed = parse_address(text);
  return parsed ? std::optional{*parsed} : std::nullopt;
}

class BirdRouter final : public RouterControl {
 public:
  BirdRouter(BirdControl bird, Nanos confirm_timeout)
      : bird_{std::move(bird)}, confirm_timeout_{confirm_timeout} {}

  [[nodiscard]] std::string_view name() const override { return "BIRD"; }
  [[nodiscard]] bool has_timer() const override { return true; }

  Result<void> check() override { return command("configure check", {configuration_ok}); }

  Result<void> load() override {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(confirm_timeout_).count();
    return command(fmt::format("configure timeout {}", seconds), {reconfigured, reconfiguring});
  }

  Result<void> confirm() override { return command("configure confirm", {confirmed}); }

  Result<void> undo(const std::optional<std::string>& /*before*/) override {
    return command("configure undo", {reconfigured, reconfiguring});
  }

  Result<void> settle_on(const std::optional<std::string>& /*text*/) override {
    return command("configure", {reconfigured, reconfiguring});
  }

  Result<std::vector<SeenRoute>> routes(const Prefix& prefix) override {
    const auto reply = bird_.ask(fmt::format("show route {} all", to_string(prefix)));
    if (!reply) return tl::make_unexpected(reply.error());
    const auto shown = read_bird_routes(*reply);
    if (!shown) return tl::make_unexpected(shown.error());
    std::vector<SeenRoute> seen;
    for (const BirdRoute& route : *shown) {
      seen.push_back({.session = route.protocol,
                      .best = route.best,
                      .local_pref = route.local_pref,
                      .marked = is_marked(route),
                      .from = address(route.from),
                      .next_hop = address(route.next_hop)});
    }
    return seen;
  }

  Result<std::vector<Prefix>> heard_from(const Address& neighbor) override {
    const auto reply = bird_.ask(fmt::format("show route where from = {}", neighbor.to_string()));
    if (!reply) return tl::make_unexpected(reply.error());
    const auto shown = read_bird_routes(*reply);
    if (!shown) return tl::make_unexpected(shown.error());
    std::vector<Prefix> prefixes;
    for (const BirdRoute& route : *shown) prefixes.push_back(route.prefix);
    std::ranges::sort(prefixes);
    return prefixes;
  }

 private:
  // One command whose reply must hold one of the codes; otherwise BIRD's words are the error.
  Result<void> command(const std::string& line, std::initializer_list<unsigned> wanted) {
    const auto reply = bird_.ask(line);
    if (!reply) return tl::make_unexpected(reply.error());
    const auto said = [&](unsigned code) { return reply->has(code); };
    if (reply->ok() && std::ranges::any_of(wanted, said)) return {};
    return fail(Errc::unsupported, fmt::format("BIRD: {}: {}", line, reply->message()));
  }

  BirdControl bird_;
  Nanos confirm_timeout_;
};

}  // namespace

Result<std::unique_ptr<RouterControl>> reach_bird(const RouterTarget& target,
                                                  const ApplyLock* /*lock*/) {
  auto bird = BirdControl::connect(target.control_socket, target.reply_timeout);
  if (!bird) return tl::make_unexpected(bird.error());
  return std::make_unique<BirdRouter>(std::move(*bird), target.confirm_timeout);
}

}  // namespace strait::routes
