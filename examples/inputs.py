"""Constraints from Pydantic models, tools and OpenAPI documents, and what they say about wrong texts. Needs no model.

    python examples/inputs.py
"""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

import constrain


class Guest(BaseModel):
    name: str = Field(min_length=1)
    diet: Literal["any", "vegetarian", "vegan"] = "any"
    age: int = Field(ge=0)


class Party(BaseModel):
    day: date
    guests: list[Guest] = Field(max_length=2)


TOOLS = [
    {
        "type": "function",
        "function": {"name": "invite", "parameters": Guest.model_json_schema()},
    },
    {"type": "function", "function": {"name": "cancel"}},
]
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Parties", "version": "1"},
    "components": {"schemas": {"Note": {"type": "string", "nullable": True, "maxLength": 20}}},
}
TEXTS = {
    "a model": (
        constrain.json(Party),
        [
            '{"day": "2024-02-29", "guests": [{"name": "Ada", "age": 36}]}',
            '{"day": "2023-02-29", "guests": []}',
            '{"day": "2024-02-29", "guests": [{"name": "Ada", "diet": "fish", "age": 36}]}',
            '{"day": "2024-02-29", "guests": [{"name": "Ada"}]}',
            '{"guests": [], "day": "2024-02-29"}',
        ],
    ),
    "tools": (
        constrain.json(TOOLS),
        ['{"name": "invite", "arguments": {"name": "Ada", "age": 36}}', '{"name": "invite", "arguments": {}}'],
    ),
    "OpenAPI": (constrain.openapi(DOCUMENT, "Note"), ["null", '"Bring cake"', '"Bring a very large cake"']),
    "a regular expression": (constrain.regex("[A-Z]{2}-[0-9]{4}"), ["AB-1234", "AB_1234"]),
}


def main() -> None:
    """Print what each constraint makes of its texts."""
    for title, (c, texts) in TEXTS.items():
        print(f"\n{title}")
        for text in texts:
            wrong = c.explain(text)
            print(f"  {text}\n    {'✗ ' + wrong if wrong else '✓ ' + repr(c.parse(text))}")


if __name__ == "__main__":
    main()
