#!/usr/bin/env python3
"""Verifies what Caseledger exports, without Caseledger: this file and Python 3.9 are enough.

    python verify_caseledger.py --key KEY [--checkpoint FILE] bundle.zip | events.ndjson ...

KEY is the public key of the log, `name+hex+base64`, or a file with such keys, one a line. Get it,
and this program, from whoever runs the system, and never from the export. FILE is a checkpoint that
you kept, or have from others: the log must begin with it. Files of events that follow each other
make one range, in the order in which they are given.

It ends with 0 where all is sound, 1 where something is broken, which it names, 2 where nothing is
broken and something could not be verified, which it names, and 3 where it was called wrongly.
The formats: RFC 8785 (JSON), RFC 8032 (Ed25519), RFC 9162 (Merkle trees), c2sp.org/signed-note,
c2sp.org/tlog-checkpoint and c2sp.org/tlog-proof.
"""

from __future__ import annotations

import argparse
import base64
import decimal
import functools
import hashlib
import json
import os
import re
import sys
import zipfile
from collections.abc import Callable, Iterable
from typing import IO, Any, NamedTuple, NoReturn

MAX_JSON = 64 * 2**20  # bytes of one document or line
MAX_TAIL = 2**20  # bytes of the last line of a file of events, or of a checkpoint
MAX_UNPACKED = 8 * 2**30  # bytes of all files in a bundle
MAX_CHAINS = 1_000_000  # that are kept in memory

Event = dict[str, Any]
Point = tuple[int, int, int, int]
Key = tuple[str, bytes, bytes]
Keys = tuple[Key, ...]


class Report:
    """What was verified, what could not be, which events are gone, and what was erased of others.

    `place` is what is being looked at: whatever else is wrong is an error, and is wrong there.
    """

    def __init__(self) -> None:
        self.verified: list[str] = []
        self.open: list[str] = []
        self.gone: list[str] = []
        self.erased: dict[str, int] = {}  # by the hash of the event
        self.place = ""

    def not_verified(self, reason: str) -> None:
        """Notes what could not be verified; of very many such reasons only the first."""
        _note(self.open, reason)

    def is_gone(self, problem: str) -> None:
        """Notes an event that was recorded and cannot be shown; of very many only the first."""
        _note(self.gone, f"{self.place}: {problem}")


def _note(notes: list[str], text: str) -> None:
    if len(notes) <= 20:
        notes.append(text if len(notes) < 20 else "and more")


# --- JSON and its hashes: RFC 8785 ---


def parsed(data: bytes) -> Any:
    """The JSON in UTF-8, with numbers as JavaScript has them. Raises ValueError."""
    if len(data) > MAX_JSON:
        raise ValueError(f"it is longer than {MAX_JSON} bytes")
    numbers: Any = dict.fromkeys(("parse_int", "parse_float", "parse_constant"), _number_in)
    return json.loads(data.decode("utf-8"), object_pairs_hook=_object, **numbers)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is twice in one object")
    return found


def _number_in(text: str) -> int | float:
    number = float(text)
    if number - number != 0:
        raise ValueError("a number is too large, or is none")
    return int(number) if abs(number) < 2**53 and number == int(number) else number


