// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

#include "core/address.hpp"
#include "probe/error_kind.hpp"

namespace strait::probe {

// An ICMP error about a probe: what it says and who said so. Anybody who sees the probe can forge
// one, so it names a loss and never makes one.
struct Rejection {
  ErrorKind kind = ErrorKind::icmp_other;
  Address by;

  friend bool operator==(const Rejection&, const Rejection&) = default;
  friend bool operator<(const Rejection& a, const Rejection& b) {
    return std::tie(a.kind, a.by) < std::tie(b.kind, b.by);
  }
};

// By kind and sender; an unspecified address (0.0.0.0) stands for all senders beyond the first
// `Rejections::most_senders`.
using RejectionCounts = std::map<Rejection, std::uint64_t>;

// The ICMP errors of one session. Memory is bounded: the senders by a number, the probes that wait
// for their time-out by the caller, who calls keep_only().
class Rejections {
 public:
  static constexpr std::size_t most_senders = 32;  // of one session, each kind counting

  void count(const Rejection& rejection);
  [[nodiscard]] const RejectionCounts& counts() const { return counts_; }

  // The probe was refused and may yet be answered. The first rejection of a probe names its loss.
  void expect_loss(std::uint32_t sequence, const Rejection& rejection) {
    waiting_.emplace(sequence, rejection);
  }
  // Why the probe was lost, if anybody said; forgets it.
  [[nodiscard]] std::optional<Rejection> take(std::uint32_t sequence);

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  // Forgets the probes of which `open` says no.
  template <class Open>
  void keep_only(Open open) {
    std::erase_if(waiting_, [&](const auto& entry) { return !open(entry.first); });
  }

 private:
  RejectionCounts counts_;
  std::map<std::uint32_t, Rejection> waiting_;  // by sequence number
};

}  // namespace strait::probe
