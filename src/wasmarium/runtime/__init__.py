"""What exists while guests run (specification, section 4.2): stores, instances, memories, functions."""
