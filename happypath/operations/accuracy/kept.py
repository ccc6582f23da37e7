"""What was seen of pictures, kept in a file: what has been paid for is not asked again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from happypath.errors import UsageError
from happypath.operations.accuracy.deciders import Seen

T = TypeVar("T")


class Kept:
    """A file of JSON lines: first what was asked, then a line for each picture, written as it comes.

    A picture is known by its bytes and its place. Without a file, nothing is kept.

    Raises:
        UsageError: the file cannot be read or written, is something else, or was made by other rules.
    """

    def __init__(self, file: Path | None, workflow: str, digest: str) -> None:
        self._file = file
        self._head = {"workflow": workflow, "definition": digest}
        self._seen: dict[tuple[str, str], Seen] = {}
        if file is None:
            return
        try:
            text = file.read_text(encoding="utf-8") if file.exists() else ""
            # A line that was cut off is written anew.
            whole = text[: text.rfind("\n") + 1]
            self._read(whole.splitlines())
            self._open = file.open("r+" if file.exists() else "w", encoding="utf-8", newline="\n")
            self._open.seek(len(whole.encode()))
            self._open.truncate()
        except OSError as error:
            raise UsageError(f"{file} cannot be kept: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise self._other(1) from error
        if not whole:
            self._write(self._head)

    def _read(self, lines: list[str]) -> None:
        for number, line in enumerate(lines, start=1):
            try:
                said = json.loads(line)
                if number == 1:
                    head = {name: said[name] for name in self._head}
                    continue
                seen = Seen(said["status"], said["reason"], dict(said["decisions"]))
                self._seen[said["sha256"], said["place"]] = seen
            except (ValueError, KeyError, TypeError) as error:
                raise self._other(number) from error
        if lines and head != self._head:
            raise UsageError(
                f"{self._file} is of {head['workflow']} by other rules than {self._head['workflow']} has "
                "as it is deployed: name another file, or remove it."
            )

    def _other(self, line: int) -> UsageError:
        return UsageError(
            f"{self._file}, line {line}: that is no picture as --keep writes it: name another file."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._open.close()

    def get(self, photo: Path, place: str) -> Seen | None:
        """What was seen of a picture; None if that is not known."""
        return self._seen.get((_sha256(photo), place)) if self._seen else None

    def missing(self, pictures: Mapping[T, tuple[Path, str]]) -> list[T]:
        """The pictures of which it is not known, each by its file and its place."""
        return [name for name, (path, place) in pictures.items() if self.get(path, place) is None]

    def add(self, photo: Path, place: str, seen: Seen) -> None:
        """Keeps what was seen of a picture."""
        if self._file is not None:
            self._write(
                {
                    "sha256": _sha256(photo),
                    "place": place,
                    "status": seen.status,
                    "reason": seen.reason,
                    "decisions": dict(seen.decisions),
                }
            )

    def _write(self, said: dict[str, Any]) -> None:
        self._open.write(f"{json.dumps(said)}\n")
        self._open.flush()


def _sha256(photo: Path) -> str:
    with photo.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
