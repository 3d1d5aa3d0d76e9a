"""Config: the switches of an engine."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, overload

from wasmarium.embedding.managed import Managed
from wasmarium.errors import WasmError
from wasmarium.features import BY_NAME, DEFAULT, Features

T = TypeVar("T")


class Option(Generic[T]):
    """A setting of Config; its type is checked when it is set. ``feature`` is the row of
    ``features.py`` that it switches."""

    def __init__(self, type: type[T], default: T, doc: str, feature: str | None = None) -> None:
        self._type = type
        self._default = default
        self.feature = feature
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, config: None, owner: type) -> Option[T]: ...
    @overload
    def __get__(self, config: Config, owner: type) -> T: ...
    def __get__(self, config: Config | None, owner: type) -> Option[T] | T:
        if config is None:
            return self
        value: T = config._values.get(self._name, self._default)
        return value

    def __set__(self, config: Config, value: T) -> None:
        config._check_open()
        # bool is an int to Python, but a size is never True
        if not isinstance(value, self._type) or (self._type is int and isinstance(value, bool)):
            article = "an" if self._type is int else "a"
            raise TypeError(f"expected {article} {self._type.__name__}")
        config._values[self._name] = value


class Choice(Option[str]):
    """A setting that is one of a few words."""

    def __init__(self, default: str, words: str, what: str, doc: str) -> None:
        super().__init__(str, default, doc)
        self._words = words.split()
        self._what = what

    def __set__(self, config: Config, value: str) -> None:
        if value not in self._words:
            raise WasmError(f"unknown {self._what}: {value}")
        super().__set__(config, value)


def _feature(name: str, default: bool | None = None) -> Option[bool]:
    """The switch of a feature; ``default`` is wasmtime's where it is not that of the specification."""
    row = BY_NAME[name]
    default = row.default if default is None else default
    return Option(bool, default, f"Proposal: {row.title}. On by default: {default}.", name)


def _unused(type: type[T], default: T, what: str) -> Option[T]:
    return Option(type, default, f"{what} Taken for wasmtime's sake; it changes nothing here.")


class Config(Managed):
    """What an :class:`Engine` shall do and allow.

    Every setting is an attribute. Features of WebAssembly are called ``wasm_…``:

    >>> from wasmarium import Config, Engine, Store
    >>> config = Config()
    >>> config.wasm_simd = False
    >>> config.consume_fuel = True
    >>> store = Store(Engine(config))
    >>> store.set_fuel(1_000_000)
    >>> store.get_fuel()
    1000000
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    # ---- what guests may use ----
    wasm_threads = _feature("threads", default=True)
    wasm_tail_call = _feature("tail-call")
    wasm_reference_types = _feature("reference-types")
    wasm_simd = _feature("simd")
    wasm_relaxed_simd = _feature("relaxed-simd")
    wasm_bulk_memory = _feature("bulk-memory")
    wasm_multi_value = _feature("multi-value")
    wasm_multi_memory = _feature("multi-memory")
    wasm_memory64 = _feature("memory64")
    wasm_exceptions = _feature("exceptions")
    wasm_function_references = _feature("function-references")
    wasm_gc = _feature("gc")
    wasm_wide_arithmetic = _feature("wide-arithmetic")
    wasm_custom_page_sizes = _feature("custom-page-sizes")
    wasm_relaxed_simd_deterministic = _unused(bool, True, "Whether relaxed vectors always give the same.")
    wasm_component_model = _unused(bool, True, "Whether components are understood.")
    wasm_component_model_map = _unused(bool, False, "Whether components may use maps.")
    wasm_component_model_implements = _unused(bool, False, "Whether components may implement interfaces by name.")
    wasm_stack_switching = _unused(bool, False, "Whether guests may switch stacks.")

    # ---- how guests are bounded ----
    consume_fuel = Option(
        bool,
        False,
        "Whether instructions cost fuel: a store starts without any, Store.set_fuel gives some, and "
        "when it is used up the guest traps with OUT_OF_FUEL.",
    )
    epoch_interruption = Option(
        bool,
        False,
        "Whether guests trap with INTERRUPT when Engine.increment_epoch, called by another thread or by a "
        "host function, reaches the store's deadline (Store.set_epoch_deadline).",
    )

    # ---- how guests are run ----
    strategy = Choice(
        "auto",
        "auto cranelift winch interpreter host",
        "strategy",
        "Which engine executes: interpreter, host (the browser's own WebAssembly, only in Pyodide), or auto "
        "(also under wasmtime's names cranelift and winch): what WASMARIUM_ENGINE says, else the host engine "
        "where there is one, else the interpreter. ``Engine.strategy`` and ``Instance.fallback`` tell which it is.",
    )
    debug_info = _unused(bool, False, "Debug information for native debuggers.")
    parallel_compilation = _unused(bool, True, "Whether to compile on several threads.")
    shared_memory = _unused(bool, False, "Whether shared memories may be made.")
    max_wasm_stack = _unused(int, 512 * 1024, "Bytes of native stack; frames of guests are counted instead.")
    gc_support = _unused(bool, True, "Whether there is a garbage collector; Python's is always there.")
    cranelift_debug_verifier = _unused(bool, False, "Self-checks of the compiler.")
    cranelift_nan_canonicalization = _unused(bool, False, "Whether every NaN is made the same.")
    cranelift_opt_level = Choice(
        "speed", "none speed speed_and_size", "opt level", "How hard to optimise. Taken for wasmtime's sake."
    )
    profiler = Choice("none", "none jitdump perfmap vtune", "profiler", "A native profiler. Taken for wasmtime's sake.")
    memory_may_move = _unused(bool, True, "Whether a memory may move when it grows.")
    memory_reservation = _unused(int, 0, "Bytes of address space for a memory.")
    memory_guard_size = _unused(int, 0, "Bytes of guard behind a memory.")
    memory_reservation_for_growth = _unused(int, 0, "Bytes of address space to grow into.")
    memory_init_cow = _unused(bool, True, "Whether memories start as copies on write.")
    native_unwind_info = _unused(bool, True, "Unwind information for native debuggers.")
    target = _unused(str, "", "The machine to compile for.")
    macos_use_mach_ports = _unused(bool, True, "How traps are caught on macOS.")
    signals_based_traps = _unused(bool, True, "Whether traps are caught by signals.")

    @property
    def cache(self) -> bool | str:
        """A cache of compiled code on disk: True, or the path of its settings. Nothing is cached here."""
        value: bool | str = self._values.get("cache", False)
        return value

    @cache.setter
    def cache(self, enabled: bool | str) -> None:
        if not isinstance(enabled, bool | str):
            raise TypeError("expected string or bool")
        if enabled is False:
            raise WasmError("caching cannot be explicitly disabled")
        self._values["cache"] = enabled

    def cranelift_flag_enable(self, flag: str) -> None:
        """Set a flag of wasmtime's compiler; changes nothing here."""
        if not isinstance(flag, str):
            raise TypeError("expected a str")

    def cranelift_flag_set(self, key: str, value: str) -> None:
        """Set a flag of wasmtime's compiler; changes nothing here."""
        for word, item in (("key", key), ("value", value)):
            if not isinstance(item, str):
                raise TypeError(f"expected a str for {word}")

    def _features(self) -> Features:
        chosen = set(DEFAULT)
        for name, option in vars(type(self)).items():
            if isinstance(option, Option) and option.feature is not None:
                (chosen.add if getattr(self, name) else chosen.discard)(option.feature)
        return frozenset(chosen)
