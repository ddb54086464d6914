// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/duration.hpp"
#include "routes/rpki.hpp"
#include "routes/sources/byte_reader.hpp"

namespace strait::routes {

using RtrOctets = std::vector<std::byte>;

// What is to be done about octets that came.
struct RtrStep {
  RtrOctets send;      // first of all
  bool told = false;   // vrps() is what the cache has now, all of it
  bool flush = false;  // nothing of what it told before may be used any more
  std::string end;     // why the connection is to be closed; empty: it goes on
  bool again = false;  // with `end`: a new connection is worth trying at once
};

// The router's side of what a router and a cache say to each other: RFC 8210, that is version 1,
// and version 0 (RFC 6810) with a cache that knows no other. Without clock and network. One object
// outlives the connections to its cache, so that after a break only what has changed is asked for.
class RtrProtocol {
 public:
  static constexpr std::size_t most_records = 4'000'000;  // seven times what there are in 2026

  // A connection begins: the query to send.
  [[nodiscard]] RtrOctets begin();
  // The query to send when the refresh interval is over; empty while an answer is awaited.
  [[nodiscard]] RtrOctets poll();
  // Takes what came, in pieces of any size.
  [[nodiscard]] RtrStep take(std::span<const std::byte> octets);
  // The cache closed the connection. Whether a new one is worth trying at once.
  [[nodiscard]] bool closed();

  // Whether the cache owes an answer.
  [[nodiscard]] bool awaits() const { return state_ != State::idle; }
  // As of the last End of Data, ascending.
  [[nodiscard]] const std::vector<Vrp>& vrps() const { return vrps_; }
  [[nodiscard]] std::uint64_t damaged() const { return damaged_; }  // records that are no VRPs
  [[nodiscard]] std::uint32_t serial() const { return serial_; }
  [[nodiscard]] unsigned version() const { return version_; }
  // RFC 8210 section 6: what it recommends, or what the cache said, within its limits.
  [[nodiscard]] Nanos refresh() const { return refresh_; }
  [[nodiscard]] Nanos retry() const { return retry_; }
  [[nodiscard]] Nanos expire() const { return expire_; }

 private:
  enum class State : std::uint8_t {
    idle,
    asked,      // a query is out
    answering,  // Cache Response came, End of Data not yet
  };
  struct Pdu {
    std::uint8_t version = 0;
    std::uint8_t type = 0;
    std::uint16_t session = 0;  // or an error's code
    ByteReader body;
    std::span<const std::byte> octets;  // the whole PDU
  };
  struct Change {
    Vrp vrp;
    bool announced = false;
    std::uint32_t order = 0;  // in the answer
  };

  // What becomes of a record by its changes.
  enum class Fate : std::uint8_t { there, gone, announced_twice, unknown };

  [[nodiscard]] RtrOctets query();
  void forget_session();
  void handle(const Pdu& pdu, RtrStep& step);
  [[nodiscard]] bool agree_on_version(const Pdu& pdu, RtrStep& step);
  void notified(RtrStep& step);
  void response(const Pdu& pdu, RtrStep& step);
  void record(Pdu pdu, RtrStep& step);
  void end_of_data(Pdu pdu, RtrStep& step);
  [[nodiscard]] static Fate fate_of(std::span<const Change> changes, bool there);
  void refuse_record(const Pdu& pdu, Fate fate, const Vrp& vrp, RtrStep& step);
  void apply(const Pdu& pdu, RtrStep& step);
  void reset(const Pdu& pdu, RtrStep& step);
  void reported(Pdu pdu, RtrStep& step);
  // Ends the connection with an Error Report about the PDU.
  void refuse(const Pdu& pdu, std::uint16_t code, const std::string& why, RtrStep& step) const;

  State state_ = State::idle;
  std::uint8_t version_ = 1;
  bool agreed_ = false;                   // on the version, in this connection
  std::optional<std::uint16_t> session_;  // of what vrps_ is; none: nothing, or all anew
  bool anew_ = false;                     // the answer is to a Reset Query
  std::uint32_t serial_ = 0;
  std::vector<Vrp> vrps_;
  std::uint64_t damaged_ = 0;
  std::uint16_t answering_session_ = 0;
  std::vector<Change> changes_;  // of this answer
  std::uint64_t damaged_changes_ = 0;
  RtrOctets rest_;  // the beginning of a PDU
  Nanos refresh_ = std::chrono::hours{1};
  Nanos retry_ = std::chrono::minutes{10};
  Nanos expire_ = std::chrono::hours{2};
};

}  // namespace strait::routes
