"""The mutants of hunt and gathering: nobody learns the list, and no lie gets anybody listed."""

from __future__ import annotations

from scripts.mutant import Mutant

HUNT = "tests/unit/hunt/test_hunt_question.py"
READING = "tests/unit/hunt/test_hunt_reading.py"
FETCHING = "tests/unit/hunt/test_hunt_fetching.py"
GATHERING = "tests/unit/honeynet/test_honeynet_gathering.py"

HUNT_MUTANTS = (
    # --- the hunt
    Mutant(
        "the cloud sees how long the list of a hunt is",
        "zt/hunt/hunt.py",
        {
            "since=since, until=until)\n            try:": "since=since, "
            "until=until or 2**62 + len(listings[0]))\n            try:"
        },
        (HUNT,),
    ),
    Mutant(
        "a hunt keeps silent on what it could not search",
        "zt/hunt/hunt.py",
        {"hunted.unanswered.append(unanswered)": "pass"},
        (HUNT,),
    ),
    Mutant(
        "a hunt takes any page for a list",
        "zt/hunt/reading.py",
        {"if reading.bad > reading.good:": "if False:"},
        (READING,),
    ),
    Mutant(
        "the key of a hunt's list travels in the clear",
        "zt/hunt/fetching.py",
        {'if has_key and url.scheme.endswith("http")': "if False"},
        (FETCHING,),
    ),
    Mutant(
        "a hunt's list comes from whoever claims to be its server",
        "zt/hunt/fetching.py",
        {"verify=trust": "verify=False"},
        (FETCHING,),
    ),
    Mutant(
        "a hunt's server sends it to an inner one",
        "zt/hunt/fetching.py",
        {"timeout=PATIENCE, headers": "timeout=PATIENCE, follow_redirects=True, headers"},
        (FETCHING,),
    ),
    Mutant(
        "the name of a hunt's list shows the key in its address",
        "zt/hunt/fetching.py",
        {'f"{name}/{file}" if "." in file else name': 'f"{name}{url.path}"'},
        (FETCHING,),
    ),
    # --- gathering
    Mutant(
        "what was gathered of forged addresses is told",
        "zt/honeynet/gathering.py",
        {"if is_proven(item.event)]": "if True]"},
        (GATHERING,),
    ),
    Mutant(
        "what was gathered of others' events is told",
        "zt/honeynet/gathering.py",
        {"if fits(job, opened.group, item)]": "if True]"},
        (GATHERING,),
    ),
    Mutant(
        "what was gathered of last month's events is told",
        "zt/honeynet/gathering.py",
        {"(item.time or 0) <= OLDEST]": "(item.time or 0)]"},
        (GATHERING,),
    ),
    Mutant(
        "what was gathered and not taken is lost",
        "zt/honeynet/gathering.py",
        {"        if self._under_way is not None:\n            return self._under_way\n": ""},
        (GATHERING,),
    ),
    Mutant(
        "what was gathered is counted again by each new process",
        "zt/honeynet/told.py",
        {
            "return finding.sequence <= self._state.sequence": "return False",
            "return self._state.rising.get(finding.id, (0, 0))[0]": "return 0",
        },
        (GATHERING,),
    ),
)
