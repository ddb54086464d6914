// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/command.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "cli/frame/command_line.hpp"
#include "routes/dialects/dialect.hpp"

namespace strait::cli {
namespace {

void add_source(CLI::App& command, RoutesSource& source) {
  command.add_option("-c,--config", source.config, "The configuration of the service")
      ->type_name("FILE")
      ->capture_default_str();
}

void add_json(CLI::App& command, RoutesSource& source) {
  command.add_flag("--json", source.json, "One JSON object a line");
}

void add_time(CLI::App& command, const std::string& name, std::optional<WallTime>& at,
              const std::string& purpose) {
  command
      .add_option_function<std::string>(
          name,
          [&at, name](const std::string& text) {
            at = parse_wall_time(text);
            if (at) return;
            throw CLI::ValidationError{
                name, fmt::format("'{}': want a time such as 2026-11-23T16:45:00Z", text)};
          },
          purpose)
      ->type_name("TIME");
}

void add_at(CLI::App& command, std::optional<WallTime>& at) {
  add_time(command, "--at", at, "As it stood then, by the windows and verdicts in the store");
}

// A subcommand whose words go to Options and whose work ends with an exit status.
template <class Options>
std::pair<CLI::App*, std::shared_ptr<Options>> add(CLI::App& parent, const std::string& name,
                                                   const std::string& purpose,
                                                   std::function<int(const Options&)> work) {
  auto options = std::make_shared<Options>();
  CLI::App* const command = parent.add_subcommand(name, purpose);
  add_source(*command, options->source);
  command->callback([options, work = std::move(work)] {
    if (const int status = work(*options); status != 0) throw CLI::RuntimeError(status);
  });
  return {command, options};
}

std::vector<std::string> dialect_names() {
  std::vector<std::string> names;
  for (const routes::Dialect& dialect : routes::dialects()) names.emplace_back(dialect.name);
  return names;
}

// What waits for an approval.
void add_approval(CLI::App& routes, RoutesWork& work) {
  add(routes, "pending", "The plan that waits for an approval", std::move(work.pending));
  auto [approve, approved] =
      add(routes, "approve", "Give the plan that waits to the router", std::move(work.approve));
  approve->add_option("id", approved->id, "The plan's ID, of 'strait routes pending'")->required();
}

// What was told to the router: looked at, taken back, kept away.
void add_aftermath(CLI::App& routes, RoutesWork& work) {
  auto [history, listed] =
      add(routes, "history", "What was told to the router", std::move(work.history));
  add_json(*history, listed->source);
  history->add_option("--last", listed->last, "So many entries; 0 for all of them")
      ->type_name("N")
      ->check(CLI::Range(0, 1'000'000'000))
      ->capture_default_str();
  history->add_option("--export", listed->export_to, "File that gets a copy of the journal")
      ->type_name("FILE");

  auto [rollback, taken] = add(routes, "rollback", "Put what was in force before in force again",
                               std::move(work.rollback));
  rollback->add_option("entry", taken->entry,
                       "An entry of the journal that confirmed a plan [default: the newest that "
                       "preferred something else]");

  auto [verify, verified] =
      add(routes, "verify", "Whether the router does what the plan says", std::move(work.verify));
  verify->add_option("--sample", verified->sample, "Prefixes read back of each preference")
      ->type_name("N")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();

  auto [expire, expired] =
      add(routes, "expire", "Take back a plan that has expired", std::move(work.expire));
  expire->add_flag("--watch", expired->watch,
                   "Wait until the standard input ends; an octet of it says that all went well");

  auto [stop, stopped] =
      add(routes, "stop", "Let no plan reach the router any more", std::move(work.stop));
  stop->add_option("reason", stopped->reason, "Why, for whoever finds it stopped");
  add(routes, "resume", "Let plans reach the router again", std::move(work.resume));
}

}  // namespace

void add_routes_command(CLI::App& app, RoutesWork work) {
  CLI::App* const routes = app.add_subcommand("routes", "What to tell BGP, and telling it");
  routes->require_subcommand(1);

  auto [recommend, recommended] = add(
      *routes, "recommend", "The verdict of every class and its plan", std::move(work.recommend));
  add_json(*recommend, recommended->source);
  add_at(*recommend, recommended->at);

  auto [explain, explained] =
      add(*routes, "explain", "Why, in words and numbers", std::move(work.explain));
  explain->add_option("subject", explained->subject,
                      "A class, a path or a prefix; everything when absent");
  add_json(*explain, explained->source);
  add_at(*explain, explained->at);

  auto [diff, compared] = add(*routes, "diff", "What the plan would change", std::move(work.diff));
  diff->add_option("--against", compared->against,
                   "A rendered file to compare with [default: the include file in force]")
      ->type_name("FILE");

  auto [render, rendered] =
      add(*routes, "render", "The plan in a router's language", std::move(work.render));
  add_choice(
      *render, "--dialect", dialect_names(),
      [options = rendered](std::size_t i) { options->dialect = routes::dialects()[i].name; },
      "The router's language");
  render->add_option("-o,--output", rendered->output, "File to write [default: standard output]")
      ->type_name("FILE");

  auto [inbound, asked] = add(*routes, "inbound", "By which upstream traffic would best come to us",
                              std::move(work.inbound));
  add_json(*inbound, asked->source);
  add_time(*inbound, "--made", asked->made,
           "When announcements were changed: what that has done, too");

  auto [apply, applied] = add(*routes, "apply", "Give the plan to the router, and see it follow",
                              std::move(work.apply));
  apply->add_flag("--withdraw", applied->withdraw, "Take every preference back: plain BGP decides");

  add_approval(*routes, work);
  add_aftermath(*routes, work);
  add_rib_command(*routes, std::move(work.rib));
  add_bmp_command(*routes, std::move(work.bmp));
}

}  // namespace strait::cli