def canonical(value: Any) -> str:
    """The RFC 8785 form of JSON as text."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(name)}:{canonical(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return _ecmascript(value) if isinstance(value, float) else _plain(value)


_plain = json.JSONEncoder(ensure_ascii=False).encode


def _ecmascript(number: float) -> str:
    """A number as ECMAScript writes it (Number::toString)."""
    scientific = f"{decimal.Decimal(repr(abs(number))).normalize():e}"
    mantissa, _, exponent = scientific.partition("e")
    digits, point = mantissa.replace(".", ""), int(exponent) + 1
    if len(digits) <= point <= 21:
        text = digits.ljust(point, "0")
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        text = f"{digits[0]}.{digits[1:]}".rstrip(".") + f"e{point - 1:+}"
    return "-" * (number < 0) + text


def sha256_of(value: Any) -> str:
    """The SHA-256, in hex, of the RFC 8785 form of JSON."""
    return hashlib.sha256(canonical(value).encode("utf-8")).hexdigest()


def member(holder: Any, name: str, kind: type) -> Any:
    """A member of a JSON object, which must be of a kind: str, int, dict, list or bool."""
    if not isinstance(holder, dict) or type(holder.get(name)) is not kind:
        raise ValueError(f"{name} is missing, or is of another type")
    return holder[name]


# --- Events and their chains ---


def event_hash(tenant: str, event: Event) -> str:
    """The hash of an event; the values that can be erased are in it by their salted digests."""
    content = json.loads(json.dumps(event))
    salts, erased = content.pop("disclosures", {}), content.pop("erased", {})
    by = content.pop("erasedBy", None)
    if (by is None) != (not erased) or "tenant" in content or "digests" in content:
        raise ValueError("it has members that an event has not")
    del content["hash"]
    content["tenant"], digests = tenant, {}
    # Outer values before inner ones, so that one inside another is found to be gone.
    for pointer in sorted([*salts, *erased], key=len):
        value = _removed(content, pointer)
        if pointer in erased and (value != "erased" or pointer in salts):
            raise ValueError(f"another value stands in the place of {pointer}, which was erased")
        digests[pointer] = erased.get(pointer) or sha256_of([salts[pointer], pointer, value])
    return sha256_of({**content, "digests": digests} if digests else content)


def _removed(content: Any, pointer: str) -> Any:
    """Removes the member of an object that a JSON Pointer (RFC 6901) names, and gives its value."""
    start, *steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")]
    for step in steps[:-1]:
        content = content[int(step) if isinstance(content, list) else step]
    if start or not isinstance(content, dict) or steps[-1] not in content:
        raise ValueError(f"{pointer} names nothing in it")
    return content.pop(steps[-1])


def case_of(event: Event) -> Any:
    """The case that an event is about; None for none."""
    kind, _, name = member(event, "subject", str).partition("/")
    return name.partition(":")[0] if kind in ("cases", "worksheets") else event["caseId"]


class Chains:
    """Chains of events, in whatever order they come: each event has the hash of the one before."""

    def __init__(self, tenant: str, report: Report) -> None:
        self._tenant, self._report, self.events = tenant, report, 0
        self._ends: dict[tuple[str, int], str] = {}
        self._wanted: dict[tuple[str, int], str] = {}
        self.subjects: set[str] = set()
        self._unreadable: set[Any] = set()
        # The events that are said to record erasures, and those that record one.
        self._erasures: set[str] = set()
        self._recorded: set[str] = set()

    def take(self, line: Any) -> tuple[Any, Event | None]:
        """Takes a line of an export; gives the hash of its event, and the event if it is there."""
        if "problem" in line:
            self._report.is_gone(f"{line.get('id')}: {line['problem']}")
            self._unreadable.add(line.get("hash"))
            return line.get("hash"), None
        event = member(line, "event", dict)
        subject, sequence = member(event, "subject", str), member(event, "sequence", int)
        self._report.place += f", event {member(event, 'id', str)} ({subject} {sequence})"
        claimed, previous = member(event, "hash", str), member(event, "previousHash", str)
        if event_hash(self._tenant, event) != claimed:
            raise ValueError("its content does not match its hash")
        if sequence < 1 or (subject, sequence) in self._ends:
            raise ValueError("it is there twice, or has no place in its chain")
        if self._wanted.get((subject, sequence), claimed) != claimed:
            raise ValueError("it is not the event that the one after it names")
        if not self._wanted.pop((subject, sequence), None):
            self._ends[subject, sequence] = claimed
        before = "0" * 64 if sequence == 1 else self._ends.pop((subject, sequence - 1), None)
        if before is None:
            self._wanted[subject, sequence - 1] = previous
        elif before != previous:
            raise ValueError("previousHash is not the hash of the event before it")
        self.events += 1
        self.subjects.add(subject)
        self._note_erasures(claimed, event)
        if sum(map(len, (self.subjects, self._wanted, self._erasures))) > MAX_CHAINS:
            raise ValueError(f"more than {MAX_CHAINS} chains are more than this program can verify")
        return claimed, event

    def _note_erasures(self, claimed: str, event: Event) -> None:
        if "erasedBy" in event:
            self._report.erased[claimed] = len(event["erased"])
            self._erasures.add(member(event, "erasedBy", str))
        if event["eventType"] == "data_erased" and event["subject"] == "tenant":
            self._recorded.add(event["id"])

    def require_whole(self) -> str:
        """Says that the chains are whole, but for the events that an export says are gone.

        Raises ValueError where another event is missing.
        """
        for (subject, sequence), wanted in sorted(self._wanted.items()):
            if wanted not in self._unreadable:
                late = "if it only came late into the log, it will be there a day later"
                raise ValueError(f"event {sequence} of {subject} is missing; {late}")
        number = len(self.subjects)
        but = " but for the events that are gone" if self._unreadable else ""
        return f"{number} whole chain{'' if number == 1 else 's'}{but}"

    def require_erasures(self) -> None:
        """Notes values that were erased though none of the events of a whole log records it."""
        for name in sorted(self._erasures - self._recorded):
            self._report.not_verified(f"values were erased by {name}, which is not in the log")


# --- Signatures: RFC 8032, 5.1 ---

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def _added(p: Point, q: Point) -> Point:
    """The sum of two points in extended coordinates."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiplied(number: int, point: Point) -> Point:
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _added(found, point)
        point, number = _added(point, point), number >> 1
    return found


