"""Routes, one module per noun. A route reads, hands over and answers; it decides nothing."""
