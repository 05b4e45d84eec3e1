"""Documents, gold standard, authored text and data sets. Knows no torch."""
