// SPDX-License-Identifier: Apache-2.0
#include "routes/options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>
#include <variant>

#include "routes/route_filter.hpp"
#include "routes/router_options.hpp"

namespace strait::routes {
namespace {

constexpr std::int64_t max_u32 = std::numeric_limits<std::uint32_t>::max();

std::optional<std::uint32_t> u32(ConfigTable& table, std::string_view key, std::int64_t min) {
  const auto value = table.integer(key, min, max_u32);
  if (!value) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

// A name that can stand in a metric label, a file and a router's configuration.
bool is_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, letter);
}

// Reads `name`, which must be there, be well formed and be new.
std::string read_name(ConfigTable& table, std::set<std::string>& seen) {
  table.require("name");
  std::string name = table.text("name").value_or("");
  if (name.empty()) return name;
  if (!is_name(name)) {
    table.error("name", fmt::format("name '{}': want 1 to 64 of a-z, 0-9, - and _", name));
  } else if (!seen.insert(name).second) {
    table.error("name", fmt::format("name '{}' is there twice", name));
  }
  return name;
}

std::optional<Address> neighbor(ConfigTable& table, std::string_view key, bool v6) {
  auto address = table.address(key);
  if (address && address->is_v6() != v6) {
    table.error(key, fmt::format("{} is not IPv{}", address->to_string(), v6 ? 6 : 4));
    address.reset();
  }
  return address;
}

Path read_path(ConfigTable table, std::set<std::string>& seen) {
  Path path;
  path.name = read_name(table, seen);
  path.segments = table.texts("segments");
  path.upstream_asn = Asn{u32(table, "upstream_asn", 1).value_or(0)};
  path.neighbor_v4 = neighbor(table, "neighbor_v4", false);
  path.neighbor_v6 = neighbor(table, "neighbor_v6", true);
  path.protocol = table.text("protocol").value_or("");
  path.protocol_v6 = table.text("protocol_v6").value_or("");
  path.cost = table.number("cost", 0, 1e12).value_or(0);
  path.commit = table.bit_rate("commit");
  if (const auto role = table.text("role")) {
    if (const auto known = parse_neighbor_role(*role)) {
      path.role = *known;
    } else {
      table.error("role", fmt::format("role '{}': want one of provider, rs, rs-client, customer, "
                                      "peer",
                                      *role));
    }
  }
  path.forbidden = table.boolean("forbidden").value_or(false);
  path.forbidden_reason = table.text("forbidden_reason").value_or("");
  if (path.forbidden && path.forbidden_reason.empty()) {
    table.error("forbidden", "a forbidden path needs 'forbidden_reason', which the verdicts state");
  }
  return path;
}

// "AS6713" or "6713".
std::optional<Asn> parse_asn(std::string_view text) {
  if (text.starts_with("AS") || text.starts_with("as")) text.remove_prefix(2);
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || number == 0) return std::nullopt;
  return Asn{number};
}

bool is_country(std::string_view text) {
  const auto letter = [](char c) { return c >= 'A' && c <= 'Z'; };
  return text.size() == 2 && std::ranges::all_of(text, letter);
}

// Who claimed a country, AS, prefix or community first, and where.
struct Claim {
  std::string region;
  std::string place;
};
using Claims = std::map<std::string, Claim>;

// Records an error that names both places where the region is not the first to claim `what`.
void claim(ConfigTable& table, std::string_view key, const std::string& what,
           const std::string& region, Claims& claims) {
  const auto [it, fresh] =
      claims.try_emplace(what, Claim{.region = region, .place = table.place(key)});
  if (fresh) return;
  table.error(key, fmt::format("{} is in region '{}' and, at {}, in region '{}': want one", what,
                               region, it->second.place, it->second.region));
}

void read_communities(ConfigTable& table, RegionRules& rules, Claims& claims) {
  for (const std::string& text : table.texts("communities")) {
    if (const auto community = parse_community(text)) {
      rules.communities.push_back(*community);
      claim(table, "communities", "community " + to_string(*community), rules.name, claims);
    } else {
      table.error("communities", community.error().message);
    }
  }
}

