"""The binary format (specification, chapter 5): decoding, encoding, custom sections."""
