// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/config.hpp"
#include "core/window.hpp"
#include "probe/pin_check.hpp"
#include "probe/prober.hpp"

namespace strait::probe {

enum class Engine : std::uint8_t { socket, dpdk };
[[nodiscard]] std::string_view to_string(Engine engine);

// Table [probe]: how every session is run unless it says otherwise.
struct ProbeOptions {
  Engine engine = Engine::socket;
  Nanos interval{100'000'000};
  ScheduleKind schedule = ScheduleKind::periodic;
  double jitter = 0.1;  // share of the interval
  Nanos timeout{3'000'000'000};
  Nanos window{60'000'000'000};
  std::size_t payload = 44;  // octets of UDP payload or ICMP data
  std::uint8_t dscp = 0;
  std::uint8_t hop_limit = 255;
  TimestampFormat timestamps = TimestampFormat::ntp;
  bool twamp_light = false;
  bool require_ssid = false;
  StampExtras extras;  // of STAMP targets, whose payload grows by what these need
  Nanos clock_error_limit{1'000'000};
  std::optional<Nanos> own_clock_error;  // the operator's word
  Nanos uncertainty_limit{250'000};
  std::uint16_t flows = 1;  // of each session, which they share out among them
  PinMode pin_check = PinMode::enforce;
  Nanos pin_check_interval{std::chrono::minutes{5}};  // and of the MTU
  bool mtu_check = true;
};

inline constexpr std::uint16_t most_flows = 64;

// One [[target]]: an address that answers probes.
struct Target {
  std::string name;
  Address address;
  Protocol protocol = Protocol::icmp;
  std::uint16_t port = stamp_port;  // of UDP and TCP; of TWAMP's control connection
  std::string region;               // "europe"; empty: none
  double weight = 1;
  bool force_rate = false;  // of TCP: more than one SYN a second, though it is foreign
  std::string place;        // id of a place of the catalogue, for the floor; empty: unknown
  std::shared_ptr<const HmacKey> key;  // instead of that of [probe]; null: no other
};

// Where the far end of a protocol listens unless the target says otherwise; 0: it has no ports.
[[nodiscard]] std::uint16_t default_port(Protocol protocol);

// Both record mistakes in the table; the caller looks at ConfigDocument::errors().
[[nodiscard]] ProbeOptions read_probe_options(ConfigTable root);
[[nodiscard]] std::vector<Target> read_targets(ConfigTable root);

// The session that times `target` on `path`, pinned by `pin`; with all its flows as one.
[[nodiscard]] SessionSpec session_spec(const ProbeOptions& options, const Target& target,
                                       std::string path, PathPin pin);
// The same probes shared out among flows, each with a five-tuple of its own that stays the same
// (Paris): an interval `flows` times as long, and a share of the count, which must be 0 or enough
// for one probe each.
[[nodiscard]] std::vector<SessionSpec> flows_of(const SessionSpec& session, std::uint16_t flows);
// The smallest payload that is no smaller than `size` and that these extras allow.
[[nodiscard]] std::size_t payload_with(const StampExtras& extras, std::size_t size);
[[nodiscard]] ProberOptions prober_options(const ProbeOptions& options);

}  // namespace strait::probe
