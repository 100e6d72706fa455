"""Where a `$ref` leads: drafts, resources with a base URI of their own, JSON pointers, anchors, other documents.

References within one document (`#/...`) are followed by hand, which is what nearly every schema needs. The rest goes
through the `referencing` library, loaded on first use, with the metaschemas that it brings and the registry that the
user gives. The network is never touched.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn
from urllib.parse import unquote, urldefrag, urljoin

from constrain.errors import InvalidSchema, UnsupportedFeature
from constrain.limits import Limits
from constrain.schema.dialects import dialect_of
from constrain.schema.document import check_depth
from constrain.schema.scopes import NeedsScopes, Scopes, dynamic_name
from constrain.schema.values import Json

MIXED: Final = 0  # no `$schema`: draft 2020-12, and what earlier drafts alone gave a meaning to is read as they did

_DRAFTS: Final = {
    "json-schema.org/draft-04/schema": 4,
    "json-schema.org/draft-06/schema": 6,
    "json-schema.org/draft-07/schema": 7,
    "json-schema.org/draft/2019-09/schema": 2019,
    "json-schema.org/draft/2020-12/schema": 2020,
    "json-schema.org/schema": MIXED,
}
_NAMES: Final = {
    "4": 4, "draft4": 4, "draft-04": 4, "6": 6, "draft6": 6, "draft-06": 6, "7": 7, "draft7": 7, "draft-07": 7,
    "2019-09": 2019, "draft2019-09": 2019, "2020-12": 2020, "draft2020-12": 2020,
}  # fmt: skip


def draft_named(name: str) -> int:
    """The draft that an option names: a short name (`"7"`, `"2020-12"`) or the URI of its metaschema."""
    draft = _NAMES.get(name.lower().removeprefix("draft").strip(" -")) or _NAMES.get(name.lower())
    if draft is None:
        draft = draft_of_uri(name)
    if draft is None:
        raise ValueError(f"draft {name!r} is not one of 4, 6, 7, 2019-09, 2020-12")
    return draft


def draft_of_uri(uri: str) -> int | None:
    return _DRAFTS.get(uri.rstrip("#").removeprefix("https://").removeprefix("http://"))


class Resource:
    """A schema that references are relative to, and the rules that it is read by."""

    __slots__ = ("base", "draft", "id_keyword", "keywords", "ref_alone", "root", "unknown")

    def __init__(
        self, root: Json, base: str, draft: int, keywords: dict[Any, Any], unknown: frozenset[str] = frozenset()
    ) -> None:
        self.root = root
        self.base = base
        self.draft = draft
        self.ref_alone = 4 <= draft <= 7  # siblings of `$ref` mean nothing
        self.id_keyword = "id" if draft == 4 else "$id"
        self.keywords = keywords
        self.unknown = unknown  # keywords of the draft that are none in this dialect (`$vocabulary`)


class Resolver:
    """Follows references from one root document. `tables`: draft -> keyword -> handler, kept in each resource."""

    def __init__(
        self,
        root: Json,
        draft: int | None,
        registry: Any,
        tables: dict[int, dict[Any, Any]],
        limits: Limits,
        scoped: bool = False,
    ) -> None:
        self.scopes = Scopes(self) if scoped else None
        self.tables = tables
        self.limits = limits
        self.user_registry = registry
        self._registry: Any = None
        self._followed: dict[tuple[str, int, str], tuple[Json, Resource]] = {}
        self._originals: dict[int, Resource] = {}
        # where scopes are kept, resources are entered as instances; without them they are the originals
        self._resources: dict[int, Resource] = {} if scoped else self._originals
        self._documents = [("", root)]  # and those that references have led to, each with its URI
        unknown: frozenset[str] = frozenset()
        if draft is None:
            named = isinstance(root, dict) and root.get("$schema") is not None
            draft, unknown = self._dialect_of(root) if named else (MIXED, unknown)
        self.root = Resource(root, "", draft, tables[draft], unknown)
        if isinstance(root, dict):
            own = root.get(self.root.id_keyword)
            if isinstance(own, str) and not (self.root.ref_alone and "$ref" in root):
                self.root.base = urldefrag(own)[0]
            self._originals[id(root)] = self.root

    def place(self, value: Json) -> str | None:
        """Where a part of the documents first stands: a JSON pointer, in other documents with their URI before it."""
        for uri, document in self._documents:
            found = _find(document, value)
            if found is not None:
                return f"{uri}#{found}" if uri and uri[0] != "/" and "#" not in uri else uri + found
        return None

    def _dialect_of(self, schema: dict[str, Json]) -> tuple[int, frozenset[str]]:
        """The draft of a schema with `$schema`, and the keywords of that draft that its dialect does not have."""
        named = schema["$schema"]
        draft = draft_of_uri(named) if isinstance(named, str) else None
        if draft is not None:
            return draft, frozenset()
        place = f"{self.place(schema) or ''}/$schema"
        if not isinstance(named, str):
            raise InvalidSchema("`$schema` must be a text", pointer=place, keyword="$schema")
        found = dialect_of(self.user_registry, named)
        if found is None:
            raise UnsupportedFeature(
                f"the dialect {named!r} is not known",
                pointer=place,
                keyword="$schema",
                hint='Say by which draft to read it, as in draft="2020-12", or give its metaschema in registry=...',
            )
        if found.foreign:
            raise UnsupportedFeature(
                f"the dialect {named!r} demands the vocabulary {found.foreign!r}", pointer=place, keyword="$vocabulary"
            )
        return found.draft, found.unknown

    def enter(self, schema: dict[str, Json], resource: Resource) -> Resource:
        """The resource that `schema`, found in `resource`, stands in: another one where it has an id of its own."""
        named = schema.get(resource.id_keyword)
        if not isinstance(named, str) or (resource.ref_alone and "$ref" in schema) or schema is resource.root:
            return resource
        known = self._resources.get(id(schema))
        if known is not None:
            return known
        if self.scopes is not None:
            made = self.scopes.enter(schema, resource)
            if made is not resource:
                self._resources[id(schema)] = made
            return made
        return self.enter_original(schema, resource)

    def enter_original(self, schema: dict[str, Json], resource: Resource) -> Resource:
        """`enter` for a schema of the documents themselves."""
        named = schema.get(resource.id_keyword)
        if not isinstance(named, str) or (resource.ref_alone and "$ref" in schema) or schema is resource.root:
            return resource
        known = self._originals.get(id(schema))
        if known is not None:
            return known
        base, fragment = urldefrag(named)
        if not base and fragment:
            return resource  # only an anchor, as drafts 4 to 7 write it
        draft, unknown = resource.draft, resource.unknown
        if "$schema" in schema:
            draft, unknown = self._dialect_of(schema)
        made = Resource(schema, urljoin(resource.base, base), draft, self.tables[draft], unknown)
        self._originals[id(schema)] = made
        return made

    def add_copy(self, original: Json, copied: Json) -> None:
        """Another copy of a part of a document, for `place`."""
        self._documents.append((self.place(original) or "", copied))

    def follow(self, ref: str, resource: Resource, keyword: str = "$ref") -> tuple[Json, Resource]:
        """What `ref`, written in `resource`, refers to, and the resource that this stands in.

        Raises `InvalidSchema` for a place that is not in its document, `UnsupportedFeature` for a document that is
        not at hand. (Without pointer: the caller knows where it is.)
        """
        known = self._followed.get((ref, id(resource), keyword))
        if known is not None:
            return known
        origin = resource if self.scopes is None else self.scopes.of(resource).origin
        if ref == "#":
            found = (origin.root, origin)
        elif ref.startswith("#/"):
            found = self._walk(origin.root, origin, ref[1:], ref)
        else:
            found = self._look_up(ref, origin)
        if not isinstance(found[0], (dict, bool)):
            raise InvalidSchema(f"`{keyword}` {ref!r} leads to something that is no schema", keyword=keyword)
        name = dynamic_name(found[0], ref, keyword)
        if self.scopes is not None:
            found = self.scopes.target(found, resource, name)
        elif name is not None:
            raise NeedsScopes
        self._followed[ref, id(resource), keyword] = found
        return found

    def _walk(self, value: Json, resource: Resource, pointer: str, ref: str) -> tuple[Json, Resource]:
        """Follow a JSON pointer (still percent-encoded) from `value`."""
        if "%" in pointer:
            pointer = unquote(pointer)
        for token in pointer.split("/")[1:]:
            if "~" in token:
                token = token.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict):
                if token not in value:
                    _nowhere(ref)
                value = value[token]
                if isinstance(value, dict) and resource.id_keyword in value:
                    resource = self.enter_original(value, resource)
            elif isinstance(value, list):
                if not (token.isascii() and token.isdigit()) or len(token) > 9 or int(token) >= len(value):
                    _nowhere(ref)
                value = value[int(token)]
                if isinstance(value, dict) and resource.id_keyword in value:
                    resource = self.enter_original(value, resource)
            else:
                _nowhere(ref)
        return value, resource

    def _look_up(self, ref: str, resource: Resource) -> tuple[Json, Resource]:
        import referencing.exceptions

        try:
            uri, fragment = urldefrag(urljoin(resource.base, ref))
        except ValueError as error:
            raise InvalidSchema(f"`$ref` {ref!r} is no URI reference: {error}", keyword="$ref") from None
        if uri == resource.base:
            contents, found = resource.root, resource
        else:
            try:
                retrieved = self.registry().get_or_retrieve(uri)
            except (KeyError, referencing.exceptions.Unresolvable):
                raise UnsupportedFeature(
                    f"`$ref` leads to {uri!r}, which is not at hand",
                    keyword="$ref",
                    hint="Give the document in a `referencing.Registry`, as in registry=...",
                ) from None
            contents = retrieved.value.contents
            found = self._originals.get(id(contents)) or self._foreign(contents, uri, retrieved.value, resource)
        if not fragment:
            return contents, found
        if fragment.startswith("/"):
            return self._walk(contents, found, fragment, ref)
        try:
            anchor = self.registry().anchor(uri, unquote(fragment)).value
        except (KeyError, referencing.exceptions.Unresolvable):
            _nowhere(ref)
        except Exception as error:  # anchors of resources that are malformed elsewhere
            raise InvalidSchema(f"`$ref` {ref!r} can't be followed: {error}", keyword="$ref") from None
        return anchor.resource.contents, found

    def _foreign(self, contents: Json, uri: str, held: Any, resource: Resource) -> Resource:
        check_depth(contents, self.limits, uri)
        self._documents.append((uri, contents))
        draft, unknown = resource.draft, resource.unknown
        if isinstance(contents, dict) and "$schema" in contents:
            draft, unknown = self._dialect_of(contents)
        else:
            specification = getattr(held, "_specification", None)
            draft = _NAMES.get(getattr(specification, "name", ""), draft)
        made = Resource(contents, uri, draft, self.tables[draft], unknown)
        self._originals[id(contents)] = made
        return made

    def registry(self) -> Any:
        """Everything that references may lead to: the document itself, the user's registry, the metaschemas."""
        if self._registry is None:
            from jsonschema_specifications import REGISTRY
            from referencing.jsonschema import DRAFT4, DRAFT6, DRAFT7, DRAFT201909, DRAFT202012

            specification = {4: DRAFT4, 6: DRAFT6, 7: DRAFT7, 2019: DRAFT201909}.get(self.root.draft, DRAFT202012)
            registry = REGISTRY
            if self.user_registry is not None:
                registry = self.user_registry.combine(registry)
            own = specification.create_resource(self.root.root)
            try:
                self._registry = registry.with_resource(self.root.base, own).crawl()
            except RecursionError:
                raise
            except Exception as error:  # whatever a malformed document makes the crawler stumble over
                raise InvalidSchema(f"the identifiers in the schema can't be read: {error!r}", keyword="$id") from None
        return self._registry


def _nowhere(ref: str) -> NoReturn:
    raise InvalidSchema(f"`$ref` {ref!r} leads nowhere", keyword="$ref")


def _find(root: Json, wanted: Json) -> str | None:
    """The pointer of an object in a document, by identity; of its first occurrence."""
    todo = [(root, "")]
    seen: set[int] = set()
    while todo:
        value, at = todo.pop()
        if value is wanted:
            return at
        if isinstance(value, (dict, list, tuple)):
            if id(value) in seen:
                continue
            seen.add(id(value))
            parts = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
            for token, part in reversed(parts):
                todo.append((part, f"{at}/{str(token).replace('~', '~0').replace('/', '~1')}"))
    return None
