"""Training: fine-tuning and what it needs. Borrows the scorer of `eval`, nothing else of it."""
