"""Which of several findings stays where some replace others; see `Store.replace_findings`."""

from __future__ import annotations

from collections.abc import Mapping

from analytics.wire import Finding


def place_findings(
    gone: Mapping[str, Finding], there: Mapping[str, Finding], newest: int
) -> dict[str, Finding]:
    """The findings that stay, by id.

    Args:
        gone: those that replace others, by the ids of these.
        there: what is stored under any of these ids.
        newest: the greatest sequence of all.
    """
    placed: dict[str, Finding] = {}
    for old, new in gone.items():
        rivals = [new.model_copy(update={"sequence": there[old].sequence})]
        if new.id in placed:
            rivals.insert(0, placed[new.id])
        elif new.id in there and new.id not in gone:
            rivals.insert(0, there[new.id])
        best = min(rivals, key=lambda finding: finding.partial)  # none hides a whole one
        # A follower has seen it; but the greatest sequence must stay in use, or he would miss the
        # next finding, which would get it.
        greatest = any(finding.sequence == newest for finding in rivals)
        sequence = newest if greatest else best.sequence
        placed[new.id] = best.model_copy(update={"sequence": sequence})
    return placed
