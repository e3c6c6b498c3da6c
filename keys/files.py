"""Private files: read only if nobody else can, written wholly or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from keys.errors import RingError
from keys.material import Secret

MAX_SIZE = 16 * 1024 * 1024  # bytes; no ring or key file comes near


def read_private(path: Path, what: str) -> bytes:
    """The file's bytes.

    Raises:
        RingError: the file is missing, is no regular file, is absurdly large, or others may
            read or write it.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_SIZE:
                raise RingError(f"the {what} {path} is no {what}", "check the path")
            if status.st_mode & (0o037 if _is_credential(path) else 0o077):
                raise RingError(
                    f"the {what} {path} is open to other users (mode {status.st_mode & 0o777:o})",
                    f"find out who could read it, then: chmod 600 {path}",
                )
            return file.read()
    except FileNotFoundError:
        raise RingError(
            f"there is no {what} at {path}", "check the path, or make a ring with: zt-keys init"
        ) from None
    except OSError as error:
        raise RingError(f"can't read the {what} {path}: {error.strerror}", "check it") from None


def _is_credential(path: Path) -> bool:
    """Whether systemd passes this file to this service (`LoadCredential=`).

    It grants the service's user an access list, whose mask shows as the group's right to read;
    nobody else can reach the folder.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.parent == Path(folder or "")


def write_private(path: Path, data: bytes | Secret, *, replace: bool) -> None:
    """Write a file of mode 0600 in one step: after a crash there is the old file or the new one.

    Raises:
        RingError: the file is there already and `replace` is false, or it can't be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data.secret_key_access() if isinstance(data, Secret) else data)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                temporary.replace(path)
            else:
                path.hardlink_to(temporary)  # fails if the name is taken; a rename would not
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        raise RingError(
            f"{path} is there already", "choose another path, or move it away"
        ) from None
    except OSError as error:
        raise RingError(f"can't write {path}: {error.strerror}", "check the folder") from None


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of a ring file while it is read, changed and written again.

    Raises:
        RingError: another process holds it, or the lock file can't be made.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise RingError(f"can't lock {path}: {error.strerror}", "check the folder") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RingError(
                f"another process is changing {path}", "wait until it has ended, then try again"
            ) from None
        yield
    finally:
        os.close(handle)
