// SPDX-License-Identifier: Apache-2.0
#include "cli/capture/watch.hpp"

#include <chrono>
#include <utility>

namespace strait::cli {
namespace {

constexpr Nanos between_figures = std::chrono::milliseconds{500};

}  // namespace

CaptureWatch::CaptureWatch(std::unique_ptr<LiveScreen> screen, FlowRank by)
    : screen_{std::move(screen)}, view_{by}, begun_{clock_.now().mono}, next_{begun_} {}

Result<CaptureWatch> CaptureWatch::open(FlowRank by) {
  auto screen = LiveScreen::open("capture", "--json");
  if (!screen) return tl::make_unexpected(screen.error());
  return CaptureWatch{std::move(*screen), by};
}

bool CaptureWatch::show(probe::passive::Meter& meter,
                        std::span<const probe::passive::LiveCapture> captures) {
  const MonoTime now = clock_.now().mono;
  if (now >= next_) {
    next_ = now + between_figures;
    CaptureView::Totals totals{
        .flows = meter.tally().flows, .packets = meter.tally().packets, .elapsed = now - begun_};
    for (const auto& capture : captures) totals.dropped += capture.tally().dropped;
    view_.update(meter.largest(most_rows), totals);
    screen_->draw(view_.render(screen_->size(), screen_->unicode()));
  }
  const LiveScreen::Key key = screen_->wait_key(Nanos{0});
  if (key == LiveScreen::Key::none) return true;
  const bool goes_on = obey(key, view_, screen_->size().rows);
  screen_->draw(view_.render(screen_->size(), screen_->unicode()));
  return goes_on;
}

}  // namespace strait::cli
