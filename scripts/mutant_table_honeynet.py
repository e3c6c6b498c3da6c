"""The mutants of the honeynet: what attackers send stays harmless, and addresses stay inside."""

from __future__ import annotations

from scripts.mutant import Mutant

PAGE = "zt/honeynet/collector/page"
PAGE_TEST = "tests/unit/honeynet/test_honeynet_page.py"
BOOK = "zt/honeynet/collector/book"
BOOK_TEST = "tests/unit/honeynet/test_honeynet_book.py"
ACCESS_TEST = "tests/unit/honeynet/test_honeynet_book_access.py"
GUARD_TEST = "tests/unit/honeynet/test_honeynet_guard.py"
GUARDED_TEST = "tests/unit/honeynet/test_honeynet_book_guard.py"
WEB = "zt/honeynet/collector/web"

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
    # --- the collector's book
    Mutant(
        "a network of the never-list is taken in",
        f"{BOOK}/taking.py",
        {"self._never.covers(address) or ": ""},
        (BOOK_TEST, GUARDED_TEST),
    ),
    Mutant(
        "a network of the never-list is told to clients",
        f"{BOOK}/listing.py",
        {"        if not never.covers(address):\n": "        if address:\n"},
        (BOOK_TEST, GUARDED_TEST),
    ),
    Mutant(
        "one who forges an address needs one honeypot to list it",
        f"{BOOK}/guard.py",
        {"if len(seen_by) >= settings.witnesses:": "if seen_by:"},
        (GUARD_TEST,),
    ),
    Mutant(
        "a stolen token lists without limit",
        f"{BOOK}/guard.py",
        {"return Verdict(True, *proven_by)": "return Verdict(True)"},
        (GUARD_TEST,),
    ),
    Mutant(
        "honeypots of one owner confirm each other",
        f"{BOOK}/sharing.py",
        {'"SELECT owner, witnesses.seen, proven': '"SELECT name, witnesses.seen, proven'},
        (GUARDED_TEST,),
    ),
    Mutant(
        "an address that was removed on request comes back at once",
        f"{BOOK}/guard.py",
        {"    if is_forgotten:\n": "    if False:\n"},
        (GUARD_TEST,),
    ),
    Mutant(
        "the book keeps keys and tokens as they are",
        f"{BOOK}/access.py",
        {
            'hashlib.sha256(secret.encode(errors="surrogatepass")).digest()': (
                'secret.encode(errors="surrogatepass")'
            )
        },
        (ACCESS_TEST,),
    ),
    Mutant(
        "a key that was revoked still opens",
        f"{BOOK}/access.py",
        {"WHERE digest = ? AND revoked IS NULL": "WHERE digest = ?"},
        (ACCESS_TEST,),
    ),
    # --- the collector over HTTP
    Mutant(
        "a client may ask as often as it likes",
        f"{WEB}/rates.py",
        {"if self._sum >= rate.requests:": "if False:"},
        ("tests/unit/honeynet/test_honeynet_rates.py",),
    ),
    Mutant(
        "who has a subnet tries as many keys as it has addresses",
        f"{WEB}/admission.py",
        {"network_of(source), FAILURES": "source, FAILURES"},
        ("tests/unit/honeynet/test_honeynet_app.py",),
    ),
)
