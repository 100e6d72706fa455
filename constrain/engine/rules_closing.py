"""Short texts of context-free rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constrain.grammar.cfg import Cfg

if TYPE_CHECKING:
    from constrain.engine.shortest import ShortTexts

FAR = 1 << 40


def shortest_symbols(cfg: Cfg, texts: ShortTexts) -> list[bytes | None]:
    """For each symbol a short text: of terminals from their languages, of nonterminals from their rules."""
    out: list[bytes | None] = []
    for terminal in cfg.terminals:
        if terminal.language is not None:
            out.append(texts.ways(terminal.language, False).text(0))
        else:
            out.append(texts.of(terminal.node) if terminal.node >= 0 else b"")
    out += [None] * len(cfg.nonterminals)
    changed = True
    while changed:
        changed = False
        for rule in cfg.rules:
            parts = [out[s] for s in rule.right]
            if None in parts:
                continue
            text = b"".join(part for part in parts if part is not None)
            known = out[rule.left]
            if known is None or len(text) < len(known):
                out[rule.left] = text
                changed = True
    return out


def shortest_text(cfg: Cfg, texts: ShortTexts) -> bytes | None:
    """A short text of the whole grammar."""
    return shortest_symbols(cfg, texts)[cfg.start]
