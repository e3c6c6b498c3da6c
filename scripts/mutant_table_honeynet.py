"""The mutants of the honeynet: what attackers send stays harmless, and addresses stay inside."""

from __future__ import annotations

from scripts.mutant import Mutant

PAGE = "zt/honeynet/collector/page"
PAGE_TEST = "tests/unit/honeynet/test_honeynet_page.py"

HONEYNET_MUTANTS = (
    # --- the collector's page
    Mutant(
        "what attackers sent becomes part of the page",
        f"{PAGE}/routes.py",
        {"autoescape=True": "autoescape=False"},
        (PAGE_TEST,),
    ),
    Mutant(
        "the page shows what one attacker wrote",
        f"{PAGE}/view.py",
        {"if n >= _TOOL_ADDRESSES else OTHERS": "if n else OTHERS"},
        (PAGE_TEST,),
    ),
    Mutant(
        "what attackers sent turns the direction of text",
        f"{PAGE}/view.py",
        {'c if c.isprintable() else " "': "c"},
        (PAGE_TEST,),
    ),
    Mutant(
        "everybody sees the newest addresses",
        f"{PAGE}/view.py",
        {"numbers.newest[:newest]": "numbers.newest"},
        (PAGE_TEST,),
    ),
    Mutant(
        "browsers may run scripts on the page",
        f"{PAGE}/routes.py",
        {"default-src 'none'; style-src": "default-src *; style-src"},
        (PAGE_TEST,),
    ),
    Mutant(
        "each reader of the page costs a look at the book",
        f"{PAGE}/routes.py",
        {"return self._timer() >= self._until": "return True"},
        (PAGE_TEST,),
    ),
)
