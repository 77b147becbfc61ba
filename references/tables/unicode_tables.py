"""What CLIP's tokenizer knows of Unicode, taken from the library whose tokens ours must equal.

    python references/tables/unicode_tables.py    # writes crates/nn/src/text/unicode.txt

Lines of the table, code points in hexadecimal:
* `L first last` and `N first last`: letters and numbers, as the library's regular expressions see them;
* `C first last class`: characters that combine with one before them, with their class;
* `D char parts`: canonical decompositions, of one step; those whose two parts do not come together again end with `!`.

The library's tables of the last two are those of an older Unicode than Python's, so each line is tried out.
"""

import pathlib
import sys
import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

TARGET = pathlib.Path(__file__).parent.parent.parent / "crates/nn/src/text/unicode.txt"
ALL = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]


def matching(pattern):
    """The characters that match a pattern."""
    split = pre_tokenizers.Split(Regex(pattern), behavior="removed", invert=True)
    return {char for at in range(0, len(ALL), 4096)
            for piece, _ in split.pre_tokenize_str("".join(ALL[at:at + 4096])) for char in piece}


def runs(values):
    """(first, last, value) of neighbours with one value that is not 0."""
    found = []
    for char in ALL:
        value = values(char)
        if not value:
            continue
        if found and found[-1][1] == ord(char) - 1 and found[-1][2] == value:
            found[-1][1] = ord(char)
        else:
            found.append([ord(char), ord(char), value])
    return found


def same(text):
    """Whether the library composes a text as Python does."""
    return normalizers.NFC().normalize_str(text) == unicodedata.normalize("NFC", text)


def combining(char):
    """The class of a character, if the library orders it by that."""
    value = unicodedata.combining(char)
    # Beside a mark below (220) or above (230) it must change places.
    return value if value and same(f"q{char}\u0323" if value > 220 else f"q\u0307{char}") else 0


def main():
    lines = []
    for name in "LN":
        such = matching(rf"\p{{{name}}}")
        lines += [f"{name} {first:x} {last:x}" for first, last, _ in runs(lambda char: char in such)]
    lines += [f"C {first:x} {last:x} {value}" for first, last, value in runs(combining)]
    for char in ALL:
        parts = unicodedata.decomposition(char)
        if not parts or parts.startswith("<"):
            continue
        text = "".join(chr(int(part, 16)) for part in parts.split())
        if not (same(char) and same(text)):
            print(f"left out: {ord(char):x}")
            continue
        together = len(text) == 2 and unicodedata.normalize("NFC", char) == char
        lines.append(f"D {ord(char):x} {parts.lower()}{'' if together else ' !'}")
    TARGET.write_text("\n".join(lines) + "\n")
    print(TARGET, len(lines), "lines", TARGET.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
