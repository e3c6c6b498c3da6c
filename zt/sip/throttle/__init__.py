"""What keeps a flood from reaching the cloud, without losing count of it.

    settings   all numbers that can be set
    clock      capture time that never goes back
    rates      how fast something comes, over a second, a minute and an hour
    excess     exponential back-off: what is over a limit, and when it is reported
    sources    which addresses count as one source, and which are listed
    kinds      one event type over all sources
    throttle   events: per type and source, and per type over all sources
    sampler    messages: sheds load before they are parsed
    counters   `counters` events, which say how it really was

Every event that is suppressed is counted in exactly one event that is sent: the sum of
`1 + rate.ex_diff` over the events of a type is the number of events that were made of it. What is
still open is `Throttle.pending`, and none of it outlives `finish`. The field names and the meaning
of `rate.*` are sipcmbeat's:

| field | meaning |
|---|---|
| `rate.exceeded` | events in a row that were over the limit; 0 when the rate is back to normal |
| `rate.ex_diff` | events that this one stands for, beside itself |
| `rate.crt`, `rate.lim` | events in `rate.period` up to now, and how many are allowed |
| `rate.period` | milliseconds |
| `rate.key` | what is counted: `auth-failed:192.0.2.1`, or `auth-failed:*` over all sources |

`rate` is absent from events that no limit concerns.
"""

from __future__ import annotations

from zt.sip.throttle.counters import Counters
from zt.sip.throttle.sampler import Sampler
from zt.sip.throttle.settings import Rates, SamplerSettings, ThrottleSettings
from zt.sip.throttle.throttle import Throttle

__all__ = ["Counters", "Rates", "Sampler", "SamplerSettings", "Throttle", "ThrottleSettings"]
