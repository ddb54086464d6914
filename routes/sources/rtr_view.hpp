// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/duration.hpp"
#include "core/result.hpp"
#include "routes/rpki.hpp"

namespace strait::routes {

// Where a cache of RPKI data listens for routers.
struct RtrCache {
  std::string host;  // a name or an address
  std::uint16_t port = 323;

  friend bool operator==(const RtrCache&, const RtrCache&) = default;
};

// Reads "rpki.example.net:8282", "192.0.2.1" or "[2001:db8::1]:323"; without a port 323
// (rpki-rtr, RFC 8210 section 13).
[[nodiscard]] Result<RtrCache> parse_rtr_cache(std::string_view text);
[[nodiscard]] std::string to_string(const RtrCache& cache);

// All that a cache had told when it last said End of Data (RFC 8210 section 5.8).
struct RtrData {
  std::shared_ptr<const VrpSet> vrps;  // never empty
  std::uint64_t damaged = 0;           // records that are no VRP: left out
  std::uint32_t serial = 0;
  Instant told;
  // As the cache wants them (RFC 8210 section 6).
  Nanos refresh = std::chrono::hours{1};
  Nanos retry = std::chrono::minutes{10};
  Nanos expire = std::chrono::hours{2};
};

// One cache at one moment.
struct RtrStatus {
  std::string name;  // as configured
  std::optional<RtrData> data;
  bool connected = false;  // and heard to the end of its data
  std::string trouble;     // why not; empty: nothing has gone wrong yet
};

// What one cache's data are worth: a cache is fresh while it is connected and was heard within its
// refresh and retry intervals.
enum class CacheState : std::uint8_t { waiting, fresh, stale, expired };  // waiting: for the first
[[nodiscard]] CacheState state_of(const RtrStatus& cache, MonoTime now);
[[nodiscard]] std::string_view to_string(CacheState state);  // the same words

enum class Freshness : std::uint8_t {
  none,   // nothing to check with: no route is valid, invalid or not-found
  stale,  // the cache is gone or overdue, its data not yet expired
  fresh,
};

// What routes are to be checked with.
struct RtrView {
  Freshness freshness = Freshness::none;
  std::shared_ptr<const VrpSet> vrps;  // empty if there is none
  std::optional<WallTime> told;        // when the cache told them
  std::string note;                    // what is wrong; empty: nothing
};

// The data of the first cache that is fresh, else of the first that is not expired. "The router
// MUST NOT retain the data past the time indicated by this parameter" (Expire Interval, RFC 8210
// section 6).
[[nodiscard]] RtrView view_of(std::span<const RtrStatus> caches, MonoTime now);

}  // namespace strait::routes
