// SPDX-License-Identifier: Apache-2.0
#include "probe/passive/capture_reader.hpp"

#include <algorithm>
#include <utility>

#include "probe/passive/formats.hpp"

namespace strait::probe::passive {

CaptureReader::CaptureReader(ByteSource source, std::unique_ptr<CaptureFormat> format)
    : source_{std::move(source)}, format_{std::move(format)} {}

Result<CaptureReader> CaptureReader::open(const std::string& file) {
  auto source = ByteSource::open(file);
  if (!source) return fail(std::move(source));
  return read_from(std::move(*source), file);
}

Result<CaptureReader> CaptureReader::read_from(ByteSource source, const std::string& name) {
  const auto head = source.peek(pcap_header_size);
  if (auto pcap = pcap_format(head)) {
    source.skip(pcap_header_size);
    return CaptureReader{std::move(source), std::move(pcap)};
  }
  if (auto pcapng = pcapng_format(head)) {
    return CaptureReader{std::move(source), std::move(pcapng)};
  }
  const std::string file = name == "-" ? "standard input" : name;
  if (!source.failure().empty()) return fail(Errc::bad_input, file + ": " + source.failure());
  if (head.empty()) return fail(Errc::bad_input, file + ": empty; want a pcap or pcapng file");
  return fail(Errc::bad_input, file + ": begins with " + first_octets(head) +
                                   "; want a pcap or pcapng file, as it is or in gzip or zstd");
}

std::size_t CaptureReader::read(std::span<CapturedPacket> room) {
  const std::size_t count = read_some(room);
  tally_.packets += count;
  return count;
}

std::size_t CaptureReader::read_some(std::span<CapturedPacket> room) {
  std::size_t count = 0;
  while (count < room.size() && !ended_) {
    // What is held moves when more is read, and the packets so far lie in it.
    const Record record = next(count == 0);
    if (record.kind == Record::Kind::packet) {
      room[count++] = record.packet;
      source_.skip(record.octets);
    } else if (count > 0 && !within_held(record)) {
      return count;  // it will be seen again
    } else if (pass_by(record, room.front())) {
      ++count;
    }
  }
  return count;
}

bool CaptureReader::within_held(const Record& record) const {
  return record.kind == Record::Kind::other && record.octets <= source_.held().size();
}

// What is no whole packet. True where `packet` is one nevertheless, at the end.
bool CaptureReader::pass_by(const Record& record, CapturedPacket& packet) {
  if (record.kind == Record::Kind::need) {
    return end_of_input(source_.held(), record.octets, packet);
  }
  if (record.kind == Record::Kind::other) {
    source_.skip(record.octets);
  } else {
    note(source_.offset(), record.what);
    resynchronise();
  }
  return false;
}

// With `may_refill`, `need` means that the input ends before what is needed.
Record CaptureReader::next(bool may_refill) {
  auto held = source_.held();
  Record record = format_->read(held, tally_);
  while (record.kind == Record::Kind::need && may_refill) {
    held = source_.peek(record.octets);
    if (held.size() < record.octets) break;
    record = format_->read(held, tally_);
  }
  return record;
}

// The end, proper or not. True where a packet is cut off but can be used.
bool CaptureReader::end_of_input(std::span<const std::byte> held, std::uint64_t wanted,
                                 CapturedPacket& packet) {
  ended_ = true;
  if (!source_.failure().empty()) note(source_.offset() + held.size(), source_.failure());
  if (held.empty()) return false;
  note(source_.offset(), "the last record is cut off: " + std::to_string(held.size()) + " of " +
                             std::to_string(wanted) + " octets");
  const auto rest = format_->cut_off(held);
  if (rest) {
    packet = *rest;
  } else {
    tally_.skipped_octets += held.size();
  }
  return rest.has_value();
}

// Goes on to what looks like a record, octet by octet.
void CaptureReader::resynchronise() {
  source_.skip(1);
  ++tally_.skipped_octets;
  for (;;) {
    auto held = source_.held();
    bool last = false;
    Record record = format_->look(held, last);
    if (record.kind == Record::Kind::need) {
      held = source_.peek(record.octets);
      last = held.size() < record.octets;
      record = format_->look(held, last);
    }
    if (record.kind == Record::Kind::packet) return;
    if (held.empty()) return;
    source_.skip(1);
    ++tally_.skipped_octets;
  }
}

void CaptureReader::note(std::uint64_t offset, std::string what) {
  ++tally_.damaged;
  if (tally_.damages.size() < ReadTally::kept_damages) {
    tally_.damages.push_back({.offset = offset, .what = std::move(what)});
  }
}

}  // namespace strait::probe::passive
