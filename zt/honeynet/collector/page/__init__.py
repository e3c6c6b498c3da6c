"""The collector's front page: numbers for everybody, addresses for nobody.

    view       the book's numbers in words and shares, ready to be laid out
    chart      where the bars of a chart stand
    countries  where addresses are, by the operator's own MaxMind file
    routes     the page, its style and its icon over HTTP
    templates  the page itself

Whole lists need a key. The page shows sums, and text of attackers only where several of them sent
the same. It needs no script, fetches nothing from elsewhere, sets no cookie, and changes nothing.
"""

from zt.honeynet.collector.page.routes import PageSettings, page_routes

__all__ = ["PageSettings", "page_routes"]
