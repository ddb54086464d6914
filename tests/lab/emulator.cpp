// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/emulator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/lab/frame.hpp"

namespace strait::lab {
namespace {

std::string nanos(std::optional<Nanos> time) {
  return time ? fmt::format("{}", time->count()) : std::string{};
}

}  // namespace

Emulator::Emulator(std::uint64_t seed, std::ofstream log) : paths_{seed}, log_{std::move(log)} {
  if (log_.is_open()) log_ << "arrived_ns,path,direction,prefix,planned_ns,applied_ns,fate\n";
}

Result<std::size_t> Emulator::port(const std::string& interface) {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    if (ports_[i].name == interface) return i;
  }
  auto socket = PacketSocket::open(interface);
  if (!socket) return fail(std::move(socket));
  ports_.push_back({std::move(*socket), interface, {}});
  return ports_.size() - 1;
}

Result<void> Emulator::add(const AddPath& path) {
  const auto site = port(path.site_interface);
  if (!site) return tl::make_unexpected(site.error());
  const auto far = port(path.far_interface);
  if (!far) return tl::make_unexpected(far.error());
  const auto index = paths_.add(path.path);
  if (!index) return tl::make_unexpected(index.error());
  ports_[*site].ends.push_back({*index, Direction::out, path.tags, *far, {}});
  ports_[*far].ends.push_back({*index, Direction::back, {}, *site, path.tags});
  return {};
}

Result<std::string> Emulator::run(const Command& command, WallTime now) {
  Result<void> done;
  if (const auto* path = std::get_if<AddPath>(&command)) done = add(*path);
  if (const auto* set = std::get_if<SetProfile>(&command)) done = paths_.change(*set);
  if (const auto* cut = std::get_if<Cut>(&command)) done = paths_.change(*cut);
  if (const auto* repair = std::get_if<Repair>(&command)) done = paths_.change(*repair);
  if (!done) return fail(std::move(done));
  if (const auto* at = std::get_if<At>(&command)) timetable_.emplace(now + at->after, at->change);
  if (std::holds_alternative<Show>(command)) return paths_.show();
  if (std::holds_alternative<Stats>(command)) return stats();
  if (const auto* question = std::get_if<AskTruth>(&command)) return paths_.truth(*question, now);
  return std::string{};
}

std::vector<int> Emulator::fds() const {
  std::vector<int> fds;
  fds.reserve(ports_.size());
  for (const Port& port : ports_) fds.push_back(port.socket.fd());
  return fds;
}

void Emulator::receive(std::size_t port) {
  Port& in = ports_.at(port);
  in.socket.receive(
      [&](std::span<const std::byte> frame, WallTime arrived) { take(in, frame, arrived); });
}

void Emulator::clear_error(std::size_t port) { ports_.at(port).socket.clear_error(); }

void Emulator::take(Port& in, std::span<const std::byte> frame, WallTime arrived) {
  const auto vlans = vlans_of(frame);
  const auto end = std::ranges::find_if(
      in.ends, [&](const End& candidate) { return candidate.tags.vlans == vlans; });
  auto plain = end == in.ends.end() ? std::nullopt : stripped(frame, end->tags);
  if (!plain) {
    ++in.strange;
    return;
  }
  const Ruling ruling = paths_.rule(end->path, end->direction, *plain, arrived);
  if (ruling.fate != Fate::forward) {
    write_log(ruling.packet.lane, arrived, std::nullopt, std::nullopt, to_string(ruling.fate));
    return;
  }
  if (ruling.dscp) remark(*plain, *ruling.dscp);
  Held held{arrived, ruling.due, end->peer, ruling.packet, tagged(*plain, end->peer_tags)};
  line_.push(Held{held});
  if (!ruling.twice) return;
  held.packet.copy = true;
  line_.push(std::move(held));
}

void Emulator::advance(const Clock& clock) {
  const WallTime now = clock.now().wall;
  while (!timetable_.empty() && timetable_.begin()->first <= now) {
    if (const auto done = paths_.change(timetable_.begin()->second); !done) {
      fmt::print(stderr, "pathemu: timetable: {}\n", done.error().message);
    }
    timetable_.erase(timetable_.begin());
  }
  std::map<std::size_t, std::vector<Held>> by_port;
  while (auto held = line_.pop(now)) by_port[held->port].push_back(std::move(*held));
  for (const auto& [port, frames] : by_port) send(port, frames, clock);
}

void Emulator::send(std::size_t port, const std::vector<Held>& frames, const Clock& clock) {
  std::vector<std::span<const std::byte>> views;
  views.reserve(frames.size());
  for (const Held& held : frames) views.emplace_back(held.frame);
  const auto taken = ports_.at(port).socket.send(views);
  const WallTime sent = clock.now().wall;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const Held& held = frames[i];
    if (taken[i]) paths_.record_sent(held.packet, held.arrived, sent);
    write_log(held.packet.lane, held.arrived, held.due, sent, taken[i] ? "sent" : "failed");
  }
}

std::optional<WallTime> Emulator::next_due() const {
  auto next = line_.next_due();
  if (!timetable_.empty() && (!next || timetable_.begin()->first < *next)) {
    next = timetable_.begin()->first;
  }
  return next;
}

void Emulator::write_log(std::size_t lane, WallTime arrived, std::optional<WallTime> due,
                         std::optional<WallTime> sent, std::string_view fate) {
  if (!log_.is_open()) return;
  const Lane& of = paths_.lane(lane);
  const auto since_arrival = [&](std::optional<WallTime> time) {
    return nanos(time ? std::optional<Nanos>{*time - arrived} : std::nullopt);
  };
  log_ << fmt::format("{},{},{},{},{},{},{}\n", arrived.time_since_epoch().count(), of.path,
                      to_string(of.direction), to_string(of.key), since_arrival(due),
                      since_arrival(sent), fate);
}

std::string Emulator::stats() {
  std::string text = paths_.stats();
  for (Port& port : ports_) {
    const auto counters = port.socket.counters();
    text += fmt::format("port {} truncated={} strange={} ring_full={} send_failed={}\n", port.name,
                        counters.truncated, port.strange, counters.ring_full, counters.send_failed);
  }
  return text + fmt::format("held {}\n", line_.size());
}

}  // namespace strait::lab