RegionRules read_region(ConfigTable table, std::set<std::string>& seen, Claims& claims) {
  RegionRules rules;
  rules.name = read_name(table, seen);
  if (rules.name == "none") table.error("name", "'none' stands for what is in no region");
  if (rules.name.find(':') != std::string::npos) {
    table.error("name",
                fmt::format("'{}': a colon stands before the parts of a region", rules.name));
  }
  for (const std::string& country : table.texts("countries")) {
    if (is_country(country)) {
      rules.countries.push_back(country);
      claim(table, "countries", "country " + country, rules.name, claims);
    } else {
      table.error("countries", fmt::format("country '{}': want two letters such as MA", country));
    }
  }
  for (const std::string& text : table.texts("asns")) {
    if (const auto asn = parse_asn(text)) {
      rules.asns.push_back(*asn);
      claim(table, "asns", fmt::format("AS{}", asn->value()), rules.name, claims);
    } else {
      table.error("asns", fmt::format("ASN '{}': want \"AS6713\"", text));
    }
  }
  for (const std::string& text : table.texts("prefixes")) {
    if (const auto prefix = parse_prefix(text)) {
      rules.prefixes.push_back(*prefix);
      claim(table, "prefixes", "prefix " + to_string(*prefix), rules.name, claims);
    } else {
      table.error("prefixes", prefix.error().message);
    }
  }
  read_communities(table, rules, claims);
  return rules;
}

std::optional<ApplyMode> read_mode(ConfigTable& table, std::string_view key) {
  const auto chosen = table.choice(key, {"advise", "moderated", "automatic"});
  if (!chosen) return std::nullopt;
  return static_cast<ApplyMode>(*chosen);
}

// Of each [[policy]]; that the class exists is looked at by whoever knows all regions.
void read_class_modes(ConfigTable& root, Modes& modes) {
  for (ConfigTable& table : root.tables("policy")) {
    const std::string name = table.text("class").value_or("");
    if (const auto mode = read_mode(table, "mode")) modes.by_class[name] = *mode;
    if (const auto count = table.integer("changes_per_day", 0, max_u32)) {
      modes.changes_by_class[name] = static_cast<std::uint64_t>(*count);
    }
  }
}

Modes read_modes(ConfigTable& root, ConfigTable& table) {
  Modes modes;
  ConfigTable bird = table.table("bird");
  const auto mode = read_mode(table, "mode");
  const auto apply = read_mode(bird, "apply");
  if (mode && apply) {
    bird.error("apply", "it is the older name of 'mode' of [routes]: want one of the two");
  }
  modes.usual = mode.value_or(apply.value_or(modes.usual));
  if (const auto count = table.integer("changes_per_day", 0, max_u32)) {
    modes.changes_per_day = static_cast<std::uint64_t>(*count);
  }
  if (const auto count = table.integer("max_moved_prefixes", 0, max_u32)) {
    modes.max_moved_prefixes = static_cast<std::uint64_t>(*count);
  }
  modes.max_moved_traffic = table.number("max_moved_traffic", 0, 1);
  modes.approve_within = table.duration("approve_within").value_or(modes.approve_within);
  read_class_modes(root, modes);
  if (modes.tell_the_router() && !names_a_router(table)) {
    table.error("mode",
                "to tell a router there must be one: [routes.bird], [routes.frr], [routes.gobgp] "
                "or [routes.openbgpd]");
  }
  return modes;
}

// RFC 1997, of an AS that is somebody's: 0 and 65535 have meanings of their own.
std::optional<std::uint32_t> read_community(ConfigTable& table, std::string_view key) {
  const auto text = table.text(key);
  if (!text) return std::nullopt;
  const auto word = parse_community(*text);
  const auto* const plain = word ? std::get_if<std::uint32_t>(&*word) : nullptr;
  const std::uint32_t asn = plain == nullptr ? 0 : *plain >> 16U;
  if (asn != 0 && asn != 0xffff) return *plain;
  table.error(key, fmt::format("community '{}': want A:B, A from 1 to 65534", *text));
  return std::nullopt;
}

