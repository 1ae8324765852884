"""Google's Protocol Buffers with schemas written in place: the implementation that ours is held against."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto


def message_types(package: str, schema: Mapping[str, Mapping[int, str]]) -> dict[str, Any]:
    """The class of each message of a proto2 file: name -> {number: "type name" or "repeated type name"}."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto2")
    for message, fields in schema.items():
        descriptor = file.message_type.add(name=message)
        for number, field in fields.items():
            *repeated, kind, name = field.split()
            label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
            entry = descriptor.field.add(name=name, number=number, label=label)
            if kind in schema:
                entry.type, entry.type_name = _FIELD.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                entry.type = _FIELD.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in schema}
