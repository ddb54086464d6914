// SPDX-License-Identifier: Apache-2.0
#include "probe/rejections.hpp"

namespace strait::probe {

void Rejections::count(const Rejection& rejection) {
  const auto known = counts_.find(rejection);
  if (known != counts_.end()) {
    ++known->second;
    return;
  }
  const bool full = counts_.size() >= most_senders;
  ++counts_[full ? Rejection{.kind = rejection.kind, .by = {}} : rejection];
}

std::optional<Rejection> Rejections::take(std::uint32_t sequence) {
  const auto found = waiting_.find(sequence);
  if (found == waiting_.end()) return std::nullopt;
  Rejection rejection = found->second;
  waiting_.erase(found);
  return rejection;
}

}  // namespace strait::probe
