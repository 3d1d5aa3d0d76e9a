"""``python -m wasmarium.cli``."""

from __future__ import annotations

import sys

from wasmarium.cli import main

sys.exit(main())
