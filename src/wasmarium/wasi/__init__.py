"""The WebAssembly System Interface: what a guest sees of a system, made from the bridge."""
