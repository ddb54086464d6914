// SPDX-License-Identifier: Apache-2.0
#include "cli/routes/bmp_command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "cli/frame/command_line.hpp"

namespace strait::cli {
namespace {

constexpr const char* listen_names = "--listen";
constexpr const char* allow_names = "--allow";

// RFC 7854 section 3.2 names no port, and no other number is in general use.
constexpr std::uint16_t no_port = 0;

Endpoint endpoint_or_end(const std::string& text) {
  const Endpoint endpoint = value_or_end(parse_endpoint(text, no_port), listen_names);
  if (endpoint.port != no_port || text.ends_with(":0")) return endpoint;
  refuse(listen_names, "'" + text + "': want an address and a port, such as 192.0.2.1:11019");
}

// An address stands for the prefix that holds it alone.
Prefix allowed_or_end(const std::string& text) {
  if (text.find('/') != std::string::npos) return value_or_end(parse_prefix(text), allow_names);
  const Address address = value_or_end(parse_address(text), allow_names);
  return {address, static_cast<std::uint8_t>(address.is_v4() ? 32 : 128)};
}

void check(const BmpOptions& options) {
  const bool local = std::ranges::all_of(
      options.listen, [](const Endpoint& endpoint) { return endpoint.address.is_loopback(); });
  if (options.allow.empty() && !local) {
    refuse(allow_names, "wanted: the routers that may connect; only loopback needs none");
  }
}

}  // namespace

void add_bmp_command(CLI::App& routes, std::function<int(const BmpOptions&)> work) {
  CLI::App* const command =
      routes.add_subcommand("bmp", "Hear what routers tell of their routes by BMP");
  const auto options = std::make_shared<BmpOptions>();
  const auto add_words = [&](const char* names, const char* type, const auto& take,
                             const char* text) {
    return command
        ->add_option_function<std::vector<std::string>>(
            names,
            [take](const std::vector<std::string>& words) { std::ranges::for_each(words, take); },
            text)
        ->type_name(type)
        ->expected(1, CLI::detail::expected_max_vector_size)
        ->allow_extra_args(false);
  };
  add_words(
      listen_names, "ADDRESS:PORT",
      [options](const std::string& word) { options->listen.push_back(endpoint_or_end(word)); },
      "Where routers connect to; may be repeated")
      ->required();
  add_words(
      allow_names, "PREFIX",
      [options](const std::string& word) { options->allow.push_back(allowed_or_end(word)); },
      "Routers that may connect; may be repeated");
  command->add_option("--directory", options->directory, "Write each table of each router there")
      ->type_name("DIRECTORY");
  add_duration(*command, "--every", options->every, "How often tables are written");
  add_duration(*command, "--keep", options->keep,
               "How long the files of a router that is gone are kept");
  command
      ->add_option_function<std::string>(
          "--for",
          [options](const std::string& word) { options->lasts = read_time("--for", word); },
          "End after so long")
      ->type_name("TIME");
  command->add_flag("--until-complete", options->until_complete,
                    "End when every router that is connected has told all");
  command->add_flag("--json", options->json, "One JSON object a line");
  command->callback([options, work = std::move(work)] {
    check(*options);
    if (const int status = work(*options); status != 0) throw CLI::RuntimeError(status);
  });
}

}  // namespace strait::cli
