"""Looking into a guest while it runs.

:class:`wasmarium.debug.session.Session` knows no protocol and no page: it is driven by method calls
and answers with plain data that JSON can carry.
"""
