// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/rtr_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/address.hpp"

namespace strait::routes {
namespace {

constexpr std::uint16_t rpki_rtr = 323;

bool is_host_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  };
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, letter);
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stop != end || port == 0) return std::nullopt;
  return port;
}

bool overdue(const RtrData& data, MonoTime now) {
  return now - data.told.mono > data.refresh + data.retry;
}

bool expired(const RtrData& data, MonoTime now) { return now - data.told.mono > data.expire; }

std::string damage_of(const RtrStatus& cache, const RtrData& data) {
  if (data.damaged == 0) return {};
  return fmt::format("RPKI cache {}: {} of its records are no VRPs", cache.name, data.damaged);
}

std::string why_stale(const RtrStatus& cache, const RtrData& data, MonoTime now) {
  std::string why = cache.trouble;
  if (why.empty()) {
    why = overdue(data, now) ? "silent for longer than it asks to be asked" : "not connected";
  }
  return fmt::format("stale RPKI data: {} told it at {}; {}; used until {}", cache.name,
                     strait::to_string(data.told.wall), why,
                     strait::to_string(data.told.wall + data.expire));
}

std::string why_none(std::span<const RtrStatus> caches) {
  std::string text = "no RPKI data, nothing is checked with it:";
  for (const RtrStatus& cache : caches) {
    const std::string expired = cache.data ? "its data has expired; " : "";
    text += fmt::format("{} {}: {}{}", &cache == caches.data() ? "" : ";", cache.name, expired,
                        cache.trouble.empty() ? "no answer yet" : cache.trouble);
  }
  return text;
}

RtrView seen(const RtrData& data, Freshness freshness, std::string note) {
  return {
      .freshness = freshness, .vrps = data.vrps, .told = data.told.wall, .note = std::move(note)};
}

}  // namespace

Result<RtrCache> parse_rtr_cache(std::string_view text) {
  if (const auto endpoint = parse_endpoint(text, rpki_rtr); endpoint && endpoint->port != 0) {
    return RtrCache{.host = endpoint->address.to_string(), .port = endpoint->port};
  }
  const std::size_t colon = text.rfind(':');
  const auto port =
      colon == std::string_view::npos ? std::optional{rpki_rtr} : port_of(text.substr(colon + 1));
  const std::string_view host = text.substr(0, colon);
  // What looks like an address and is none is no name either.
  const bool numeric = host.find_first_not_of("0123456789.") == std::string_view::npos;
  if (!port || numeric || !is_host_name(host)) {
    return fail(Errc::bad_input,
                fmt::format("RPKI cache '{}': want HOST:PORT, such as rpki.example.net:323 or "
                            "[2001:db8::1]:8282",
                            text));
  }
  return RtrCache{.host = std::string{host}, .port = *port};
}

std::string to_string(const RtrCache& cache) {
  const bool v6 = cache.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", cache.host, cache.port)
            : fmt::format("{}:{}", cache.host, cache.port);
}

CacheState state_of(const RtrStatus& cache, MonoTime now) {
  if (!cache.data) return CacheState::waiting;
  if (expired(*cache.data, now)) return CacheState::expired;
  return cache.connected && !overdue(*cache.data, now) ? CacheState::fresh : CacheState::stale;
}

std::string_view to_string(CacheState state) {
  switch (state) {
    case CacheState::waiting:
      return "waiting";
    case CacheState::fresh:
      return "fresh";
    case CacheState::stale:
      return "stale";
    case CacheState::expired:
      break;
  }
  return "expired";
}

RtrView view_of(std::span<const RtrStatus> caches, MonoTime now) {
  for (const RtrStatus& cache : caches) {
    if (!cache.data || state_of(cache, now) != CacheState::fresh) continue;
    return seen(*cache.data, Freshness::fresh, damage_of(cache, *cache.data));
  }
  for (const RtrStatus& cache : caches) {
    if (!cache.data || state_of(cache, now) != CacheState::stale) continue;
    return seen(*cache.data, Freshness::stale, why_stale(cache, *cache.data, now));
  }
  return {.freshness = Freshness::none,
          .vrps = nullptr,
          .told = std::nullopt,
          .note = why_none(caches)};
}

}  // namespace strait::routes
