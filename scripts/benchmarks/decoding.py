"""How fast modules are opened and validated. Arguments: repeats, files. Prints JSON.

``decode`` is everything that gives the module's structure, function bodies not read; ``validate`` is
the rest, all bodies. Seconds, medians.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from time import perf_counter

from wasmarium.binary.decoder import decode_module
from wasmarium.features import ALL
from wasmarium.validation import validate_module


def main() -> None:
    repeats, *files = sys.argv[1:]
    rows = []
    for file in files:
        data = Path(file).read_bytes()
        decoding, validation = [], []
        for _ in range(int(repeats)):
            start = perf_counter()
            module = decode_module(data, ALL)
            middle = perf_counter()
            validate_module(module, ALL)
            decoding.append(middle - start)
            validation.append(perf_counter() - middle)
        rows.append(
            {
                "name": "/".join(Path(file).parts[-2:]),
                "bytes": len(data),
                "decode": statistics.median(decoding),
                "validate": statistics.median(validation),
            }
        )
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
