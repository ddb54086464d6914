// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "exporters/snapshot.hpp"

namespace strait::exporters::samples {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// 2026-11-23T16:45:00Z
inline constexpr WallTime start{seconds{1'795'452'300}};

// One minute of 600 probes, one of them lost, with round-trip times from `base` upwards.
inline Window window(const std::string& path, const std::string& target, WallTime begin,
                     Nanos base = milliseconds{19}) {
  Window window;
  window.session = {.path = path, .target = target, .protocol = Protocol::stamp, .dscp = 0};
  window.start = begin;
  window.length = minutes{1};
  window.counts = {.scheduled = 600,
                   .missed = 0,
                   .sent = 600,
                   .received = 599,
                   .lost = 1,
                   .late = 1,
                   .duplicate = 2,
                   .reordered = 3,
                   .errors = {{"wrong-source", 4}}};
  for (int i = 0; i < 599; ++i) {
    window.rtt.record(base + Nanos{i * 1000});
    window.lag.record(Nanos{20'000 + i});
  }
  window.source = StampSource::kernel;
  window.uncertainty = Nanos{1500};
  return window;
}

inline SessionSnapshot session(const std::string& path, const std::string& region,
                               const std::string& target) {
  SessionSnapshot session;
  session.region = region;
  session.newest = window(path, target, start);
  session.total = *session.newest;
  merge(session.total, window(path, target, start - minutes{1}));
  return session;
}

inline analyzer::Evidence evidence(const std::string& path, const std::string& region) {
  analyzer::Evidence evidence;
  evidence.path = path;
  evidence.traffic_class = region;
  evidence.from = start;
  evidence.to = start + minutes{1};
  evidence.windows = 1;
  evidence.samples = 599;
  evidence.rtt = {
      {.q = 0.5,
       .value = Nanos{19'300'000},
       .low = Nanos{19'250'000},
       .high = Nanos{19'350'000},
       .probes = 600},
      {.q = 0.95,
       .value = Nanos{19'570'000},
       .low = Nanos{19'550'000},
       .high = Nanos{19'590'000},
       .probes = 600},
      // Too small a sample to bound p99 from above.
      {.q = 0.99, .value = Nanos{19'597'000}, .low = Nanos{19'590'000}, .high = {}, .probes = 600}};
  evidence.min = milliseconds{19};
  evidence.pdv = Nanos{593'000};
  evidence.ipdv = analyzer::PacketVariation{
      .pairs = 596, .p50 = Nanos{110'000}, .p95 = Nanos{290'000}, .p99 = Nanos{480'000}};
  evidence.loss = {.value = 1.0 / 600, .low = 0.0003, .high = 0.0094, .hits = 1, .trials = 600};
  evidence.floor = milliseconds{16};
  evidence.stretch = 19.0 / 16;
  evidence.detour_km = 306.5;
  evidence.adequacy = analyzer::Adequacy::adequate;
  evidence.source = StampSource::kernel;
  evidence.uncertainty = Nanos{1500};
  return evidence;
}

// Two flows, 3 ms apart.
inline analyzer::StreamFlows two_flows(const std::string& target) {
  std::vector<analyzer::FlowDelays> flows(2);
  flows[1].flow = 1;
  flows[0].rtt.record(milliseconds{19}, 40);
  flows[1].rtt.record(milliseconds{22}, 40);
  return {.target = target,
          .protocol = Protocol::stamp,
          .dscp = 0,
          .by_flow = analyzer::cluster_members(flows)};
}

inline analyzer::Evidence insufficient(const std::string& path, const std::string& region) {
  analyzer::Evidence evidence;
  evidence.path = path;
  evidence.traffic_class = region;
  evidence.from = start;
  evidence.to = start + minutes{1};
  evidence.windows = 1;
  evidence.samples = 41;
  evidence.rtt = {
      {.q = 0.5,
       .value = Nanos{31'000'000},
       .low = Nanos{30'900'000},
       .high = Nanos{31'100'000},
       .probes = 41},
      {.q = 0.95, .value = Nanos{31'400'000}, .low = Nanos{31'300'000}, .high = {}, .probes = 41}};
  evidence.min = milliseconds{30};
  evidence.loss = {.value = 0, .low = 0, .high = 0.0857, .hits = 0, .trials = 41};
  evidence.adequacy_reason = "41 probes, p95 needs 72";
  return evidence;
}

inline analyzer::Verdict verdict() {
  analyzer::Verdict verdict;
  verdict.traffic_class = "europe";
  verdict.ruling = analyzer::Ruling::prefer;
  verdict.path = "atlas-offshore";
  verdict.previous = "loukkos";
  verdict.reason = "p95 is 3.1 ms lower [2.9, 3.3] for 3 windows";
  verdict.ranking = {{.path = "atlas-offshore",
                      .eligible = true,
                      .reason = "p95 19.6 ms",
                      .difference = Nanos{-3'100'000},
                      .difference_low = Nanos{-3'300'000},
                      .difference_high = Nanos{-2'900'000}},
                     {.path = "loukkos",
                      .eligible = false,
                      .reason = "41 probes, p95 needs 72",
                      .difference = {},
                      .difference_low = {},
                      .difference_high = {}}};
  verdict.gain = Nanos{3'100'000};
  verdict.gain_low = Nanos{2'900'000};
  verdict.gain_high = Nanos{3'300'000};
  verdict.gain_wanted = Nanos{1'000'000};
  verdict.rival = "atlas-offshore";
  verdict.streak = 3;
  verdict.chance = 0.25;
  verdict.at = start + minutes{1} + Nanos{123'456'789};
  verdict.hold_until = start + minutes{11};
  return verdict;
}

// Of a part of its class.
inline analyzer::Verdict part_verdict() {
  analyzer::Verdict part = verdict();
  part.traffic_class = "europe:FR";
  part.whole = "europe";
  part.path = "loukkos";
  part.previous = "loukkos";
  return part;
}

inline Snapshot snapshot() {
  Snapshot snapshot;
  snapshot.at = start + minutes{1};
  snapshot.first_window = start;
  snapshot.sessions = {session("atlas-offshore", "europe", "192.0.2.1"),
                       session("loukkos", "europe", "192.0.2.1")};
  for (SessionSnapshot& each : snapshot.sessions) {
    each.total.forward.record(milliseconds{9});
    each.total.reverse.record(milliseconds{10});
    each.newest->far.dscp = 46;
    each.newest->forward.record(milliseconds{9});
    each.newest->clocks = {.state = ClockState::usable,
                           .error = Nanos{300'000},
                           .raw_forward = Nanos{9'000'000},
                           .raw_reverse = Nanos{10'000'000}};
  }
  routes::Path atlas;
  atlas.name = "atlas-offshore";
  atlas.segments = {"atlas-offshore", "fr-mars-paris"};
  atlas.countries = {"FR"};
  atlas.risk_groups = {"asilah"};
  atlas.one_way_floor = milliseconds{8};
  atlas.upstream_asn = Asn{64501};
  snapshot.paths = {{.path = atlas, .engine = "socket"}};
  probe::TransportCounters counters;
  counters.sent = 1200;
  counters.received = 1198;
  counters.errors = {{"send-would-block", 2}};
  counters.ignored = {{"not-ours", 7}};
  counters.largest_poll_gap = Nanos{40'000};
  counters.clock = probe::CounterClock{2.4e9, 1e-6, Nanos{40}};
  snapshot.engines = {
      {.engine = "socket", .counters = counters, .cpu = {std::chrono::milliseconds{1500}}}};
  snapshot.newest = {evidence("atlas-offshore", "europe"), insufficient("loukkos", "europe")};
  snapshot.evidence = snapshot.newest;
  snapshot.evidence[0].flows = {two_flows("192.0.2.1")};
  snapshot.evidence[0].great_circle = analyzer::GreatCircle{
      .target = "192.0.2.1", .round_trip = milliseconds{10}, .stretch = 1.9, .detour_km = 919};
  snapshot.evidence[0].one_way = {{.target = "192.0.2.1",
                                   .dscp = 46,
                                   .samples = 599,
                                   .forward = milliseconds{8},
                                   .reverse = milliseconds{11},
                                   .error = Nanos{300'000}}};
  snapshot.verdicts = {verdict()};
  snapshot.weights = {
      {.target = "192.0.2.1", .traffic_class = "europe", .weight = 0.75, .by_traffic = true}};
  snapshot.memory["europe"] = {.path = "atlas-offshore",
                               .changed = start,
                               .challenger = {},
                               .streak = 0,
                               .judged = start,
                               .displaced = "loukkos",
                               .forced = true,
                               .penalty = 1.5,
                               .better = 0,
                               .against = {}};
  snapshot.coverage = {{.traffic_class = "europe",
                        .prefixes = 8,
                        .preferred = 4,
                        .in_measured = 6,
                        .in_split = 2,
                        .weight_in_measured = 0.75,
                        .weight_in_split = 0.5,
                        .by_traffic = true,
                        .traffic_share = 0.25,
                        .measured = 4,
                        .unmeasured = 2,
                        .split = 1,
                        .left_out = 1}};
  routes::Plan plan;
  plan.preferences = {{.traffic_class = "europe",
                       .path = "atlas-offshore",
                       .protocol = "up1",
                       .local_pref = LocalPref{200},
                       .prefixes = {},
                       .reason = "faster"}};
  plan.expires = start + minutes{5};
  snapshot.plan = std::make_shared<const routes::Plan>(plan);
  snapshot.plan_waits = true;
  probe::PinState pin;
  pin.path = "atlas-offshore";
  pin.standing = probe::PinStanding::ok;
  pin.checked = start;
  snapshot.pins = {pin};
  probe::MtuState mtu;
  mtu.path = "atlas-offshore";
  mtu.standing = probe::MtuStanding::ok;
  mtu.mtu = 1500;
  mtu.octets = 1500;
  snapshot.mtus = {mtu};
  snapshot.windows_refused = {{"atlas-offshore", 2}};
  snapshot.config.last_success = start;
  snapshot.caches = {{.name = "rpki.example.net:323", .state = "stale", .vrps = 7, .told = start}};
  snapshot.store = {.windows_written = 4, .write_failures = 0, .bytes = 4096, .last_write = start};
  snapshot.build = {.version = "0.1.0", .revision = "abc", .compiler = "g++ 12"};
  return snapshot;
}

}  // namespace strait::exporters::samples
