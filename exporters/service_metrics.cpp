// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <type_traits>

#include "exporters/metric_table.hpp"
#include "exporters/process_usage.hpp"

namespace strait::exporters {
namespace {

using prometheus::MetricType;
using Samples = MetricSpec::Samples;

void packets(const Snapshot& snapshot, Samples& samples) {
  for (const EngineSnapshot& each : snapshot.engines) {
    samples.push_back(
        counter({{"engine", each.engine}, {"direction", "sent"}}, each.counters.sent));
    samples.push_back(
        counter({{"engine", each.engine}, {"direction", "received"}}, each.counters.received));
  }
}

template <std::map<std::string, std::uint64_t, std::less<>> probe::TransportCounters::* member>
void by_reason(const Snapshot& snapshot, Samples& samples) {
  for (const EngineSnapshot& each : snapshot.engines) {
    for (const auto& [reason, count] : each.counters.*member) {
      samples.push_back(counter({{"engine", each.engine}, {"reason", reason}}, count));
    }
  }
}

void poll_gap(const Snapshot& snapshot, Samples& samples) {
  for (const EngineSnapshot& each : snapshot.engines) {
    const Nanos gap = each.counters.largest_poll_gap;
    if (gap > Nanos::zero()) samples.push_back(gauge({{"engine", each.engine}}, in_seconds(gap)));
  }
}

void thread_cpu(const Snapshot& snapshot, Samples& samples) {
  for (const EngineSnapshot& each : snapshot.engines) {
    for (std::size_t thread = 0; thread < each.cpu.size(); ++thread) {
      auto metric = counter({{"engine", each.engine}, {"thread", std::to_string(thread)}}, 0);
      metric.counter.value = in_seconds(each.cpu[thread]);
      samples.push_back(std::move(metric));
    }
  }
}

template <auto member>
void clock_gauge(const Snapshot& snapshot, Samples& samples) {
  for (const EngineSnapshot& each : snapshot.engines) {
    if (!each.counters.clock) continue;
    const auto value = (*each.counters.clock).*member;
    if constexpr (std::is_same_v<decltype(value), const Nanos>) {
      samples.push_back(gauge({{"engine", each.engine}}, in_seconds(value)));
    } else {
      samples.push_back(gauge({{"engine", each.engine}}, value));
    }
  }
}

template <std::uint64_t StoreSnapshot::* member>
void store_counter(const Snapshot& snapshot, Samples& samples) {
  if (snapshot.store) samples.push_back(counter({}, (*snapshot.store).*member));
}

void store_bytes(const Snapshot& snapshot, Samples& samples) {
  if (snapshot.store) samples.push_back(gauge({}, static_cast<double>(snapshot.store->bytes)));
}

void store_last_write(const Snapshot& snapshot, Samples& samples) {
  if (!snapshot.store || !snapshot.store->last_write) return;
  samples.push_back(gauge({}, in_seconds(*snapshot.store->last_write)));
}

void cache_info(const Snapshot& snapshot, Samples& samples) {
  for (const CacheSnapshot& each : snapshot.caches) {
    samples.push_back(gauge({{"cache", each.name}, {"state", std::string{each.state}}}, 1));
  }
}

void cache_vrps(const Snapshot& snapshot, Samples& samples) {
  for (const CacheSnapshot& each : snapshot.caches) {
    if (each.vrps)
      samples.push_back(gauge({{"cache", each.name}}, static_cast<double>(*each.vrps)));
  }
}

void cache_told(const Snapshot& snapshot, Samples& samples) {
  for (const CacheSnapshot& each : snapshot.caches) {
    if (each.told) samples.push_back(gauge({{"cache", each.name}}, in_seconds(*each.told)));
  }
}

void reload_successful(const Snapshot& snapshot, Samples& samples) {
  samples.push_back(gauge({}, snapshot.config.last_reload_successful ? 1 : 0));
}

void reload_time(const Snapshot& snapshot, Samples& samples) {
  if (!snapshot.config.last_success) return;
  samples.push_back(gauge({}, in_seconds(*snapshot.config.last_success)));
}

void build_info(const Snapshot& snapshot, Samples& samples) {
  const BuildSnapshot& build = snapshot.build;
  if (build.version.empty()) return;
  samples.push_back(gauge(
      {{"version", build.version}, {"revision", build.revision}, {"compiler", build.compiler}}, 1));
}

void process_cpu(const Snapshot&, Samples& samples) {
  prometheus::ClientMetric metric;
  const auto cpu = process_usage().cpu;
  if (!cpu) return;
  metric.counter.value = in_seconds(*cpu);
  samples.push_back(std::move(metric));
}

template <std::optional<std::uint64_t> ProcessUsage::* member>
void process_gauge(const Snapshot&, Samples& samples) {
  const std::optional<std::uint64_t> value = process_usage().*member;
  if (value) samples.push_back(gauge({}, static_cast<double>(*value)));
}

void process_start(const Snapshot&, Samples& samples) {
  if (const auto start = process_usage().started) samples.push_back(gauge({}, in_seconds(*start)));
}

constexpr std::array table{
    MetricSpec{"strait_transport_packets_total", MetricType::Counter,
               "Packets that an engine has sent and received, checks of pins aside.", packets},
    MetricSpec{"strait_engine_errors_total", MetricType::Counter,
               "What went wrong in an engine, by reason: sends that it could not do, frames that a "
               "device missed, links that were lost.",
               by_reason<&probe::TransportCounters::errors>},
    MetricSpec{"strait_ignored_packets_total", MetricType::Counter,
               "Foreign packets that an engine has seen and left alone, by reason.",
               by_reason<&probe::TransportCounters::ignored>},
    MetricSpec{"strait_poll_gap_seconds", MetricType::Gauge,
               "Largest time between two polls of the device since the last reading.", poll_gap},
    MetricSpec{"strait_probe_cpu_seconds_total", MetricType::Counter,
               "CPU time of each probing thread: its rate is the share of a core.", thread_cpu},
    MetricSpec{"strait_tsc_hertz", MetricType::Gauge,
               "Rate of the CPU's counter that an engine keeps time by, as measured.",
               clock_gauge<&probe::CounterClock::hertz>},
    MetricSpec{
        "strait_tsc_slew_ratio", MetricType::Gauge,
        "How much faster CLOCK_MONOTONIC runs than CLOCK_MONOTONIC_RAW: drift, as NTP sees it.",
        clock_gauge<&probe::CounterClock::slew>},
    MetricSpec{"strait_tsc_error_seconds", MetricType::Gauge,
               "How far an engine's clock may be from CLOCK_MONOTONIC.",
               clock_gauge<&probe::CounterClock::error>},
    MetricSpec{"strait_store_windows_written_total", MetricType::Counter,
               "Windows written to the store.", store_counter<&StoreSnapshot::windows_written>},
    MetricSpec{"strait_store_write_failures_total", MetricType::Counter,
               "Batches that the store refused.", store_counter<&StoreSnapshot::write_failures>},
    MetricSpec{"strait_store_size_bytes", MetricType::Gauge, "Size of the database file.",
               store_bytes},
    MetricSpec{"strait_store_last_write_timestamp_seconds", MetricType::Gauge,
               "When the store last took a batch.", store_last_write},
    MetricSpec{
        "strait_rpki_cache_info", MetricType::Gauge,
        "State of a cache of RPKI data (fresh, stale, expired, waiting); the value is always "
        "1.",
        cache_info},
    MetricSpec{"strait_rpki_cache_vrps", MetricType::Gauge,
               "Validated ROA Payloads of a cache's newest whole answer.", cache_vrps},
    MetricSpec{"strait_rpki_cache_told_timestamp_seconds", MetricType::Gauge,
               "When a cache last told all that it has, or that nothing had changed.", cache_told},
    MetricSpec{"strait_config_last_reload_successful", MetricType::Gauge,
               "1 when the newest configuration was taken, 0 when it was refused.",
               reload_successful},
    MetricSpec{"strait_config_last_reload_success_timestamp_seconds", MetricType::Gauge,
               "When a configuration was last taken.", reload_time},
    MetricSpec{"strait_build_info", MetricType::Gauge,
               "What this program was built from; the value is always 1.", build_info},
    MetricSpec{"process_cpu_seconds_total", MetricType::Counter,
               "User and system CPU time of the process.", process_cpu},
    MetricSpec{"process_resident_memory_bytes", MetricType::Gauge, "Resident memory.",
               process_gauge<&ProcessUsage::resident_bytes>},
    MetricSpec{"process_virtual_memory_bytes", MetricType::Gauge, "Virtual memory.",
               process_gauge<&ProcessUsage::virtual_bytes>},
    MetricSpec{"process_open_fds", MetricType::Gauge, "Open file descriptors.",
               process_gauge<&ProcessUsage::open_files>},
    MetricSpec{"process_max_fds", MetricType::Gauge, "Most file descriptors that may be open.",
               process_gauge<&ProcessUsage::max_open_files>},
    MetricSpec{"process_start_time_seconds", MetricType::Gauge,
               "When the process started, in seconds since 1970.", process_start},
};

}  // namespace

std::span<const MetricSpec> service_metrics() { return table; }

}  // namespace strait::exporters
