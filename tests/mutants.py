"""Says which survivors of `make mutants` have no answer in tests/mutants.md: `-m tests.mutants`.

It ends with 1 where there is one, or where an answer is about a change that does not survive.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ANSWERS = Path(__file__).with_suffix(".md")
_RESULT = re.compile(r"shared\.([\w.]+)\.x([\wǁ]+)__mutmut_(\d+): (.+)")
_ANSWER = re.compile(r"`([\w.]+) (\d+(?:, \d+)*)`")
_NOTICED = {"killed", "caught by type check", "timeout"}

Name = tuple[str, int]


def found(results: str) -> dict[Name, str]:
    """What became of each change, by its function and its number, from `mutmut results`."""
    return {
        # A function `f` is called x_f, a method `m` of `C` xǁCǁm.
        (f"{module}.{name[1:].replace('ǁ', '.')}", int(number)): status
        for module, name, number, status in _RESULT.findall(results)
    }


def answered(text: str) -> set[Name]:
    """The changes that are answered, named like `rules.search._runs 7, 9`."""
    return {
        (name, int(number))
        for name, numbers in _ANSWER.findall(text)
        for number in numbers.split(", ")
    }


def main() -> int:
    """Compares the two, and counts."""
    command = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
    results = found(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    lines = [f"{number:5} {status}" for status, number in Counter(results.values()).items()]
    left = {name for name, status in results.items() if status not in _NOTICED}
    answers = answered(ANSWERS.read_text())
    for what, names in (("no answer", left - answers), ("no survivor", answers - left)):
        lines += [f"{what}: {name} {number}" for name, number in sorted(names)]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(left != answers)


if __name__ == "__main__":
    sys.exit(main())