def _decoded(encoded: bytes) -> Point | None:
    """The point in 32 bytes; None where they are none."""
    sign, y = divmod(int.from_bytes(encoded, "little"), 2**255)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def _encoded(point: Point) -> bytes:
    x, y = (part * pow(point[2], -1, P) % P for part in point[:2])
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE: Any = _decoded(bytes([0x58] + [0x66] * 31))


def ed25519_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is that of a message, by the key of 32 public bytes."""
    point, scalar = _decoded(public), int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or point is None or scalar >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    negative = (P - point[0], point[1], 1, P - point[3])
    challenge = _multiplied(int.from_bytes(digest, "little") % ORDER, negative)
    return _encoded(_added(_multiplied(scalar, BASE), challenge)) == signature[:32]


# --- The log: signed checkpoints, and Merkle trees ---


class Checkpoint(NamedTuple):
    """Which log it is, how many entries it has, and the root of their tree."""

    origin: str
    size: int
    root: bytes


def _bytes_of(text: str, size: int) -> bytes:
    """The bytes of base64, which are so many."""
    found = base64.b64decode(text[:200].encode())
    if len(found) != size or base64.b64encode(found).decode() != text:
        raise ValueError(f"{text[:100]} is not the base64 of {size} bytes")
    return found


def key_of(text: str) -> Key:
    """The name, the id and the public bytes of a key, `name+hex+base64`. Raises ValueError."""
    name, identity, encoded = [*text.split("+", 2), "", ""][:3]
    if not encoded:
        raise ValueError(f"{text} is neither a file nor a key such as name+hex+base64")
    key = _bytes_of(encoded, 33)
    named = hashlib.sha256(name.encode() + b"\n" + key).digest()[:4]
    if key[0] != 1 or identity != named.hex() or _decoded(key[1:]) is None:
        raise ValueError(f"{text} is not the verifier key of an Ed25519 key")
    return name, named, key[1:]


@functools.lru_cache(maxsize=8)
def checkpoint_in(note: str, keys: Keys) -> Checkpoint:
    """The checkpoint in a note, which a key must have signed that is named as its origin."""
    text, _, signatures = note.rpartition("\n\n")
    lines, signed = text.split("\n"), False
    if len(lines) < 3 or not note.endswith("\n") or re.search("[\0-\t\v-\x1f]", note):
        raise ValueError("it is not a signed checkpoint")
    for name, identity, public in keys:
        for line in signatures.split("\n")[:100]:
            start, _, encoded = line.rpartition(" ")
            if name == lines[0] and start == f"\u2014 {name}" and len(encoded) == 92:
                signature = _bytes_of(encoded, 68)
                if signature[:4] == identity:
                    if not ed25519_holds(public, f"{text}\n".encode(), signature[4:]):
                        raise ValueError("the signature does not hold")
                    signed = True
    if not signed:
        raise ValueError(f"no key that you gave has signed it as {lines[0]}")
    if not re.fullmatch("0|[1-9][0-9]{0,17}", lines[1]):
        raise ValueError("its size is not a number")
    return Checkpoint(lines[0], int(lines[1]), _bytes_of(lines[2], 32))


def leaf_hash(entry: Any) -> bytes:
    """The hash of a leaf: an entry of the log is the 32 bytes of an event's hash."""
    return hashlib.sha256(b"\0" + _digest(entry)).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _digest(text: Any) -> bytes:
    if not isinstance(text, str) or not re.fullmatch("[0-9a-f]{64}", text):
        raise ValueError("a hash is not 64 hexadecimal digits")
    return bytes.fromhex(text)


