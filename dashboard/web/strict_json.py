"""JSON parser for untrusted input: UTF-8 only, no duplicate keys, no number or string that JSON cannot carry exactly.

Parsers differ in what they make of duplicate keys, `NaN`, byte order marks and other encodings, so that two of them can
read different requests from one body. Here all of these are errors. It is Python's own parser with hooks. orjson, which
is six times as fast, keeps the last of two equal keys without a word: what it has read counts only if it writes the
same text again, byte for byte, as it does of most that a browser writes.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any, NoReturn

import orjson

_MAX_INTEGER = 2**53 - 1  # JavaScript's largest, beyond which it rounds
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")  # a browser escapes none but lone ones


def loads(data: bytes) -> Any:
    """Parse a JSON text.

    Raises: ValueError if it is malformed, is not UTF-8, starts with a byte order mark, or has an object with two equal
    keys, a number that is not finite, an integer beyond JavaScript's, or a string with a lone surrogate.
    """
    with suppress(orjson.JSONEncodeError, orjson.JSONDecodeError):
        value = orjson.loads(data)
        if orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) == data:
            return value
    try:
        value = _DECODER.decode(data.decode("utf-8"))
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # a lone one is a UnicodeEncodeError
    except RecursionError:
        raise ValueError("too deeply nested") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _integer(digits: str) -> int:
    number = int(digits)
    if abs(number) > _MAX_INTEGER:
        raise ValueError("integer out of range")
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
