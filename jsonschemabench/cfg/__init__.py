"""Context-free grammars: exactness on a small vocabulary, speed on a large one, programs by models."""
