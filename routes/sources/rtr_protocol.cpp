// SPDX-License-Identifier: Apache-2.0
#include "routes/sources/rtr_protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <iterator>
#include <tuple>
#include <utility>

namespace strait::routes {
namespace {

// PDU types, RFC 8210 section 14.
constexpr std::uint8_t serial_notify = 0;
constexpr std::uint8_t serial_query = 1;
constexpr std::uint8_t reset_query = 2;
constexpr std::uint8_t cache_response = 3;
constexpr std::uint8_t ipv4_prefix = 4;
constexpr std::uint8_t ipv6_prefix = 6;
constexpr std::uint8_t end_of_data_type = 7;
constexpr std::uint8_t cache_reset = 8;
constexpr std::uint8_t router_key = 9;
constexpr std::uint8_t error_report = 10;

// Error codes, section 12.
constexpr std::uint16_t corrupt_data = 0;
constexpr std::uint16_t no_data = 2;
constexpr std::uint16_t unsupported_version = 4;
constexpr std::uint16_t unsupported_type = 5;
constexpr std::uint16_t unknown_record = 6;
constexpr std::uint16_t duplicate_record = 7;
constexpr std::uint16_t unexpected_version = 8;

constexpr std::size_t header_octets = 8;
constexpr std::size_t longest_pdu = std::size_t{1} << 16U;  // errors and keys have any length
constexpr std::size_t most_text = 200;                      // of an error, that we show

void put(RtrOctets& octets, std::uint32_t number, unsigned size) {
  for (unsigned i = size; i-- > 0;) {
    octets.push_back(static_cast<std::byte>(number >> (8U * i) & 0xffU));
  }
}

RtrOctets header(std::uint8_t version, std::uint8_t type, std::uint16_t field, std::size_t size) {
  RtrOctets octets;
  put(octets, version, 1);
  put(octets, type, 1);
  put(octets, field, 2);
  put(octets, static_cast<std::uint32_t>(size), 4);
  return octets;
}

// Section 5: what a PDU's length may be. Version 0's End of Data has no intervals.
bool has_sound_length(std::uint8_t version, std::uint8_t type, std::size_t size) {
  switch (type) {
    case serial_notify:
      return size == 12;
    case cache_response:
    case cache_reset:
      return size == 8;
    case ipv4_prefix:
      return size == 20;
    case ipv6_prefix:
      return size == 32;
    case end_of_data_type:
      return size == (version == 0 ? 12U : 24U);
    case error_report:
      return size >= 16;
    default:
      return true;
  }
}

Address read_address(ByteReader& body, bool v4) {
  if (v4) return boost::asio::ip::address_v4{body.u32()};
  boost::asio::ip::address_v6::bytes_type octets{};
  for (auto& octet : octets) octet = body.u8();
  return boost::asio::ip::address_v6{octets};
}

Address network_of(const Address& address, std::uint8_t length) {
  if (address.is_v4()) return boost::asio::ip::network_v4{address.to_v4(), length}.network();
  return boost::asio::ip::network_v6{address.to_v6(), length}.network();
}

auto key_of(const Vrp& vrp) { return std::tie(vrp.prefix, vrp.max_length, vrp.asn); }

bool before(const Vrp& left, const Vrp& right) { return key_of(left) < key_of(right); }

Nanos seconds_within(std::uint32_t seconds, std::uint32_t least, std::uint32_t most) {
  return std::chrono::seconds{std::clamp(seconds, least, most)};
}

std::string printable(std::span<const std::byte> octets) {
  std::string text;
  for (const std::byte octet : octets.first(std::min(octets.size(), most_text))) {
    const auto c = static_cast<char>(octet);
    text += c >= ' ' && c <= '~' ? c : '?';
  }
  return text;
}

}  // namespace

RtrOctets RtrProtocol::begin() {
  rest_.clear();
  agreed_ = false;
  return query();
}

RtrOctets RtrProtocol::poll() { return awaits() ? RtrOctets{} : query(); }

bool RtrProtocol::closed() {
  const bool never_heard = !agreed_ && version_ > 0;
  state_ = State::idle;
  // "The cache may terminate the connection [...] the router MAY retry the connection using
  // protocol version 0" (section 7).
  if (never_heard && !session_) version_ = 0;
  return never_heard && version_ == 0;
}

RtrOctets RtrProtocol::query() {
  state_ = State::asked;
  changes_.clear();
  damaged_changes_ = 0;
  anew_ = !session_;
  if (!session_) return header(version_, reset_query, 0, 8);
  RtrOctets octets = header(version_, serial_query, *session_, 12);
  put(octets, serial_, 4);
  return octets;
}

void RtrProtocol::forget_session() {
  session_.reset();
  serial_ = 0;
}

RtrStep RtrProtocol::take(std::span<const std::byte> octets) {
  RtrStep step;
  rest_.insert(rest_.end(), octets.begin(), octets.end());
  std::span<const std::byte> left{rest_};
  while (step.end.empty() && left.size() >= header_octets) {
    ByteReader reader{left};
    Pdu pdu{.version = reader.u8(),
            .type = reader.u8(),
            .session = reader.u16(),
            .body = ByteReader{{}},
            .octets = {}};
    const std::size_t size = reader.u32();
    const bool sound = size >= header_octets && size <= longest_pdu;
    if (!sound || !has_sound_length(pdu.version, pdu.type, size)) {
      pdu.octets = left.first(header_octets);
      refuse(pdu, corrupt_data, fmt::format("a PDU of type {} has length {}", pdu.type, size),
             step);
      break;
    }
    if (left.size() < size) break;
    pdu.octets = left.first(size);
    pdu.body = ByteReader{pdu.octets.subspan(header_octets)};
    left = left.subspan(size);
    if (agree_on_version(pdu, step)) handle(pdu, step);
  }
  rest_ = RtrOctets{left.begin(), left.end()};
  if (!step.end.empty()) state_ = State::idle;
  return step;
}

// Section 7. A cache of version 0 may say so by an error or just by answering so.
bool RtrProtocol::agree_on_version(const Pdu& pdu, RtrStep& step) {
  if (agreed_) {
    if (pdu.version == version_ || pdu.type == error_report) return true;
    refuse(pdu, unexpected_version,
           fmt::format("version {} in a session of version {}", pdu.version, version_), step);
    return false;
  }
  if (pdu.type == serial_notify) return false;
  const bool answers_lower = pdu.version == 0 && version_ == 1;
  const bool wants_lower = pdu.type == error_report && pdu.session == unsupported_version;
  if (pdu.version > 1 && pdu.type != error_report) {
    refuse(pdu, unsupported_version, fmt::format("it speaks version {}", pdu.version), step);
    return false;
  }
  if (version_ == 1 && (wants_lower || (answers_lower && session_))) {
    version_ = 0;
    forget_session();  // "sessions are specific to a particular protocol version" (section 5.1)
    step.end = "it knows only version 0";
    step.again = true;
    return false;
  }
  if (answers_lower) version_ = 0;
  agreed_ = true;
  return true;
}

void RtrProtocol::handle(const Pdu& pdu, RtrStep& step) {
  switch (pdu.type) {
    case serial_notify:
      notified(step);
      break;
    case cache_response:
      response(pdu, step);
      break;
    case ipv4_prefix:
    case ipv6_prefix:
      record(pdu, step);
      break;
    case end_of_data_type:
      end_of_data(pdu, step);
      break;
    case cache_reset:
      reset(pdu, step);
      break;
    case router_key:  // of BGPsec: nothing to us
      break;
    case error_report:
      reported(pdu, step);
      break;
    default:
      refuse(pdu, unsupported_type, fmt::format("a PDU of type {}", pdu.type), step);
  }
}

void RtrProtocol::notified(RtrStep& step) {
  const RtrOctets next = poll();
  step.send.insert(step.send.end(), next.begin(), next.end());
}

void RtrProtocol::response(const Pdu& pdu, RtrStep& step) {
  if (state_ != State::asked) {
    refuse(pdu, corrupt_data, "an answer to no question", step);
    return;
  }
  if (session_ && pdu.session != *session_) {
    // "The router MUST flush all data learned from that cache" (section 5.1).
    forget_session();
    step.flush = true;
    refuse(pdu, corrupt_data, "it is another session", step);
    step.again = true;
    return;
  }
  answering_session_ = pdu.session;
  state_ = State::answering;
}

void RtrProtocol::record(Pdu pdu, RtrStep& step) {
  if (state_ != State::answering) {
    refuse(pdu, corrupt_data, "a record outside of an answer", step);
    return;
  }
  if (changes_.size() >= most_records) {
    forget_session();
    step.end = fmt::format("it told more than {} records", most_records);
    return;
  }
  const bool v4 = pdu.type == ipv4_prefix;
  const bool announced = (pdu.body.u8() & 1U) != 0;
  const std::uint8_t length = pdu.body.u8();
  const std::uint8_t longest = pdu.body.u8();
  pdu.body.u8();
  const Address address = read_address(pdu.body, v4);
  const Asn asn{pdu.body.u32()};
  if (length > longest || longest > (v4 ? 32 : 128)) {
    ++damaged_changes_;
    return;
  }
  // Nothing says that the bits behind the prefix are zero.
  changes_.push_back({.vrp = {.prefix = {.network = network_of(address, length), .length = length},
                              .max_length = longest,
                              .asn = asn,
                              .expires = 0},
                      .announced = announced,
                      .order = static_cast<std::uint32_t>(changes_.size())});
}

void RtrProtocol::end_of_data(Pdu pdu, RtrStep& step) {
  if (state_ != State::answering || pdu.session != answering_session_) {
    refuse(pdu, corrupt_data, "an end of no answer", step);
    return;
  }
  apply(pdu, step);
  if (!step.end.empty()) return;
  damaged_ = damaged_changes_ + (anew_ ? 0 : damaged_);
  session_ = pdu.session;
  serial_ = pdu.body.u32();
  if (version_ > 0) {
    refresh_ = seconds_within(pdu.body.u32(), 1, 86'400);
    retry_ = seconds_within(pdu.body.u32(), 1, 7'200);
    expire_ = seconds_within(pdu.body.u32(), 600, 172'800);
  }
  state_ = State::idle;
  step.told = true;
}

// Sections 5.6 and 12: a record is announced once, and withdrawn only if it is there.
RtrProtocol::Fate RtrProtocol::fate_of(std::span<const Change> changes, bool there) {
  for (const Change& change : changes) {
    if (change.announced == there) return there ? Fate::announced_twice : Fate::unknown;
    there = change.announced;
  }
  return there ? Fate::there : Fate::gone;
}

void RtrProtocol::refuse_record(const Pdu& pdu, Fate fate, const Vrp& vrp, RtrStep& step) {
  forget_session();
  const bool twice = fate == Fate::announced_twice;
  refuse(pdu, twice ? duplicate_record : unknown_record,
         fmt::format("it {} {}", twice ? "announced twice" : "withdrew what was not there:",
                     strait::to_string(vrp.prefix)),
         step);
}

void RtrProtocol::apply(const Pdu& pdu, RtrStep& step) {
  std::ranges::sort(changes_, [](const Change& left, const Change& right) {
    return std::tuple{key_of(left.vrp), left.order} < std::tuple{key_of(right.vrp), right.order};
  });
  const auto old = anew_ ? std::span<const Vrp>{} : std::span<const Vrp>{vrps_};
  std::vector<Vrp> fresh;
  fresh.reserve(old.size() + changes_.size());
  auto next = old.begin();
  for (auto change = changes_.begin(); change != changes_.end();) {
    const Vrp& vrp = change->vrp;
    const auto behind =
        std::find_if(change, changes_.end(), [&](const Change& each) { return each.vrp != vrp; });
    const auto same = std::lower_bound(next, old.end(), vrp, before);
    fresh.insert(fresh.end(), next, same);
    const bool there = same != old.end() && *same == vrp;
    next = there ? std::next(same) : same;
    const Fate fate = fate_of({change, behind}, there);
    if (fate == Fate::announced_twice || fate == Fate::unknown) {
      refuse_record(pdu, fate, vrp, step);
      return;
    }
    if (fate == Fate::there) fresh.push_back(vrp);
    change = behind;
  }
  fresh.insert(fresh.end(), next, old.end());
  if (fresh.size() > most_records) {
    forget_session();
    step.end = fmt::format("it told more than {} records", most_records);
    return;
  }
  vrps_ = std::move(fresh);
  changes_ = {};
}

// Section 8.4: the cache cannot tell what has changed. What it told is used until the end of the
// new answer.
void RtrProtocol::reset(const Pdu& pdu, RtrStep& step) {
  if (state_ != State::asked || anew_) {
    refuse(pdu, corrupt_data, "a reset that nobody asked for", step);
    return;
  }
  forget_session();
  const RtrOctets next = query();
  step.send.insert(step.send.end(), next.begin(), next.end());
}

void RtrProtocol::reported(Pdu pdu, RtrStep& step) {
  pdu.body.take(pdu.body.u32());
  const std::string text = printable(pdu.body.take(pdu.body.u32()));
  forget_session();
  step.end = pdu.session == no_data ? "it has no data"
                                    : fmt::format("it reported error {}{}{}", pdu.session,
                                                  text.empty() ? "" : ": ", text);
}

void RtrProtocol::refuse(const Pdu& pdu, std::uint16_t code, const std::string& why,
                         RtrStep& step) const {
  step.end = "it broke the protocol: " + why;
  if (pdu.type == error_report) return;  // "MUST NOT be sent for an Error Report PDU" (5.11)
  const std::size_t about = std::min(pdu.octets.size(), std::size_t{32});
  RtrOctets report = header(version_, error_report, code, 16 + about);
  put(report, static_cast<std::uint32_t>(about), 4);
  report.insert(report.end(), pdu.octets.begin(), pdu.octets.begin() + std::ptrdiff_t(about));
  put(report, 0, 4);
  step.send.insert(step.send.end(), report.begin(), report.end());
}

}  // namespace strait::routes
