// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/frame/cli11_names.hpp"
#include "core/address.hpp"
#include "core/duration.hpp"
#include "probe/options.hpp"
#include "probe/stamp_packet.hpp"
#include "probe/stamp_tlv.hpp"
#include "probe/twamp/test_ports.hpp"

namespace strait::cli {

using probe::Engine;

struct ReflectOptions {
  std::vector<std::string> addresses;  // "192.0.2.1", "[2001:db8::1]:8620"
  std::vector<Prefix> allow;
  Rate source_rate{1000};
  Rate total_rate{};
  std::string device;           // of the dpdk engine, in the EAL's words
  std::string key;              // a file or a credential; empty: unauthenticated
  std::size_t sessions = 4096;  // with `stateful`
  Nanos session_idle{std::chrono::minutes{15}};
  std::optional<Nanos> own_clock_error;
  probe::twamp::PortRange test_ports;      // of TWAMP's sessions
  std::uint16_t port = probe::stamp_port;  // where an address has none
  Engine engine = Engine::socket;
  probe::SyncSource clock = probe::SyncSource::unknown;
  bool any = false;  // all addresses of this machine
  bool open = false;
  bool busy = false;   // dpdk engine: poll without a pause
  bool twamp = false;  // socket engine: a TWAMP server on the same addresses
  bool stateful = false;
  bool no_location = false;
  bool same_dscp = false;
  bool json = false;
};

using RunReflect = std::function<int(const ReflectOptions&)>;  // returns the exit status

// Adds `strait reflect [ADDRESS...]`. The command only reads words into ReflectOptions; `run` does
// the work.
CLI::App* add_reflect_command(CLI::App& app, RunReflect run);

}  // namespace strait::cli
