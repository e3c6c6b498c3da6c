"""The customer's edge: everything that sees plaintext and holds keys.

Traffic becomes events (`zt.sip`), events become encrypted events (`zt.encoder`), questions are
compiled and answers opened (`zt.query`), findings are verified and turned into blocks
(`zt.policy`). Of the cloud's package only `analytics.wire`, `analytics.store` and
`analytics.jobs` are imported here.
"""

__version__ = "0.1.0"
