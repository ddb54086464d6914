// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "probe/passive/byte_source.hpp"
#include "probe/passive/packet.hpp"

namespace strait::probe::passive {

// Something in a file that is not as it should be, and where.
struct Damage {
  std::uint64_t offset = 0;  // of the unpacked octets
  std::string what;
};

// What became of a file's records.
struct ReadTally {
  std::uint64_t packets = 0;
  std::uint64_t untimed = 0;         // pcapng's Simple Packet Blocks: no time, no use here
  std::uint64_t damaged = 0;         // places; the first `kept_damages` are in `damages`
  std::uint64_t skipped_octets = 0;  // on the way to the next good record
  std::uint64_t dropped = 0;         // packets that the capture itself says it missed
  std::vector<Damage> damages;

  static constexpr std::size_t kept_damages = 8;
};

// The next record of a file's format, taken from the octets that are held.
struct Record {
  enum class Kind : std::uint8_t {
    need,    // `octets` from its start must be held
    packet,  // `packet`; its data lies in what was given. The record is `octets` long
    other,   // `octets` without a packet
    damage,  // `what`; no good record begins here
  };
  Kind kind = Kind::need;
  std::uint64_t octets = 0;
  CapturedPacket packet;
  const char* what = nullptr;
};

// A file format, after its first header. Pure: octets in, records out.
class CaptureFormat {
 public:
  CaptureFormat() = default;
  CaptureFormat(const CaptureFormat&) = delete;
  CaptureFormat& operator=(const CaptureFormat&) = delete;
  CaptureFormat(CaptureFormat&&) = delete;
  CaptureFormat& operator=(CaptureFormat&&) = delete;
  virtual ~CaptureFormat() = default;

  // The record at the beginning of `held`.
  virtual Record read(std::span<const std::byte> held, ReadTally& tally) = 0;
  // Whether a record may begin at the beginning of `held`, after damage: stricter than read(), for
  // what is taken for a record must not be the inside of a packet. `need` as in read(); with `last`
  // nothing comes behind what is held.
  [[nodiscard]] virtual Record look(std::span<const std::byte> held, bool last) const = 0;
  // What is used of a packet whose record the file's end cuts off.
  [[nodiscard]] virtual std::optional<CapturedPacket> cut_off(
      std::span<const std::byte> held) const = 0;
};

// No record holds more; a longer one is damage.
inline constexpr std::size_t largest_packet = std::size_t{1} << 20U;

// Reads a pcap or pcapng file to its end, whatever is in it. Not thread-safe.
class CaptureReader {
 public:
  // Errors: cannot be opened, or begins like no capture file.
  [[nodiscard]] static Result<CaptureReader> open(const std::string& file);
  [[nodiscard]] static Result<CaptureReader> read_from(ByteSource source, const std::string& name);

  // The next packets, at most room.size(); 0 at the end. Their data is valid until the next call.
  std::size_t read(std::span<CapturedPacket> room);

  [[nodiscard]] const ReadTally& tally() const { return tally_; }

 private:
  CaptureReader(ByteSource source, std::unique_ptr<CaptureFormat> format);
  std::size_t read_some(std::span<CapturedPacket> room);
  Record next(bool may_refill);
  [[nodiscard]] bool within_held(const Record& record) const;
  bool pass_by(const Record& record, CapturedPacket& packet);
  bool end_of_input(std::span<const std::byte> held, std::uint64_t wanted, CapturedPacket& packet);
  void resynchronise();
  void note(std::uint64_t offset, std::string what);

  ByteSource source_;
  std::unique_ptr<CaptureFormat> format_;
  ReadTally tally_;
  bool ended_ = false;
};

}  // namespace strait::probe::passive
