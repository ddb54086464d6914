// SPDX-License-Identifier: Apache-2.0
#include "cli/reflect_run.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <ostream>

#include "exporters/json_writer.hpp"
#include "probe/socket/reflector.hpp"

namespace strait::cli {
namespace {

Result<probe::ReflectorOptions> reflector_options(const ReflectOptions& options) {
  probe::ReflectorOptions result;
  result.any = options.any;
  for (const std::string& text : options.addresses) {
    auto endpoint = parse_endpoint(text, options.port);
    if (!endpoint) return fail(std::move(endpoint));
    result.listen.push_back(*endpoint);
  }
  if (options.any) {
    result.listen.push_back({boost::asio::ip::address_v4::any(), options.port});
    result.listen.push_back({boost::asio::ip::address_v6::any(), options.port});
  }
  if (result.listen.empty()) {
    return fail(Errc::bad_input,
                "reflect: on which address? name one or more of this machine's, or --any");
  }
  if (options.allow.empty() && !options.open) {
    return fail(Errc::bad_input,
                "reflect: nobody would get a reply: --allow PREFIX for the probes' sources, or "
                "--open for everybody");
  }
  result.policy.allow = options.allow;
  result.policy.open = options.open;
  result.policy.source_rate = options.source_rate;
  result.policy.total_rate = options.total_rate;
  result.policy.local_port = result.listen.front().port;
  return result;
}

std::string to_text(const probe::ReflectorCounters& counters) {
  auto text = fmt::format("{} received, {} reflected\n", counters.received, counters.reflected);
  for (const auto& [kind, count] : counters.refused)
    text += fmt::format("refused: {}: {}\n", kind, count);
  for (const auto& [kind, count] : counters.errors)
    text += fmt::format("errors: {}: {}\n", kind, count);
  return text;
}

template <class Map>
void write_counts(exporters::JsonWriter& json, const char* name, const Map& counts) {
  json.key(name).begin_object();
  for (const auto& [kind, count] : counts) json.member(kind, count);
  json.end_object();
}

std::string to_json(const probe::ReflectorCounters& counters) {
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", 1)
      .member("type", "reflect")
      .member("received", counters.received)
      .member("reflected", counters.reflected);
  write_counts(json, "refused", counters.refused);
  write_counts(json, "errors", counters.errors);
  return json.end_object().take() + "\n";
}

}  // namespace

Result<int> run_reflect(const ReflectOptions& options, std::ostream& results,
                        std::ostream& progress) {
  const auto wanted = reflector_options(options);
  if (!wanted) return tl::make_unexpected(wanted.error());
  boost::asio::io_context context{1};
  auto reflector = probe::SocketReflector::open(context, *wanted);
  if (!reflector) return fail(std::move(reflector));
  for (const Endpoint& endpoint : (*reflector)->endpoints())
    progress << fmt::format("reflecting on {}\n", to_string(endpoint)) << std::flush;

  boost::system::error_code ignored;
  boost::asio::signal_set signals{context};
  signals.add(SIGINT, ignored);
  signals.add(SIGTERM, ignored);
  signals.async_wait([&](boost::system::error_code error, int) {
    if (!error) (*reflector)->stop();
  });
  context.run();

  const auto counters = (*reflector)->counters();
  results << (options.json ? to_json(counters) : to_text(counters)) << std::flush;
  return 0;
}

}  // namespace strait::cli
