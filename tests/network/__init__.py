"""Guests and the network: real servers on this machine, and a fake one for what no server does on demand."""
