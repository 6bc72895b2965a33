"""Connections of a visitor: as many as a browser opens, kept alive, with retries while the server is busy."""

import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from tests.page import ACCEPTED

MOST = 6  # connections of a browser to one server
AGAIN = 5  # times that the page sends a request again (assets/requests.js)


class Busy(Exception):
    """The server was busy at every retry."""


class Connections:
    """One visitor's. address: that the server sees. refused: called for each answer that says "busy"."""

    def __init__(self, url: str, *, address: str, refused: Callable[[], None]) -> None:
        self._server = urlsplit(url).netloc
        self._headers = {"Accept-Encoding": ACCEPTED, "X-Forwarded-For": address, "Content-Type": "application/json"}
        self._refused = refused
        self._idle: list[HTTPConnection] = []
        self._pool = ThreadPoolExecutor(MOST)

    def all(self, ask: Callable[[Any], Any], requests: Iterable[Any]) -> list[Any]:
        """The answers to several requests that are asked at once, in their order.

        Raises: what asking has raised first.
        """
        return list(self._pool.map(ask, requests))

    def ask(self, method: str, path: str, body: bytes) -> tuple[int, bytes, str]:
        """Status, answer, and its encoding; a busy server is asked again.

        Raises: Busy if it is busy each time; OSError or HTTPException if there is no answer.
        """
        for left in range(AGAIN, -1, -1):
            status, pause, answer, encoding = self._once(method, path, body)
            if status not in (429, 503) or not pause:
                return status, answer, encoding
            self._refused()
            if left:
                time.sleep(pause * (1 + random.random()))
        raise Busy

    def close(self) -> None:
        """End all requests and connections."""
        self._pool.shutdown(cancel_futures=True)
        for connection in self._idle:
            connection.close()

    def _once(self, method: str, path: str, body: bytes) -> tuple[int, float, bytes, str]:
        while True:
            kept = self._idle.pop() if self._idle else None
            connection = kept or HTTPConnection(self._server, timeout=60)
            try:
                connection.request(method, path, body or None, self._headers)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, HTTPException):
                connection.close()
                if not kept:
                    raise
                continue  # the server had closed it meanwhile, as it may
            if response.will_close:
                connection.close()
            else:
                self._idle.append(connection)
            pause = float(response.headers.get("Retry-After", 0))
            return response.status, pause, answer, response.headers.get("Content-Encoding", "")
