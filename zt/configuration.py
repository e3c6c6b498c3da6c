"""Configuration in YAML: profiles, packs of jobs and policies, by name or from a file.

Files are validated into models, with errors that name the line. Plain YAML is read (no tags, no
aliases that could explode), duplicate keys are errors.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from zt.errors import InputError

MAX_SIZE = 1024 * 1024  # bytes
_Model = TypeVar("_Model", bound=BaseModel)
_Place = tuple[str | int, ...]


class Presets(Generic[_Model]):
    """The configurations of one kind that come with this release, beside those in files.

    Args:
        package: where their YAML files are, in the folder named `folder`.
        model: what they are validated into.
        error: what is raised for wrong ones.
        what: what messages call one.
        check: looks at each one from a file, and raises ValidationError if it is wrong.
    """

    def __init__(
        self,
        package: str,
        folder: str,
        model: type[_Model],
        error: type[InputError],
        what: str,
        check: Callable[[_Model], None] = lambda model: None,
    ) -> None:
        self._folder = files(package).joinpath(folder)
        self._model = model
        self._error = error
        self._what = what
        self._check = check

    def names(self) -> list[str]:
        """The names of the presets, sorted."""
        return sorted(Path(entry.name).stem for entry in self._folder.iterdir())

    def load(self, name: str) -> _Model:
        """A preset by its name, or a configuration from a YAML file.

        Raises:
            InputError: of the class given: no such preset or file, or it is wrong; names the
                line.
        """
        if name in self.names():
            text = self._folder.joinpath(f"{name}.yaml").read_bytes()
            return parse_yaml(text, name, self._model, self._error)
        try:
            text = Path(name).read_bytes()
        except FileNotFoundError:
            raise self._error(
                f"there is no {self._what} {name}",
                f"give a YAML file, or one of the presets: {', '.join(self.names())}",
            ) from None
        except OSError as reason:
            raise self._error(
                f"can't read {name}: {(reason.strerror or '').lower()}", "check the path"
            ) from None
        return parse_yaml(text, name, self._model, self._error, self._check)


def read_yaml(path: Path, model: type[_Model]) -> _Model:
    """A YAML file as a model.

    Raises:
        InputError: it can't be read, or is wrong; names the line.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"can't read {path}: {(error.strerror or str(error)).lower()}", "check the path"
        ) from None
    return parse_yaml(text, str(path), model, InputError)


def parse_yaml(
    text: bytes,
    name: str,
    model: type[_Model],
    error: type[InputError],
    check: Callable[[_Model], None] = lambda model: None,
) -> _Model:
    """YAML text as a model that passes the check; `name` is what errors call it."""
    lines: dict[_Place, int] = {}
    try:
        if len(text) > MAX_SIZE:
            raise _RefusedError(1, f"longer than {MAX_SIZE} bytes")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise _RefusedError(1, "the file is empty")
        data = _plain(node, (), lines)
    except _RefusedError as reason:
        raise error(f"{name}, line {reason.line}: {reason}", "correct that line") from None
    except yaml.MarkedYAMLError as reason:
        mark = reason.problem_mark or reason.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise error(f"{name}{where}: {reason.problem}", "correct the YAML there") from None
    except (yaml.YAMLError, RecursionError):
        raise error(f"{name} is no YAML text", "check the file") from None
    try:
        found = model.model_validate(data)
        check(found)
        return found
    except ValidationError as reasons:
        errors = reasons.errors(include_url=False, include_context=False)
        # a misspelt name shows as one that is unknown and one that is missing
        first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
        place = first["loc"]
        line = next(lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in lines)
        message = first["msg"].removeprefix("Value error, ")
        field = ".".join(map(str, place))
        if first["type"] == "extra_forbidden":
            message = "no such option"
        raise error(
            f"{name}, line {line}: {field}: {message}" if field else f"{name}: {message}",
            "correct that line",
        ) from None


class _RefusedError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _plain(node: yaml.Node, place: _Place, lines: dict[_Place, int]) -> Any:
    """A node as plain data, noting the line of every place in it."""
    line = node.start_mark.line + 1
    lines[place] = line
    if len(place) > 64 or len(lines) > 100_000:  # aliases can repeat themselves without end
        raise _RefusedError(line, "too deep or too large")
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*place, i), lines) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                raise _RefusedError(key_node.start_mark.line + 1, "a key must be plain text")
            if key in data:
                raise _RefusedError(key_node.start_mark.line + 1, f"{key} stands here twice")
            data[key] = _plain(value_node, (*place, key), lines)
            lines[(*place, key)] = key_node.start_mark.line + 1
        return data
    try:
        return yaml.SafeLoader.construct_object(_SCALARS, node)
    except (ValueError, KeyError, AttributeError, TypeError):  # as the loader raises, unmarked
        raise _RefusedError(
            line, "this is no value of its type; text may stand in quotes"
        ) from None


_SCALARS = yaml.SafeLoader("")
