"""What CLIP's tokenizer knows of Unicode, taken from the library whose tokens ours must equal.

    python references/unicode_tables.py    # writes crates/nn/src/text/unicode.txt

Lines of the table, code points in hexadecimal:
* `L first last`: letters, as the library's regular expressions see them;
* `C first last class`: characters that combine with one before them, with their class;
* `D char parts`: canonical decompositions, of one step; those whose two parts do not come together again end with `!`.
"""

import pathlib
import sys
import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

TARGET = pathlib.Path(__file__).parent.parent / "crates/nn/src/text/unicode.txt"
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


def main():
    letters = matching(r"\p{L}")
    lines = [f"L {first:x} {last:x}" for first, last, _ in runs(lambda char: char in letters)]
    lines += [f"C {first:x} {last:x} {value}" for first, last, value in runs(unicodedata.combining)]
    nfc = normalizers.NFC()
    for char in ALL:
        parts = unicodedata.decomposition(char)
        if not parts or parts.startswith("<"):
            continue
        text = "".join(chr(int(part, 16)) for part in parts.split())
        assert nfc.normalize_str(char) == unicodedata.normalize("NFC", char)
        together = len(text) == 2 and unicodedata.normalize("NFC", char) == char
        lines.append(f"D {ord(char):x} {parts.lower()}{'' if together else ' !'}")
    # What the standard library of Rust is asked instead must agree.
    assert matching(r"\p{N}") >= {char for char in ALL if unicodedata.category(char).startswith("N")}
    TARGET.write_text("\n".join(lines) + "\n")
    print(TARGET, len(lines), "lines", TARGET.stat().st_size, "bytes")
    for pattern, kinds in ((r"\p{N}", "N"), (r"\p{L}", "L")):
        theirs = matching(pattern)
        ours = {char for char in ALL if unicodedata.category(char).startswith(kinds)}
        print(pattern, len(theirs), len(theirs - ours), len(ours - theirs))
    print("spaces", sorted(hex(ord(char)) for char in matching(r"\s")))


if __name__ == "__main__":
    main()
