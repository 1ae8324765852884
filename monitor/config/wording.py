"""pydantic's errors in few plain words. Never a word of the input."""

from pydantic_core import ErrorDetails

_WORDS = {
    "string_type": "must be text",
    "string_sub_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "bytes_type": "must be text",
    "none_required": "must be empty",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "does not match {pattern}",
    "too_short": "needs at least {min_length} entries",
    "too_long": "takes at most {max_length} entries",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "{discriminator} is missing",
}

TYPE_ERRORS = frozenset(name for name in _WORDS if name.endswith(("_type", "_parsing", "_sub_type"))) | {
    "none_required",
    "int_from_float",
    "literal_error",
    "enum",
}
"""Errors that say: not even the kind of value that is wanted here."""
FREE_TEXT = frozenset(("value_error", "assertion_error"))
"""Errors whose text a validator wrote, perhaps with the value in it."""


def words(error: ErrorDetails) -> str:
    """The message for one error that concerns a value."""
    context = error.get("ctx", {})
    if error["type"] in FREE_TEXT:
        return str(context.get("error", error["msg"])) or "not valid"
    if context.get("min_length") == 1:
        return "must not be empty"
    if error["type"] in _WORDS:
        return _WORDS[error["type"]].format(**context)
    return error["msg"].replace("Input should", "must").replace("Value should", "must")


def choices(error: ErrorDetails) -> list[str]:
    """The words that a value of a closed list may be."""
    if error["type"] not in {"literal_error", "enum"}:
        return []
    expected = str(error.get("ctx", {}).get("expected", ""))
    return [word.strip("'") for part in expected.split(" or ") for word in part.split(", ")]
