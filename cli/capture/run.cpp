// SPDX-License-Identifier: Apache-2.0
// Packets of the files -> meter -> flows, which are written as they end, or ranked.
#include "cli/capture/run.hpp"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <optional>
#include <ostream>
#include <tuple>
#include <utility>

#include "cli/capture/export.hpp"
#include "cli/capture/groups.hpp"
#include "cli/capture/report.hpp"
#include "cli/capture/traffic.hpp"
#include "cli/capture/watch.hpp"
#include "cli/frame/exit_status.hpp"
#include "cli/terminal/stop_signals.hpp"
#include "core/clock.hpp"
#include "core/file.hpp"
#include "exporters/traffic_json.hpp"
#include "probe/passive/live_capture.hpp"

namespace strait::cli {
namespace {

namespace passive = probe::passive;

constexpr std::uint32_t usual_top = 20;
constexpr Nanos weights_interval = std::chrono::minutes{1};  // of a live capture

std::int64_t worst_p95(const passive::FlowReport& flow) {
  std::int64_t worst = -1;
  for (const passive::SenderReport* const sender : {&flow.client, &flow.server}) {
    if (const auto p95 = flow_quantile(sender->best(), 0.95)) worst = std::max(worst, p95->count());
  }
  return worst;
}

// The first flows by what they are ranked by; among equals the larger, then the earlier ones.
class TopFlows {
 public:
  TopFlows(std::size_t most, FlowRank by) : most_{most}, by_{by} {}

  void add(const passive::FlowReport& flow) {
    const auto rank = rank_of(flow);
    if (flows_.size() == most_ && !greater(rank, flows_.front().rank)) return;
    if (flows_.size() == most_) {
      std::ranges::pop_heap(flows_, before);
      flows_.pop_back();
    }
    flows_.push_back({.rank = rank, .flow = flow});
    std::ranges::push_heap(flows_, before);
  }
  [[nodiscard]] std::vector<passive::FlowReport> take() {
    std::ranges::sort(flows_, before);
    std::vector<passive::FlowReport> all;
    all.reserve(flows_.size());
    for (Ranked& ranked : flows_) all.push_back(std::move(ranked.flow));
    return all;
  }

 private:
  using Rank = std::tuple<std::int64_t, std::uint64_t, std::int64_t, std::uint64_t>;
  struct Ranked {
    Rank rank;
    passive::FlowReport flow;
  };
  static bool greater(const Rank& a, const Rank& b) { return b < a; }
  static bool before(const Ranked& a, const Ranked& b) { return greater(a.rank, b.rank); }

  Rank rank_of(const passive::FlowReport& flow) {
    const std::uint64_t octets = flow.client.octets + flow.server.octets;
    std::int64_t key = 0;
    if (by_ == FlowRank::p95) key = worst_p95(flow);
    if (by_ == FlowRank::retransmissions) {
      key = static_cast<std::int64_t>(losses(flow.client.signs) + losses(flow.server.signs));
    }
    return {key, octets, -flow.first.time_since_epoch().count(), ~count_++};
  }

  std::size_t most_;
  FlowRank by_;
  std::uint64_t count_ = 0;
  std::vector<Ranked> flows_;  // a heap, the last one in front
};

// A signal that comes while a slow reader holds up a write would cut that short, and lose lines.
void go_on_writing() {
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action{};
    ::sigaction(signal, nullptr, &action);
    action.sa_flags = static_cast<int>(static_cast<unsigned>(action.sa_flags) | SA_RESTART);
    ::sigaction(signal, &action, nullptr);
  }
}

class Capture {
 public:
  Capture(const CaptureOptions& options, const CaptureStreams& streams, Places& places)
      : options_{options},
        streams_{streams},
        places_{places},
        ranks_{options.top.has_value() || !(options.json || options.csv)},
        groups_{options.group, places},
        traffic_{places},
        top_{options.top.value_or(usual_top), options.by},
        meter_{meter_options(options, places),
               [this](const passive::FlowReport& flow) { take(flow); }} {
    if (options.samples || options.exports()) {
      meter_.set_round_trip_sink([this](const passive::RoundTrip& trip) { take(trip); });
    }
    if (!options.weights.empty()) {
      meter_.set_packet_sink([this](const passive::Decoded& packet) { traffic_.add(packet); });
    }
  }