def proven_root(leaf: bytes, index: int, size: int, proof: Iterable[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2); None where it is none."""
    last = size - 1
    if index > last:
        return None
    for sibling in proof:
        if last == 0:
            return None
        if index & 1 or index == last:
            leaf = _node_hash(sibling, leaf)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            leaf = _node_hash(leaf, sibling)
        index, last = index >> 1, last >> 1
    return leaf if last == 0 else None


class Tree:
    """A tree that grows: the levels and roots of the full subtrees that make it, left to right."""

    def __init__(self, parts: Iterable[tuple[int, bytes]] = (), size: int = 0) -> None:
        self.parts, self.size = list(parts), size

    def append(self, root: bytes, level: int = 0) -> None:
        """Appends a full subtree of 2**level leaves, or one leaf."""
        self.size += 1 << level
        while self.parts and self.parts[-1][0] == level:
            root, level = _node_hash(self.parts.pop()[1], root), level + 1
        self.parts.append((level, root))

    def grown(self, size: int, roots: Iterable[str]) -> Tree:
        """The tree with so many leaves, of which the new full subtrees have these roots in hex."""
        tree, left = Tree(self.parts, self.size), list(roots)
        while tree.size < size and left:
            level = (size - tree.size).bit_length() - 1
            if tree.size:
                level = min(level, (tree.size & -tree.size).bit_length() - 1)
            tree.append(_digest(left.pop(0)), level)
        if left or tree.size != size:
            raise ValueError("there are not as many hashes around the range as there must be")
        return tree

    def root(self) -> bytes:
        """The root of the tree."""
        roots = [root for _, root in reversed(self.parts)]
        joined = functools.partial(functools.reduce, lambda right, left: _node_hash(left, right))
        return joined(roots) if roots else hashlib.sha256().digest()


class Log:
    """What is known of the log: its checkpoints, and the range of its entries so far."""

    def __init__(self, keys: Keys, report: Report) -> None:
        self.keys, self.report, self.tree = keys, report, Tree()
        self.known: dict[tuple[str, int], bytes] = {}
        self.met: set[tuple[str, int]] = set()
        self.changed: set[tuple[str, int]] = set()
        self.former: dict[int, list[tuple[str, int]]] = {}
        self.origin, self.begin, self.size, self.chains = "", 0, 0, Chains("", report)
        # What is exported of whole cases: of which log and size, and the hashes of the events.
        self.cases: dict[tuple[str, Any], tuple[str, int, set[str]]] = {}

    def checkpoint(self, note: str, tenant: str | None = None) -> Checkpoint:
        """The checkpoint in a note, of a tenant's log; no two checkpoints may contradict."""
        found = checkpoint_in(note, self.keys)
        name = f"(.*/)?{'.*' if tenant is None else re.escape(tenant)}(/[0-9]+)?"
        if not re.fullmatch(name, found.origin):
            raise ValueError(f"it is of the log {found.origin}, not of the tenant {tenant}")
        if found[:2] in self.known:
            self.met.add(found[:2])
        if self.known.setdefault(found[:2], found.root) != found.root:
            raise ValueError(f"another checkpoint of {found.size} entries has another root")
        return found

    def begin_file(self, origin: str, tenant: str) -> None:
        """Sets the name of the log, and finds what is known of it under the names it had before."""
        name = re.compile(f"((?:.*/)?{re.escape(tenant)})(?:/([0-9]+))?")
        stem, epoch = name.fullmatch(origin).groups("1")  # type: ignore[union-attr]
        self.origin, self.former = origin, {}
        for place in self.known:
            found = name.fullmatch(place[0])
            if found and found[1] == stem and int(found[2] or 1) < int(epoch):
                self.former.setdefault(place[1], []).append(place)

    def append(self, entry: Any, case: tuple[str, Any]) -> None:
        """Appends an entry, of an event about a case, and compares the log with what is known."""
        origin, size, hashes = self.cases.get(case, ("", 0, set()))
        if origin == self.origin and self.tree.size < size and entry not in hashes:
            raise ValueError(f"it is about {case[1]}, and the export of that case does not have it")
        self.tree.append(leaf_hash(entry))
        place = self.origin, self.tree.size
        if place in self.known:
            self.met.add(place)
            if self.tree.root() != self.known[place]:
                raise ValueError(f"the log up to here is not that of its checkpoint of {place[1]}")
        for former in self.former.get(self.tree.size, ()):
            self.met.add(former)
            if self.tree.root() != self.known[former]:
                self.changed.add(former)
                self.report.not_verified(
                    f"{self.origin} does not begin with the {former[1]} entries that {former[0]} "
                    "had: its event log_epoch_started must explain what it left out"
                )


# --- Files of events ---


def verify_events(path: str, log: Log) -> None:
    """Verifies a file of events in the order of the log, and adds it to the range before it."""
    report, place = log.report, os.path.basename(path)
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - MAX_TAIL))
        tail = file.read()
        last = tail[tail.rstrip(b"\n").rfind(b"\n") + 1 :]
        length = file.tell() - len(last)
        report.place = f"{place}, the last line"
        summary = parsed(last) if last.endswith(b"\n") else {"index": None}
        if "index" in summary:
            what = "is no export, or one that broke off: it has no last line; export it again"
            report.not_verified(f"{place} {what}")
            return
        tenant, before = member(summary, "tenant", str), member(summary, "before", list)
        start, end, size = (member(summary, name, int) for name in ("start", "end", "size"))
        checkpoint = log.checkpoint(member(summary, "checkpoint", str), tenant)
        if not 0 <= start <= end <= size == checkpoint.size:
            raise ValueError("start, end and size do not fit each other and the checkpoint")
        tree = Tree().grown(start, before)
        if (log.origin, log.tree.size) != (checkpoint.origin, start):
            finish(log)
            log.begin, log.chains = start, Chains(tenant, report)
        elif log.tree.parts != tree.parts:
            raise ValueError("it does not continue the file before it: it is of another log")
        log.begin_file(checkpoint.origin, tenant)
        log.tree, log.size = tree, size
        file.seek(0)
        for index in range(start, end):
            report.place = f"{place}, line {index - start + 1}"
            line = parsed(file.readline(MAX_JSON + 1))
            if member(line, "index", int) != index:
                raise ValueError(f"it is not entry {index} of the log")
            entry, event = log.chains.take(line)
            log.append(entry, (tenant, event["caseId"] if event else None))
        report.place = f"{place}, the last line"
        if file.tell() != length:
            raise ValueError(f"before it are more lines than the entries from {start} to {end}")
    if tree.grown(size, member(summary, "after", list)).root() != checkpoint.root:
        raise ValueError(f"entries {start} to {end} are not those of the checkpoint")
    report.verified.append(f"{place}: {_entries(start, end)} of the {size} of {log.origin}")


