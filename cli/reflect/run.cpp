// SPDX-License-Identifier: Apache-2.0
#include "cli/reflect/run.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "exporters/json_writer.hpp"
#include "probe/dpdk/reflector.hpp"
#include "probe/socket/reflector.hpp"
#include "probe/twamp/server.hpp"

namespace strait::cli {
namespace {

Result<std::vector<Endpoint>> listen_on(const ReflectOptions& options) {
  if (options.any && !options.addresses.empty()) {
    return fail(Errc::bad_input, fmt::format("reflect: --any holds {} already: leave one out",
                                             options.addresses.front()));
  }
  if (options.any) {
    return std::vector<Endpoint>{{boost::asio::ip::address_v4::any(), options.port},
                                 {boost::asio::ip::address_v6::any(), options.port}};
  }
  std::vector<Endpoint> listen;
  for (const std::string& text : options.addresses) {
    auto endpoint = parse_endpoint(text, options.port);
    if (!endpoint) {
      return fail(endpoint.error().code, fmt::format("reflect on {}", endpoint.error().message));
    }
    listen.push_back(*endpoint);
  }
  if (!listen.empty()) return listen;
  return fail(Errc::bad_input,
              "reflect: on which address? name one or more of this machine's, or --any");
}

Result<probe::ReflectorPolicyOptions> policy_of(const ReflectOptions& options, std::uint16_t port) {
  if (options.allow.empty() && !options.open) {
    return fail(Errc::bad_input,
                "reflect: nobody would get a reply: --allow PREFIX for the probes' sources, or "
                "--open for everybody");
  }
  probe::ReflectorPolicyOptions policy;
  policy.allow = options.allow;
  policy.open = options.open;
  policy.source_rate = options.source_rate;
  policy.total_rate = options.total_rate;
  // Whichever port is free: then at least no loop with those that are known.
  policy.local_port = port == 0 ? probe::stamp_port : port;
  return policy;
}

Result<probe::ReflectorMode> mode_of(const ReflectOptions& options) {
  probe::ReflectorMode mode;
  if (!options.key.empty()) {
    auto key = probe::read_key(options.key);
    if (!key) return tl::make_unexpected(key.error());
    mode.key = std::move(*key);
  }
  mode.own_clock_error = options.own_clock_error;
  mode.stateful = options.stateful;
  mode.sessions = options.sessions;
  mode.session_idle = options.session_idle;
  mode.tlvs = {
      .tell_location = !options.no_location, .any_dscp = !options.same_dscp, .sync = options.clock};
  return mode;
}

template <class Map>
std::string counts_text(const Map& counts, const char* what) {
  std::string text;
  for (const auto& [kind, count] : counts) text += fmt::format("{}: {}: {}\n", what, kind, count);
  return text;
}

std::string to_text(const probe::ReflectorCounters& counters) {
  return fmt::format("{} received, {} reflected\n", counters.received, counters.reflected) +
         counts_text(counters.refused, "refused") + counts_text(counters.errors, "errors");
}

std::string to_text(const probe::twamp::ServerCounters& counters) {
  return fmt::format("twamp: {} connections, {} sessions, {} received, {} reflected\n",
                     counters.connections, counters.sessions, counters.test.received,
                     counters.test.reflected) +
         counts_text(counters.refused, "twamp refused") +
         counts_text(counters.ended, "twamp connections ended") +
         counts_text(counters.test.refused, "twamp packets refused") +
         counts_text(counters.test.errors, "twamp errors");
}

std::string to_text(const probe::dpdk::DpdkReflectorCounters& counters) {
  return fmt::format("{} reflected, {} echo requests answered\n", counters.stamp_replies,
                     counters.echo_replies) +
         counts_text(counters.refused, "refused") +
         counts_text(counters.ignored, "ignored packets");
}

template <class Map>
void write_counts(exporters::JsonWriter& json, const char* name, const Map& counts) {
  json.key(name).begin_object();
  for (const auto& [kind, count] : counts) json.member(kind, count);
  json.end_object();
}

void write_counters(exporters::JsonWriter& json, const probe::twamp::ServerCounters& counters) {
  json.key("twamp")
      .begin_object()
      .member("connections", counters.connections)
      .member("sessions", counters.sessions);
  write_counts(json, "refused", counters.refused);
  write_counts(json, "ended", counters.ended);
  json.member("received", counters.test.received).member("reflected", counters.test.reflected);
  write_counts(json, "packets_refused", counters.test.refused);
  write_counts(json, "errors", counters.test.errors);
  json.end_object();
}

// What the socket engine has counted; the second part with --twamp.
struct SocketCounters {
  probe::ReflectorCounters stamp;
  std::optional<probe::twamp::ServerCounters> twamp;
};

std::string to_text(const SocketCounters& counters) {
  return to_text(counters.stamp) + (counters.twamp ? to_text(*counters.twamp) : "");
}

std::string to_json(const SocketCounters& all) {
  const probe::ReflectorCounters& counters = all.stamp;
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", 1)
      .member("type", "reflect")
      .member("received", counters.received)
      .member("reflected", counters.reflected);
  write_counts(json, "refused", counters.refused);
  write_counts(json, "errors", counters.errors);
  if (all.twamp) write_counters(json, *all.twamp);
  return json.end_object().take() + "\n";
}

std::string to_json(const probe::dpdk::DpdkReflectorCounters& counters) {
  exporters::JsonWriter json;
  json.begin_object()
      .member("strait", 1)
      .member("type", "reflect")
      .member("reflected", counters.stamp_replies)
      .member("echo_replies", counters.echo_replies);
  write_counts(json, "refused", counters.refused);
  write_counts(json, "ignored", counters.ignored);
  return json.end_object().take() + "\n";
}

void announce(std::ostream& progress, const Endpoint& endpoint) {
  progress << fmt::format("reflecting on {}\n", to_string(endpoint)) << std::flush;
}

template <class Counters>
void print(const Counters& counters, bool json, std::ostream& results) {
  results << (json ? to_json(counters) : to_text(counters)) << std::flush;
}

// Calls `stop` on the context's thread when SIGINT or SIGTERM comes.
void stop_on_signal(boost::asio::signal_set& signals, std::function<void()> stop) {
  boost::system::error_code ignored;
  signals.add(SIGINT, ignored);
  signals.add(SIGTERM, ignored);
  signals.async_wait([stop = std::move(stop)](boost::system::error_code error, int) {
    if (!error) stop();
  });
}

Result<std::unique_ptr<probe::twamp::Server>> serve_twamp(boost::asio::io_context& context,
                                                          const ReflectOptions& options,
                                                          const probe::ReflectorOptions& wanted) {
  if (!options.twamp) return std::unique_ptr<probe::twamp::Server>{};
  probe::twamp::ServerOptions server;
  server.listen = wanted.listen;
  server.test.policy = wanted.policy;
  server.test.ports = options.test_ports;
  server.test.own_clock_error = options.own_clock_error;
  return probe::twamp::Server::open(context, server);
}

Result<int> reflect_by_sockets(const ReflectOptions& options, const probe::ReflectorOptions& wanted,
                               std::ostream& results, std::ostream& progress) {
  if (!options.device.empty() || options.busy) {
    return fail(Errc::bad_input,
                "reflect: --device and --busy are for --engine dpdk; sockets are "
                "chosen by their address");
  }
  boost::asio::io_context context{1};
  auto reflector = probe::SocketReflector::open(context, wanted);
  if (!reflector) return fail(std::move(reflector));
  const auto server = serve_twamp(context, options, wanted);
  if (!server) return tl::make_unexpected(server.error());
  probe::twamp::Server* const twamp = server->get();
  boost::asio::signal_set signals{context};
  stop_on_signal(signals, [&] {
    (*reflector)->stop();
    if (twamp != nullptr) twamp->stop();
  });
  for (const Endpoint& endpoint : (*reflector)->endpoints()) announce(progress, endpoint);
  if (twamp != nullptr) {
    for (const Endpoint& endpoint : twamp->endpoints()) {
      progress << fmt::format("serving TWAMP on {}\n", to_string(endpoint)) << std::flush;
    }
  }
  context.run();
  SocketCounters counters{(*reflector)->counters(), {}};
  if (twamp != nullptr) counters.twamp = twamp->counters();
  print(counters, options.json, results);
  return 0;
}

Result<probe::dpdk::DpdkReflectorOptions> dpdk_options(const ReflectOptions& options,
                                                       const probe::ReflectorOptions& wanted) {
  if (options.twamp) {
    return fail(Errc::bad_input,
                "reflect: --twamp is for --engine socket: its control connections are the "
                "kernel's");
  }
  if (options.device.empty()) {
    return fail(Errc::bad_input,
                "reflect: --engine dpdk needs --device, in the EAL's words, such as "
                "net_af_packet0,iface=eth0 or 0000:03:00.0");
  }
  if (options.any) {
    return fail(Errc::bad_input,
                "reflect: --engine dpdk answers for the addresses that you name, not for --any");
  }
  probe::dpdk::DpdkReflectorOptions reflector;
  reflector.device = options.device;
  reflector.policy = wanted.policy;
  reflector.mode = wanted.mode;
  for (const Endpoint& endpoint : wanted.listen) {
    if (endpoint.port != wanted.policy.local_port) {
      return fail(Errc::bad_input, "reflect: --engine dpdk has one port for all its addresses");
    }
    reflector.addresses.push_back(endpoint.address);
  }
  return reflector;
}

Result<int> reflect_by_dpdk(const ReflectOptions& options, const probe::ReflectorOptions& wanted,
                            std::ostream& results, std::ostream& progress) {
  const auto from = dpdk_options(options, wanted);
  if (!from) return tl::make_unexpected(from.error());
  probe::dpdk::DpdkOptions engine;
  engine.devices.push_back(options.device);
  engine.poll = options.busy ? probe::dpdk::Poll::busy : probe::dpdk::Poll::adaptive;
  auto reflector = probe::dpdk::DpdkReflector::open(engine, *from);
  if (!reflector) return fail(std::move(reflector));
  std::stop_source stop;
  boost::asio::io_context context{1};
  boost::asio::signal_set signals{context};
  stop_on_signal(signals, [&] { stop.request_stop(); });
  for (const Endpoint& endpoint : wanted.listen) announce(progress, endpoint);
  {
    const std::jthread waiting{[&] { context.run(); }};
    (*reflector)->run(stop.get_token());
    context.stop();
  }
  print((*reflector)->counters(), options.json, results);
  return 0;
}

}  // namespace

Result<int> run_reflect(const ReflectOptions& options, std::ostream& results,
                        std::ostream& progress) {
  auto listen = listen_on(options);
  if (!listen) return tl::make_unexpected(listen.error());
  if (!options.test_ports.any() && !options.twamp) {
    return fail(Errc::bad_input, "reflect: --test-ports is for --twamp");
  }
  if (options.twamp && !options.key.empty()) {
    return fail(Errc::bad_input,
                "reflect: --key answers authenticated requests only, and --twamp has no "
                "authenticated mode");
  }
  auto policy = policy_of(options, listen->front().port);
  if (!policy) return tl::make_unexpected(policy.error());
  auto mode = mode_of(options);
  if (!mode) return fail(std::move(mode));
  probe::ReflectorOptions wanted;
  wanted.mode = std::move(*mode);
  wanted.any = options.any;
  wanted.listen = std::move(*listen);
  wanted.policy = std::move(*policy);
  return options.engine == Engine::dpdk ? reflect_by_dpdk(options, wanted, results, progress)
                                        : reflect_by_sockets(options, wanted, results, progress);
}

}  // namespace strait::cli
