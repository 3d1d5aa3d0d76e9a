"""Tag: a kind of exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmarium.embedding.externals import External
from wasmarium.embedding.store import Storelike, check_owner, resolve
from wasmarium.embedding.tag_type import TagType
from wasmarium.runtime.tag import TagInstance

if TYPE_CHECKING:
    from wasmarium.embedding.store import Store


class Tag(External):
    """A tag: guests throw exceptions that have it and catch those that have the same."""

    _external: TagInstance

    def __init__(self, store: Storelike, ty: TagType) -> None:
        """A new tag, different from every other."""
        if not isinstance(ty, TagType):
            raise TypeError("expected a TagType")
        self._owner = resolve(store)
        self._external = TagInstance(ty._type)

    @classmethod
    def _of(cls, store: Store, tag: TagInstance) -> Tag:
        self = cls.__new__(cls)
        self._owner = store
        self._external = tag
        return self

    def type(self, store: Storelike) -> TagType:
        """What exceptions of this tag carry."""
        check_owner(store, self._owner)
        return TagType._of(self._external.type)

    def eq(self, store: Storelike, other: Tag) -> bool:
        """Whether the two are the same tag."""
        check_owner(store, self._owner)
        return self._external is other._external
