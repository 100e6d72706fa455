"""`$dynamicRef` and `$recursiveRef`: references whose target depends on the resources that were entered before.

What they can lead to is decided by the dynamic scope: for each dynamic anchor the outermost resource that has it. That
is a finite thing, so each resource is read once for each scope in which it is entered: as an *instance*, a copy of its
schemas whose references are followed under that scope. Schemas are told apart by identity everywhere else, so nothing
else has to know. Scopes are kept only for documents that use these keywords on dynamic anchors (`NeedsScopes`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constrain.schema.values import Json

if TYPE_CHECKING:
    from constrain.schema.resolve import Resolver, Resource

_DATA = frozenset({"enum", "const", "default", "examples"})  # keywords whose values are no schemas


class NeedsScopes(Exception):
    """A dynamic reference was met while no scopes are kept."""


def dynamic_name(schema: Json, ref: str, keyword: str) -> str | None:
    """The dynamic anchor by which a reference that leads to `schema` is followed; None: as any `$ref`."""
    if keyword == "$ref" or not isinstance(schema, dict):
        return None
    if keyword == "$recursiveRef":
        return "" if schema.get("$recursiveAnchor") is True else None
    fragment = ref.partition("#")[2]
    return fragment if fragment and schema.get("$dynamicAnchor") == fragment else None


class Instance:
    """What is known of a resource under one scope. scope: anchor -> (original schema, original resource)."""

    __slots__ = ("back", "origin", "scope", "twins")

    def __init__(self, origin: Resource, scope: dict[str, tuple[Json, Resource]], twins: dict[int, Json]) -> None:
        self.origin = origin
        self.scope = scope
        self.twins = twins  # id of an original schema -> its copy in this instance
        self.back: dict[int, Json] = {}  # id of a copy -> the original

    def original(self, schema: Json) -> Json:
        return self.back.get(id(schema), schema)


class Scopes:
    """The instances of one compilation."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.instances: dict[Any, Resource] = {}
        self.known: dict[int, Instance] = {}  # by id of the resource
        self.anchors: dict[int, dict[str, tuple[Json, Resource]]] = {}

    def of(self, resource: Resource) -> Instance:
        """The instance that a resource is. The root document is its own, and the first of all."""
        found = self.known.get(id(resource))
        if found is None:
            found = self.known[id(resource)] = Instance(resource, self._grown({}, resource), {})
            self.instances[self._key(resource, found.scope)] = resource
        return found

    def target(self, found: tuple[Json, Resource], resource: Resource, name: str | None) -> tuple[Json, Resource]:
        """Where a reference written in `resource` leads. found: the original by its text; name: its dynamic anchor."""
        schema, origin = found
        scope = self._grown(self.of(resource).scope, origin)
        if name is not None and name in scope:
            schema, origin = scope[name]
            scope = self._grown(scope, origin)
        made = self._instance(origin, scope)
        return self.of(made).twins.get(id(schema), schema), made

    def enter(self, schema: dict[str, Json], resource: Resource) -> Resource:
        """The resource of a schema with an id of its own, which stands in `resource`."""
        from constrain.schema.resolve import Resource

        around = self.of(resource)
        origin = self.resolver.enter_original(around.original(schema), around.origin)
        if origin is around.origin:
            return resource
        made = Resource(schema, origin.base, origin.draft, origin.keywords, origin.unknown)
        inside = Instance(origin, self._grown(around.scope, origin), around.twins)
        inside.back = around.back
        self.known[id(made)] = inside
        return made

    def _instance(self, origin: Resource, scope: dict[str, tuple[Json, Resource]]) -> Resource:
        from constrain.schema.resolve import Resource

        key = self._key(origin, scope)
        found = self.instances.get(key)
        if found is None:
            twins: dict[int, Json] = {}
            back: dict[int, Json] = {}
            root = _copy(origin.root, twins, back)
            found = self.instances[key] = Resource(root, origin.base, origin.draft, origin.keywords, origin.unknown)
            made = self.known[id(found)] = Instance(origin, scope, twins)
            made.back = back
            self.resolver.add_copy(origin.root, root)
        return found

    def _key(self, origin: Resource, scope: dict[str, tuple[Json, Resource]]) -> Any:
        return id(origin), frozenset((name, id(schema)) for name, (schema, _) in scope.items())

    def _grown(self, scope: dict[str, tuple[Json, Resource]], origin: Resource) -> dict[str, tuple[Json, Resource]]:
        """The scope after a resource was entered: outer anchors stay."""
        return self._anchors(origin) | scope

    def _anchors(self, origin: Resource) -> dict[str, tuple[Json, Resource]]:
        found = self.anchors.get(id(origin))
        if found is None:
            found = self.anchors[id(origin)] = {}
            todo = [origin.root]
            while todo:
                value = todo.pop()
                if isinstance(value, dict):
                    if value is not origin.root and isinstance(value.get(origin.id_keyword), str):
                        continue
                    name = value.get("$dynamicAnchor")
                    if isinstance(name, str):
                        found[name] = (value, origin)
                    todo += [part for keyword, part in value.items() if keyword not in _DATA]
                elif isinstance(value, (list, tuple)):
                    todo += value
            if isinstance(origin.root, dict) and origin.root.get("$recursiveAnchor") is True:
                found[""] = (origin.root, origin)
        return found


def _copy(root: Json, twins: dict[int, Json], back: dict[int, Json]) -> Json:
    """A copy of the objects and lists of a document, and the way between them and their originals."""

    def shallow(value: Json) -> Json:
        made: Json = dict(value) if isinstance(value, dict) else list(value)
        twins[id(value)], back[id(made)] = made, value
        todo.append(made)
        return made

    todo: list[Json] = []
    if not isinstance(root, (dict, list, tuple)):
        return root
    copied = shallow(root)
    while todo:
        held = todo.pop()
        for place, value in held.items() if isinstance(held, dict) else enumerate(held):
            if isinstance(value, (dict, list, tuple)):
                held[place] = shallow(value)
    return copied
