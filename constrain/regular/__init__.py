"""The regular layer: regular expressions over Unicode, and the automata made from them."""
