"""What an expression may cost, judged by its text before it is ever evaluated.

The engine cannot be stopped while it evaluates. So nothing is admitted that could take long on the
largest values that there can be: loops run over a field or a list that is written down, not within
each other, without a sum in them, in a short text; a regular expression is written down, short, of
a kind that is made and matched quickly, and in no loop.
"""

from __future__ import annotations

import re

MAX_CHARACTERS = 2_000
#: Of an expression with a loop, whose body is evaluated a hundred times.
MAX_CHARACTERS_LOOPING = 250
MAX_LOOPS = 2
MAX_PATTERNS = 3
MAX_PATTERN = 50

_RAW = r"""(?<!\w)(?:[rR][bB]?|[bB][rR])(?:\"\"\".*?\"\"\"|'''.*?'''|"[^"\n]*"|'[^'\n]*')"""
_COOKED = (
    r"""\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
)
_HIDDEN = re.compile(rf"({_RAW}|{_COOKED})|//[^\n]*", re.DOTALL)
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|map|filter|transform\w*)\s*\(")
_FIELD = re.compile(r"(?<![\w.)\]}'\"`])[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*\s*\Z")
_MATCHES = re.compile(r"\bmatches\b")
_MATCHES_TEXT = re.compile(r"\.\s*matches\s*\(\s*'(\d+)'\s*\)")
#: What makes a small pattern a large machine: counted repetition, classes of Unicode.
_LARGE = re.compile(r"\{\s*\d|\\[pPX]|\(\?")


def refusal(text: str) -> str:
    """Why an expression is not admitted, in a sentence; empty if it is."""
    if len(text) > MAX_CHARACTERS:
        return f"an expression has at most {MAX_CHARACTERS:,} characters"
    texts: list[str] = []
    bare = _HIDDEN.sub(lambda found: _placeholder(found, texts), text)
    loops = [(found.start(), _end(bare, found.end())) for found in _LOOP.finditer(bare)]
    return _of_loops(bare, loops, len(text)) or _of_patterns(bare, loops, texts)


def without_texts(text: str) -> str:
    """An expression without the texts and comments in it."""
    return _HIDDEN.sub("''", text)


def _placeholder(found: re.Match[str], texts: list[str]) -> str:
    """A text is a number in quotes, a comment is nothing."""
    if found[1] is None:
        return ""
    texts.append(found[1])
    return f"'{len(texts) - 1}'"


def _of_loops(bare: str, loops: list[tuple[int, int]], length: int) -> str:
    if len(loops) > MAX_LOOPS:
        return f"it costs too much: {len(loops)} loops, at most {MAX_LOOPS} are allowed"
    if loops and length > MAX_CHARACTERS_LOOPING:
        return f"it costs too much: with a loop it has at most {MAX_CHARACTERS_LOOPING} characters"
    for begin, end in loops:
        if any(begin < other < end for other, _ in loops):
            return "it costs too much: a loop within a loop"
        if "+" in bare[begin:end]:
            return "it costs too much: a sum in a loop"
        if not _is_plain(bare[:begin].rstrip()):
            return (
                "it costs too much: a loop runs over a field, such as item.home_zones, or a list "
                "such as ['a', 'b']"
            )
    return ""


def _of_patterns(bare: str, loops: list[tuple[int, int]], texts: list[str]) -> str:
    found = list(_MATCHES_TEXT.finditer(bare))
    if len(_MATCHES.findall(bare)) > len(found):
        return "it may cost too much: the pattern of matches is written down, as 'goods.*'"
    if len(found) > MAX_PATTERNS:
        return f"it costs too much: {len(found)} patterns, at most {MAX_PATTERNS} are allowed"
    for pattern in found:
        if any(begin < pattern.start() < end for begin, end in loops):
            return "it costs too much: matches in a loop; use startsWith, endsWith or contains"
        text = texts[int(pattern[1])]
        if len(text) > MAX_PATTERN:
            return f"it costs too much: a pattern has at most {MAX_PATTERN} characters"
        if _LARGE.search(text):
            return "it may cost too much: a pattern with counts ({2,9}), \\p or (?"
    return ""


def _is_plain(before: str) -> bool:
    """Whether what is before a loop is a field, or a list that is written down there."""
    if not before.endswith("]"):
        return _FIELD.search(before) is not None
    depth = 0
    for place in range(len(before) - 1, -1, -1):
        depth += (before[place] == "]") - (before[place] == "[")
        if depth == 0:
            return re.search(r"[\w)\]}'\"`]\s*\Z", before[:place]) is None
    return False


def _end(bare: str, begin: int) -> int:
    """Where the parenthesis is closed that was opened just before `begin`."""
    depth = 1
    for place in range(begin, len(bare)):
        depth += (bare[place] == "(") - (bare[place] == ")")
        if depth == 0:
            return place
    return len(bare)
