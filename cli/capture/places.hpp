// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/capture/command.hpp"
#include "cli/routes/advice.hpp"
#include "core/address.hpp"
#include "core/result.hpp"
#include "probe/passive/anonymiser.hpp"
#include "probe/passive/flow_report.hpp"
#include "probe/passive/path_rules.hpp"
#include "routes/classify.hpp"
#include "routes/match_index.hpp"
#include "routes/regions.hpp"

namespace strait::cli {

// What an end of a flow is added up under.
struct PlaceKey {
  std::uint32_t number = 0;  // AS, path, region or country; what it is depends on GroupBy
  Prefix prefix;             // GroupBy::host and ::prefix
  friend auto operator<=>(const PlaceKey&, const PlaceKey&) = default;
};

// What is known of a prefix; 0 and empty: nothing.
struct Surroundings {
  Asn asn;
  std::string country;
  std::string region;
};

// Tells where the ends of flows are: by their address, a RIB, the registries, and rules for paths.
// Not thread-safe.
class Places {
 public:
  // Reads what the options name. What of the files was not read goes to `progress`.
  [[nodiscard]] static Result<std::unique_ptr<Places>> load(const CaptureOptions& options,
                                                            std::ostream& progress);
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;
  Places(Places&&) = delete;
  Places& operator=(Places&&) = delete;
  ~Places() = default;

  // Whether it is of --local.
  [[nodiscard]] bool is_local(const Address& address) const;
  // By everything but the path, and by the real address. What matches nothing has a key too; a
  // prefix in it is one that may be shown.
  [[nodiscard]] PlaceKey key(GroupBy by, const Address& address);
  [[nodiscard]] static PlaceKey key(probe::passive::PathNumber path) {
    return {.number = path, .prefix = {}};
  }
  // Of a prefix as key() gives it.
  [[nodiscard]] Surroundings around(const Prefix& prefix);
  // As --anonymise has it; the same without it.
  [[nodiscard]] Address shown(const Address& address);
  [[nodiscard]] probe::passive::FlowReport shown(probe::passive::FlowReport flow);
  [[nodiscard]] probe::passive::RoundTrip shown(probe::passive::RoundTrip trip);
  // "198.51.100.0/24", "AS64500", "MA", "europe", "none".
  [[nodiscard]] std::string name(GroupBy by, const PlaceKey& key) const;

  // Of an address; empty: in none, or nobody asked.
  [[nodiscard]] std::string region_of(const Address& address);

  [[nodiscard]] const probe::passive::PathRules& paths() const { return paths_; }
  [[nodiscard]] int status() const { return status_; }  // 1: something could not be read

 private:
  Places() = default;
  Result<void> take_configuration(const CaptureOptions& options);
  Result<void> take_regions(const CaptureOptions& options, std::ostream& progress);
  Result<void> take_rib(const CaptureOptions& options, std::ostream& progress);
  Result<void> take_paths(const CaptureOptions& options);
  [[nodiscard]] std::optional<routes::RibEntry> entry(const Address& address) const;
  [[nodiscard]] PlaceKey prefix_key(const Address& address);
  [[nodiscard]] Prefix shown(const Prefix& prefix);
  [[nodiscard]] std::uint32_t origin(const Address& address) const;
  [[nodiscard]] std::uint32_t country(const Prefix& prefix) const;
  [[nodiscard]] std::uint32_t region(const std::optional<routes::RibEntry>& entry,
                                     const Prefix& prefix);

  std::vector<Prefix> local_;
  std::optional<probe::passive::Anonymiser> anonymiser_;
  probe::passive::PathRules paths_;
  std::optional<Configuration> configuration_;
  std::shared_ptr<const KnownRib> rib_;  // null: none is asked for
  std::unique_ptr<routes::MatchIndex> index_;
  std::unique_ptr<routes::Regions> regions_;  // null: nobody asks
  std::unique_ptr<routes::Classifier> classifier_;
  int status_ = 0;
};

// The address without the bits behind a routed prefix: /24 or /48.
[[nodiscard]] Prefix routed_prefix(const Address& address);
// The prefix that holds it alone.
[[nodiscard]] Prefix host_prefix(const Address& address);

}  // namespace strait::cli
