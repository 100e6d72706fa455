"""A small model writes JSON under the schemas in `schemas/`; every result is checked with `jsonschema`.

Run by scripts/demo. The exit status is 0 when every text satisfies its schema, 1 when one does not, 2 when the model
is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
import smollm2

import constrain

SCHEMAS = Path(__file__).resolve().parent / "schemas"
REQUESTS = {
    "issue": "Write an issue report: the app crashes when I save a photo on my phone. It was opened on 3 March 2025.",
    "event": "Write a calendar event: Ada Lovelace (ada@example.org) and Alan Turing meet for lunch at Café Central.",
    "order": "Write an order: Grace Hopper (grace@example.com) buys two red notebooks and a blue pen, paid in euros.",
    "recipe": "Write a recipe for pancakes with blueberries for four people.",
}
MAX_NEW_TOKENS = 600

console = Console()


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("schemas", nargs="*", metavar="SCHEMA", help=f"some of: {', '.join(REQUESTS)} (default: all)")
    parser.add_argument("--sample", type=int, metavar="SEED", help="sample with this seed, in place of greedy search")
    arguments = parser.parse_args()
    unknown = set(arguments.schemas) - set(REQUESTS)
    if unknown:
        parser.error(f"no schema named {', '.join(sorted(unknown))} (there are {', '.join(REQUESTS)})")
    try:
        console.print("loading SmolLM2-135M-Instruct")
        model, tokenizer = smollm2.load(console.print)
    except smollm2.ModelMissing as error:
        console.print(f"[red]The model can't be loaded:[/] {error}", highlight=False)
        return 2
    failures = 0
    for name in arguments.schemas or REQUESTS:
        source = (SCHEMAS / f"{name}.json").read_text("utf-8")
        schema = json.loads(source)
        console.rule(f"schemas/{name}.json")
        console.print(Syntax(source, "json", background_color="default", word_wrap=True))
        console.print(f"\n[bold]{REQUESTS[name]}[/]\n")
        text = write(model, tokenizer, schema, REQUESTS[name], arguments.sample)
        failures += not report(name, schema, text)
    return 1 if failures else 0


def write(model: Any, tokenizer: Any, schema: Any, request: str, seed: int | None) -> str:
    """What the model writes under the schema; printed token by token as it comes."""
    import torch
    from transformers import TextStreamer

    # JSON may write any letter as \u0061, and a model this small falls for it; canonical are those that one needs.
    constraint = constrain.json(schema, whitespace="pretty", escapes="canonical")
    inputs = tokenizer.apply_chat_template(
        [{"role": "user", "content": f"{request} Answer in JSON."}],
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
    )
    if seed is not None:
        torch.manual_seed(seed)
    output = model.generate(
        **inputs,
        max_new_tokens=MAX_NEW_TOKENS,
        do_sample=seed is not None,
        logits_processor=[constraint.logits_processor(tokenizer)],
        streamer=TextStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True),
    )
    text: str = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return text


def report(name: str, schema: Any, text: str) -> bool:
    """Check the text with `jsonschema`, formats included, and say how it went.

    Numbers are read as decimals on both sides: for floats, `jsonschema` finds that 19.99 is no multiple of 0.01.
    """
    schema = json.loads(json.dumps(schema), parse_float=Decimal)
    validator = jsonschema.validators.validator_for(schema)
    try:
        validator(schema, format_checker=validator.FORMAT_CHECKER).validate(json.loads(text, parse_float=Decimal))
    except (json.JSONDecodeError, jsonschema.ValidationError) as error:
        console.print(Panel(f"does not satisfy schemas/{name}.json: {error}", style="red"))
        return False
    console.print(Panel(f"satisfies schemas/{name}.json (checked with jsonschema)", style="green"))
    return True


if __name__ == "__main__":
    sys.exit(main())