  Result<int> run() {
    auto exported = CaptureExport::open(options_, places_, streams_.results);
    if (!exported) return tl::make_unexpected(exported.error());
    export_ = std::move(*exported);
    if (options_.csv) {
      streams_.results << (is_grouped() ? group_csv_header() : flow_csv_header()) << '\n';
    }
    if (auto read = options_.interfaces.empty() ? read_files() : read_live(); !read) {
      return fail(std::move(read));
    }
    if (auto written = write_weights(); !written) return fail(std::move(written));
    if (export_) {
      if (auto ended = export_->finish(streams_.progress); !ended) return fail(std::move(ended));
    }
    sum_.memory_bytes = meter_.memory_bytes();
    meter_.finish();
    sum_.meter = meter_.tally();
    sum_.tcp = meter_.tcp_tally();
    write_end();
    streams_.progress << damage_text(sum_);
    const bool failed = is_damaged(sum_) || sum_.meter.flows == 0;
    return failed ? exit_failed : places_.status();
  }

 private:
  static passive::MeterOptions meter_options(const CaptureOptions& options, const Places& places) {
    passive::MeterOptions meter;
    meter.decode = {.gre = options.gre, .vxlan = options.vxlan, .stamp_ports = options.stamp_ports};
    meter.tcp.sequence_always = options.all_methods;
    meter.max_flows = options.max_flows;
    meter.max_busy = options.max_busy;
    meter.paths = places.paths();
    return meter;
  }

  // A file that cannot be read does not take the others' packets away. The error: none could.
  Result<void> read_files() {
    std::optional<Error> error;
    for (const std::string& file : options_.files) {
      auto reader = passive::CaptureReader::open(file);
      if (!reader) {
        error = reader.error();
        sum_.unread.push_back({.file = file_name(file), .error = error->message});
      } else if (auto read = read_file(file, *reader); !read) {
        return read;
      }
    }
    if (error && sum_.files.empty()) return tl::make_unexpected(std::move(*error));
    return {};
  }

  static std::string file_name(const std::string& file) {
    return file == "-" ? "standard input" : file;
  }

  Result<void> read_file(const std::string& file, passive::CaptureReader& reader) {
    std::vector<passive::CapturedPacket> room(256);
    while (const std::size_t count = reader.read(room)) {
      meter_.add(std::span{room}.first(count));
      if (!export_) continue;
      if (auto told = export_->tick(); !told) return told;
    }
    sum_.files.push_back({.file = file_name(file), .tally = reader.tally()});
    return {};
  }

  [[nodiscard]] Result<std::vector<passive::LiveCapture>> open_captures() const {
    std::vector<passive::LiveCapture> captures;
    const passive::LiveOptions live{.filter = options_.filter,
                                    .snapshot = options_.snapshot,
                                    .promiscuous = options_.promiscuous};
    for (const std::string& interface : options_.interfaces) {
      const auto number = static_cast<std::uint32_t>(captures.size());
      auto capture = passive::LiveCapture::open(interface, number, live);
      if (!capture) return fail(std::move(capture));
      captures.push_back(std::move(*capture));
    }
    return captures;
  }

  Result<void> read_live() {
    auto captures = open_captures();
    if (!captures) return fail(std::move(captures));
    const StopSignals signals;
    go_on_writing();
    std::optional<CaptureWatch> watch;
    if (options_.live) {
      auto opened = CaptureWatch::open(options_.by);
      if (!opened) return fail(std::move(opened));
      watch.emplace(std::move(*opened));
    } else {
      streams_.progress << "capturing; interrupt to end\n" << std::flush;
    }
    if (auto read = read_while(*captures, watch); !read) return fail(std::move(read));
    if (auto read = read_rest(*captures); !read) return fail(std::move(read));
    for (const passive::LiveCapture& capture : *captures) {
      const passive::LiveTally counted = capture.tally();
      passive::ReadTally tally;
      tally.packets = counted.packets;
      tally.dropped = counted.dropped;
      sum_.files.push_back({.file = capture.interface(), .tally = std::move(tally)});
    }
    return {};
  }

  // Until the time is over or somebody asks to stop.
  Result<void> read_while(std::span<passive::LiveCapture> captures,
                          std::optional<CaptureWatch>& watch) {
    const SystemClock clock;
    const MonoTime begun = clock.now().mono;
    const auto is_over = [&] {
      return options_.duration && clock.now().mono - begun >= *options_.duration;
    };
    while (!StopSignals::raised() && !is_over()) {
      passive::wait_for_any(captures, std::chrono::milliseconds{100});
      if (auto read = read_from(captures); !read) return tl::make_unexpected(read.error());
      if (auto told = tell_others(clock.now()); !told) return told;
      if (watch && !watch->show(meter_, captures)) break;
    }
    return {};
  }

  // What others read of a live capture meanwhile.
  Result<void> tell_others(const Instant& now) {
    if (export_) {
      if (auto told = export_->tick(now.wall); !told) return told;
    }
    if (!next_weights_) next_weights_ = now.mono + weights_interval;
    if (now.mono < *next_weights_) return {};
    next_weights_ = now.mono + weights_interval;
    return write_weights();
  }

