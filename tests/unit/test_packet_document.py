"""The packet as a document, as real readers of Markdown show it: CommonMark's and GitHub's."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import cmarkgfm  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from shared.models.evidence import EvidenceContent
from shared.models.packet import ManifestEntry, Packet
from tests.reliability.support import LOAD
from tests.rows import each_row
from tests.unit.examples import STABLE

EXAMPLES = settings(STABLE, max_examples=60 * LOAD)
READERS: dict[str, Callable[[str], str]] = {
    "markdown-it, CommonMark": MarkdownIt("commonmark").render,
    # With links of all that looks like an address or a host.
    "markdown-it, GitHub's": MarkdownIt("gfm-like").render,
    "cmark": cmarkgfm.markdown_to_html,
    "cmark-gfm": cmarkgfm.github_flavored_markdown_to_html,
}
SNIPPETS = {
    "lines": "One\ntwo\r\nthree\rfour\u2028five\u2029six\fseven",
    "indented": "if a:\n    b = 1\n\tc\n  - d\n      e",
    "columns": "Name      Date     Sum\nSmith     2024-01  1  234",
    "empty lines": "One\n\n\ntwo\n \nthree",
    "breaks around": "\n\nOne\n\n",
    "indent at the start": "    code?\nno",
    "ideographic indent": "\u3000\u3000第一条\n\u3000第二条",
    "headings": "# One\n## Two\nThree\n===\nFour\n---",
    "lists": "- a\n+ b\n* c\n1. d\n2) e\n  - f",
    "quotes": "> a\n>> b",
    "fences": "```\ncode\n```\n~~~\ncode\n~~~",
    "tables": "| a | b |\n|---|---|\n| 1 | 2 |\na\n:-:\nb",
    "html": "<script>alert(1)</script>\n<b>bold</b>\n<!-- comment -->\n<https://example.com>",
    "links": "[a](javascript:alert(1)) ![b](x.png)\n[c]: https://example.com\n[c] [^1]\n[^1]: note",
    "emphasis": "*a* _b_ **c** __d__ ~~e~~ `f` ``g``",
    "entities": "&amp; &lt; &#60; &nbsp; &copy",
    "escapes": "\\* \\\\ \\\nafter\\",
    "rules": "***\n---\n___\n- - -",
    "task": "- [ ] a\n- [x] b",
    "urls": "https://example.com/a_b?c=1 http://example.com, HTTPS://EXAMPLE.COM ftp://example.com/x",
    "hosts": "www.example.com WWW.Example.COM example.com //example.com www.1and1.com a.b.co.uk",
    "addresses": "jane.doe@example.com mailto:jane@example.com xmpp:a@b.com/c _a@b.com a+b@c-d.org",
    "mixed": "(https://jane@www.example.com/).https://x.com",
    "dates": "On 21.5.2024, e.g. no. 3.b.",
}


class Shown(HTMLParser):
    """What a reader shows: the elements, the links, the text of each quotation."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str | None] = []
        self.quotations: list[str] = []
        self._quoting = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag == "blockquote":
            self._quoting = True
            self.quotations.append("")
        if tag == "br" and self._quoting:
            self.quotations[-1] = f"{self.quotations[-1]}\0"

    def handle_endtag(self, tag: str) -> None:
        self._quoting = self._quoting and tag != "blockquote"

    def handle_data(self, data: str) -> None:
        if self._quoting:
            self.quotations[-1] += data

    def quoted(self) -> list[str]:
        """The quotations in lines, their spaces as HTML shows them."""
        return [
            "\n".join(
                re.sub("[ \t\n]+", " ", line).strip(" ").replace("\u2060", "").rstrip()
                for line in quotation.split("\0")
            ).replace("\u00a0", " ")
            for quotation in self.quotations
        ]


def lines_of(snippet: str) -> str:
    """A snippet as it is to be seen: its lines, with spaces for tabs, and none at their ends."""
    lines = re.split("\r\n|[\n\r\f\u2028\u2029]", snippet)
    return "\n".join(line.expandtabs(4).rstrip().replace("\u00a0", " ") for line in lines)


