"""The instructions: one row each (table), their immediates, and what the simple ones compute."""
