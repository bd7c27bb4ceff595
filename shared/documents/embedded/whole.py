"""All documents of the embedded store, one after the other: see `WholeStore`."""

from __future__ import annotations

from shared.documents.cost import current
from shared.documents.embedded import codec
from shared.documents.embedded.store import EmbeddedStore
from shared.documents.port import Document, Rejected

_PAGE = """SELECT parent, id, data, times, version FROM documents
    WHERE (parent, id) > (?, ?) ORDER BY parent, id LIMIT ?"""


class WholeFile(EmbeddedStore):
    """An `EmbeddedStore` that is also a `WholeStore`."""

    def walk(self, after: str, most: int) -> list[Document]:
        """See `WholeStore`: ordered by collection, then by id."""
        parent, _, name = after.rpartition("/")
        with current().trip() as cost, self._database.reading() as connection:
            rows = connection.execute(_PAGE, (parent, name, most)).fetchall()
            cost.reads += max(1, len(rows))
        return [_document(*row) for row in rows]

    def count(self) -> int:
        """See `WholeStore`."""
        return self._number("COUNT(*)")

    def newest(self) -> int:
        """See `WholeStore`."""
        return self._number("COALESCE(MAX(version), 0)")

    def _number(self, wanted: str) -> int:
        statement = f"SELECT {wanted} FROM documents"  # noqa: S608 - a constant
        with current().trip(), self._database.reading() as connection:
            (number,) = connection.execute(statement).fetchone()
        return int(number)


def _document(parent: str, name: str, column: str | bytes, times: str, version: int) -> Document:
    path, data = f"{parent}/{name}", codec.decode(column, times)
    if not data and column != "{}":
        raise Rejected(f"{path} was edited in the file, and cannot be read")
    return Document(path, data, version)