def packet(case_title: str = "A case", **item: str) -> str:
    """The document of a packet of one item."""
    given: dict[str, Any] = {"title": "An item", "snippet": "", "citation": None, "source_id": None}
    content = given | item
    return Packet(
        case_id="CASE-1",
        version=None,
        state="draft",
        title=case_title,
        decision_type="kyc",
        frozen_at=None,
        frozen_by=None,
        items=[EvidenceContent(id="ev-1", tags=[], metadata={}, **content)],
        manifest=[ManifestEntry(id="ev-1", sha256="0" * 64)],
        sha256="0" * 64,
    ).as_markdown()


def shown(reader: str, document: str) -> Shown:
    """What a reader shows of a document, which has the elements of every packet and no others."""
    found = Shown(READERS[reader](document))
    assert set(found.elements) <= {"h1", "h2", "ul", "li", "code", "blockquote", "p", "br", "a"}
    assert [found.elements.count(tag) for tag in ("h1", "h2", "ul", "code")] == [1, 1, 2, 2]
    return found


@each_row("reader", READERS)
@each_row("snippet", SNIPPETS.values())
def test_a_snippet_is_shown_in_its_lines_with_its_spaces_and_nothing_in_it_is_live(
    reader: str, snippet: str
) -> None:
    found = shown(reader, packet(snippet=snippet))

    assert found.quoted() == [lines_of(snippet)]
    assert found.elements.count("p") == 1
    assert found.links == []


SCRAPS = (
    "a 1 # * _ - + = ` ~ [ ] ( ) < > ! | \\ & : / // . @ ; ^ $ \" ' www. http:// https://a.com"
    " a@b.co 1. --- ``` &amp; &#35; <b> [a](b) é 审 :- mailto: xmpp: ftp:// b.de"
)
SPACES = (" ", "  ", "    ", "\n", "\t", "\r", "\f", "\u2028", "\u3000", "\u00a0")
HOSTILE = st.lists(st.sampled_from((*SCRAPS.split(), *SPACES)), max_size=25).map("".join)


@pytest.mark.parametrize("reader", READERS)
@EXAMPLES
@given(HOSTILE)
def test_whatever_a_snippet_is_made_of_it_is_shown_as_it_is(reader: str, snippet: str) -> None:
    found = shown(reader, packet(snippet=snippet))

    assert found.quoted() == ([lines_of(snippet)] if snippet.strip() else [])
    assert found.links == []


@pytest.mark.parametrize("reader", READERS)
@EXAMPLES
@given(HOSTILE.map(lambda text: re.sub(r"[\t\n\r\f\u2028\u2029]", "", text)))
def test_no_other_text_of_a_packet_is_live(reader: str, text: str) -> None:
    line = f"x{text}"

    found = shown(reader, packet(line, title=line, source_id=line))

    assert found.links == []


@each_row("reader", READERS)
@each_row(
    "url",
    [
        "https://example.com/a_b/*c*?d=1&e=[2]#f~g",
        "http://example.com",
        "HTTPS://www.law.example/21-CFR/1301.71(a)",
    ],
)
def test_a_citation_that_is_the_address_of_a_page_is_a_link(reader: str, url: str) -> None:
    document = packet(citation=url)

    (link,) = shown(reader, document).links
    assert link is not None
    assert link.replace("%5B", "[").replace("%5D", "]").casefold() == url.casefold()
    assert f"- Citation: <{url}>" in document.splitlines()


@each_row("reader", READERS)
@each_row(
    "citation",
    [
        "javascript:alert(1)",
        "https://example.com and more",
        "see https://example.com",
        "https://example.com/>x",
        "https://",
        "data:text/html,x",
        "www.example.com",
        "jane@example.com",
        "https://exam\u200bple.com",
    ],
)
def test_a_citation_that_is_anything_else_is_text(reader: str, citation: str) -> None:
    assert shown(reader, packet(citation=citation)).links == []
