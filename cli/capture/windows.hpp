// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/capture/places.hpp"
#include "core/window.hpp"
#include "probe/passive/flow_report.hpp"

namespace strait::cli {

// Puts round trips to ends that are not local into windows as the active engines make them: a
// session for each path, place and method. Not thread-safe.
class CaptureWindows {
 public:
  // `by` is not the path. `source`: of the packets' times. `places` must outlive it.
  CaptureWindows(GroupBy by, Nanos length, StampSource source, Places& places);

  void add(const probe::passive::RoundTrip& trip);
  // The windows into which nothing more can come, by time. `now`: of the newest packet, or the
  // clock of a live capture.
  [[nodiscard]] std::vector<Window> close(WallTime now);
  // All that are left.
  [[nodiscard]] std::vector<Window> finish();
  [[nodiscard]] std::vector<Window> open() const;

  // Of the targets, where they are known.
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& regions() const {
    return regions_;
  }
  // Round trips whose window had been closed, and those of sessions for which there was no room.
  [[nodiscard]] std::uint64_t late() const { return late_; }
  [[nodiscard]] std::uint64_t without_room() const { return without_room_; }

 private:
  struct Key {
    std::int64_t slot = 0;  // windows since 1970
    probe::passive::PathNumber path = probe::passive::no_path;
    probe::passive::Method method = probe::passive::Method::handshake;
    PlaceKey place;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  [[nodiscard]] bool has_room(Key key);
  [[nodiscard]] Window begin(const Key& key, const Address& address);

  GroupBy by_;
  Nanos length_;
  StampSource source_;
  Places& places_;
  std::map<Key, Window> open_;
  std::set<Key> sessions_;  // ever, with slot 0
  std::int64_t first_open_slot_ = 0;
  std::map<std::string, std::string, std::less<>> regions_;
  std::uint64_t late_ = 0;
  std::uint64_t without_room_ = 0;
};

}  // namespace strait::cli
