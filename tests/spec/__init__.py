"""The official core suite: its scripts as data, and who runs them."""