def _entries(start: int, end: int) -> str:
    """Which entries a range has; `end` is the index behind its last one."""
    return f"entries {start} to {end - 1}" if start < end else "no entries"


def finish(log: Log) -> None:
    """Verifies what can be said of a range as a whole, where there is one."""
    whole = (log.begin, log.tree.size) == (0, log.size)
    if log.origin and whole:
        log.report.place = f"the log {log.origin}"
        log.report.verified.append(f"the whole log, with {log.chains.require_whole()}")
        log.chains.require_erasures()
    elif log.origin:
        entries = _entries(log.begin, log.tree.size)
        there = f"{entries} of {log.size} of {log.origin} are there"
        log.report.not_verified(f"only {there}: not the others, nor whether chains have gaps")


# --- Exports of cases ---

_NAME = re.compile(
    r"README\.txt|(case|worksheets|collaborators|manifest)\.json|events\.ndjson|checkpoint|"
    r"(evidence|packets|interventions|runs|records)/[^/\\:\0]+\.json|packets/[^/\\:\0]+\.md|"
    r"proofs/[^/\\:\0]+\.tlog-proof"
)


class Bundle:
    """The files in the ZIP of a case."""

    def __init__(self, archive: zipfile.ZipFile, report: Report) -> None:
        self._zip, self.report, self.place = archive, report, report.place
        self.files: dict[str, zipfile.ZipInfo] = {}
        for info in archive.infolist():
            plain = not info.flag_bits & 1 and info.compress_type in (0, 8)
            if not plain or info.filename in self.files or not _NAME.fullmatch(info.orig_filename):
                raise ValueError(f"{info.filename} is there twice, or is no file of an export")
            self.files[info.filename] = info
        if sum(info.file_size for info in self.files.values()) > MAX_UNPACKED:
            raise ValueError(f"it unpacks to more than {MAX_UNPACKED} bytes")
        self._require_nothing_between(archive)

    def _require_nothing_between(self, archive: zipfile.ZipFile) -> None:
        """Raises ValueError where some programs would unpack other files than are verified here.

        Not all of them ask the directory at the end what there is. Behind a file's content may be
        its sizes, of up to 24 bytes.
        """
        end, file = 0, archive.fp
        for info in sorted(self.files.values(), key=lambda one: one.header_offset):
            if file is None or not 0 <= info.header_offset - end <= 24:
                raise ValueError(f"before {info.filename} is something that is no file of it")
            file.seek(info.header_offset + 26)
            name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
            end = info.header_offset + 30 + name + extra + info.compress_size
        if not 0 <= archive.start_dir - end <= 24:
            raise ValueError("behind its files is something that is no file of it")

    def open(self, name: str) -> IO[bytes]:
        """A file, to be read; it is what is being looked at from then on."""
        self.report.place = f"{self.place}/{name}"
        if name not in self.files:
            raise ValueError("it is missing")
        return self._zip.open(self.files[name])

    def text(self, name: str) -> str:
        """The text in a file."""
        with self.open(name) as file:
            return file.read(MAX_TAIL).decode("utf-8")

    def json(self, name: str) -> Any:
        """The JSON in a file."""
        with self.open(name) as file:
            return parsed(file.read(MAX_JSON + 1))

    def folder(self, name: str) -> Iterable[Any]:
        """The JSON of each file in a folder."""
        return (self.json(one) for one in self.files if re.match(f"{name}/.*json$", one))

    def require_listed(self, files: list[Any]) -> None:
        """Raises ValueError unless the files are those of the manifest, with the same content."""
        listed = {member(one, "name", str): (one["sha256"], one["bytes"]) for one in files}
        if differing := sorted({*listed, "manifest.json"} ^ self.files.keys()):
            raise ValueError(f"it lists other files than there are: {differing[0]}")
        for name, wanted in listed.items():
            digest, size = hashlib.sha256(), 0
            with self.open(name) as file:
                for part in iter(lambda: file.read(2**16), b""):
                    digest.update(part)
                    size += len(part)
            if (digest.hexdigest(), size) != wanted:
                raise ValueError("its SHA-256 or its size is not the one in the manifest")


