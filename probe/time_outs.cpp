// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "probe/prober_impl.hpp"

namespace strait::probe {
namespace {

constexpr Nanos look_again = std::chrono::milliseconds{1};

}  // namespace

// Wakes the session for its next slot or its next time-out, whichever comes first.
void Prober::Impl::requeue(std::uint32_t index, MonoTime now) {
  Session& session = sessions_[index];
  if (session.in_wheel) return;
  MonoTime due = session.sending ? session.slots.schedule.next() : MonoTime::max();
  if (const Probe* probe = session.matcher.oldest(); probe != nullptr) {
    const MonoTime time_out = probe->sent_mono + session.timeout + Nanos{1};
    // Overdue but undecided: it waits for its transmit stamp, or replies are still unread.
    due = std::min(due, time_out > now ? time_out : now + look_again);
  }
  if (due == MonoTime::max()) {
    note_idle(session);
    return;
  }
  session.in_wheel = true;
  wheel_.insert(index, due);
}

// `now` must be a time at which all that had arrived has been judged since.
void Prober::Impl::expire(std::uint32_t index, MonoTime now) {
  Session& session = sessions_[index];
  while (Probe* const probe = session.matcher.oldest()) {
    if (probe->state != Probe::State::outstanding) return;
    if (now - probe->sent_mono <= session.timeout) return;
    lose(index, *probe);
  }
}

void Prober::Impl::lose(std::uint32_t index, Probe& probe) {
  probe.state = Probe::State::lost;
  --outstanding_;
  ++tally_of(index, probe).lost;
  Outcome seen = outcome(index, probe, Fate::lost);
  if (const auto& refused = records_[index].rejections)
    seen.refused = refused->take(probe.sequence);
  report(seen);
  Session& session = sessions_[index];
  if (!session.sending) note_idle(session);
}

void Prober::Impl::note_idle(Session& session) {
  if (!session.active || session.sending || session.matcher.oldest() != nullptr) return;
  session.active = false;
  --active_;
}

}  // namespace strait::probe