  // What the kernel still holds, unless more comes than can be read.
  Result<void> read_rest(std::span<passive::LiveCapture> captures) {
    const SystemClock clock;
    const MonoTime end = clock.now().mono + std::chrono::seconds{1};
    for (bool more = true; more && clock.now().mono < end;) {
      passive::wait_for_any(captures, std::chrono::milliseconds{30});
      const auto read = read_from(captures);
      if (!read) return tl::make_unexpected(read.error());
      more = *read > 0;
    }
    return {};
  }

  // How many packets there were.
  Result<std::size_t> read_from(std::span<passive::LiveCapture> captures) {
    std::size_t count = 0;
    for (passive::LiveCapture& capture : captures) {
      const auto packets = capture.read();
      if (!packets) return tl::make_unexpected(packets.error());
      meter_.add(*packets);
      count += packets->size();
    }
    return count;
  }

  void take(const passive::RoundTrip& trip) {
    if (export_) export_->add(trip);
    if (options_.samples) streams_.results << to_json(places_.shown(trip)) << '\n';
  }

  void take(const passive::FlowReport& flow) {
    sum_.to_servers.merge(flow.client.best());
    sum_.to_clients.merge(flow.server.best());
    if (options_.windows) return;
    if (is_grouped()) {
      groups_.add(flow);
    } else if (ranks_) {
      top_.add(places_.shown(flow));
    } else {
      write(places_.shown(flow));
    }
  }

  void write(const passive::FlowReport& flow) {
    streams_.results << (options_.json ? to_json(flow) : to_csv(flow)) << '\n';
  }

  // Nobody weighs by nothing: without traffic the file stays as it is.
  Result<void> write_weights() {
    if (options_.weights.empty()) return {};
    auto names = options_.interfaces;
    if (names.empty()) {
      for (const FileTally& each : sum_.files) names.push_back(each.file);
    }
    const analyzer::Traffic traffic = traffic_.traffic(std::move(names));
    if (!traffic.rows.empty()) {
      return replace_file(options_.weights, exporters::to_json_lines(traffic));
    }
    streams_.progress << "strait: no traffic yet; " << options_.weights << " stays as it is\n";
    return {};
  }

  [[nodiscard]] bool is_grouped() const { return options_.group != GroupBy::flow; }

  void write_groups() {
    if (options_.json || options_.csv) {
      for (const EndGroup& group : groups_.top(options_.top, options_.by)) {
        streams_.results << (options_.json ? to_json(group) : to_csv(group)) << '\n';
      }
      return;
    }
    const auto groups = groups_.top(options_.top.value_or(usual_top), options_.by);
    if (!groups.empty()) streams_.results << to_table(groups, streams_.colours);
    if (groups.size() < groups_.size()) {
      streams_.results << "... and " << groups_.size() - groups.size() << " more (--top)\n";
    }
  }

  void write_flows() {
    const auto flows = top_.take();
    if (options_.json || options_.csv) {
      for (const auto& flow : flows) write(flow);
      return;
    }
    if (!flows.empty()) streams_.results << to_table(flows, streams_.colours);
    if (flows.size() < sum_.meter.flows) {
      streams_.results << "... and " << sum_.meter.flows - flows.size() << " more (--top)\n";
    }
  }

  void write_end() {
    if (is_grouped()) {
      write_groups();
    } else {
      write_flows();
    }
    if (groups_.local_flows() > 0) {
      streams_.progress << "strait: " << groups_.local_flows() << " flows have both ends here\n";
    }
    if (groups_.without_room() > 0) {
      streams_.progress << "strait: " << groups_.without_room() << " ends found no room\n";
    }
    if (options_.json) streams_.results << to_json(sum_) << '\n';
    if (options_.json || options_.csv) return;
    streams_.results << to_text(sum_);
    if (options_.histogram) {
      write_histogram("to servers", sum_.to_servers);
      write_histogram("to clients", sum_.to_clients);
    }
  }

  void write_histogram(const char* what, const Sketch& rtt) {
    if (!rtt.empty()) streams_.results << what << ":\n" << histogram(rtt, streams_.canvas);
  }

  const CaptureOptions& options_;
  const CaptureStreams& streams_;
  Places& places_;
  bool ranks_;
  CaptureSum sum_;
  EndGroups groups_;
  TrafficTally traffic_;
  std::optional<MonoTime> next_weights_;
  std::unique_ptr<CaptureExport> export_;  // null: nobody asks for windows
  TopFlows top_;
  passive::Meter meter_;
};

}  // namespace

Result<int> run_capture(const CaptureOptions& options, const CaptureStreams& streams) {
  const auto places = Places::load(options, streams.progress);
  if (!places) return tl::make_unexpected(places.error());
  return Capture{options, streams, **places}.run();
}

}  // namespace strait::cli
