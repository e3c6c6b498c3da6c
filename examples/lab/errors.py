"""The one error of the lab."""


class LabError(Exception):
    """Something the person who runs the lab can act on; printed without a traceback."""
