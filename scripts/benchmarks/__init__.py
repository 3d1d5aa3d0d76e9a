"""What `scripts/bench` measures. Every figure is a ratio within one run; see `command`."""
