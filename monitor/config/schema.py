"""A JSON Schema (draft 2020-12) of the user's file, for editors: made from the same classes that read it."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from monitor.config.alerts import AlertSettings, ChannelHead, Channels, RouteSettings
from monitor.config.envelope import (
    ComponentSettings,
    FileSettings,
    HeadSettings,
    ServiceSettings,
    TargetSettings,
    UseSettings,
    WitnessSettings,
)
from monitor.config.maintenance import MaintenanceSettings
from monitor.config.shapes import is_secret, keys, parts
from monitor.config.targets import head_keys
from monitor.domain.alert import ChannelSettings
from monitor.domain.settings import Endpoint, ProbeSettings

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "#/$defs/{model}"
Schema = dict[str, Any]


class _Generator(GenerateJsonSchema):
    """Knows the shorthands of the file: one entry for a list of one, a text for a group."""

    @override
    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner = super().function_before_schema(schema)
        if inner.get("type") == "array":
            return {"anyOf": [inner, inner.get("items", {})]}
        if schema["schema"]["type"] == "model-fields":
            return inner  # a whole class, whose shorthand `model_schema` adds
        return {"anyOf": [inner, {"type": "string"}]}

    @override
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        model = cast("type[BaseModel]", schema["cls"])
        if issubclass(model, Endpoint):
            return {"type": "string", "description": "host:port"}
        made = super().model_schema(schema)
        _allow_secret_files(made, model)
        if schema["schema"]["type"] == "function-before":
            return {"anyOf": [made, {"type": ["string", "number", "boolean"]}]}
        return made


def _allow_secret_files(schema: Schema, model: type[BaseModel]) -> None:
    """``<key>_file`` beside each secret; one of the two where the secret is required."""
    for key, annotation in keys(model).items():
        if not is_secret(parts(annotation)) or key not in schema.get("properties", {}):
            continue
        file_key = f"{key}_file"
        schema["properties"][file_key] = {"type": "string", "description": f"A file that holds {key}."}
        if key in schema.get("required", []):
            schema["required"].remove(key)
            either = {"oneOf": [{"required": [key]}, {"required": [file_key]}]}
            schema.setdefault("allOf", []).append(either)


def json_schema(kinds: Mapping[str, type[ProbeSettings]], channels: Channels) -> Schema:
    """The schema of a file that may use these kinds of probes and channels."""
    definitions: Schema = {}
    top = _of(FileSettings, definitions)
    definitions["service"] = {"anyOf": [{"$ref": "#/$defs/use"}, {"$ref": "#/$defs/own"}]}
    definitions["own"] = _of(ServiceSettings, definitions, components=_list("component"))
    definitions["use"] = _use(definitions)
    definitions["component"] = _of(ComponentSettings, definitions, targets=_list("target"))
    definitions["target"] = _targets(kinds, TargetSettings, definitions)
    definitions["witness"] = _targets(kinds, WitnessSettings, definitions)
    top["properties"]["services"] = {
        "anyOf": [{"type": "array", "items": {"$ref": "#/$defs/service"}}, {"type": "null"}]
    }
    definitions["maintenance"] = _of(MaintenanceSettings, definitions)
    top["properties"]["maintenance"] = {"anyOf": [{"type": "null"}, _list("maintenance")]}
    definitions["alerts"] = _alerts(channels, definitions)
    top["properties"]["alerts"] = {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/alerts"}]}
    top["properties"]["witnesses"] = {"anyOf": [{"const": "default"}, {"type": "null"}, _list("witness")]}
    return {"$schema": DIALECT, "title": "lastseen", **top, "$defs": definitions}


def _alerts(channels: Channels, definitions: Schema) -> Schema:
    definitions["route"] = _of(RouteSettings, definitions)
    definitions["channel"] = {"oneOf": [_channel(name, kind, definitions) for name, kind in sorted(channels.items())]}
    return _of(AlertSettings, definitions, channels=_list("channel"), routes=_list("route"))


def _channel(name: str, kind: type[ChannelSettings], definitions: Schema) -> Schema:
    own = _of(kind, definitions, prefix=f"{name}.")
    head = _of(ChannelHead, definitions)["properties"]
    return {
        **own,
        "title": name,
        "properties": {**own.get("properties", {}), **head, "channel": {"const": name}},
        "required": sorted({"name", "channel", *own.get("required", ())}),
        "additionalProperties": False,
    }


def _list(name: str) -> Schema:
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}}


def _of(model: type[BaseModel], definitions: Schema, prefix: str = "", **replaced: Schema) -> Schema:
    """The schema of one class; what it refers to goes to the definitions, under a name of its own."""
    template = _REFERENCE.replace("{model}", prefix + "{model}")
    schema = model.model_json_schema(by_alias=True, ref_template=template, schema_generator=_Generator)
    definitions.update({prefix + name: inner for name, inner in schema.pop("$defs", {}).items()})
    schema["properties"].update(replaced)
    return schema


def _use(definitions: Schema) -> Schema:
    """Overrides: everything of a service, nothing required but ``use``."""
    service = _of(ServiceSettings, definitions)["properties"]
    component = _of(ComponentSettings, definitions)["properties"]
    # A target may name one of the catalogue and change any setting of its kind: that kind is not known here.
    target = {"type": "object"}
    override_component = {
        "type": "object",
        "properties": {**component, "targets": {"type": "array", "items": target}},
        "required": ["name"],
        "additionalProperties": False,
    }
    schema = _of(UseSettings, definitions)
    schema["properties"] |= {**service, "components": {"type": "array", "items": override_component}}
    return schema


def _targets(kinds: Mapping[str, type[ProbeSettings]], head: type[HeadSettings], definitions: Schema) -> Schema:
    return {"oneOf": [_target(name, kind, head, definitions) for name, kind in sorted(kinds.items())]}


def _target(name: str, kind: type[ProbeSettings], head: type[HeadSettings], definitions: Schema) -> Schema:
    own = _of(kind, definitions, prefix=f"{name}.")
    common = _of(head, definitions)
    ours = {key: value for key, value in common["properties"].items() if key in head_keys(kind, head)}
    return {
        **own,
        "title": name,
        "type": "object",
        "properties": {**ours, **own.get("properties", {}), "probe": {"const": name}},
        "required": sorted({"probe", *common.get("required", ()), *own.get("required", ())}),
        "additionalProperties": False,
    }
