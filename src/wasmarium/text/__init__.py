"""The text format (specification, chapter 6): lexer, parser, printer, and the reader of scripts."""
