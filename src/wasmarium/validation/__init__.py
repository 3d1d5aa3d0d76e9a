"""Validation of modules (specification, chapter 3, and the algorithm of its appendix)."""

from wasmarium.validation.module import validate_module

__all__ = ["validate_module"]
