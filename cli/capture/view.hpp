// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/capture/command.hpp"
#include "cli/terminal/live_view.hpp"
#include "core/duration.hpp"
#include "probe/passive/flow_report.hpp"

namespace strait::cli {

// What `strait capture --live` shows, without a terminal: flows in, lines out.
class CaptureView {
 public:
  enum class Sort : std::uint8_t { octets, p95, retransmissions, rate };
  struct Totals {
    std::uint64_t flows = 0;  // ever seen, also those that are not shown
    std::uint64_t packets = 0;
    std::uint64_t dropped = 0;  // by the kernel or the card
    Nanos elapsed{};
  };

  explicit CaptureView(FlowRank by) : sort_{static_cast<Sort>(by)} {}

  // Takes flows as they stand since the beginning. What they have carried since the call before is
  // their rate.
  void update(std::span<const probe::passive::FlowReport> flows, const Totals& totals);

  void toggle_pause() { paused_ = !paused_; }
  [[nodiscard]] bool paused() const { return paused_; }
  void next_sort();
  [[nodiscard]] Sort sort() const { return sort_; }
  void scroll(int rows);

  // At most `size.rows` lines of at most `size.columns` characters.
  [[nodiscard]] std::vector<LiveView::Line> render(const LiveView::Size& size, bool unicode);

 private:
  // Round trips to one end.
  struct Trips {
    std::optional<Nanos> min;
    std::optional<Nanos> p50;
    std::optional<Nanos> p95;
    bool any = false;
  };
  struct Row {
    std::string client;
    std::string server;
    std::uint64_t octets = 0;
    std::uint64_t again = 0;     // segments sent again, or missing until later
    std::optional<double> rate;  // bit/s; nothing for a flow that has just come
    Trips to_server;
    Trips to_client;
    bool ended = false;
    bool loses = false;  // since the call before
  };
  struct Before {
    std::uint64_t octets = 0;
    std::uint64_t again = 0;
  };
  struct Figure;
  struct Layout;
  [[nodiscard]] static std::span<const Figure> figures();
  [[nodiscard]] static Trips trips_of(const Sketch& rtt);
  [[nodiscard]] Layout layout(std::size_t columns) const;
  [[nodiscard]] static std::string header(const Layout& layout, bool unicode);
  [[nodiscard]] static std::string text_of(const Row& row, const Layout& layout, bool unicode);
  [[nodiscard]] std::string title() const;
  [[nodiscard]] std::string help() const;
  void sort_rows();

  std::vector<Row> rows_;
  std::map<std::string, Before> before_;  // by both ends and the protocol
  Totals totals_;
  Sort sort_;
  std::size_t top_ = 0;  // the first row that is shown
  bool paused_ = false;
};

}  // namespace strait::cli
