"""Looking at a sample of plaintext events at the edge, before anything is encrypted.

One way: `sample` reads events into figures per field, by `kinds` (what a value looks like) and
`names` (what a field's name says). `verdicts` says what a profile would leave the cloud of them,
`judge` and `writing` make a profile of them.

Security: figures hold no values but hashes of them, salted for the process, and nothing that is
printed or written holds a value. Names of fields are printed; names that look like values (maps
keyed by users or addresses) stand as `*`.
"""

from zt.survey.judge import Suggested, Suggestion, suggest
from zt.survey.sample import DEFAULT_SAMPLE, Sample, read_sample
from zt.survey.verdicts import Explanation, FieldVerdict, explain
from zt.survey.writing import write_profile

__all__ = [
    "DEFAULT_SAMPLE",
    "Explanation",
    "FieldVerdict",
    "Sample",
    "Suggested",
    "Suggestion",
    "explain",
    "read_sample",
    "suggest",
    "write_profile",
]
