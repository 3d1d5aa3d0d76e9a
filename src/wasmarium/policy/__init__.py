"""What a guest is granted, and how addresses are read when grants are compared.

``grants`` has the policy itself, ``address`` the reading of addresses.
"""

from __future__ import annotations

from wasmarium.policy.address import Address
from wasmarium.policy.grants import Answer, Ask, Decision, Policy

__all__ = ["Address", "Answer", "Ask", "Decision", "Policy"]
