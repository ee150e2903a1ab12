"""Run a command where nothing can leave, and say what it tried to send and what it wrote.

    unshare --user --map-root-user --net --mount python closed_namespace.py FOLDER COMMAND ...

The network namespace has a loopback only, to which every address there is leads, so that
a packet to anywhere is seen here; the name server is this program. HOME, TMPDIR, the
runtime folder and the working directory are fresh folders in FOLDER. The last line on
stdout is a JSON document: the command's ``status``, its ``stdout`` and ``stderr``, the
``lookups`` (names asked for), the ``packets`` (where to), the ``sockets`` seen of the
internet families, and the ``files`` and folders made, as paths in FOLDER.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount")
PRIVATE_FOLDERS = ("/var/tmp", "/dev/shm")
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 3, 0x0800, 0x86DD
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
LIMIT_S = 150.0


def open_loopback() -> None:
    """Loopback up, and every IPv4 and IPv6 address local (``ip route add local default``)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.pack("16sH14x", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, flags)  # SIOCSIFFLAGS
    for family in (socket.AF_INET, socket.AF_INET6):
        # RTM_NEWROUTE, in table "local", of type "local", through the interface lo.
        route = struct.pack("=BBBBBBBBI", family, 0, 0, 0, 255, 3, 254, 2, 0)
        through = struct.pack("=HHI", 8, 4, socket.if_nametoindex("lo"))
        body = route + through
        header = struct.pack("=IHHII", 16 + len(body), 24, 0x1 | 0x4 | 0x400, 1, 0)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
            netlink.bind((0, 0))
            netlink.send(header + body)
            error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
        if error and family == socket.AF_INET:  # a kernel may have no IPv6
            raise OSError(-error, os.strerror(-error))


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    name = kind.encode() if kind else None
    if libc.mount(source.encode(), target.encode(), name, flags, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def own_resolver(folder: Path) -> None:
    """``/etc/resolv.conf`` and ``nsswitch.conf`` that ask this program, and nobody else."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    texts = {
        "/etc/resolv.conf": "nameserver 127.0.0.1\n",
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }
    for path, text in texts.items():
        if os.path.exists(path):
            own = folder / Path(path).name
            own.write_text(text, encoding="ascii")
            mount(str(own), path, None, MS_BIND)
    for path in PRIVATE_FOLDERS:
        if os.path.isdir(path):
            mount("none", path, "tmpfs", 0)


class Resolver(threading.Thread):
    """Answers every question with an address, so that what asked goes on to connect."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.names: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))

    def run(self) -> None:
        while True:
            query, asker = self._socket.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1"))
                at += 1 + query[at]
            self.names.append(".".join(labels))
            question = query[12 : at + 5]
            is_a = question[-4:-2] == b"\0\1"
            head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_a), 0, 0)
            address = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("192.0.2.1")
            self._socket.sendto(head + question + address * is_a, asker)


class Wire(threading.Thread):
    """Every packet on the loopback, by protocol and where it goes."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.targets: set[str] = set()
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL)
        )

    def run(self) -> None:
        while True:
            packet, (_, kind, *_) = self._socket.recvfrom(65_536)
            if kind == ETH_P_IP:
                size = 4 * (packet[0] & 15)
                protocol, target = packet[9], socket.inet_ntoa(packet[16:20])
            elif kind == ETH_P_IPV6:
                size = 40
                protocol, target = packet[6], socket.inet_ntop(socket.AF_INET6, packet[24:40])
            else:
                continue
            port = struct.unpack_from(">H", packet, size + 2)[0] if protocol in (6, 17) else 0
            if protocol == 6 and not packet[size + 13] & 0x10:  # a SYN: somebody calls
                self.targets.add(f"tcp {target}:{port}")
            elif protocol == 17 and 53 not in struct.unpack_from(">HH", packet, size):
                self.targets.add(f"udp {target}:{port}")
            elif protocol not in (1, 6, 17, 58):  # ICMP only answers
                self.targets.add(f"protocol {protocol} {target}")


def sockets_of_the_internet() -> set[str]:
    """Local ends, without this program's resolver."""
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        try:
            lines = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            local = line.split()[1]
            if not (table == "udp" and local == "0100007F:0035"):
                found.add(f"{table} {local}")
    return found


def contents(folders: dict[str, Path]) -> set[str]:
    return {
        f"{name}/{path.relative_to(folder)}"
        for name, folder in folders.items()
        for path in folder.rglob("*")
    }


def main() -> int:
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    own_resolver(folder)
    open_loopback()
    resolver, wire = Resolver(), Wire()
    resolver.start()
    wire.start()
    own = {name: folder / name for name in ("home", "tmp", "run", "work")}
    for path in own.values():
        path.mkdir(exist_ok=True)
    own["run"].chmod(0o700)
    watched = own | {path: Path(path) for path in PRIVATE_FOLDERS if os.path.isdir(path)}
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "ORT_", "MPL"))}
    environment |= {
        "HOME": str(own["home"]),
        "TMPDIR": str(own["tmp"]),
        "XDG_RUNTIME_DIR": str(own["run"]),
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    before = contents(watched)
    output, errors = folder / "stdout", folder / "stderr"
    sockets: set[str] = set()
    with output.open("wb") as out, errors.open("wb") as err:
        running = subprocess.Popen(
            command, cwd=own["work"], env=environment, stdin=subprocess.DEVNULL,
            stdout=out, stderr=err,
        )  # fmt: skip
        until_s = time.monotonic() + LIMIT_S
        while running.poll() is None:
            sockets |= sockets_of_the_internet()
            time.sleep(0.02)
            if time.monotonic() > until_s:
                running.kill()
    time.sleep(0.2)  # what is on the way
    report = {
        "status": running.returncode,
        "stdout": output.read_text(encoding="utf-8", errors="replace"),
        "stderr": errors.read_text(encoding="utf-8", errors="replace"),
        "lookups": resolver.names,
        "packets": sorted(wire.targets),
        "sockets": sorted(sockets),
        "files": sorted(contents(watched) - before),
    }
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
