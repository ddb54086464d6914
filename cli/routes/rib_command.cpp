// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/rib_command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "cli/frame/command_line.hpp"

namespace strait::cli {
namespace {

constexpr const char* peer_names = "--peer";
constexpr const char* origin_names = "--origin";
constexpr const char* prefix_names = "--prefix";
constexpr const char* community_names = "--community";
constexpr const char* as_path_names = "--as-path";
constexpr const char* site_asn_names = "--site-asn";
constexpr const char* rpki_state_names = "--rpki-state";
constexpr const char* rtr_names = "--rtr";
constexpr const char* decision_names = "--decision";
constexpr const char* problem_names = "--problem";
constexpr const char* role_names = "--role";
constexpr const char* region_names = "--region";
constexpr const char* registration_names = "--registrations";

std::optional<Asn> as_number(std::string_view text) {
  if (text.starts_with("AS") || text.starts_with("as")) text.remove_prefix(2);
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return Asn{value};
}

Asn asn_or_end(const std::string& text, const std::string& names) {
  const auto asn = as_number(text);
  if (!asn) refuse(names, "'" + text + "': want an AS number, such as 64500 or AS64500");
  return *asn;
}

// An address stands for the prefix that holds it alone.
Prefix subject_or_end(const std::string& text) {
  if (text.find('/') != std::string::npos) return value_or_end(parse_prefix(text), "subject");
  const Address address = value_or_end(parse_address(text), "subject");
  return {address, static_cast<std::uint8_t>(address.is_v4() ? 32 : 128)};
}

void take_peer(const std::string& text, routes::RouteFilter& filter) {
  if (const auto asn = as_number(text)) {
    filter.peer_asns.push_back(*asn);
    return;
  }
  const auto address = parse_address(text);
  if (!address) refuse(peer_names, "'" + text + "': want an address or an AS number");
  filter.peers.push_back(*address);
}

using Take = std::function<void(const std::string&)>;

// The option may be given several times; `take` gets each word.
CLI::Option* add_words(CLI::App& command, const std::string& names, const std::string& type,
                       Take take, const std::string& description) {
  return command
      .add_option_function<std::vector<std::string>>(
          names,
          [take = std::move(take)](const std::vector<std::string>& words) {
            for (const std::string& word : words) take(word);
          },
          description)
      ->type_name(type)
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->allow_extra_args(false);
}

using Shared = std::shared_ptr<RibOptions>;

void add_filters(CLI::App& command, const Shared& options) {
  add_words(
      command, peer_names, "PEER", [options](auto& word) { take_peer(word, options->filter); },
      "Only routes of this address or AS; may be repeated");
  add_words(
      command, prefix_names, "PREFIX",
      [options](auto& word) {
        options->filter.within.push_back(
            {.prefix = value_or_end(parse_prefix(word), prefix_names), .or_longer = false});
      },
      "Only this prefix; may be repeated");
  command.add_flag_callback(
      "--or-longer",
      [options] {
        if (options->filter.within.empty()) refuse("--or-longer", "wants --prefix");
        for (auto& within : options->filter.within) within.or_longer = true;
      },
      "With --prefix: what lies inside it too");
  add_words(
      command, origin_names, "ASN",
      [options](auto& word) { options->filter.origins.push_back(asn_or_end(word, origin_names)); },
      "Only routes that this AS begins; may be repeated");
  add_words(
      command, as_path_names, "EXPR",
      [options](auto& word) {
        options->filter.as_path =
            value_or_end(routes::parse_as_path_expression(word), as_path_names);
      },
      "Only paths with this expression in them; _ is a border between ASes");
  add_words(
      command, community_names, "COMMUNITY",
      [options](auto& word) {
        options->filter.communities.push_back(
            value_or_end(routes::parse_community(word), community_names));
      },
      "Only routes that carry it: A:B or, large, A:B:C; may be repeated");
}

void add_decision(CLI::App& command, const Shared& options) {
  add_words(
      command, decision_names, "STEP",
      [options](auto& word) {
        if (const auto taken = routes::take_decision_step(word, options->decision); !taken) {
          refuse(decision_names, taken.error().message);
        }
      },
      "What routers do otherwise than RFC 4271: always-compare-med, missing-med-is-worst, "
      "ignore-as-path-length, keep-oldest; may be repeated");
}

void add_site_asn(CLI::App& command, const Shared& options) {
  add_words(
      command, site_asn_names, "ASN",
      [options](auto& word) { options->site_asn = asn_or_end(word, site_asn_names); },
      "The site's own AS: its peers are internal");
}

routes::RovState state_or_end(const std::string& word) {
  const auto state = routes::parse_rov_state(word);
  if (!state) refuse(rpki_state_names, "'" + word + "': want one of valid, invalid, not-found");
  return *state;
}

routes::Problem problem_or_end(const std::string& word) {
  const auto problem = routes::parse_problem(word);
  if (problem) return *problem;
  std::string all;
  for (const auto& kind : routes::problem_kinds()) {
    all += (all.empty() ? "" : ", ") + std::string{kind.name};
  }
  refuse(problem_names, "'" + word + "': want one of " + all);
}

struct PeerRole {
  std::string who;
  routes::NeighborRole role;
};

// "192.0.2.1=peer" or "AS64500=customer".
std::optional<PeerRole> parse_peer_role(const std::string& word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) return std::nullopt;
  const auto role = routes::parse_neighbor_role(word.substr(equals + 1));
  if (!role) return std::nullopt;
  return PeerRole{.who = word.substr(0, equals), .role = *role};
}

void take_role(const std::string& word, RibOptions& options) {
  if (const auto peer = parse_peer_role(word)) {
    if (const auto asn = as_number(peer->who)) {
      options.roles_by_asn[*asn] = peer->role;
      return;
    }
    if (const auto address = parse_address(peer->who)) {
      options.roles[*address] = peer->role;
      return;
    }
  }
  refuse(role_names, "'" + word +
                         "': want an address or AS number, =, and one of provider, rs, rs-client, "
                         "customer, peer");
}

void add_judgement(CLI::App& command, const Shared& options) {
  CLI::Option* const file =
      command.add_option("--rpki", options->rpki, "VRPs: JSON of rpki-client or Routinator")
          ->type_name("FILE");
  add_words(
      command, rtr_names, "HOST:PORT",
      [options](auto& word) {
        options->rtr.push_back(value_or_end(routes::parse_rtr_cache(word), rtr_names));
      },
      "A cache that tells VRPs by RTR; may be repeated: the first ones are preferred")
      ->excludes(file);
  add_words(
      command, role_names, "PEER=ROLE", [options](auto& word) { take_role(word, *options); },
      "What a peer or AS is to us (RFC 9234); provider if not told; may be repeated");
}

void add_regions(CLI::App& command, const Shared& options) {
  command.add_option("--config", options->config, "The configuration whose regions count")
      ->type_name("FILE");
  add_words(
      command, registration_names, "FILE",
      [options](auto& word) { options->registrations.push_back(word); },
      "Where addresses are registered: a registry's statistics or a CSV; may be repeated");
}

void add_region_filter(CLI::App& command, const Shared& options) {
  add_regions(command, options);
  add_words(
      command, region_names, "NAME", [options](auto& word) { options->regions.push_back(word); },
      "Only prefixes of this region; none: of no region; may be repeated");
}

void add_judgement_filters(CLI::App& command, const Shared& options) {
  add_words(
      command, rpki_state_names, "STATE",
      [options](auto& word) { options->rpki_states.push_back(state_or_end(word)); },
      "Only routes that VRPs make valid, invalid or not-found; may be repeated");
  add_words(
      command, problem_names, "NAME",
      [options](auto& word) { options->problems.add(problem_or_end(word)); },
      "Only routes that have this problem; may be repeated");
}

void add_files(CLI::App& command, const Shared& options, int least, int most) {
  command.add_option("file", options->files, "MRT files; - is the standard input")
      ->required()
      ->type_name("FILE")
      ->expected(least, most);
}

void add_json(CLI::App& command, const Shared& options) {
  command.add_flag("--json", options->json, "One JSON object a line");
}

void add_subject(CLI::App& command, const Shared& options) {
  command
      .add_option_function<std::string>(
          "subject",
          [options](const std::string& word) { options->subject = subject_or_end(word); },
          "An address or a prefix")
      ->required()
      ->type_name("ADDRESS");
}

using RibWork = std::function<int(const RibOptions&)>;

// Words that want others beside them.
void check_judgement(const RibOptions& options, bool bgpdump) {
  if (!options.rpki_states.empty() && !options.checks()) {
    refuse(rpki_state_names, "wants --rpki or --rtr");
  }
  if (bgpdump && options.judges()) {
    refuse("--format", "what is wrong with routes needs json: bgpdump -m has no place for it");
  }
}

void check_regions(const RibOptions& options, bool only_filters, bool bgpdump) {
  if (!options.regions.empty() && !options.classifies()) {
    refuse(region_names, "wants --config or --registrations");
  }
  if (only_filters && options.classifies() && options.regions.empty()) {
    refuse(region_names, "wanted beside --config or --registrations, which do nothing else here");
  }
  if (bgpdump && !options.regions.empty()) {
    refuse("--format", "regions need json: bgpdump -m writes what it reads, before all is known");
  }
}

std::pair<CLI::App*, std::shared_ptr<RibOptions>> add_action(CLI::App& rib, const RibWork& work,
                                                             const char* name, const char* purpose,
                                                             RibAction action) {
  auto options = std::make_shared<RibOptions>();
  options->action = action;
  CLI::App* const command = rib.add_subcommand(name, purpose);
  command->callback([options, work] {
    const bool lines = options->action == RibAction::export_lines;
    const bool bgpdump = lines && options->format == RibFormat::bgpdump_m;
    check_judgement(*options, bgpdump);
    check_regions(*options, lines || options->action == RibAction::diff, bgpdump);
    if (const int status = work(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return {command, options};
}

}  // namespace

void add_rib_command(CLI::App& routes, std::function<int(const RibOptions&)> work) {
  CLI::App* const rib = routes.add_subcommand("rib", "What MRT files hold");
  rib->require_subcommand(1);
  constexpr int any = CLI::detail::expected_max_vector_size;
  const auto add = [rib, work = std::move(work)](const char* name, const char* purpose,
                                                 RibAction action) {
    return add_action(*rib, work, name, purpose, action);
  };
  auto [summary, summed] =
      add("summary", "Peers, prefixes, and what was not read", RibAction::summary);
  add_files(*summary, summed, 1, any);
  add_filters(*summary, summed);
  add_judgement(*summary, summed);
  add_judgement_filters(*summary, summed);
  add_region_filter(*summary, summed);
  add_json(*summary, summed);

  auto [show, shown] = add("show", "Each prefix, its routes, and the best one", RibAction::show);
  add_files(*show, shown, 1, any);
  add_filters(*show, shown);
  add_judgement(*show, shown);
  add_judgement_filters(*show, shown);
  add_region_filter(*show, shown);
  add_site_asn(*show, shown);
  add_decision(*show, shown);
  add_json(*show, shown);

  auto [lookup, looked] = add(
      "lookup", "The longest prefix that covers one, and which route wins why", RibAction::lookup);
  add_subject(*lookup, looked);
  add_files(*lookup, looked, 1, any);
  add_judgement(*lookup, looked);
  add_regions(*lookup, looked);
  add_site_asn(*lookup, looked);
  add_decision(*lookup, looked);
  add_json(*lookup, looked);

  auto [diff, compared] = add(
      "diff", "What the second file has and the first has not, and the reverse", RibAction::diff);
  add_files(*diff, compared, 2, 2);
  add_filters(*diff, compared);
  add_judgement(*diff, compared);
  add_judgement_filters(*diff, compared);
  add_region_filter(*diff, compared);
  add_json(*diff, compared);

  auto [write, written] =
      add("export", "Each route on a line, for other programs", RibAction::export_lines);
  add_files(*write, written, 1, any);
  add_filters(*write, written);
  add_judgement(*write, written);
  add_judgement_filters(*write, written);
  add_region_filter(*write, written);
  add_choice(
      *write, "--format", {"bgpdump-m", "json"},
      [options = written](std::size_t index) { options->format = static_cast<RibFormat>(index); },
      "What a line looks like");
}

}  // namespace strait::cli
