"""One mutant: a security property, how to turn it off, what notices."""

from __future__ import annotations

from dataclasses import dataclass


class MutantError(Exception):
    """The check can't be made; the message says of what."""


@dataclass(frozen=True)
class Mutant:
    """A change that turns one security property off.

    Attributes:
        name: what is turned off.
        file: the file that is changed.
        edits: new texts by old ones; each old text stands exactly once in the file.
        tests: what should notice, as pytest takes it.
    """

    name: str
    file: str
    edits: dict[str, str]
    tests: tuple[str, ...]

    def mutated(self, text: str) -> str:
        """The text of the file with the property turned off.

        Raises:
            MutantError: an old text does not stand there exactly once, or the result is no Python.
        """
        changed = text
        for old, new in self.edits.items():
            if (count := text.count(old)) != 1:
                raise MutantError(f"{self.name}: stands {count} times in {self.file}: {old}")
            changed = changed.replace(old, new)
        try:
            compile(changed, self.file, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise MutantError(f"{self.name}: {self.file} is no Python any more: {error}") from None
        return changed
