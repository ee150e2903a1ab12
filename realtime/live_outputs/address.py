"""HOST:PORT as typed, and whether it stays on this computer."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

from realtime.errors import TuttiError

LOOPBACK = "127.0.0.1"
_FORM = re.compile(r"(?:(?:\[(?P<six>[^]]*)\]|(?P<host>[^:\s]*)):)?(?P<port>[0-9]{1,5})", re.ASCII)


@dataclass(frozen=True)
class Address:
    """A host, by name or number, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def found(self, kind: socket.SocketKind) -> list[tuple[socket.AddressFamily, tuple[str, int]]]:
        """The families and numeric addresses that the host's name stands for, in order.

        Raises:
            TuttiError: there is no such host.
        """
        try:
            infos = socket.getaddrinfo(self.host, self.port, type=kind)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "no such name"
            raise TuttiError(
                f"The host of {self} is not found ({reason}): check its name, or give its number."
            ) from None
        found = [(family, (str(where[0]), self.port)) for family, _, _, _, where in infos]
        return list(dict.fromkeys(found))

    @property
    def is_any(self) -> bool:
        """Whether it stands for all of this computer's addresses, and so for none to call."""
        return self.host in ("0.0.0.0", "::")

    @property
    def is_here(self) -> bool:
        """Whether only this computer can reach it.

        Raises:
            TuttiError: there is no such host.
        """
        return all(
            ipaddress.ip_address(number.partition("%")[0]).is_loopback
            for _, (number, _) in self.found(socket.SOCK_STREAM)
        )


def parse_address(text: str, option: str) -> Address:
    """``HOST:PORT``, ``[IPV6]:PORT``, or a port alone, which is on this computer.

    Raises:
        TuttiError: it is none of these.
    """
    match = _FORM.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= 65_535:
        raise TuttiError(
            f"{option} {text} is not HOST:PORT: give an address and a port from 1 to 65535, "
            f"as in {LOOPBACK}:9000 (an IPv6 address in brackets)."
        )
    return Address(match["six"] or match["host"] or LOOPBACK, int(match["port"]))
