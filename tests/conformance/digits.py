"""Writes digits.ts: `/usr/bin/python3 tests/conformance/digits.py`, with Debian's python3-sklearn."""

import gzip
import pathlib

import sklearn

ROWS = 320

source = pathlib.Path(sklearn.__file__).parent / "datasets/data/digits.csv.gz"
with gzip.open(source, "rt") as file:
    rows = [[int(float(cell)) for cell in line.split(",")] for _, line in zip(range(ROWS), file)]

lines = ["".join("0123456789abcdefg"[ink] for ink in pixels) + f" {label}" for *pixels, label in rows]
text = "\n".join(lines)
pathlib.Path(__file__).with_name("digits.ts").write_text(
    f"""// The first {ROWS} rows of Optical Recognition of Handwritten Digits (E. Alpaydin, C. Kaynak, UCI Machine Learning
// Repository, 1998; CC BY 4.0), as scikit-learn has them; digits.py wrote this file. A line is one digit: the ink of
// 8 × 8 pixels, 0 to g for 0 to 16, and what it is.
export const DIGITS = `
{text}
`;
"""
)