def verify_bundle(path: str, log: Log) -> None:
    """Verifies the export of a case."""
    report, name = log.report, os.path.basename(path)
    report.place = name
    with zipfile.ZipFile(path) as archive:
        bundle = Bundle(archive, report)
        manifest = bundle.json("manifest.json")
        if member(manifest, "format", int) != 1:
            report.not_verified(f"{name}: the format of its manifest is unknown to this program")
            return
        complete, reasons = member(manifest, "complete", bool), member(manifest, "reasons", list)
        bundle.require_listed(member(manifest, "files", list))
        told = _verify_trail(bundle, manifest, log)
        told.verify_documents(bundle, complete=complete)
        if not complete or reasons:
            report.not_verified(f"{name} is not complete: {'; '.join(map(str, reasons[:20]))}")
    report.verified.append(f"{name}: its documents, as far as events tell")


def _verify_trail(bundle: Bundle, manifest: Any, log: Log) -> Told:
    """Verifies the events and their proofs; gives what they tell of the documents."""
    tenant, case = member(manifest, "tenant", str), member(manifest, "caseId", str)
    told = Told(case, log.report)
    report, chains, proven, hashes = log.report, Chains(tenant, log.report), 0, set()
    note = bundle.text("checkpoint") if "checkpoint" in bundle.files else ""
    checkpoint = log.checkpoint(note, tenant) if note else Checkpoint("no log", 0, b"")
    if note and checkpoint.origin != member(manifest, "origin", str):
        raise ValueError("it is not of the origin that the manifest says")
    # Of ids that differ only in case, or are no names of files, a number or a hash makes names.
    names = [name for name in bundle.files if name.startswith("proofs/")]
    proofs = {re.sub(r"^proofs/([0-9]+~)?|\.tlog-proof$", "", name): name for name in names}
    with bundle.open("events.ndjson") as file:
        for number, content in enumerate(iter(lambda: file.readline(MAX_JSON + 1), b""), 1):
            report.place = f"{bundle.place}/events.ndjson, line {number}"
            line = parsed(content)
            claimed, event = chains.take(line)
            hashes.add(claimed)
            if event is None:
                continue
            told.take(event)
            if line["index"] is not None:
                where, by_id, proven = report.place, event["id"], proven + 1
                by_hash = hashlib.sha256(by_id.encode()).hexdigest()
                stem = by_id if by_id in proofs else by_hash
                proof = bundle.text(proofs.pop(stem, f"proofs/{by_id}.tlog-proof"))
                report.place = f"{report.place}, of {where}"
                _verify_proof(proof, member(line, "index", int), claimed, note, checkpoint)
    report.place = f"{bundle.place}/events.ndjson"
    whole = chains.require_whole()
    if proofs or len(names) != proven:
        raise ValueError(f"the event of {min(proofs.values(), default='a proof')} is missing")
    if proven < chains.events:
        report.not_verified(f"{chains.events - proven} events are not in the log yet")
    if member(manifest, "complete", bool) and note:
        log.cases[tenant, told.case] = checkpoint.origin, checkpoint.size, hashes
    report.verified.append(f"{chains.events} events in {whole}")
    report.verified.append(
        f"{proven} of them are in {checkpoint.origin} of {checkpoint.size} entries"
    )
    return told


def _verify_proof(text: str, index: int, claimed: str, note: str, checkpoint: Checkpoint) -> None:
    """Verifies a tlog-proof of an event's hash; it must be of the checkpoint of the bundle."""
    proof, _, checkpoint_note = text.partition("\n\n")
    header, *lines = [line for line in proof.split("\n") if not line.startswith("extra ")]
    if header != "c2sp.org/tlog-proof@v1" or lines[:1] != [f"index {index}"] or len(lines) > 65:
        raise ValueError(f"it is not a proof of entry {index} of the log")
    if checkpoint_note != note:
        raise ValueError("it is not of the checkpoint of the bundle")
    hashes = [_bytes_of(line, 32) for line in lines[1:]]
    if proven_root(leaf_hash(claimed), index, checkpoint.size, hashes) != checkpoint.root:
        raise ValueError(f"it does not prove that the event is entry {index} of the log")


