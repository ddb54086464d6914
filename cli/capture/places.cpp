// SPDX-License-Identifier: Apache-2.0
#include "cli/capture/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "cli/routes/rib_judge.hpp"
#include "routes/catalogue/catalogue.hpp"
#include "routes/prefix_map.hpp"
#include "routes/sources/mrt.hpp"

namespace strait::cli {
namespace {

namespace passive = probe::passive;

// The longest prefixes that are routed nearly everywhere.
constexpr std::uint8_t routed_v4 = 24;
constexpr std::uint8_t routed_v6 = 48;
constexpr const char* no_place = "none";
constexpr std::uint32_t nowhere = 1;  // PlaceKey::number where no prefix of the RIB covers it

// The AS that most of the routes begin in, and of those the first peer's; 0: none of them says.
std::uint32_t origin_of(const routes::Rib& rib, std::span<const routes::RibRoute> all) {
  std::vector<std::pair<std::uint32_t, std::size_t>> votes;
  for (const routes::RibRoute& route : all) {
    const auto origin = rib.head(route).origin_as();
    if (!origin) continue;
    const auto known =
        std::ranges::find(votes, origin->value(), [](auto& vote) { return vote.first; });
    if (known == votes.end()) {
      votes.emplace_back(origin->value(), 1);
    } else {
      ++known->second;
    }
  }
  if (votes.empty()) return 0;
  return std::ranges::max_element(votes, {}, [](auto& vote) { return vote.second; })->first;
}

// A way that the configuration pins a path to, as it shows in packets.
std::optional<passive::PathRule> rule_of(const probe::PathPin& pin, bool live) {
  using Mark = passive::PathRule::Mark;
  passive::PathRule rule;
  if (!pin.labels.empty()) {
    rule.mark = Mark::mpls;
    rule.number = pin.labels.front();
  } else if (!pin.vlans.empty()) {
    rule.mark = Mark::vlan;
    rule.number = pin.vlans.front();
  } else if (pin.next_hop_mac) {
    rule.mark = Mark::mac;
    rule.mac = *pin.next_hop_mac;
  } else if (live && !pin.device.empty()) {
    rule.mark = Mark::interface;
    rule.interface = pin.device;
  } else {
    return std::nullopt;
  }
  return rule;
}

Result<routes::Regions> default_regions() {
  const auto data = routes::data_directory(std::nullopt);
  if (!data) return tl::make_unexpected(data.error());
  const auto catalogue = routes::Catalogue::load(*data);
  if (!catalogue) return tl::make_unexpected(catalogue.error());
  return routes::Regions::make({}, catalogue->country_classes());
}

}  // namespace

Prefix host_prefix(const Address& address) {
  return {address, static_cast<std::uint8_t>(address.is_v4() ? 32 : 128)};
}

Prefix routed_prefix(const Address& address) {
  return routes::network_of(address, address.is_v4() ? routed_v4 : routed_v6);
}

Result<std::unique_ptr<Places>> Places::load(const CaptureOptions& options,
                                             std::ostream& progress) {
  std::unique_ptr<Places> places{new Places};
  places->local_ = options.local;
  if (!options.anonymise.empty()) {
    auto made = passive::make_anonymiser(options.anonymise);
    if (!made) {
      return fail(made.error().code, fmt::format("capture: --anonymise: {}", made.error().message));
    }
    places->anonymiser_ = std::move(*made);
  }
  if (auto taken = places->take_configuration(options); !taken) return fail(std::move(taken));
  if (auto taken = places->take_rib(options, progress); !taken) return fail(std::move(taken));
  if (auto taken = places->take_regions(options, progress); !taken) return fail(std::move(taken));
  if (auto taken = places->take_paths(options); !taken) return fail(std::move(taken));
  return places;
}

Result<void> Places::take_configuration(const CaptureOptions& options) {
  if (options.config.empty()) return {};
  auto configuration = load_configuration(options.config);
  if (!configuration) return tl::make_unexpected(configuration.error());
  configuration_ = std::move(*configuration);
  return {};
}

Result<void> Places::take_rib(const CaptureOptions& options, std::ostream& progress) {
  if (!options.rib.empty()) {
    auto dump = routes::load_mrt(options.rib, {});
    if (!dump) return tl::make_unexpected(dump.error());
    auto known = std::make_shared<KnownRib>();
    known->rib = std::move(dump->rib);
    known->report = std::move(dump->report);
    known->read = dump->taken;
    rib_ = std::move(known);
  } else if (options.wants_rib() && configuration_) {
    auto known = read_rib(*configuration_, SystemClock{}.now().wall, nullptr);
    if (!known) return tl::make_unexpected(known.error());
    rib_ = std::move(*known);
  }
  if (!rib_) {
    if (options.group != GroupBy::as) return {};
    return fail(Errc::bad_input,
                "capture: --group as wants a RIB: --rib, or [routes] rib of --config");
  }
  status_ = tell_damage(rib_->report, progress);
  index_ = std::make_unique<routes::MatchIndex>(rib_->rib);
  return {};
}

Result<void> Places::take_regions(const CaptureOptions& options, std::ostream& progress) {
  if (!options.classifies()) return {};
  if (configuration_) {
    regions_ = std::make_unique<routes::Regions>(std::move(configuration_->regions));
  } else {
    auto regions = default_regions();
    if (!regions) return tl::make_unexpected(regions.error());
    regions_ = std::make_unique<routes::Regions>(std::move(*regions));
  }
  if (!options.registrations.empty()) {
    auto files = routes::load_registrations(options.registrations);
    if (!files) return tl::make_unexpected(files.error());
    regions_->set_registrations(std::move(*files));
  }
  for (const std::string& note : regions_->notes()) progress << fmt::format("capture: {}\n", note);
  if (!regions_->registrations_complete()) status_ = 1;
  if (options.group == GroupBy::country && regions_->registrations().empty()) {
    return fail(Errc::bad_input,
                "capture: --group country wants --registrations, or [routes] registrations of "
                "--config");
  }
  if (rib_) classifier_ = std::make_unique<routes::Classifier>(rib_->rib, *regions_);
  return {};
}

// Rules of the command line; without any, those that the configuration's pins make.
Result<void> Places::take_paths(const CaptureOptions& options) {
  for (const auto& [path, rule] : options.paths) {
    if (auto added = paths_.add(path, rule); !added) return added;
  }
  if (paths_.empty() && configuration_ && options.wants_paths()) {
    for (const probe::NamedPin& pin : configuration_->pins) {
      const auto rule = rule_of(pin.pin, !options.interfaces.empty());
      if (!rule) continue;
      if (auto added = paths_.add(pin.path, *rule); !added) return added;
    }
  }
  if (paths_.empty() && options.group == GroupBy::path) {
    return fail(Errc::bad_input,
                "capture: --group path wants rules: --path, or a [[path]] of --config with mpls, "
                "vlans or next_hop_mac");
  }
  return paths_.resolve_interfaces(options.interfaces);
}

bool Places::is_local(const Address& address) const {
  return std::ranges::any_of(local_,
                             [&](const Prefix& prefix) { return contains(prefix, address); });
}

std::optional<routes::RibEntry> Places::entry(const Address& address) const {
  return index_ ? index_->find(address) : std::nullopt;
}

Address Places::shown(const Address& address) {
  return anonymiser_ ? (*anonymiser_)(address) : address;
}

Prefix Places::shown(const Prefix& prefix) { return anonymiser_ ? (*anonymiser_)(prefix) : prefix; }

passive::FlowReport Places::shown(passive::FlowReport flow) {
  flow.client.end.address = shown(flow.client.end.address);
  flow.server.end.address = shown(flow.server.end.address);
  return flow;
}

passive::RoundTrip Places::shown(passive::RoundTrip trip) {
  trip.sender.address = shown(trip.sender.address);
  trip.answerer.address = shown(trip.answerer.address);
  return trip;
}

PlaceKey Places::prefix_key(const Address& address) {
  if (!index_) return {.number = 0, .prefix = shown(routed_prefix(address))};
  const auto found = entry(address);
  if (!found) return {.number = nowhere, .prefix = {}};
  return {.number = 0, .prefix = shown(found->prefix)};
}

std::uint32_t Places::origin(const Address& address) const {
  const auto found = entry(address);
  return found ? origin_of(rib_->rib, found->routes) : 0;
}

std::uint32_t Places::country(const Prefix& prefix) const {
  const auto match = regions_->registrations().find(prefix);
  if (!match) return 0;
  const auto& letters = match->country.letters;
  return static_cast<std::uint32_t>(letters[0]) << 8U | static_cast<std::uint32_t>(letters[1]);
}

// By the routes of the prefix, if there are any.
std::uint32_t Places::region(const std::optional<routes::RibEntry>& entry, const Prefix& prefix) {
  routes::ClassMatch match;
  if (entry) {
    match = classifier_->classify(*entry);
  } else if (const auto named = regions_->by_prefix(prefix)) {
    match.region = *named;
  } else {
    match = regions_->by_registration(prefix);
  }
  return match.region == routes::no_region ? 0 : match.region + 1U;
}

std::string Places::region_of(const Address& address) {
  if (!regions_) return {};
  const std::uint32_t number = region(entry(address), host_prefix(address));
  return number == 0 ? std::string{} : name(GroupBy::region, {.number = number, .prefix = {}});
}

Surroundings Places::around(const Prefix& prefix) {
  Surroundings around;
  const auto found = rib_ ? rib_->rib.entry(prefix) : std::nullopt;
  if (found) around.asn = Asn{origin_of(rib_->rib, found->routes)};
  if (!regions_) return around;
  const auto text = [this](GroupBy by, std::uint32_t number) {
    return number == 0 ? std::string{} : name(by, {.number = number, .prefix = {}});
  };
  around.country = text(GroupBy::country, country(prefix));
  around.region = text(GroupBy::region, region(found, prefix));
  return around;
}

PlaceKey Places::key(GroupBy by, const Address& address) {
  switch (by) {
    case GroupBy::prefix:
      return prefix_key(address);
    case GroupBy::as:
      return {.number = origin(address), .prefix = {}};
    case GroupBy::country:
      return {.number = country(host_prefix(address)), .prefix = {}};
    case GroupBy::region:
      return {.number = region(entry(address), host_prefix(address)), .prefix = {}};
    case GroupBy::flow:
    case GroupBy::path:
    case GroupBy::host:
      break;
  }
  return {.number = 0, .prefix = host_prefix(shown(address))};
}

std::string Places::name(GroupBy by, const PlaceKey& key) const {
  switch (by) {
    case GroupBy::host:
    case GroupBy::flow:
      return key.prefix.network.to_string();
    case GroupBy::prefix:
      return key.number == nowhere ? no_place : strait::to_string(key.prefix);
    case GroupBy::as:
      return key.number == 0 ? no_place : fmt::format("AS{}", key.number);
    case GroupBy::country:
      if (key.number == 0) return no_place;
      return {static_cast<char>(key.number >> 8U), static_cast<char>(key.number & 0xffU)};
    case GroupBy::region:
      if (key.number == 0) return no_place;
      return std::string{regions_->name(static_cast<routes::RegionNumber>(key.number - 1))};
    case GroupBy::path:
      break;
  }
  return std::string{paths_.name(static_cast<passive::PathNumber>(key.number))};
}

}  // namespace strait::cli
