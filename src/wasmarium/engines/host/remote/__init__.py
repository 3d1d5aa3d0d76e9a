"""Guests in a worker: the middle way to wait, where the host has no JSPI but workers and shared memory.

A guest whose imports may wait runs in the worker of its store. What it imports from Python is there a stub that writes
its arguments down in a *mailbox*, shared memory, and holds the worker (``Atomics.wait``) until Python has answered;
Python runs the host function meanwhile, and its event loop if that waits. Either thread has the turn, never both
(``mailbox``), so calls in one another are a stack: of runs that overlap in one store, the later one must end before the
earlier one goes on. Memories are shared, and Python reads and writes them as those of its own thread;
functions, tables, globals and tags have numbers, and are asked by messages (``realm``, ``externals``).

What cannot cross to a worker (references but those to functions, what lives on Python's thread, monitors) makes the
module run on the interpreter. JavaScript's part is ``bridge/browser/worker.js`` and ``mailbox.js``.
"""

from __future__ import annotations
