"""The ways to execute a validated module, behind one protocol (``base``)."""