class Told:
    """What the events of a case tell of its documents: hashes, and the last values of fields."""

    def __init__(self, case: str, report: Report) -> None:
        self.case, self._report = case, report
        self.hashes: dict[str, dict[Any, Any]] = {folder: {} for folder in _HASHES}
        self.fields: dict[str, dict[str, Any]] = {}

    def take(self, event: Event) -> None:
        """Takes the next event of its chain."""
        if case_of(event) != self.case:
            raise ValueError(f"it is not about the case {self.case}")
        kind, meta = event["eventType"], event["meta"]
        self._take_fields(event)
        if event["source"] == "api":
            return  # a client's report, which may say anything
        if "evidenceCount" in meta:
            for one in meta.get("removed", []):
                self.hashes["evidence"].pop(one["id"], None)
            for one in [*meta.get("added", []), *meta.get("changed", [])]:
                self.hashes["evidence"][one["id"]] = one["new"] if "new" in one else one["sha256"]
        if kind == "packet_frozen":
            self.hashes["packets"][meta["version"]] = meta["sha256"]
        elif kind == "record_added":
            self.hashes["records"][meta["recordId"]] = meta["sha256"]
        elif "runId" in meta and kind.startswith("agent_"):
            hashes = {name: meta[name] for name in meta if name.endswith("Sha256")}
            self.hashes["runs"][meta["runId"]] = hashes

    def _take_fields(self, event: Event) -> None:
        fields = self.fields.setdefault(event["subject"], {})
        for number, change in enumerate(event["changes"]):
            gone = f"/changes/{number}/new" in event.get("erased", {})
            fields[change["field"]] = _ERASED if gone else change["new"]
            if change["field"] == "status" and change["new"] in _DECIDED:
                gone = "/reason" in event.get("erased", {})
                fields["actionReason"] = _ERASED if gone else event["reason"]
        if event["sequence"] == 1:
            # A case that was imported was opened in the system that it comes from.
            imported = event["eventType"] == "case_created" and event["meta"].get("opened")
            fields["createdAt"] = imported["at"] if imported else event["createdAt"]

    def verify_documents(self, bundle: Bundle, *, complete: bool) -> None:
        """Raises ValueError where documents are not what the events tell of them."""
        for folder, (identity, hash_of) in _HASHES.items():
            told = self.hashes[folder]
            for document in bundle.folder(folder):
                self._require_of_case(document.get("caseId", self.case))
                if told.pop(document[identity], None) != hash_of(document):
                    raise ValueError("it is not what the events tell")
            bundle.report.place = f"{bundle.place}/{folder}"
            if complete and told:
                raise ValueError(f"{next(iter(told))} is missing, of which the events tell")
        case = bundle.json("case.json")
        self._require_of_case(case["id"])
        self._verify_fields(f"cases/{self.case}", case)
        for document in bundle.folder("interventions"):
            self._require_of_case(document["caseId"])
            self._verify_fields(f"interventions/{document['id']}", document)
        for sheet in bundle.json("worksheets.json"):
            self._require_of_case(sheet["caseId"])
            self._verify_fields(f"worksheets/{sheet['id']}", sheet)
        if bundle.json("collaborators.json") != case["collaborators"]:
            raise ValueError("it is not what case.json says")

    def _require_of_case(self, case: Any) -> None:
        if case != self.case:
            raise ValueError(f"it is not about the case {self.case}")

    def _verify_fields(self, subject: str, document: Any) -> None:
        if subject not in self.fields:
            raise ValueError(f"no event tells of {subject}")
        fields = {**dict.fromkeys(_EMPTY_AT_FIRST), **self.fields[subject]}
        for field in fields.keys() & document.keys():
            found = document[field]
            if field in _HASHED and found is not None:
                found = f"sha256:{sha256_of(found)}"
            if fields[field] is _ERASED:
                told = f"{field} of {subject} was erased from its event"
                self._report.not_verified(f"{told}: what the document shows may be anything")
            elif canonical(found) != canonical(fields[field]):
                raise ValueError(f"{field} of {subject} is not what the events tell")


_ERASED = object()
# Fields that are null until an event tells of them.
_EMPTY_AT_FIRST = (
    *("assignedTo", "assignedToSubject", "completedBy", "completedBySubject", "decidedBy"),
    *("decidedBySubject", "decision", "description", "escalatedAt", "expiresAt", "response"),
    *("result", "submissionId", "action", "actionHash", "approvedActionHash", "approvedArguments"),
    *("actUntil", "startedBy", "startedBySubject", "lapsedAt", "heldUntil", "responseSchema"),
)
# Fields of which events have the hash.
_HASHED = ("action", "context", "response", "responseSchema", "result")
_DECIDED = ("approved", "rejected", "withdrawn")
"""The statuses of an intervention whose reason is its `actionReason`."""


