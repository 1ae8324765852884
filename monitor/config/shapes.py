"""What a settings class expects where: its keys, its secrets, its lists.

A place of a document is described by the annotations that meet there, unions
taken apart; nothing is known (an empty tuple) below a field of type Any.
"""

import types
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from typing_extensions import TypeAliasType

Shape = tuple[Any, ...]


@lru_cache(maxsize=4096)
def parts(annotation: Any) -> Shape:
    """The members of a union, or the annotation itself, without metadata."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return parts(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        return tuple(part for member in get_args(annotation) for part in parts(member))
    return () if annotation is Any or isinstance(annotation, TypeAliasType) else (annotation,)


def models(shape: Shape) -> list[type[BaseModel]]:
    """The settings classes among the members of a shape."""
    return [part for part in shape if isinstance(part, type) and issubclass(part, BaseModel)]


@lru_cache(maxsize=1024)
def keys(model: type[BaseModel]) -> Mapping[str, Any]:
    """Key in the file -> annotation, for each field of a settings class."""
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


@lru_cache(maxsize=1024)
def known_keys(shape: Shape) -> tuple[str, ...]:
    """All keys that a mapping at this place may have, the ``_file`` form of secrets included."""
    names = [(key, annotation) for model in models(shape) for key, annotation in keys(model).items()]
    files = [f"{key}_file" for key, annotation in names if is_secret(parts(annotation))]
    return (*[key for key, _ in names], *files)


@lru_cache(maxsize=8192)
def child(shape: Shape, step: str | int) -> Shape:
    """The shape one key or index further down."""
    found: Shape = ()
    for part in shape:
        origin, args = get_origin(part), get_args(part)
        if isinstance(part, type) and issubclass(part, BaseModel):
            found += parts(keys(part)[step]) if isinstance(step, str) and step in keys(part) else ()
        elif isinstance(origin, type) and args:
            if issubclass(origin, Mapping) and isinstance(step, str):
                found += parts(args[-1])
            elif issubclass(origin, Collection) and not issubclass(origin, Mapping) and isinstance(step, int):
                found += parts(args[0] if args[-1] is Ellipsis or len(args) == 1 else args[min(step, len(args) - 1)])
    return found


def is_secret(shape: Shape) -> bool:
    """True when a secret text itself is expected here."""
    return SecretStr in shape


@lru_cache(maxsize=4096)
def holds_secret(shape: Shape, above: frozenset[Any] = frozenset()) -> bool:
    """True when a secret is expected here or anywhere below."""
    if is_secret(shape):
        return True
    below: Shape = ()
    for part in set(shape) - above:
        if isinstance(part, type) and issubclass(part, BaseModel):
            below += tuple(inner for annotation in keys(part).values() for inner in parts(annotation))
        else:
            below += tuple(inner for argument in get_args(part) for inner in parts(argument))
    return bool(below) and holds_secret(tuple(set(below)), above | set(shape))


def takes_list(shape: Shape) -> bool:
    """True where a list must stay a list: strict tuples are the rule, but a field of type Any compares as JSON does."""
    return not shape or list in (*shape, *map(get_origin, shape))
