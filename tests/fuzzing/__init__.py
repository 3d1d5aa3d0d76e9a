"""Fuzzing: cases made from a seed, judged by oracles. ``scripts/fuzz`` runs it; ``scripts/fuzz --help`` teaches.

``mutation`` and ``texts`` damage real modules and texts, ``smith`` has valid modules made; ``verdicts``,
``execution`` and ``texts`` compare ours with what ``oracles`` say; ``watchdog`` keeps all of it in a process of
its own, which may hang or die; ``command`` is the command line.
"""
