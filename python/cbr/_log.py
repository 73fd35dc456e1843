"""What a ring tells of itself while it works."""

from __future__ import annotations

import enum
import logging
from typing import NamedTuple


class LogLevel(enum.IntEnum):
    """How much a message matters: the numbers of the module logging."""

    debug = logging.DEBUG
    info = logging.INFO
    warning = logging.WARNING


class LogEvent(str, enum.Enum):
    """What a message is about. The strings do as well."""

    waiting = "waiting"
    waited = "waited"
    still_waiting = "still_waiting"
    hang = "hang"
    abandoned_lease = "abandoned_lease"
    unseen_failure = "unseen_failure"
    leased_at_end = "leased_at_end"
    callback_threw = "callback_threw"
    backend_failure = "backend_failure"
    resized = "resized"


class Place(NamedTuple):
    """A line of the program."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class LogMessage(str):
    """One message of a ring: its line, with what it says as attributes.

    It is a string, "[WARNING] CommandRing: slot #0 ...", so whatever takes lines takes it too.
    """

    __slots__ = ("acquired_at", "duration", "event", "label", "level", "queue", "ring", "serial",
                 "slot", "submitted_at", "text")

    #: How much it matters; goes as it is into logging.Logger.log().
    level: LogLevel
    #: What it is about, and so which of the attributes are set.
    event: LogEvent
    #: The name of the ring.
    ring: str
    #: What happened, in words, without level and ring.
    text: str
    #: The slot that it is about.
    slot: int | None
    #: The queue of the work, where the driver has it.
    queue: int | None
    #: The number of the work on that queue.
    serial: int | None
    #: The label of the work; empty if it has none.
    label: str
    #: How long something took so far, in seconds.
    duration: float | None
    #: Where the program acquired the slot.
    acquired_at: Place | None
    #: Where it submitted the work.
    submitted_at: Place | None

    def __new__(cls, line: str = "", *, level: LogLevel = LogLevel.warning,
                event: LogEvent = LogEvent.backend_failure, ring: str = "", text: str = "",
                slot: int | None = None, queue: int | None = None, serial: int | None = None,
                label: str = "", duration: float | None = None, acquired_at: Place | None = None,
                submitted_at: Place | None = None) -> LogMessage:
        self = super().__new__(cls, line)
        self.level = level
        self.event = event
        self.ring = ring
        self.text = text
        self.slot = slot
        self.queue = queue
        self.serial = serial
        self.label = label
        self.duration = duration
        self.acquired_at = acquired_at
        self.submitted_at = submitted_at
        return self
