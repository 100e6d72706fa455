"""The grammars that ship, on real texts of their languages and on texts with random mistakes."""
