"""Validation of modules (specification, chapter 3, and the algorithm of its appendix)."""

from wasmarium.validation.module import code_validator, validate_module

__all__ = ["code_validator", "validate_module"]
