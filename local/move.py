"""`python -m local move`: a store in a SQLite file becomes one in Firestore, or the reverse.

Each step can be repeated: the documents are copied (`moving.py`), both stores are compared document
by document and each chain of the new one is verified (`comparing.py`), and the note of the move is
removed. Until then a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from local.comparing import Comparison, broken_chains, collection_of, compared
from local.files import Refused, check_ours, held, in_use, named
from local.moving import MARK, Copy, Mark, Side, batches, begun, noted, written
from local.progress import Progress, say
from shared.config import MEMORY
from shared.documents.embedded.whole import WholeFile
from shared.documents.indexes import project_indexes
from shared.documents.port import Delete, WholeStore

_NOTES = 2
"""What is written besides the documents: the note of the move is made, and removed."""
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    ends = parser.add_mutually_exclusive_group(required=True)
    ends.add_argument("--to-project", help="the Google Cloud project that the file is moved to")
    ends.add_argument("--from-project", help="the project whose documents are moved to the file")
    parser.add_argument("--database", default="(default)", help="of Firestore, in that project")
    parser.add_argument("--file", type=Path, help="by default that of CASELEDGER_STORE")
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--dry-run", action="store_true", help="count, and say what it would cost")
    doing.add_argument("--check", action="store_true", help="only compare the two stores")


def run(given: argparse.Namespace, environ: Mapping[str, str]) -> bool:
    """Runs the command; whether all was done and verified. Raises Refused and StoreError."""
    path = named(given.file, environ)
    with _sides(given, path, environ) as (source, target):
        done = _done(given, source, target)
    if done and given.to_project and not given.dry_run and in_use(path):
        raise Refused(
            f"{path} is in use again: what is written to it from now on is not in Firestore"
        )
    return done


@contextmanager
def _sides(
    given: argparse.Namespace, path: Path, environ: Mapping[str, str]
) -> Iterator[tuple[Side, Side]]:
    """The source and the target; nobody else may use the file, or write to it if it is the source.

    Raises Refused.
    """
    project = given.to_project or given.from_project
    if path.exists() or given.to_project or given.check:
        check_ours(path)
    if in_use(path):
        raise Refused(f"{path} is in use by another process: stop the services first")
    # A dry run makes no file.
    at = str(path) if path.exists() or not given.dry_run else MEMORY
    with (
        closing(_firestore(project, given.database, environ)) as database,
        closing(WholeFile(at, project_indexes())) as file,
    ):
        in_file = Side(str(path.resolve()), file)
        in_firestore = Side(f"Firestore {project}/{given.database}", database)
        if given.from_project:
            yield in_firestore, in_file
        else:
            with held(path):
                yield in_file, in_firestore


def _firestore(project: str, database: str, environ: Mapping[str, str]) -> WholeStore:
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - other commands do without

    from shared.documents.firestore.whole import WholeDatabase  # noqa: PLC0415 - 0.3 s of imports

    try:
        return WholeDatabase(project, database, environ.get("FIRESTORE_EMULATOR_HOST"))
    except GoogleAuthError as error:
        raise Refused(f"no credentials of Google Cloud were found: {error}") from None


def _done(given: argparse.Namespace, source: Side, target: Side) -> bool:
    if given.dry_run:
        return plan(source, target)
    if given.check:
        return check(source, target)
    return move(source, target)


def plan(source: Side, target: Side) -> bool:
    """Says what a move would copy and cost; it writes nothing. Raises Refused."""
    mark = noted(target)
    if mark is None and target.store.walk("", 1):
        raise Refused(f"{target.name} has documents that this move did not put there")
    documents: Counter[str] = Counter()
    commits = 0
    with Progress("counted", source.store.count()) as progress:
        for batch in batches(source, target, mark.after if mark else ""):
            documents.update(map(collection_of, batch))
            commits += 1
            progress(documents.total())
    for collection, number in sorted(documents.items()):
        say(f"{collection:24}{number:>12,}")
    say(
        f"{documents.total():,} documents in {commits:,} commits. It would write"
        f" {documents.total() + commits + _NOTES:,} documents to {target.name}, and then read all"
        f" of them to compare them, and each chain once more to verify it"
    )
    return True


def move(source: Side, target: Side) -> bool:
    """Copies, compares and verifies. Raises Refused; gives whether all was moved and verifies."""
    mark = begun(source, target)
    if mark.moved:
        say(f"goes on behind {mark.moved:,} documents")
    with Progress("copied", mark.documents) as progress:
        progress(mark.moved)
        mark = Copy(source, target, mark, progress).run()
    found = _same(source, target, mark)
    if found is None:
        return False
    verified = _verified(target, found)
    if source.store.count() != mark.documents:
        raise Refused(written(source, target))
    target.store.commit([Delete(MARK)])
    say(f"{target.name} is what {source.name} was: point the services at it")
    return verified


def check(source: Side, target: Side) -> bool:
    """Says how the stores differ, and which chains of the target do not verify."""
    found = _same(source, target, noted(target))
    return found is not None and _verified(target, found)


def _same(source: Side, target: Side, mark: Mark | None) -> Comparison | None:
    """Compares all documents, and says what came of it; None where they are not the same."""
    with Progress("compared", source.store.count()) as progress:
        found = compared(source, target, mark.newest if mark else None, progress)
    for collection, number in sorted(found.same.items()):
        say(f"{collection:24}{number:>12,}")
    say(f"{found.same.total():,} documents are the same in both stores")
    problems = found.problems()
    for problem in problems:
        say(problem)
    if problems and mark:
        say(written(source, target))
    return None if problems else found


def _verified(side: Side, found: Comparison) -> bool:
    """Whether all chains verify; says which do not."""
    with Progress("chains verified", len(found.subjects)) as progress:
        broken = broken_chains(side, found.subjects, progress)
    for subject, problem in sorted(broken.items())[:_SHOWN]:
        say(f"{subject} does not verify: {problem}")
    say(
        f"{len(found.subjects) - len(broken):,} of {len(found.subjects):,} chains verify"
        + (". The others did not verify before: their documents are the same" if broken else "")
    )
    return not broken
