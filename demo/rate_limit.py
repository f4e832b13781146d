"""A token bucket for each client, in memory."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class RateLimit:
    """At most `burst` requests at once and `per_second` in the long run, for each client.

    The clients seen last are kept, `clients` of them at most, so that memory stays flat.
    """

    per_second: float = 10.0
    burst: int = 40
    clients: int = 1000
    clock: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, client: str) -> float:
        """Take a token; return 0, or how many seconds to wait until there is one."""
        with self._lock:
            now = self.clock()
            tokens, before = self._buckets.pop(client, (float(self.burst), now))
            tokens = min(self.burst, tokens + (now - before) * self.per_second)
            allowed = tokens >= 1
            self._buckets[client] = (tokens - 1 if allowed else tokens, now)
            while len(self._buckets) > self.clients:
                self._buckets.popitem(last=False)
            return 0.0 if allowed else (1 - tokens) / self.per_second
