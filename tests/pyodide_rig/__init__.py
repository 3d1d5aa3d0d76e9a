"""``pytest --run-in-pyodide`` that tells the truth.

pytest-pyodide 0.59.2 starts Node and browsers well, but as it comes its ``--run-in-pyodide``

1. passes every test whatever it does: it names files to the pytest inside Pyodide by paths that do not exist there
   and looks only for failures (its issue 81);
2. breaks on pytest 9.2 (the pin in pyproject.toml) and on parametrised tests, whose items it copies by halves;
3. never exits under Playwright;
4. runs one pytest session per test and fetches every file by itself;
5. loses skips and expected failures.

So only its options and its runners are used. This plugin takes the test protocol over: a test file runs in one pytest
session inside Pyodide, and that session's own reports are handed on as they are, the way pytest-xdist does it.
A test for which no report comes back has failed. `test_canary.py` proves in every run that a failing test fails.
"""
