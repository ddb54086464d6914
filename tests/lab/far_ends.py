#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Far ends that are not what they should be, each on a port of its own: reflectors that misplace, forget or cut
what they send back, or whose clock is not the time. `far_ends.py ADDRESS...` runs them all.

They lie in what they write only: packets are stamped when they are seen, and answered at once.
"""

import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

SINCE_1900 = 2208988800
WITHIN_100_US = 0x8000 | 11 << 8 | 210  # RFC 4656 section 4.1.2: S, 210 * 2^(11 - 32) s
WITHIN_6_MS = 0x8000 | 17 << 8 | 197  # 197 * 2^(17 - 32) s
UNSYNCHRONISED = 0x0001 | 20 << 8
OPEN_PORT = 8080  # TCP
SET_NS = 2_000_000_000
TURN = 100  # the number of the packet at which a session's far end restarts, or its clock is set


set_ns = 0  # so far


def set_clocks(*_) -> None:
    global set_ns
    set_ns += SET_NS


@dataclass
class Session:
    """Of one source address and port, and session identifier (RFC 8972 section 3)."""

    begun: int
    seen: int = 0
    count: int = 0  # the reflector's own numbers, from 0


@dataclass
class Clock:
    """The time that a far end tells, against the time that it is."""

    error_estimate: int = WITHIN_100_US
    offset_ns: int = 0
    drift: float = 0.0
    step_ns: int = 0  # from packet TURN on
    can_be_set: bool = False  # by SIGUSR1, each time by SET_NS

    def told(self, now: int, session: Session) -> int:
        stepped = self.step_ns if session.seen > TURN else 0
        if self.can_be_set:
            stepped += set_ns
        return now + self.offset_ns + stepped + round(self.drift * (now - session.begun))


def wire_time(ns: int) -> bytes:
    """RFC 5905 section 6."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return struct.pack("!II", (seconds + SINCE_1900) & 0xffffffff, (rest << 32) // 1_000_000_000)


@dataclass
class Reflector:
    """STAMP, RFC 8762 section 4.3.1. `spoil` changes a reply before it leaves."""

    clock: Clock = field(default_factory=Clock)
    spoil: Callable[[bytearray], bytearray] = lambda reply: reply
    counts: bool = False  # its numbers are a count of its own
    restarts: bool = False  # and begin anew at packet TURN

    def answer(self, request: bytes, received: int, session: Session) -> bytes:
        number = request[:4]
        if self.counts:
            if self.restarts and session.seen == TURN:
                session.count = 0
            number = struct.pack("!I", session.count)
            session.count += 1
        arrived = wire_time(self.clock.told(received, session))
        error = struct.pack("!H", self.clock.error_estimate)
        reply = bytearray(max(len(request), 44))
        reply[16:24] = arrived
        reply[24:38] = request[:14]
        reply[40] = 255
        reply[44:] = request[44:]
        reply[0:16] = number + wire_time(self.clock.told(time.time_ns(), session)) + error + request[14:16]
        return bytes(self.spoil(reply))


@dataclass
class Echo:
    """UDP echo, RFC 862, of the first octets only where `octets` says so."""

    octets: int | None = None

    def answer(self, request: bytes, received: int, session: Session) -> bytes:
        return request[:self.octets]


def swapped(reply: bytearray) -> bytearray:
    reply[4:12], reply[28:36] = reply[28:36], reply[4:12]
    return reply


def without(*spans: tuple[int, int]) -> Callable[[bytearray], bytearray]:
    def clear(reply: bytearray) -> bytearray:
        for begin, end in spans:
            reply[begin:end] = bytes(end - begin)
        return reply

    return clear


def cut(octets: int) -> Callable[[bytearray], bytearray]:
    return lambda reply: reply[:octets]


FAR_ENDS = {
    7: Echo(),
    9001: Echo(octets=0),
    9002: Echo(octets=20),
    9003: Reflector(),
    9004: Reflector(spoil=swapped),
    9005: Reflector(spoil=cut(43)),
    9006: Reflector(spoil=cut(38)),
    9007: Reflector(spoil=without((24, 38))),  # echoes nothing of the probe
    9008: Reflector(spoil=without((4, 12), (16, 24))),  # tells no time
    9009: Reflector(counts=True),
    9010: Reflector(counts=True, restarts=True),
    9011: Reflector(clock=Clock(offset_ns=5_000_000, error_estimate=WITHIN_6_MS)),
    9012: Reflector(clock=Clock(offset_ns=5_000_000)),
    9013: Reflector(clock=Clock(offset_ns=3_600_000_000_000, drift=50e-6, error_estimate=UNSYNCHRONISED,
                                can_be_set=True)),
    9014: Reflector(clock=Clock(step_ns=500_000_000)),
}


def serve(addresses: list[str]) -> None:
    sockets: dict[socket.socket, Reflector | Echo] = {}
    sessions: dict[tuple, Session] = {}
    listeners = []  # nobody accepts: the kernel answers
    for address in addresses:
        for port, far_end in FAR_ENDS.items():
            wire = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
            wire.bind((address, port))
            sockets[wire] = far_end
        listeners.append(socket.create_server((address, OPEN_PORT), family=wire.family))
    signal.signal(signal.SIGUSR1, set_clocks)
    print("ready", flush=True)
    while True:
        for wire in select.select(list(sockets), [], [])[0]:
            request, source = wire.recvfrom(9000)
            received = time.time_ns()
            session = sessions.setdefault((wire, source, request[14:16]), Session(begun=received))
            session.seen += 1
            wire.sendto(sockets[wire].answer(request, received, session), source)


if __name__ == "__main__":
    serve(sys.argv[1:])
