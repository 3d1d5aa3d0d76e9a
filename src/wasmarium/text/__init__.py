"""The text format (specification, chapter 6).

=================  =====================================================================
parser             ``parse_module``: text to bytes; ``assemble``: the same with a source map
printer            ``print_module``, ``print_function``: a decoded module to text
script             ``read_script``: the commands of a ``.wast`` file
=================  =====================================================================

Behind the parser each reader adds to the one before it: ``lexer`` (tokens), ``reading`` (a position in
them), ``types``, ``immediates`` (shared with the printer), ``code`` (instructions), ``sections``,
``fields``. The printer stands on ``naming`` (identifiers) and ``print_code``.
"""
