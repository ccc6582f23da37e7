"""Runs in the process of an execution environment, before its runtime: gives it Lambda's file system.

    python -P -S launcher.py '{"task": …, "command": …}'

On Linux the process gets mounts of its own, as a container does: `/var/task` is the function's code, `/opt`
its layers, `/tmp` an empty file system of the size that `EphemeralStorage` says, which ends with the process,
and only `/tmp` can be written to. This needs no privileges where the kernel lets users have namespaces.
Elsewhere the code is where it was unpacked, and `/tmp` is the machine's; the folder that Python's `tempfile`
uses is the environment's own.

Imports nothing of this project, whose packages functions do not see.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from typing import Any

# Of <sched.h>, <sys/mount.h>, <fcntl.h> and <linux/mount.h>.
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_ATTR_RDONLY = 1
# The same number on every architecture, for calls that are as young as this one.
_SYS_MOUNT_SETATTR = 442

# What the environment has of its own; all else of the machine is there, to be read.
_OWN = ("tmp", "var", "opt")
_TMP = "tmp"


class _Mounts:
    """The mounts of this process alone, by the kernel's own calls: Python has none for them.

    Raises:
        OSError: from the constructor and every method: the kernel does not let it.
    """

    def __init__(self) -> None:
        import ctypes  # noqa: PLC0415  # on Linux alone

        self._ctypes = ctypes
        self._libc = ctypes.CDLL(None, use_errno=True)
        user, group = os.getuid(), os.getgid()
        if self._libc.unshare(_CLONE_NEWNS) != 0:
            self._check(self._libc.unshare(_CLONE_NEWNS | _CLONE_NEWUSER))
            for name, line in (
                ("uid_map", f"{user} {user} 1"),
                ("setgroups", "deny"),
                ("gid_map", f"{group} {group} 1"),
            ):
                with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                    file.write(line)
        self._mount("none", "/", None, _MS_REC | _MS_PRIVATE)

    def bind(self, source: str, target: str) -> None:
        """Shows a file, or a folder with what is mounted in it, in another place, too."""
        if os.path.isdir(source):
            os.makedirs(target, exist_ok=True)
        else:
            open(target, "x").close()
        self._mount(source, target, None, _MS_BIND | _MS_REC)

    def memory(self, target: str, size_mb: int, mode: str) -> None:
        """Mounts an empty file system that keeps its files in memory."""
        os.makedirs(target, exist_ok=True)
        self._mount("tmpfs", target, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={size_mb}m,mode={mode}")

    def read_only(self, path: str, *, on: bool, recursive: bool = False) -> None:
        """Forbids writing to a mount, or to it and all below it; or allows it again."""
        c = self._ctypes
        # struct mount_attr: attr_set, attr_clr, propagation, userns_fd.
        attributes = (c.c_uint64 * 4)(_MOUNT_ATTR_RDONLY * on, _MOUNT_ATTR_RDONLY * (not on), 0, 0)
        self._check(
            self._libc.syscall(
                c.c_long(_SYS_MOUNT_SETATTR),
                c.c_int(_AT_FDCWD),
                c.c_char_p(os.fsencode(path)),
                c.c_uint(_AT_RECURSIVE if recursive else 0),
                c.byref(attributes),
                c.c_size_t(c.sizeof(attributes)),
            )
        )

    def _mount(self, source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
        encoded = [each if each is None else os.fsencode(each) for each in (source, target, kind)]
        self._check(self._libc.mount(*encoded, self._ctypes.c_ulong(flags), os.fsencode(options)))

    def _check(self, result: int) -> None:
        if result != 0:
            number = self._ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _enter_own_file_system(plan: dict[str, Any]) -> None:
    """Makes a root of its own for this process, and enters it.

    Raises:
        OSError: the kernel does not let it; the process still sees what it saw before.
    """
    mounts, root = _Mounts(), plan["scratch"]
    mounts.memory(root, 1, mode="755")
    for entry in os.scandir("/"):
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), root + entry.path)
        elif entry.is_dir() and entry.name not in _OWN:
            mounts.bind(entry.path, root + entry.path)
    mounts.memory(f"{root}/{_TMP}", plan["tmp_mb"], mode="1777")
    mounts.bind(plan["task"], f"{root}/var/task")
    mounts.bind(plan["client_folder"], f"{root}/var/rapid")
    links = [entry for entry in os.scandir(plan["libraries"]) if entry.is_symlink()]
    os.makedirs(f"{root}/var/runtime")
    for entry in links:
        mounts.bind(os.path.realpath(entry.path), f"{root}/var/runtime/{entry.name}")
    if not links:
        mounts.bind(plan["libraries"], f"{root}/var/runtime")
    os.makedirs(f"{root}/opt")
    for entry in os.scandir(plan["layers"]) if plan["layers"] else ():
        if entry.is_dir():
            mounts.bind(entry.path, f"{root}/opt/{entry.name}")
    for path in plan["needed"]:
        if path.split("/")[1] in _OWN:
            mounts.bind(path, root + path)
    mounts.read_only(root, on=True, recursive=True)
    mounts.read_only(f"{root}/{_TMP}", on=False)
    os.chroot(root)
    os.chdir("/var/task")


def main(plan: dict[str, Any]) -> None:
    """Becomes the runtime that the plan names, in the file system that it describes."""
    # That of the virtual environment, and the link there, may soon be out of sight.
    sys.executable = os.path.realpath(sys.executable)
    confined = False
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            _enter_own_file_system(plan)
            confined = True
    task, layers, libraries, client_folder = (
        ("/var/task", "/opt", "/var/runtime", "/var/rapid")
        if confined
        else (plan["task"], plan["layers"], plan["libraries"], plan["client_folder"])
    )
    os.environ["LAMBDA_TASK_ROOT"] = task
    if not confined:
        os.environ["TMPDIR"] = plan["scratch"]
        os.chdir(task)
    if plan["node"]:
        os.environ["NODE_PATH"] = f"{layers}/nodejs/node_modules" if layers else ""
        client = f"{client_folder}/runtime.mjs"
        os.execv(plan["node"], [plan["node"], client, os.environ["_HANDLER"]])  # noqa: S606
    # The runtime comes before what the archive has: on Lambda, too, it is loaded from a place of its own.
    sys.path.append(libraries)
    run = _runtime(client_folder, aws=plan["aws_client"])
    version = "python{}.{}".format(*sys.version_info)
    brought = [f"{layers}/python/lib/{version}/site-packages", f"{layers}/python"] if layers else []
    sys.path[:0] = [task, *brought]
    sys.argv = ["/var/runtime/bootstrap", os.environ["_HANDLER"]]
    run(sys.argv)


def _runtime(client_folder: str, *, aws: bool) -> Any:
    """The main function of AWS's runtime interface client, or of the file that stands in for it."""
    if aws:
        from awslambdaric.__main__ import main as run  # noqa: PLC0415  # found from here on

        return run
    spec = importlib.util.spec_from_file_location("runtime", f"{client_folder}/runtime.py")
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018  # a file of this project
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