std::optional<Injector> read_injector(ConfigTable table) {
  if (!table.exists()) return std::nullopt;
  for (const std::string_view key : {"router", "local_address", "community"}) table.require(key);
  const auto router = table.address("router");
  const auto local = table.address("local_address");
  const auto id = table.address("router_id");
  const auto community = read_community(table, "community");
  if (id && !id->is_v4()) table.error("router_id", "want an IPv4 address");
  if (local && local->is_v6() && !id) {
    table.error("local_address", "an IPv6 address needs 'router_id', an IPv4 one, beside it");
  }
  if (router && local && router->is_v4() != local->is_v4()) {
    table.error("router", "want the address family of 'local_address'");
  }
  if (!router || !local || !community) return std::nullopt;
  return Injector{.router = *router,
                  .local_address = *local,
                  .router_id = id.value_or(*local),
                  .community = *community};
}

std::vector<RtrCache> read_caches(ConfigTable& table) {
  std::vector<RtrCache> caches;
  for (const std::string& text : table.texts("rtr")) {
    const auto cache = parse_rtr_cache(text);
    if (!cache) {
      table.error("rtr", cache.error().message);
    } else if (std::ranges::find(caches, *cache) != caches.end()) {
      table.error("rtr", fmt::format("RPKI cache '{}' is there twice", text));
    } else {
      caches.push_back(*cache);
    }
  }
  if (!caches.empty() && table.text("rpki")) {
    table.error("rtr", "want VRPs from a file ('rpki') or from caches ('rtr'), not both");
  }
  return caches;
}

// Takes a problem out of those that routes are refused for.
void accept(ConfigTable& table, const std::string& name, Problems& refused) {
  if (const auto problem = parse_problem(name)) {
    refused.remove(*problem);
    return;
  }
  std::string all;
  for (const ProblemKind& kind : problem_kinds()) {
    all += (all.empty() ? "" : ", ") + std::string{kind.name};
  }
  table.error("accept", fmt::format("problem '{}': want one of {}", name, all));
}

}  // namespace

SiteOptions read_site(ConfigTable root) {
  ConfigTable table = root.table("site");
  SiteOptions site;
  site.name = table.text("name").value_or(site.name);
  site.asn = Asn{u32(table, "asn", 1).value_or(0)};
  site.place = table.text("place");
  site.latitude = table.number("latitude", -90, 90);
  site.longitude = table.number("longitude", -180, 180);
  site.data = table.text("data");
  if (site.latitude.has_value() != site.longitude.has_value()) {
    table.error(site.latitude ? "latitude" : "longitude", "want both latitude and longitude");
  }
  if (site.place && site.latitude) table.error("place", "want a place or a position, not both");
  return site;
}

std::vector<Path> read_paths(ConfigTable root) {
  std::vector<Path> paths;
  std::set<std::string> seen;
  for (const ConfigTable& table : root.tables("path")) paths.push_back(read_path(table, seen));
  return paths;
}

Result<std::vector<Path>> complete_paths(std::vector<Path> paths, const Catalogue& catalogue) {
  for (Path& path : paths) {
    auto complete = catalogue.complete(path);
    if (!complete) return tl::make_unexpected(complete.error());
    path = std::move(*complete);
  }
  return paths;
}

std::vector<RegionRules> read_regions(ConfigTable root) {
  std::vector<RegionRules> regions;
  std::set<std::string> seen;
  Claims claims;
  for (const ConfigTable& table : root.tables("region")) {
    regions.push_back(read_region(table, seen, claims));
  }
  return regions;
}

RoutesOptions read_routes(ConfigTable root) {
  ConfigTable table = root.table("routes");
  RoutesOptions options;
  options.rib = table.text("rib").value_or("");
  options.registrations = table.texts("registrations");
  options.rpki = table.text("rpki").value_or("");
  options.rtr = read_caches(table);
  options.rpki_max_age = table.duration("rpki_max_age").value_or(options.rpki_max_age);
  for (const std::string& name : table.texts("accept")) accept(table, name, options.refuse);
  for (const std::string& word : table.texts("decision")) {
    if (const auto taken = take_decision_step(word, options.decision); !taken) {
      table.error("decision", taken.error().message);
    }
  }
  options.modes = read_modes(root, table);
  options.router = read_router(table);
  options.injector = read_injector(table.table("injector"));
  const bool synchronised = table.boolean("synchronised_clock").value_or(false);
  if (options.router) options.router->synchronised_clock = synchronised;
  if (options.router && injects(options.router->kind)) options.router->injector = options.injector;
  return options;
}

}  // namespace strait::routes