def _hash_of_evidence(item: Any) -> str:
    names = ("id", "title", "snippet", "citation", "sourceId", "tags", "metadata")
    return sha256_of({name: item[name] for name in names if name in item})


def _hash_of_packet(packet: Any) -> str | None:
    manifest = [{"id": item["id"], "sha256": sha256_of(item)} for item in packet["items"]]
    if packet["manifest"] != manifest:
        raise ValueError("its manifest is not that of its items")
    found = sha256_of({name: packet[name] for name in ("caseId", "version", "items", "manifest")})
    return found if found == packet["sha256"] else None


def _hashes_of_run(run: Any) -> dict[str, str]:
    parts = [part for part in ("input", "output", "errors") if run.get(part) is not None]
    return {f"{part}Sha256": sha256_of(run[part]) for part in parts}


_HASHES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    # The folders of a bundle whose documents events have the hashes of: what they are named by.
    "evidence": ("id", _hash_of_evidence),
    "packets": ("version", _hash_of_packet),
    "records": ("id", lambda record: sha256_of(record["data"])),
    "runs": ("id", _hashes_of_run),
}


# --- The command ---


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(3, f"{self.prog}: error: {message}\n")


def _text_in(path: str) -> str:
    with open(path, encoding="utf-8", newline="") as file:
        return file.read(MAX_TAIL)


def verify(paths: list[str], keys: Keys, checkpoints: list[str], report: Report) -> None:
    """Verifies files. Raises an error for the first fault, which is in `report.place`."""
    log = Log(keys, report)
    own: dict[tuple[str, int], str] = {}
    for path in checkpoints:
        report.place = path
        own[log.checkpoint(_text_in(path))[:2]] = path
    log.met.clear()
    # Bundles first, so that the range of events is compared with their checkpoints.
    bundles = [path for path in paths if zipfile.is_zipfile(path)]
    for path in bundles:
        verify_bundle(path, log)
    for path in paths:
        if path not in bundles:
            verify_events(path, log)
    finish(log)
    for place, path in own.items():
        where = f"its {place[1]} entries of {place[0]}"
        if place not in log.met:
            report.not_verified(f"{path}: no export ends or goes on at {where}")
        elif place not in log.changed:
            report.verified.append(f"{path}: the log begins with {where}")


def main(arguments: list[str] | None = None) -> int:
    """The command: prints what was verified and what not; gives the exit code."""
    parser = _Parser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", nargs="+", metavar="bundle.zip | events.ndjson")
    parser.add_argument(
        "--key", action="append", required=True, help="the key of the log, or a file with keys"
    )
    kept = "a file with a checkpoint that you kept; it can be given several times"
    parser.add_argument("--checkpoint", action="append", default=[], help=kept)
    given = parser.parse_args(arguments)
    for path in [*given.files, *given.checkpoint]:
        if not os.path.isfile(path):
            parser.error(f"{path} is not a file")
    try:
        texts = [_text_in(key) if os.path.isfile(key) else key for key in given.key]
        keys = tuple(key_of(line) for text in texts for line in text.split())
    except (OSError, ValueError) as error:
        parser.error(f"--key: {error}")
    if not keys:
        parser.error("--key: there is no key")
    report = Report()
    try:
        verify(given.files, keys, given.checkpoint, report)
    except Exception as error:  # noqa: BLE001 - whatever somebody has made of the files
        known = isinstance(error, ValueError)
        kind = "" if known else f"it cannot be read: {type(error).__name__}: "
        _say(f"BROKEN: {report.place}: {kind}{error}")
        return 1
    kind = "NOT WHOLLY VERIFIED" if report.open else "SOUND"
    _say("BROKEN: events that were recorded are gone, or cannot be read" if report.gone else kind)
    for line in report.gone:
        _say(f"  gone: {line}")
    for line in report.verified:
        _say(f"  verified: {line}")
    if report.erased:
        values = sum(report.erased.values())
        _say(f"  erased: {values} values of events, whose hashes hold without them")
    for line in report.open:
        _say(f"  NOT verified: {line}")
    return 1 if report.gone else 2 if report.open else 0


def _say(text: str) -> None:
    """Prints what may come from an export: no control characters, and not too much."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in text[:500])
    print(shown.encode("ascii", "backslashreplace").decode())


if __name__ == "__main__":
    sys.exit(main())
